"""Metrics as functions of sums over held-out examples.

An example gives a few numbers (its part); a metric is a function of their sums. So a score over any selection of the
examples, a bootstrap sample say, is the same function of other sums.

perplexity  (loss in nats, scored tokens, right)  exp(Σ loss / Σ tokens), lower is better
accuracy    (right or not, 1)                    share that is right
f1          (spans that are right, predicted, true)  2 · right / (predicted + true), micro-averaged

The third number of perplexity gives the accuracy of the same tokens (`by_accuracy`); older results lack it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neutral.errors import NeutralError
from neutral.ties import merged

SIGNIFICANT = 0.05
"""Pages and figures call a p below this level small."""


@dataclass(frozen=True)
class Metric:
    """A metric's name for people, the numbers that an example gives, and the function of their sums (…, parts)."""

    label: str
    parts: tuple[str, ...]
    value: Callable[[np.ndarray], np.ndarray]
    higher_is_better: bool


def _perplexity(sums: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.exp(sums[..., 0] / np.maximum(sums[..., 1], 1))


def _accuracy(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / np.maximum(sums[..., 1], 1)


def _f1(sums: np.ndarray) -> np.ndarray:
    return 2 * sums[..., 0] / np.maximum(sums[..., 1] + sums[..., 2], 1)


METRICS = {
    "perplexity": Metric("Perplexity", ("loss", "tokens", "right"), _perplexity, higher_is_better=False),
    "accuracy": Metric("Accuracy", ("right", "examples"), _accuracy, higher_is_better=True),
    "f1": Metric("F1", ("right", "predicted", "true"), _f1, higher_is_better=True),
}


def metric(name: str) -> Metric:
    """Return a metric by name. Raises `NeutralError` for an unknown one."""
    if name not in METRICS:
        raise NeutralError(f"no such metric: {name}; there are {', '.join(METRICS)}")
    return METRICS[name]


def by_accuracy(table: pd.DataFrame) -> pd.DataFrame:
    """Return the results of language modelling by their accuracy in place of their perplexity.

    metric is accuracy, value the share of scored tokens whose likeliest token is right, parts (right, tokens), and
    untrained NaN, because only its perplexity is known. Rows without accuracy are left out, other metrics stay.

    `table` is a `Study.table` of scores or transfers.
    """
    if "accuracy" not in table:
        return table[table["metric"] != "perplexity"] if "metric" in table else table
    table = table[(table["metric"] != "perplexity") | table["accuracy"].notna()]
    modelled = table["metric"] == "perplexity"
    counted = [
        [parts[2], parts[1]] if perplexity and isinstance(parts, list) and len(parts) > 2 else parts
        for perplexity, parts in zip(modelled, table.get("parts", pd.Series(None, table.index)), strict=True)
    ]
    columns = {"metric": table["metric"].mask(modelled, "accuracy"), "parts": pd.Series(counted, table.index, object)}
    columns["value"] = table["value"].mask(modelled, table["accuracy"])
    if "untrained" in table:
        columns["untrained"] = table["untrained"].mask(modelled)
    return table.assign(**columns)


def has_accuracy(table: pd.DataFrame) -> bool:
    """Whether any result of language modelling in a table has an accuracy beside its perplexity."""
    return "accuracy" in table and bool((table["accuracy"].notna() & (table["metric"] == "perplexity")).any())


def better(name: str, one: float, other: float) -> float:
    """Return by how much `one` is better than `other`, in the metric's unit: above 0 is better, whatever the metric."""
    return one - other if metric(name).higher_is_better else other - one


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the rank correlation of every column of `one` (n, a) with every column of `other` (n, b): (a, b).

    Ties share their mean rank. NaN where a column is constant.
    """
    from scipy.stats import rankdata  # pages that show a metric need no SciPy

    ranks = [rankdata(values, axis=0) for values in (one, other)]
    centred = [rank - rank.mean(axis=0) for rank in ranks]
    lengths = [np.sqrt((column**2).sum(axis=0)) for column in centred]
    with np.errstate(invalid="ignore", divide="ignore"):
        return centred[0].T @ centred[1] / np.outer(*lengths)


def rank_correlation(one: pd.Series, other: pd.Series, *, least: int = 3) -> float:
    """Return Spearman's rank correlation of two columns over the rows that have both.

    Values that differ only by rounding are ties. NaN for fewer than `least` rows, or a constant column.
    """
    both = (one.notna() & other.notna()).to_numpy()
    columns = [merged(values.to_numpy(dtype=float)[both]) for values in (one, other)]
    if both.sum() < least or any(np.ptp(values) == 0 for values in columns):
        return float("nan")
    return float(spearman(*(values[:, None] for values in columns)).item())
