"""Metrics as functions of sums over held-out examples.

An example gives a few numbers (its part); a metric is a function of their sums. So a score over any selection of the
examples, a bootstrap sample say, is the same function of other sums.

perplexity   (loss in nats, scored tokens, right)  exp(Σ loss / Σ tokens), lower is better
accuracy     (right or not, 1)                    share that is right
f1           (right, predicted, true)             2 · right / (predicted + true): spans, or examples of class 1
matthews     (right, predicted, true, 1)          φ of predicted and true class 1; 0 where either has one class only
exact_match  (right or not, 1)                    share of questions whose answer is right (SQuAD)
answer_f1    (F1 of the words, 1)                 mean over questions (SQuAD)
pearson      (predicted, true)                    sums of both, of their squares and of their product
spearman     (predicted, true)                    Pearson of the ranks

The third number of perplexity gives the accuracy of the same tokens (`by_accuracy`); older results lack it.
Spearman is no function of sums: leave one example out and all ranks move. `Metric.over` ranks anew in each selection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from neutral.errors import NeutralError
from neutral.ties import ROUNDING, merged

T = TypeVar("T", float, pd.Series)

SIGNIFICANT = 0.05
"""Pages and figures call a p below this level small."""


def _as_they_are(parts: np.ndarray) -> np.ndarray:
    return parts


@dataclass(frozen=True)
class Metric:
    """A metric: its name for people, what an example gives, and the function of sums.

    Attributes
    ----------
    label : str
        The name for people.
    parts : tuple of str
        The numbers that an example gives.
    value : (…, k) -> (…)
        The metric as a function of the sums of `summed`.
    higher_is_better : bool
    summed : (n, parts) -> (n, k)
        What is summed; by default the parts themselves.
    """

    label: str
    parts: tuple[str, ...]
    value: Callable[[np.ndarray], np.ndarray]
    higher_is_better: bool
    summed: Callable[[np.ndarray], np.ndarray] = _as_they_are

    def over(self, parts: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """Return the metric over examples, `parts` (n, parts); each counts `counts` (…, n) times, else once: (…)."""
        summed = self.summed(parts)
        return self.value(summed.sum(axis=0) if counts is None else counts @ summed)


class Ranked(Metric):
    """A metric of ranks: `value` is a function of the sums of what `summed` makes of ranks, not of the parts."""

    def over(self, parts: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """See `Metric.over`. An example that counts twice takes two ranks, as in a bootstrap sample."""
        counts = np.ones(len(parts)) if counts is None else counts
        ranks = np.stack([_ranks(column, counts) for column in parts.T], axis=-1)  # (…, n, parts)
        return self.value((counts[..., None] * self.summed(ranks)).sum(axis=-2))


def _perplexity(sums: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.exp(sums[..., 0] / np.maximum(sums[..., 1], 1))


def _accuracy(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / np.maximum(sums[..., 1], 1)


def _f1(sums: np.ndarray) -> np.ndarray:
    return 2 * sums[..., 0] / np.maximum(sums[..., 1] + sums[..., 2], 1)


def _matthews(sums: np.ndarray) -> np.ndarray:
    right, predicted, true, n = np.moveaxis(np.asarray(sums, dtype=float), -1, 0)
    spread = predicted * (n - predicted) * true * (n - true)
    return np.where(spread > 0, (n * right - predicted * true) / np.sqrt(np.where(spread > 0, spread, 1)), 0.0)


def _moments(pairs: np.ndarray) -> np.ndarray:
    """Return x, y, x², y², xy and 1 of pairs (…, 2), shifted to small numbers, which changes no correlation."""
    x, y = np.moveaxis(pairs - pairs.mean(axis=-2, keepdims=True), -1, 0)
    return np.stack([x, y, x * x, y * y, x * y, np.ones_like(x)], axis=-1)


def _pearson(sums: np.ndarray) -> np.ndarray:
    x, y, xx, yy, xy, n = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spreads = [
            np.where(squares - s * s / n > ROUNDING * squares, squares - s * s / n, 0)
            for s, squares in ((x, xx), (y, yy))
        ]
        return (xy - x * y / n) / np.sqrt(spreads[0] * spreads[1])


def _ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the rank of each value (n,) where value i occurs `counts` (…, n) times; ties share their mean rank."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.add.reduceat(counts[..., order], starts, axis=-1)  # (…, groups)
    return (np.cumsum(sizes, axis=-1) - (sizes - 1) / 2)[..., group]


METRICS = {
    "perplexity": Metric("Perplexity", ("loss", "tokens", "right"), _perplexity, higher_is_better=False),
    "accuracy": Metric("Accuracy", ("right", "examples"), _accuracy, higher_is_better=True),
    "f1": Metric("F1", ("right", "predicted", "true"), _f1, higher_is_better=True),
    "matthews": Metric("Matthews φ", ("right", "predicted", "true", "examples"), _matthews, higher_is_better=True),
    "exact_match": Metric("Exact match", ("right", "questions"), _accuracy, higher_is_better=True),
    "answer_f1": Metric("F1 of answers", ("f1", "questions"), _accuracy, higher_is_better=True),
    "pearson": Metric("Pearson r", ("predicted", "true"), _pearson, higher_is_better=True, summed=_moments),
    "spearman": Ranked("Spearman ρ", ("predicted", "true"), _pearson, higher_is_better=True, summed=_moments),
}


def metric(name: str) -> Metric:
    """Return a metric by name. Raises `NeutralError` for an unknown one."""
    if name not in METRICS:
        raise NeutralError(f"no such metric: {name}; there are {', '.join(METRICS)}")
    return METRICS[name]


def parts_of(name: str, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return what each example adds to a metric, (n, parts), from predicted and true classes or numbers (n,).

    `f1` and `matthews` are of class 1 against the others.
    """
    if metric(name).parts == ("predicted", "true"):
        return np.stack([predicted, true], axis=1).astype(float)
    one = np.ones(len(true))
    if name == "accuracy":
        return np.stack([predicted == true, one], axis=1).astype(float)
    predicted, true = predicted == 1, true == 1
    columns = [predicted & true, predicted, true, one]
    return np.stack(columns[: len(metric(name).parts)], axis=1).astype(float)


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


def costs(name: str, change: T) -> T:
    """Return a relative change of a score, or of several, as a cost: above 0 is worse, whatever the metric."""
    return -change if metric(name).higher_is_better else change


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the rank correlation of every column of `one` (n, a) with every column of `other` (n, b): (a, b).

    Ties share their mean rank. NaN where a column is constant.
    """
    ranks = [pd.DataFrame(values).rank().to_numpy() for values in (one, other)]  # SciPy's takes a second to import
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
