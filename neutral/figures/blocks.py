"""Names on an axis of many members: each member's, or the families' and branches' where there is no room for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from neutral.languages import UNKNOWN, branches, language
from neutral.members import display, speaker


class Block(NamedTuple):
    """Members next to each other that share a name: places from `start` to before `stop`."""

    start: int
    stop: int
    name: str

    @property
    def middle(self) -> float:
        """The place that the name stands at."""
        return (self.start + self.stop - 1) / 2


def named(members: Sequence[str], apart: float) -> list[Block]:
    """Return the blocks of members, in their order, whose names can stand beside each other, `apart` places or more.

    Neighbours of one family are a block; those of a large family are as many as it has branches. A member that stands
    alone, or is of no known family, has its own name. Where names are too near each other, the larger block has its.
    """
    spoken = [speaker(member) for member in members]
    branch = branches(spoken)
    found: list[Block] = []
    families = [language(label).family for label in spoken]
    families = [f"{UNKNOWN} {i}" if family == UNKNOWN else family for i, family in enumerate(families)]
    for family in _runs(range(len(members)), families.__getitem__):
        parts = _runs(family, lambda i: branch[spoken[i]])
        large = len(parts) > 1 and len(family) >= _LARGE * apart
        for run in parts if large else [family]:
            name = branch[spoken[run[0]]] if large else families[run[0]]
            found.append(Block(run[0], run[-1] + 1, name if len(run) > 1 else display(members[run[0]])))
    kept: list[Block] = []
    for block in sorted(found, key=lambda block: (block.start - block.stop, block.start)):
        if all(abs(block.middle - other.middle) >= apart for other in kept):
            kept.append(block)
    return sorted(kept)


_LARGE = 4
"""A family's branches are named if it takes so many times the room of a name."""


def _runs(places: Sequence[int], key: Callable[[int], str]) -> list[list[int]]:
    """Return places, in their order, as runs of one key."""
    return [list(run) for _, run in groupby(places, key)]
