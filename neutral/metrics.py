"""Metrics as functions of sums over held-out examples.

An example gives a few numbers (its part); a metric is a function of their sums. So a score over any selection of the
examples, a bootstrap sample say, is the same function of other sums.

perplexity  (loss in nats, scored tokens)        exp(Σ loss / Σ tokens), lower is better
accuracy    (right or not, 1)                    share that is right
f1          (spans that are right, predicted, true)  2 · right / (predicted + true), micro-averaged
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
    "perplexity": Metric("Perplexity", ("loss", "tokens"), _perplexity, higher_is_better=False),
    "accuracy": Metric("Accuracy", ("right", "examples"), _accuracy, higher_is_better=True),
    "f1": Metric("F1", ("right", "predicted", "true"), _f1, higher_is_better=True),
}


def metric(name: str) -> Metric:
    """Return a metric by name. Raises `NeutralError` for an unknown one."""
    if name not in METRICS:
        raise NeutralError(f"no such metric: {name}; there are {', '.join(METRICS)}")
    return METRICS[name]


def better(name: str, one: float, other: float) -> float:
    """Return by how much `one` is better than `other`, in the metric's unit: above 0 is better, whatever the metric."""
    return one - other if metric(name).higher_is_better else other - one


def spearman(one: pd.Series, other: pd.Series) -> float:
    """Return the rank correlation of two columns, ties at their mean rank; NaN for fewer than 3 rows or a constant."""
    one, other = (pd.Series(merged(values)) for values in (one, other))
    if len(one) < 3 or one.nunique() < 2 or other.nunique() < 2:
        return float("nan")
    return float(one.corr(other, method="spearman"))
