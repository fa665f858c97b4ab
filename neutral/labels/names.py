"""The parts of a weight's name: wrappers taken off, the number of its layer, its expert or adapter, its stack."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

STACKS = ("encoder", "decoder")

# Wrappers that add parts to names. In front: DataParallel, DeepSpeed and DDP; PEFT, whose model has a model. Anywhere,
# because parts of a model are wrapped too: torch.compile, FSDP (torch's, FairScale's), activation checkpointing,
# Lightning's Fabric, Opacus, NNI. Within a layer: PEFT. A `model.` in front of a wrapper is Lightning's, unless what is
# wrapped is a decoder's own `model`.
_ANY = r"_(?:orig_mod|(?:fsdp|checkpoint)_wrapped_module|fpw_module|forward_module|module|nni_wrapper)\."
_WRAPPERS = re.compile(
    rf"^model\.{_ANY}(?!{_ANY}|layers\.|embed_tokens\.|norm\.)"
    rf"|^(?:module|base_model\.model|base_model)\.|(?:^|(?<=\.)){_ANY}|(?<=\.)base_layer\."
)
# torch.nn.utils.prune, and the paper's scripts, hold `weight_mask` and `weight_orig`; ModelOpt holds `_weight_mask`.
_SUFFIX = re.compile(r"(?:(?<=\.)_(?=weight_mask$))|(?:_mask|_orig)$")
# torch.nn.utils.parametrize, which torch.ao's sparsifiers use: `parametrizations.weight.0.mask`, `….original`.
_PARAMETRIZED = re.compile(r"(?:^|(?<=\.))parametrizations\.(\w+)\.(?:\d+\.mask|original)$")
# A layer in a layer: NNI's wrapper, and a linear layer with clipping as Gemma 4's vision has.
_INNER = ("module", "_nni_wrapper", "linear")

_STACK = re.compile(r"(?:^|_)(encoder|decoder)$")
# If no part names the stack, the container of the numbered blocks decides: `layer.3` is an encoder's; these are
# decoders', except below a BERT (nomic, jina) and for ModernBERT's leaves in `layers.3`.
_DECODER_BLOCKS = ("h", "layers", "blocks")
_MODERN_BERT = ("Wqkv", "Wi", "Wo")
_CHARACTERS = re.compile(r"_char_encoder$")  # CANINE's, before and after its numbered layers

_EXPERT = re.compile(r"^expert_(\d+)$")
_EXPERTS = ("experts", "local_experts")
_SHARED = ("shared_expert", "shared_experts")
_ADAPTERS = re.compile(r"^(?:adapter_modules|adapters|lora_(?:embedding_)?[AB])$")


class Name(NamedTuple):
    """A weight's name, taken apart."""

    parts: tuple[str, ...]
    """Its parts without wrappers and without `weight`."""
    at: int | None
    """The place of the number of its layer; None outside the repeated blocks."""


def canonical(name: str) -> str:
    """Return a weight's name as the bare model has it.

    This strips wrappers (`module.`, `base_model.model.`, `_orig_mod.`, `_fsdp_wrapped_module.`, `base_layer.` …), a
    trailing `_mask` or `_orig`, and what torch's parametrizations add.

    >>> canonical("module.bert.encoder.layer.7.attention.self.query.weight_mask")
    'bert.encoder.layer.7.attention.self.query.weight'
    """
    name = _SUFFIX.sub("", _PARAMETRIZED.sub(r"\1", name))
    while (stripped := _WRAPPERS.sub("", name)) != name:
        name = stripped
    return name


@lru_cache(maxsize=65_536)
def taken_apart(name: str) -> Name:
    """Return a weight's name, taken apart."""
    # MultiheadAttention calls its fused matrix `in_proj_weight`, without a dot.
    parts = re.sub(r"[._](?:weight|bias)$", "", canonical(name)).split(".")
    while len(parts) > 1 and parts[-1] in _INNER and not parts[-2].isdecimal():
        parts.pop()
    at = next((i for i, part in enumerate(parts) if part.isdecimal()), None)
    # A number at the end is the place of a matrix in a list (`altup_projections.2`), that of an expert is no layer's.
    outside = at is None or at == len(parts) - 1 or (at > 0 and parts[at - 1] in _EXPERTS)
    return Name(tuple(parts), None if outside or any(map(_CHARACTERS.search, parts[:at])) else at)


def part_of(parts: tuple[str, ...]) -> str:
    """Return "expert n", "shared expert", the name of an adapter (its language in XMOD), or ""."""
    for before, part, following in zip(("", *parts[:-1]), parts, (*parts[1:], ""), strict=True):
        if part in _EXPERTS and following.isdecimal():
            return f"expert {int(following)}"
        if match := _EXPERT.match(part):
            return f"expert {int(match[1])}"
        if part in _SHARED or (before, part) == ("mlp", "shared_mlp"):  # HunYuan's, beside its experts
            return "shared expert"
        if _ADAPTERS.match(part) and following not in ("", "default"):
            return following
    return ""


def stack_by_name(name: Name) -> str:
    """Return the stack that a name suggests by itself."""
    return _said(name) or _suggested(name)


def stack_of(names: Iterable[str], said: object = None) -> str:
    """Return the only stack of a network, encoder | decoder, from all its weights' names; "" if its names tell two.

    If a header has `said` one of the two, that is it.

    What the names in the repeated blocks say holds for all, so that a head called `decoder` is no other stack. Where no
    name says it, one name of a decoder's kind makes a decoder: ModernBERT's decoder shares `Wo` with its encoder. An
    encoder that uses a decoder's names (EuroBERT) can't be told; its masks say it in their header.

    >>> stack_of(["model.layers.0.attn.q_proj.weight", "model.layers.0.attn.Wo.weight"])
    'decoder'
    """
    if said in STACKS:
        return str(said)
    blocks = [name for name in map(taken_apart, names) if name.at is not None]
    in_names = {_said(name) for name in blocks}
    if in_names == {""}:
        return "decoder" if "decoder" in map(_suggested, blocks) else "encoder"
    return in_names.pop() if len(in_names) == 1 else ""


def _said(name: Name) -> str:
    """Return the stack of the outermost part that names one, except a head's last part, `decoder`; or ""."""
    for part in name.parts[: len(name.parts) - 1 if name.at is None else name.at]:
        if match := _STACK.search(part):
            return match[1]
    return ""


def _suggested(name: Name) -> str:
    """Return the stack that the container of the numbered blocks suggests."""
    parts, at = name
    if not at or parts[at - 1] not in _DECODER_BLOCKS or any("bert" in part for part in parts[:at]):
        return "encoder"
    return "encoder" if parts[at - 1] == "layers" and parts[-1] in _MODERN_BERT else "decoder"
