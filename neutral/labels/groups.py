"""The names of groups of weights: taken apart again, and put in their natural order.

A group is called "decoder 3 expert 5 up": stack, layer, part and component, as far as a grouping goes.
"""

from __future__ import annotations

from typing import NamedTuple

from neutral.labels.components import COMPONENTS
from neutral.labels.names import STACKS

GROUPINGS = ("all", "stack", "layer", "expert", "component", "layer-component", "tensor")
"""The ways to group weights, from coarse to fine."""

WHOLE = "all"
"""The group that holds the whole network."""

OUTSIDE = "outside experts"
"""What the part of a layer that is no expert is called by `expert`."""

_FORMER = {"intermediate": "up", "output": "down"}
# Places of groups that are no numbered layer: before the layers, after them, last.
_WHOLE, _REST, _POOLER = -1, 10**9, 10**9 + 1


class Group(NamedTuple):
    """A group of the groupings by layer, expert and layer-component, taken apart."""

    layer: str
    """The group by layer that it lies in: "decoder 3", "decoder other" or "pooler"."""
    part: str
    """ "expert 5", "shared expert", `OUTSIDE`, an adapter's name, or ""."""
    component: str
    """One of `COMPONENTS`, or ""."""


def parsed(group: str) -> Group:
    """Take a group's name apart.

    >>> parsed("decoder 3 expert 5 up")
    Group(layer='decoder 3', part='expert 5', component='up')
    """
    if group == "pooler":
        return Group(group, "", group)
    stack, *rest = group.split(" ")
    place, rest = rest[:1], rest[1:]
    component = rest.pop() if rest and rest[-1] in COMPONENTS else ""
    return Group(" ".join([stack, *place]), " ".join(rest), component)


def order(group: str) -> tuple[int, int, tuple[int, int, str], int, str]:
    """Return the sort key of a group that is no weight's name: see `labels.sort_key`."""
    if group in COMPONENTS:
        return 0, _POOLER, (0, 0, ""), COMPONENTS.index(group), group
    layer, part, component = parsed(group)
    stack, _, place = layer.partition(" ")
    return place_in_order(stack, place, part, component, group)


def place_in_order(
    stack: str, place: str, part: str, component: str, group: str
) -> tuple[int, int, tuple[int, int, str], int, str]:
    """Return a sort key: stack, layer by number, part (experts by number, last), component, name."""
    rank = COMPONENTS.index(component) if component in COMPONENTS else -1
    if component == "pooler":
        return 0, _POOLER, (0, 0, ""), rank, group
    numbered = part.removeprefix("expert ")
    if numbered.isdecimal():
        of_part = (2, int(numbered), "")
    else:
        of_part = (1 if part == "shared expert" else 0, 0, "" if part == OUTSIDE else part)
    first = STACKS.index(stack) if stack in STACKS else 0
    if stack not in STACKS or group == stack:
        return first, _WHOLE, of_part, rank, group
    return first, int(place) if place.isdecimal() else _REST, of_part, rank, group


def renamed(group: str) -> str:
    """Return a group's present name: studies and addresses from before may say "intermediate" and "output".

    >>> renamed("encoder 3 intermediate")
    'encoder 3 up'
    """
    head, space, last = group.rpartition(" ")
    return f"{head}{space}{_FORMER.get(last, last)}"
