"""What a weight is, read from its name: stack, layer, part of the layer, and component.

There is no table of models. The first whole number in a name is the layer; `names` finds the stack, experts and
adapters, `components` what the matrix does. `tests/test_labels_architectures.py` says what comes of it, for every
architecture.

A name does not tell the stack of every network: an encoder that uses Llama's names (EuroBERT) would be a decoder. So a
mask says in its header of which stack it is, and that goes before what its names suggest: `stack` below.

Layers are as the network counts them. ALBERT's is its group of layers, which several layers share: a group's inner
layers are one layer, as its configuration counts them, and only tensors tell them apart. CANINE's encoders of
characters are outside its numbered layers.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from neutral.errors import NeutralError
from neutral.labels.components import COMPONENTS, component_of, is_pooler
from neutral.labels.groups import GROUPINGS, OUTSIDE, WHOLE, Group, order, parsed, place_in_order, renamed
from neutral.labels.names import STACKS, canonical, part_of, stack_by_name, stack_of, taken_apart

__all__ = [
    "COMPONENTS",
    "GROUPINGS",
    "OUTSIDE",
    "STACKS",
    "WHOLE",
    "Group",
    "Label",
    "canonical",
    "group",
    "has_experts",
    "in_order",
    "label",
    "layers",
    "parsed",
    "renamed",
    "require_groups",
    "sort_key",
    "stack_of",
]


class Label(NamedTuple):
    """Where a weight stands in its network."""

    stack: str
    """encoder | decoder."""
    layer: int | None
    """From 0, as in the weight's name; None outside the numbered blocks."""
    component: str
    """One of `COMPONENTS`."""
    part: str = ""
    """ "expert n", "shared expert", the name of an adapter (its language in XMOD), or ""."""

    def group(self, by: str) -> str:
        """Return the group's name under a grouping: all | stack | layer | expert | component | layer-component.

        Layers of an encoder and of a decoder are never one group, and a pooler is a group of its own. By `expert`,
        what is in no expert of its layer is "outside experts".
        For `tensor` the group is the weight's name, which a label does not hold: use `labels.group`.

        >>> Label("decoder", 3, "up", "expert 5").group("layer-component")
        'decoder 3 expert 5 up'

        Raises `NeutralError` on another grouping.
        """
        if by == "all":
            return WHOLE
        if by == "stack":
            return self.stack
        if by == "component":
            return self.component
        if by not in ("layer", "expert", "layer-component"):
            raise NeutralError(f"unknown grouping {by!r}; use one of {', '.join(GROUPINGS)}")
        if self.component == "pooler":
            return "pooler"
        place = f"{self.stack} {'other' if self.layer is None else self.layer}"
        if by == "layer":
            return place
        if by == "expert":
            in_layer = self.part if "expert" in self.part else OUTSIDE
            return place if self.layer is None else f"{place} {in_layer}"
        component = "" if self.layer is None and self.component == "other" else self.component
        return " ".join(filter(None, (place, self.part, component)))


@lru_cache(maxsize=65_536)
def label(name: str, stack: str = "") -> Label:
    """Read stack, layer, component and part from a weight's name; a `stack` that is given goes before the name's.

    >>> label("encoder.block.3.layer.1.DenseReluDense.wi_0.weight_mask")
    Label(stack='encoder', layer=3, component='gate', part='')
    >>> label("model.layers.3.mlp.experts.5.up_proj.weight", "decoder")
    Label(stack='decoder', layer=3, component='up', part='expert 5')
    """
    apart = taken_apart(name)
    parts = apart.parts
    numbered = is_pooler(parts) or any(part.isdecimal() for part in parts)
    return Label(
        stack or stack_by_name(apart),
        None if apart.at is None or is_pooler(parts) else int(parts[apart.at]),
        component_of(parts) if numbered else "other",
        part_of(parts) if numbered else "",
    )


def group(name: str, by: str, stack: str = "") -> str:
    """Return the group that a weight belongs to under a grouping; for `tensor`, its canonical name.

    `stack` is the only stack of its network, if that is known: see `label`.

    Raises `NeutralError` on an unknown grouping.
    """
    return canonical(name) if by == "tensor" else label(name, stack).group(by)


def has_experts(names: Iterable[str]) -> bool:
    """Whether any of the weights is one expert's of several."""
    return any(label(name).part.startswith("expert ") for name in names)


def require_groups(names: Iterable[str], by: str) -> None:
    """Raise `NeutralError` for the grouping `expert` of a network without experts, where it says what layers say."""
    if by == "expert" and not has_experts(names):
        raise NeutralError("--by expert: this network has no experts; use --by layer")


def layers(names: Iterable[str], stack: str = "") -> int:
    """Return how many numbered layers the weights lie in; `stack` is as for `label`."""
    places = {(of_name.stack, of_name.layer) for of_name in (label(name, stack) for name in names)}
    return sum(layer is not None for _, layer in places)


def in_order(groups: Iterable[str], stack: str = "") -> list[str]:
    """Return the groups of one grouping without repetition, sorted by `sort_key`."""
    return sorted(dict.fromkeys(groups), key=lambda group: sort_key(group, stack))


def sort_key(group: str, stack: str = "") -> tuple[int, int, tuple[int, int, str], int, str]:
    """Return a key that puts the groups of one grouping in their natural order.

    The encoder comes before the decoder; layers go by number, weights outside the layers follow them, the pooler is
    last of the encoder. In a layer what is outside experts comes first, then shared experts, then the others by number;
    components go as in `COMPONENTS`. `stack` is as for `label`, where the groups are weights.
    """
    if "." not in group:
        return order(group)
    of_name = label(group, stack)
    place = "" if of_name.layer is None else str(of_name.layer)
    return place_in_order(of_name.stack, place, of_name.part, of_name.component, group)
