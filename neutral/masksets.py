"""Masks held in memory, with a study's interface: a user can look at uploads like at a finished study.

A mask's label is a language or any other name. A label that comes again ("en" twice) means another run of the same
thing: it is a member of its own ("en 2"), and gives the within-language bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, reduce
from operator import and_, or_
from pathlib import Path

import pandas as pd

from neutral import overlap
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.members import numbered
from neutral.overlap import Counts

METHOD = "upload"


class MaskSet:
    """Masks of one network under labels, answering as a `Study` does, without files.

    Raises `MismatchError` if the masks are of different networks, `NeutralError` for no masks.
    """

    path = None
    readme = None

    def __init__(self, masks: Sequence[Mask], labels: Sequence[str], *, title: str = "Your masks") -> None:
        self.masks, self.labels, self.title = tuple(masks), tuple(labels), title
        if not masks:
            raise NeutralError("there are no masks")
        for mask, label in zip(self.masks, self.labels, strict=True):
            self.masks[0].require_same(mask, names=(self.labels[0], label))

    @property
    def members(self) -> tuple[str, ...]:
        """A different name for every mask: its label, numbered where it comes again."""
        return tuple(numbered(self.labels))

    @property
    def sparsity(self) -> float:
        """The masks' mean sparsity, rounded to whole percent."""
        return round(sum(mask.sparsity() for mask in self.masks) / len(self.masks), 2)

    @property
    def info(self) -> dict:
        """What a study's `study.json` would say."""
        first = self.masks[0]
        return {
            "title": self.title,
            "model": first.header.get("model"),
            "task": "masks",
            "languages": list(self.members),
            "methods": [METHOD],
            "prunable": first.size,
        }

    def table(self, kind: str) -> pd.DataFrame:
        """Return an empty table: masks alone come without scores."""
        return pd.DataFrame()

    def settings(self, task: str, name: str) -> dict:
        """Return no settings: files of masks do not say how they were found."""
        return {}

    def counts_index(self) -> pd.DataFrame:
        """Return an index of the counts: `languages`, and `seeds` where a label comes more than once."""
        kinds = ["languages", *(["seeds"] if self._repeated else [])]
        columns = ["task", "method", "sparsity", "seed", "kind", "path"]
        return pd.DataFrame([("masks", METHOD, self.sparsity, 0, k, None) for k in kinds], columns=columns)

    def counts(self, task: str, method: str, sparsity: float, seed: int = 0, kind: str = "languages") -> Counts:
        """Return the counts of all masks (`languages`) or of those that share a label (`seeds`).

        Raises `NeutralError` for another kind.
        """
        if kind == "languages":
            return self._counts
        if kind != "seeds" or not self._repeated:
            raise NeutralError(f"{self.title} have no {kind} counts")
        runs: dict[str, int] = {}
        names = []
        for member in self._repeated:
            label = self.labels[self.members.index(member)]
            names.append(f"{label}/{runs.get(label, 0)}")
            runs[label] = runs.get(label, 0) + 1
        return replace(self._counts.select(self._repeated), members=tuple(names), exactly=None)

    def recounted(self, task: str, method: str, sparsity: float, seed: int = 0, members: Sequence[str] = ()) -> Counts:
        """Count the masks of some members anew."""
        return overlap.count([self.masks[self.members.index(member)] for member in members], members)

    def masks_of(self, task: str, method: str, sparsity: float, seed: int = 0) -> dict[str, Path]:
        """Return nothing: the masks have no files."""
        return {}

    def union(self) -> Mask:
        """Return the mask of the weights that any of the masks keeps."""
        return reduce(or_, self.masks)

    def intersection(self) -> Mask:
        """Return the mask of the weights that all of the masks keep."""
        return reduce(and_, self.masks)

    @cached_property
    def _counts(self) -> Counts:
        return overlap.count(self.masks, self.members)

    @property
    def _repeated(self) -> list[str]:
        pairs = zip(self.members, self.labels, strict=True)
        return [member for member, label in pairs if self.labels.count(label) > 1]


def networks(masks: Sequence[Mask]) -> list[list[int]]:
    """Group masks by their network (same names and shapes); return places, in order of appearance."""
    groups: list[list[int]] = []
    for i, mask in enumerate(masks):
        for group in groups:
            if masks[group[0]].shapes == mask.shapes:
                group.append(i)
                break
        else:
            groups.append([i])
    return groups
