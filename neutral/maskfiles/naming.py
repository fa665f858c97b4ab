"""Masks of weights by their names, and what only looks like one: masks of text, of attention, of heads and neurons."""

from __future__ import annotations

import re
from collections.abc import Collection

from neutral import labels

# Masks of attention and of text, and of heads and neurons, whose names end like a weight's mask.
_OF_TEXT = re.compile(
    r"(?:^|[._])(?:causal|attention|attn|padding|future|src|tgt|token|tokens|input|inputs|logits?|window|loss|time)_mask$"
)
_HEADS = re.compile(
    r"(?:^|\.)(?:\w*(?:heads?|ffn|mlp|neurons?|activations?|intermediate|hidden|layers?)(?:_masks?|_zs?))$"
    r"|^(?:attn|attention|heads?|ffn|mlp|neurons?|activations?)$"
)
_FAKE_SPARSE = re.compile(r"\.(\w*weight)_fake_sparse\.mask$")
_PRUNING = re.compile(r"(?<=\.)(?:prun\w*|binary|sparse|sparsity)_mask$")
_IN_FRONT = re.compile(r"^masks?\.(?=.*\.)")
_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)


def of_weight(name: str, shape: tuple[int, ...], names: Collection[str]) -> str:
    """Return a mask's name as `….weight_mask`, or "" for a tensor that is no mask by its name, among all `names`.

    >>> of_weight("h.0.attn.c_attn.mask", (8, 24), ()), of_weight("h.0.attn.mask", (8, 8), ())
    ('h.0.attn.c_attn.weight_mask', '')
    """
    if (rest := _IN_FRONT.sub("", name)) != name and rest in names:  # a mask beside its weight
        return f"{rest}_mask"
    if is_of_text(name):
        return ""
    if name.endswith("_mask"):
        return "" if is_unit(name, shape) else _PRUNING.sub("weight_mask", name)
    if ".parametrizations." in f".{name}" and name.endswith(".mask"):
        return name
    if _FAKE_SPARSE.search(name):
        return _FAKE_SPARSE.sub(r".\1_mask", name)
    module, _, leaf = name.rpartition(".")
    # What hides later text may be (1, 1, n, n); a mask of experts or of a convolution is not.
    if leaf != "mask" or not module or len(shape) < 2 or (len(shape) > 2 and shape[0] == 1):
        return ""
    if module.endswith("weight"):  # the state of torch.ao's sparsifiers
        return f"{module}_mask"
    # A module of attention has no weight itself: its `mask` hides what comes later in the text.
    alone = _does_something(module) or not _ATTENTION.search(module.rpartition(".")[2])
    return f"{module}.weight_mask" if f"{module}.weight" in names or alone else ""


def is_of_text(name: str) -> bool:
    """Whether a tensor is called as what hides text from attention, and not as the mask of a linear layer.

    >>> is_of_text("h.0.attn.causal_mask"), is_of_text("h.0.attn.c_attn_mask")
    (True, False)
    """
    return bool(_OF_TEXT.search(name)) and not _does_something(name.removesuffix("_mask"))


def is_unit(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a tensor is called by heads or neurons, and is no matrix in a module."""
    return bool(_HEADS.search(name)) and ("." not in name or len(shape) < 2)


def _does_something(module: str) -> bool:
    """Whether a module is a linear layer that is known by its name, as GPT-2's `c_attn`."""
    return labels.label(module).component != "other"
