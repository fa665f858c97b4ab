"""What a weight is, read from its name: stack, layer and component.

There is no table of models: the first whole number in a name is the layer, a part called (or ending in)
`encoder` or `decoder` is the stack, and the last part gives the component, with its neighbours where
it alone is not enough (`dense`, `c_proj`, `Wo`). That covers BERT, RoBERTa/XLM-R, DistilBERT, DeBERTa,
ELECTRA, ALBERT, XLM, ModernBERT, GPT-2, GPT-J, GPT-NeoX, BLOOM, OPT, Llama/Gemma/Qwen/Mistral, T5/mT5 and
BART/mBART/M2M-100.

A name does not tell everything: an encoder that uses Llama's names (EuroBERT) is labelled `decoder`, and ALBERT's
layer is its parameter group, which several layers share.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from neutral.errors import NeutralError

COMPONENTS = (
    "query",
    "key",
    "value",
    "query_key_value",
    "attention_output",
    "cross_query",
    "cross_key",
    "cross_value",
    "cross_output",
    "intermediate",
    "gate",
    "output",
    "pooler",
    "other",
)
"""All components, in the order of tables and figures.

`intermediate` is the first feed-forward matrix (`up_proj`, `wi_1`; also where up and gate are fused, as
ModernBERT's `Wi`), `gate` the gate of a gated one, `output` the second; `query_key_value` is a fused one.
"""

GROUPINGS = ("all", "stack", "layer", "component", "layer-component", "tensor")
"""The ways to group weights, from coarse to fine."""

STACKS = ("encoder", "decoder")

WHOLE = "all"
"""The group that holds the whole network."""

# Wrappers that add a part to every name: DataParallel, PEFT and the like, torch.compile.
_WRAPPERS = re.compile(r"^(?:module|base_model)\.|(?:^|(?<=\.))_orig_mod\.")
# torch.nn.utils.prune, and the paper's scripts, hold `weight_mask` and `weight_orig`.
_SUFFIX = re.compile(r"(?:_mask|_orig)$")

_BY_LEAF = {
    "query": ("query", "q", "q_proj", "q_lin", "query_proj", "q_attn"),
    "key": ("key", "k", "k_proj", "k_lin", "key_proj"),
    "value": ("value", "v", "v_proj", "v_lin", "value_proj"),
    "query_key_value": ("query_key_value", "c_attn", "Wqkv", "qkv_proj", "qkv", "in_proj"),
    "attention_output": ("o", "o_proj", "out_lin", "out_proj"),
    "intermediate": (
        *("lin1", "ffn", "c_fc", "fc1", "fc_in", "dense_h_to_4h"),
        *("up_proj", "gate_up_proj", "wi", "wi_1", "Wi", "w3"),
    ),
    "gate": ("gate_proj", "wi_0", "w1"),
    "output": ("lin2", "ffn_output", "fc2", "fc_out", "dense_4h_to_h", "down_proj", "wo", "w2"),
}
_COMPONENT_OF_LEAF = {leaf: component for component, leaves in _BY_LEAF.items() for leaf in leaves}
# These leaves close the attention or the feed-forward block, depending on which they stand in.
_CLOSING = ("dense", "c_proj", "Wo")
_ATTENTION = re.compile(r"attention|attn", re.IGNORECASE)
_CROSS = re.compile(r"^(?:cross_?(?:attention|attn)|encdecattention|encoder_attn)$", re.IGNORECASE)
_CROSS_OF = {
    "query": "cross_query",
    "key": "cross_key",
    "value": "cross_value",
    "attention_output": "cross_output",
    "query_key_value": "other",  # GPT-2's cross attention fuses key and value only
}
_STACK = re.compile(r"(?:^|_)(encoder|decoder)$")
# If no part names the stack, the container of the numbered blocks decides: `layer.3` is an encoder's; these are
# decoders', except for ModernBERT's leaves in `layers.3`.
_DECODER_BLOCKS = ("h", "layers", "blocks")
_MODERN_BERT = ("Wqkv", "Wi", "Wo")

# Places of groups that are no numbered layer: before the layers, after them, last.
_WHOLE, _REST, _POOLER = -1, 10**9, 10**9 + 1


class Label(NamedTuple):
    """Where a weight stands in its network."""

    stack: str
    """encoder | decoder."""
    layer: int | None
    """From 0, as in the weight's name; None outside the numbered blocks."""
    component: str
    """One of `COMPONENTS`."""

    def group(self, by: str) -> str:
        """Return the group's name under a grouping: all | stack | layer | component | layer-component.

        Layers of an encoder and of a decoder are never one group, and a pooler is a group of its own.
        For `tensor` the group is the weight's name, which a label does not hold: use `labels.group`.

        Raises `NeutralError` on another grouping.
        """
        if by == "all":
            return "all"
        if by == "stack":
            return self.stack
        if by == "component":
            return self.component
        if by not in ("layer", "layer-component"):
            raise NeutralError(f"unknown grouping {by!r}; use one of {', '.join(GROUPINGS)}")
        if self.component == "pooler":
            return "pooler"
        if self.layer is None:
            return f"{self.stack} other"
        place = f"{self.stack} {self.layer}"
        return place if by == "layer" else f"{place} {self.component}"


def canonical(name: str) -> str:
    """Return a weight's name as the bare model has it.

    This strips wrappers (`module.`, `base_model.`, `_orig_mod.`) and a trailing `_mask` or `_orig`.

    >>> canonical("module.bert.encoder.layer.7.attention.self.query.weight_mask")
    'bert.encoder.layer.7.attention.self.query.weight'
    """
    name = _SUFFIX.sub("", name)
    while (stripped := _WRAPPERS.sub("", name)) != name:
        name = stripped
    return name


@lru_cache(maxsize=16_384)
def label(name: str) -> Label:
    """Read stack, layer and component from a weight's name.

    >>> label("encoder.block.3.layer.1.DenseReluDense.wi_0.weight_mask")
    Label(stack='encoder', layer=3, component='gate')
    """
    # MultiheadAttention calls its fused matrix `in_proj_weight`, without a dot.
    parts = re.sub(r"[._](?:weight|bias)$", "", canonical(name)).split(".")
    first = next((i for i, part in enumerate(parts) if part.isdecimal()), None)
    layer = None if first is None else int(parts[first])
    return Label(_stack(parts, first), layer, _component(parts, layer))


def group(name: str, by: str) -> str:
    """Return the group that a weight belongs to under a grouping; for `tensor`, its canonical name.

    Raises `NeutralError` on an unknown grouping.
    """
    return canonical(name) if by == "tensor" else label(name).group(by)


def sort_key(group: str) -> tuple[int, int, int, str]:
    """Return a key that puts the groups of one grouping in their natural order.

    The encoder comes before the decoder; layers go by number, weights outside the layers follow them, the pooler is
    last of the encoder, and components go as in `COMPONENTS`.
    """
    if group in COMPONENTS:
        return 0, _POOLER, COMPONENTS.index(group), group
    if "." in group:  # a weight's name
        stack, layer, component = label(group)
        place = "" if layer is None else str(layer)
    else:
        stack, place, component = [*group.split(" "), "", ""][:3]
    rank = COMPONENTS.index(component) if component in COMPONENTS else -1
    if component == "pooler":
        return 0, _POOLER, rank, group
    if stack not in STACKS or group == stack:
        return STACKS.index(stack) if stack in STACKS else 0, _WHOLE, rank, group
    return STACKS.index(stack), int(place) if place.isdecimal() else _REST, rank, group


def _stack(parts: list[str], first: int | None) -> str:
    """Return the stack: that of the outermost part that names one, except a head's last part, `decoder`."""
    for part in parts[: len(parts) - 1 if first is None else first]:
        if match := _STACK.search(part):
            return match[1]
    if not first or parts[first - 1] not in _DECODER_BLOCKS:
        return "encoder"
    return "encoder" if parts[first - 1] == "layers" and parts[-1] in _MODERN_BERT else "decoder"


def _component(parts: list[str], layer: int | None) -> str:
    leaf, above = parts[-1], parts[:-1]
    if leaf == "pooler" or above[-1:] == ["pooler"]:
        return "pooler"
    if layer is None:
        return "other"
    component = _closing(leaf, above) if leaf in _CLOSING else _COMPONENT_OF_LEAF.get(leaf, "other")
    if any(_CROSS.match(part) for part in above):
        return _CROSS_OF.get(component, component)
    return component


def _closing(leaf: str, above: list[str]) -> str:
    """Return the component of `dense`, `c_proj` or `Wo` from the parts above it."""
    if any(_ATTENTION.search(part) for part in above):
        return "attention_output"
    if leaf == "dense":
        return {"intermediate": "intermediate", "output": "output"}.get(above[-1], "other")
    return "output"
