"""What an overlap cannot tell apart: languages that share no less than one shares with itself, and masks by lot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral.members import speaker
from neutral.overlap import Counts


class Told(NamedTuple):
    """How far pairs can be told apart."""

    alike: pd.DataFrame
    """The rows within the bound, those of `within_bound`."""
    spread: float
    """The highest value less the lowest."""
    again: float
    """Mean overlap of a language with itself; NaN if it was not measured."""
    above: bool
    """Whether a pair lies above that."""

    @property
    def noise(self) -> float:
        """What a language found again differs by from itself, 1 for no overlap; NaN if it was not measured."""
        return 1 - self.again

    @property
    def is_noise(self) -> bool:
        """Whether the pairs differ by no more than a language found again does from itself."""
        return self.spread <= self.noise


def told(table: pd.DataFrame, own: Mapping[str, float]) -> Told:
    """Return how far the pairs of a table with values can be told apart; the arguments are those of `within_bound`."""
    again = float(np.mean(list(own.values()))) if own else float("nan")
    value = table["value"]
    return Told(within_bound(table, own), float(value.max() - value.min()), again, bool((value > again).any()))


def by_lot(counts: Counts) -> pd.DataFrame:
    """Return by how much the Jaccard overlap of two masks varies if both are drawn by lot: source, target, deviation.

    In each tensor each mask keeps as many weights as it does. What both keep is hypergeometric then, with the variance
    a b (N - a) (N - b) / (N² (N - 1)), and the deviation of the overlap follows from the sum's by its derivative.
    """
    pairs = counts.pairs("tensor")
    size, one, other = (pairs[name].astype(float) for name in ("size", "source_kept", "target_kept"))
    variance = one * other * (size - one) * (size - other) / (size**2 * (size - 1).clip(lower=1))
    told = pairs.assign(variance=variance, both=one * other / size.clip(lower=1), kept=one + other)
    told = told.groupby(["source", "target"], sort=False)[["variance", "both", "kept"]].sum()
    slope = told["kept"] / (told["kept"] - told["both"]) ** 2
    return (np.sqrt(told["variance"]) * slope).rename("deviation").reset_index()


def noisy(levels: pd.DataFrame) -> list[str]:
    """Return the groups of a table of `summary.levels` whose pairs differ by no more than a language found again does.

    Groups of which that was not measured are left out.
    """
    wide = levels.pivot_table(index="group", columns="level", values=["value", "low", "high"], sort=False)
    again = next((kind for kind in ("seeds", "halves") if ("value", kind) in wide), None)
    if again is None or ("value", "between") not in wide:
        return []
    spread, noise = wide["high", "between"] - wide["low", "between"], 1 - wide["value", again]
    return list(wide.index[spread <= noise])


def within_bound(table: pd.DataFrame, own: Mapping[str, float]) -> pd.DataFrame:
    """Return the rows of a table of pairs whose overlap is within the bound, the most alike first.

    Parameters
    ----------
    table : DataFrame
        Columns source, target, value, as `summary.pairs` returns them for one group.
    own : language -> float
        Its overlap with itself when it is found again, under another seed or from the other half of its text. A pair's
        bound is the lower one of its languages; pairs of which none is known are left out.
    """
    known = {side: table[side].map(speaker).map(own).astype(float) for side in ("source", "target")}
    bound = pd.DataFrame(known).min(axis=1)  # of one language, if the other was not found twice
    return table[table["value"] >= bound].sort_values("value", ascending=False)
