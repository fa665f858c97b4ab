"""Whose masks would serve a language: by the functional check where its text was scored, else by overlap.

The check scores each language's text under other languages' masks, without training. Overlap is no score; how far it
foretells one can be told of the languages that a study checked.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral.metrics import costs, metric, rank_correlation

COLUMNS = ["language", "overlap", "way", "value", "ratio", "cost"]
_LEAST = 4  # masks, of which a rank correlation says something


class Foretold(NamedTuple):
    """How far overlap puts other languages' masks in the order of the score under them."""

    rho: float
    """Mean of Spearman's rank correlations, one a checked language; 1 is the same order."""
    low: float
    high: float
    languages: int
    masks: int
    """The fewest masks that a language was checked under, its own left out."""


def serving(near: pd.DataFrame, checked: pd.DataFrame, member: str, score: str = "perplexity") -> pd.DataFrame:
    """Return other languages' masks by how well they would serve a language, the best first: `COLUMNS`.

    value is the score of the language's text under a mask, ratio that over the score under its own, cost by how much it
    is worse, as a share (above 0 is worse). They are NaN, and the order is that of the overlap, where the text was not
    checked. `near` is `nearest.nearest`, `checked` is
    `evaluations.functional`, and `score` its metric. Raises `NeutralError` for an unknown metric.
    """
    table = near.rename(columns={"value": "overlap"})
    rows = checked[checked["target"] == member].set_index("source") if len(checked) else checked
    for column in ("value", "ratio"):
        table[column] = table["language"].map(rows[column]) if len(rows) else np.nan
    table["cost"] = costs(score, table["ratio"] - 1)
    if table["ratio"].notna().any():
        table = table[table["ratio"].notna()].sort_values("cost", kind="stable")
    return table[COLUMNS].reset_index(drop=True)


def foretold(pairs: pd.DataFrame, checked: pd.DataFrame, score: str = "perplexity") -> Foretold | None:
    """Return how far overlap foretells the functional check, over the languages whose text it scored.

    `pairs` is the overlap of all pairs in one group (`summary.pairs`), `score` the metric of the check. None where no
    language was checked under at least four other languages' masks. Raises `NeutralError` for an unknown metric.
    """
    both = pd.concat([pairs, pairs.rename(columns={"source": "target", "target": "source"})])
    joined = checked.merge(both[["source", "target", "value"]], on=["source", "target"], suffixes=("", "_overlap"))
    better = 1 if metric(score).higher_is_better else -1
    found = []
    for _, rows in joined.groupby("target", sort=False):
        rho = rank_correlation(rows["value_overlap"], better * rows["ratio"], least=_LEAST)
        if rho == rho:
            found.append((rho, len(rows)))
    if not found:
        return None
    rhos = [rho for rho, _ in found]
    return Foretold(float(np.mean(rhos)), min(rhos), max(rhos), len(found), min(masks for _, masks in found))
