"""Masks held in memory, with a study's interface: a user can look at uploads like at a finished study.

A mask's label is a language or any other name. A label that comes again ("en" twice) means another run of the same
thing: it is a member of its own ("en 2"), and gives the within-language bound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, reduce
from operator import and_, or_
from pathlib import Path

import pandas as pd

from neutral import overlap, prefixes, summary
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.members import is_known, numbered, speaker
from neutral.overlap import Counts
from neutral.references import PRETRAINED
from neutral.summary import Choice, Source

METHOD = "upload"


class MaskSet:
    """Masks of one network under labels, answering as a `Study` does, without files.

    Masks whose names differ from the first's by one prefix are taken under its names (`Mask.bridged`).

    Raises `MismatchError` if the masks are of different networks, `NeutralError` for no masks.
    """

    path = None
    readme = None

    def __init__(
        self, masks: Sequence[Mask], labels: Sequence[str], *, title: str = "Your masks", files: Sequence[str] = ()
    ) -> None:
        if not masks:
            raise NeutralError("there are no masks")
        self.files = tuple(files)  # names of those that the masks were read from
        self.masks, self.labels, self.title = tuple(mask.bridged(masks[0]) for mask in masks), tuple(labels), title
        self.bridges = bridges(masks, self.members)
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
            label = self._runs[self.members.index(member)]
            names.append(f"{label}/{runs.get(label, 0)}")
            runs[label] = runs.get(label, 0) + 1
        counts = replace(self._counts.select(self._repeated), members=tuple(names), exactly=None)
        return counts.only(overlap.meant(kind, names))

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
    def _runs(self) -> list[str]:
        """Of every mask, what it is a run of: its label, without the number of a language's second mask."""
        bare = [re.sub(r" \d+$", "", label) for label in self.labels]
        return [
            one if is_known(one) and speaker(one) == speaker(label) else label
            for one, label in zip(bare, self.labels, strict=True)
        ]

    @property
    def _repeated(self) -> list[str]:
        runs = self._runs
        return [member for member, run in zip(self.members, runs, strict=True) if runs.count(run) > 1]


class BesideStudy(MaskSet):
    """A study's masks of one choice and others of the same network, read against what the study was read against.

    What was counted once for the study's languages (its control, a language found again) holds beside other masks, too:
    without it an overlap would be read against chance alone. Parameters are those of `MaskSet`, and whose references.
    """

    def __init__(
        self, masks: Sequence[Mask], labels: Sequence[str], *, title: str, study: Source, choice: Choice
    ) -> None:
        super().__init__(masks, labels, title=title)
        self.study, self.choice = study, choice
        self._kinds = {kind: seed for kind, seed in summary.kinds(study, choice).items() if kind in _REFERENCES}

    def counts_index(self) -> pd.DataFrame:
        """Return an index of the counts: those of `MaskSet`, and the study's references."""
        own = super().counts_index()
        lacking = [kind for kind in self._kinds if kind not in set(own["kind"])]
        more = [("masks", METHOD, self.sparsity, 0, kind, None) for kind in lacking]
        return pd.concat([own, pd.DataFrame(more, columns=own.columns)], ignore_index=True) if more else own

    def counts(self, task: str, method: str, sparsity: float, seed: int = 0, kind: str = "languages") -> Counts:
        """Return one set of counts. Raises `NeutralError` for a kind that is not there."""
        if kind in self._kinds and not (kind == "seeds" and self._repeated):
            return self.study.counts(*self.choice._replace(seed=self._kinds[kind]), kind)
        return super().counts(task, method, sparsity, seed, kind)


_REFERENCES = (PRETRAINED, "seeds", "halves")


def networks(masks: Sequence[Mask]) -> list[list[int]]:
    """Group masks by their network (same shapes, and names but for one prefix); return places, in order."""
    groups: list[list[int]] = []
    for i, mask in enumerate(masks):
        for group in groups:
            if prefixes.between(mask.shapes, masks[group[0]].shapes) is not None:
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def bridges(masks: Sequence[Mask], names: Sequence[str]) -> list[str]:
    """Say of which masks the names were read with another prefix, so that they are those of the first: a line a prefix.

    >>> plain, headed = (Mask.from_tensors({f"{p}layer.0.w.weight": [[1, 0]]}) for p in ("", "bert."))
    >>> bridges([plain, headed], ["en", "fr"])
    ['weights of fr are called bert.… there, and without bert. in en: compared as one network']
    """
    by_change: dict[tuple[str, str], list[str]] = {}
    for mask, name in zip(masks, names, strict=True):
        change = prefixes.between(mask.shapes, masks[0].shapes)
        if change is not None and change != ("", ""):
            by_change.setdefault(change, []).append(name)
    first = names[0] if len(names) else ""
    return [_bridge(off, on, members, first) for (off, on), members in by_change.items()]


def _bridge(off: str, on: str, members: Sequence[str], first: str) -> str:
    others = ", ".join(members[:3]) + (f" and {len(members) - 3} more" if len(members) > 3 else "")
    if on and off:
        how = f"are called {off}… there, and {on}… in {first}"
    elif off:
        how = f"are called {off}… there, and without {off} in {first}"
    else:
        how = f"are called without {on} there, and {on}… in {first}"
    return f"weights of {others} {how}: compared as one network"
