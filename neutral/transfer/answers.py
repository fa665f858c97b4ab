"""What a transfer matrix comes to: which mask serves others best, how often one is worse, who has learnt too little.

In every function `matrix` is the table of `results.against_own`, and `tested` that of `results.bootstrap`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from neutral.association.benjamini_hochberg import benjamini_hochberg
from neutral.members import order
from neutral.metrics import SIGNIFICANT, better, metric
from neutral.study import FULL
from neutral.transfer.results import relative_drop
from neutral.transfer.sources import is_language

K = TypeVar("K")

FAR = 0.5
"""A full model whose score differs by more, relative to the own masks', is far from them."""

HARDLY = 0.5
"""An own mask that scores below this share of the median own mask has hardly learnt the task."""

POINTS = 5
"""A full model that is so many points behind the own masks has learnt less than they have."""


class Change(NamedTuple):
    """What masks cost: the mean over targets, the least, the most, and how many; shares, above 0 is worse."""

    cost: float
    least: float
    most: float
    n: int


class Verdicts(NamedTuple):
    """Number of pairs of languages in which another's mask is significantly worse, or better, than the own one.

    worse, better: each pair by itself; corrected: worse, corrected for all pairs (Benjamini & Hochberg); pairs: of all.
    """

    worse: int
    better: int
    corrected: int
    pairs: int


def languages(matrix: pd.DataFrame) -> list[str]:
    """Return the languages of masks and of targets, relatives beside each other."""
    return order(list(dict.fromkeys([*filter(is_language, matrix["source"]), *matrix["target"]])))


def between(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one language's mask on another language."""
    return matrix[_of_languages(matrix) & (matrix["source"] != matrix["target"])]


def dearest(matrix: pd.DataFrame) -> pd.Series:
    """Return the row of `between` whose mask costs the other language most; some cost must be known."""
    rows = between(matrix)
    return rows.loc[rows["cost"].idxmax()]


def _of_languages(table: pd.DataFrame) -> pd.Series:
    """Return a boolean column: whether a row is of one language's mask."""
    return table["source"].map(is_language).astype(bool)


def change(matrix: pd.DataFrame, source: str = "") -> Change | None:
    """Return what one source's mask costs, or those of `between`; None when none is known."""
    rows = matrix[matrix["source"] == source] if source else between(matrix)
    known = rows["cost"].dropna()
    return Change(known.mean(), known.min(), known.max(), len(known)) if len(known) else None


def costliest(matrices: Mapping[K, pd.DataFrame]) -> K | None:
    """Return the name of the matrix whose masks cost other languages most in the mean; None if none is known."""
    costs = {name: told.cost for name, matrix in matrices.items() if (told := change(matrix))}
    return max(costs, key=costs.__getitem__, default=None)


def ranked(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return `results.relative_drop` of the languages, sorted: the language whose mask costs least comes first."""
    drop = relative_drop(matrix)
    drop = drop[_of_languages(drop)].dropna(subset="value")
    if drop.empty:
        return drop
    return drop.sort_values("cost")


def answers(tested: pd.DataFrame) -> Verdicts:
    """Count the pairs of languages in which a bootstrap finds a difference."""
    pairs = tested[_of_languages(tested)]
    is_worse, is_better = pairs["gain"] < 0, pairs["gain"] > 0
    sure, corrected = (p < SIGNIFICANT for p in (pairs["p"], benjamini_hochberg(pairs["p"].astype(float))))
    counted = (is_worse & sure, is_better & sure, is_worse & corrected)
    return Verdicts(*(int(which.sum()) for which in counted), len(pairs))


def different(tested: pd.DataFrame, on: tuple[str, str] = ("source", "target")) -> list[tuple[str, str]]:
    """Return the cells, by the columns `on`, that differ significantly from the own mask."""
    return list(tested[tested["p"] < SIGNIFICANT][list(on)].itertuples(index=False, name=None))


def successful(matrix: pd.DataFrame) -> list[tuple[str, str]]:
    """Return source and target of every transfer that succeeds by the paper's rule, own masks left out."""
    rows = matrix[(matrix["source"] != matrix["target"]) & matrix["successful"].fillna(False)]
    return list(rows[["source", "target"]].itertuples(index=False, name=None))


def judged(matrix: pd.DataFrame) -> tuple[int, int]:
    """Return how many transfers between languages succeed by the paper's rule, and how many the rule applies to."""
    rows = between(matrix)["successful"].dropna()
    return int(rows.sum()), len(rows)


def full_cost(matrix: pd.DataFrame) -> float:
    """Return the full model's mean cost against the own masks if that is `FAR` from 0, else NaN."""
    full = change(matrix, FULL)
    return full.cost if full and abs(full.cost) > FAR else float("nan")


def unlearnt(matrix: pd.DataFrame) -> dict[str, float]:
    """Return language -> score of own masks that have hardly learnt the task: any change relative to these is large.

    Empty for a metric where lower is better: perplexities start high and have no such floor.
    """
    if not metric(matrix["metric"].iloc[0]).higher_is_better:
        return {}
    own = matrix[matrix["source"] == matrix["target"]].set_index("target")["value"]
    return own[own < own.median() * HARDLY].to_dict()


def wins(left_out: pd.DataFrame, source: str, other: str) -> tuple[int, int]:
    """Return for how many languages one source is better than another, and how many have both.

    `left_out` is that of `results.left_out`.
    """
    both = left_out.dropna(subset=[source, other])
    rows = both[["metric", source, other]].itertuples(index=False, name=None)
    return sum(better(*row) > 0 for row in rows), len(both)


def against_overlap(matrix: pd.DataFrame, overlap: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of `between` that have both overlap (of the two masks) and cost, as columns.

    `overlap` has source, target, value; pairs are unordered.
    """
    values = {frozenset(pair): value for *pair, value in overlap[["source", "target", "value"]].itertuples(index=False)}
    rows = between(matrix)
    pairs = zip(rows["source"], rows["target"], strict=True)
    rows = rows.assign(overlap=[values.get(frozenset(pair)) for pair in pairs])
    return rows.dropna(subset=["overlap", "cost"])


def drops(matrices: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return `results.relative_drop` of several matrices, line -> matrix, with a column line."""
    return pd.concat([relative_drop(matrix).assign(line=line) for line, matrix in matrices.items()], ignore_index=True)


def in_points(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return a table with shares in percent, as the paper prints F1 and accuracy; perplexities stay."""
    shares = table["metric"] != "perplexity"
    if not shares.any():
        return table
    return table.assign(**{column: table[column].where(~shares, 100 * table[column]) for column in columns})


def mixtures(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Go through `across.multilingual`: task, mixture, and its rows."""
    for (task, mixture), rows in table.groupby(["task", "mixture"], sort=False):
        yield task, mixture, rows


def mixture_square(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `across.multilingual` of one task and mixture as a square, sources × targets, after a column mean.

    The mean is over the targets that all sources have, so that every row's mean is over the same targets. That of
    perplexities is geometric: those of different languages compare as ratios only.
    """
    square = rows.pivot(index="source", columns="target", values="value")
    sources = [source for source in dict.fromkeys(rows["source"]) if source in square.index]
    square = square.loc[sources, order(list(square.columns))]
    shared = square.dropna(axis="columns")
    is_ratio = rows["metric"].iloc[0] == "perplexity"
    means = np.exp(np.log(shared.astype(float)).mean(axis=1)) if is_ratio else shared.mean(axis=1)
    square.insert(0, "mean", means)
    return square


def behind(means: pd.Series, name: str) -> bool:
    """Whether the full model, trained for as few steps as its own masks, is `POINTS` behind them.

    `means` is source -> score in points, `name` the metric.
    """
    return {FULL, "own"} <= set(means.index) and better(name, means["own"], means[FULL]) >= POINTS
