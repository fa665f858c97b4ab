"""The paired bootstrap: is one model better than another on held-out examples that both were scored on?

The examples are drawn again with replacement, the same for both models (Efron & Tibshirani 1993). They are the only
noise that it knows of: not another seed of the training, not another search, not other text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neutral.metrics import metric
from neutral.ties import ROUNDING

REPEATS = 2000
"""Bootstrap samples."""

LEVEL = 0.95
"""Of the percentile interval."""


def gain_interval(
    name: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], *, repeats: int = REPEATS, seed: int = 0
) -> tuple[float, float, float, float]:
    """Return gain, low, high and p of one model over another, from the parts (examples, k) of both under each seed.

    The examples are resampled (Efron & Tibshirani 1993), the same for both models and for all seeds. low, high and p
    are NaN where a score is not finite.
    """
    measured = metric(name)
    sign = 1 if measured.higher_is_better else -1
    count = len(pairs[0][0])
    draws = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=repeats
    )  # (repeats, examples)

    def gains(weights: np.ndarray) -> np.ndarray:
        scores = np.array([[measured.value(weights @ parts) for parts in pair] for pair in pairs])  # (seeds, 2, …)
        gain = sign * np.mean(scores[:, 0] - scores[:, 1], axis=0)
        none = np.isfinite(gain) & (abs(gain) <= ROUNDING * abs(scores).max(axis=(0, 1)))  # gains that cancel out
        return np.where(none, 0, gain)

    with np.errstate(invalid="ignore"):  # infinite less infinite
        sampled, observed = gains(draws), float(gains(np.ones((1, count)))[0])
    low, high = np.quantile(sampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if not np.isfinite(sampled).all() or not np.isfinite(observed):  # a model that diverged
        return observed, np.nan, np.nan, np.nan
    tail = min((sampled <= 0).sum(), (sampled >= 0).sum())
    return observed, float(low), float(high), float(min(1.0, 2 * (tail + 1) / (repeats + 1)))
