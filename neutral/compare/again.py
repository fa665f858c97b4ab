"""A language's masks found again, beside what a pin shows: how alike they are, and what that usually moves.

Two things are told. How alike a language's masks are, at every place: `summary.levels` has the same means. And by how
much the overlap of two languages moves when both are found again: |J(a, b) - J(a', b')|, in the root mean square over
all pairs of languages that were found twice. The first bounds what the second can be; the second is far smaller.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from neutral import overlap, summary
from neutral.compare.pins import MaskPin
from neutral.errors import NeutralError
from neutral.labels import OUTSIDE
from neutral.masksets import MaskSet
from neutral.members import speaker
from neutral.overlap import Counts
from neutral.summary import Choice, Source


def placed(counts: Counts, pin: MaskPin) -> Counts:
    """Return the counts of the layer and component that a pin is of. Raises `NeutralError` for one that is not there.

    A layer may be a stack or an expert, too.
    """
    if not pin.layer:
        return counts.part(pin.component, "component") if pin.component else counts
    by = next((by for by in ("stack", "layer", "expert") if pin.layer in counts.groups(by)), None)
    if by is None:
        raise NeutralError(f"there is no layer {pin.layer!r} here; there are {', '.join(counts.groups('layer'))}")
    if by == "stack" or not pin.component:
        part = counts.part(pin.layer, by)
        return part.part(pin.component, "component") if pin.component else part
    return counts.part(f"{pin.layer.removesuffix(f' {OUTSIDE}')} {pin.component}", "layer-component")


class Again:
    """The masks of languages that were found twice, under other seeds or from halves of their text.

    `kind` says which: seeds, halves, or "" where none was.
    """

    def __init__(self, source: Source, choice: Choice, pin: MaskPin) -> None:
        there = summary.kinds(source, choice) if pin.measure != "beyond" else {}
        self.kind = next((kind for kind in ("seeds", "halves") if kind in there), "")
        self._name = summary.base(pin.measure)
        if self.kind:
            stored = source.counts(choice.task, choice.method, choice.sparsity, there[self.kind], self.kind)
            self._counts = placed(stored, pin)
            every = source.counts(*choice, "languages") if isinstance(source, MaskSet) else stored
            self._between = self._counts if every is stored else placed(every, pin)
        self._moved: dict[str, pd.DataFrame] = {}

    def of(self, members: list[str], by: str, *, lowest: bool = False) -> pd.Series:
        """Return group -> the mean or the lowest of members; of all that were found twice, if none of these was."""
        if not self.kind:
            return pd.Series(dtype=float)
        own = self._own(by)
        spoken = own[own["language"].isin([speaker(member) for member in members])]
        grouped = (spoken if len(spoken) else own).groupby("group", sort=False)["value"]
        return grouped.min() if lowest and len(spoken) else grouped.mean()

    def each(self) -> dict[str, float]:
        """Return label of a language -> its overlap with itself, over all weights."""
        if not self.kind:
            return {}
        own = self._own("all")
        return dict(zip(own["language"].map(speaker), own["value"], strict=True))

    def usual(self, by: str, *, means: bool) -> pd.Series:
        """Return group -> by how much a pair's overlap moves, or with `means` the mean of all pairs; NaN if unknown."""
        moved = self._differences(by)
        if moved.empty:
            return pd.Series(dtype=float)
        grouped = moved.groupby("group", sort=False)["moved"]
        return grouped.mean().abs() if means else grouped.agg(_size)

    def usual_of_pairs(self) -> float:
        """Return by how much a pair's overlap moves, over all weights."""
        return _size(self._differences("all")["moved"])

    def usual_of_languages(self) -> float:
        """Return by how much a language's mean overlap with the others moves, over all weights."""
        moved = self._differences("all")
        sides = pd.concat([moved.assign(language=moved[side]) for side in ("one", "other")])
        return _size(sides.groupby("language")["moved"].mean())

    def _own(self, by: str) -> pd.DataFrame:
        """Return the overlap of each language with itself: group, language, value (`summary.within`)."""
        table = self._counts.only(overlap.meant(self.kind, self._counts.members)).measure(self._name, by)
        table["language"] = table["source"].map(speaker)
        return table.groupby(["group", "language"], sort=False)["value"].mean().reset_index()

    def _differences(self, by: str) -> pd.DataFrame:
        """Return by how much two languages' overlap moved: group, one, other, moved. Empty where it is not known."""
        if by not in self._moved:
            self._moved[by] = self._found_differences(by)
        return self._moved[by]

    def _found_differences(self, by: str) -> pd.DataFrame:
        twice = self._twice() if self.kind and self._between.is_whole else {}
        if len(twice) < 2:
            return pd.DataFrame({"group": [], "one": [], "other": [], "moved": pd.Series(dtype=float)})
        pairs = {"first": [], "again": []}
        for one, other in combinations(twice.values(), 2):
            for found, sides in zip(pairs, zip(one, other, strict=True), strict=True):
                pairs[found].append(sides)
        first, again = (self._ordered(by, sides) for sides in pairs.values())
        named = {name: first[side].map(speaker) for name, side in (("one", "source"), ("other", "target"))}
        moved = again["value"].to_numpy() - first["value"].to_numpy()
        return pd.DataFrame({"group": first["group"], **named, "moved": moved})

    def _twice(self) -> dict[str, tuple[str, str]]:
        """Return language -> the first two of its masks, which are those of the same two seeds or halves for all."""
        by_speaker: dict[str, list[str]] = {}
        for member in self._between.members:
            by_speaker.setdefault(speaker(member), []).append(member)
        return {label: (several[0], several[1]) for label, several in by_speaker.items() if len(several) > 1}

    def _ordered(self, by: str, sides: list[tuple[str, str]]) -> pd.DataFrame:
        """Return the values of pairs, in the order of their languages."""
        table = self._between.only(sides).measure(self._name, by)
        pairs = zip(table["source"], table["target"], strict=True)
        table["key"] = [tuple(sorted(map(speaker, pair))) for pair in pairs]
        places = {group: place for place, group in enumerate(dict.fromkeys(table["group"]))}
        at = table["group"].map(places)
        return table.assign(at=at).sort_values(["at", "key"], kind="stable").reset_index(drop=True)


def _size(moved: pd.Series) -> float:
    """Return the root mean square; NaN of nothing."""
    return float(np.sqrt((moved.astype(float) ** 2).mean()))
