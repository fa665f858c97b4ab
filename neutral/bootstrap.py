"""The paired bootstrap: is one model better than another on held-out examples that both were scored on?

The examples are drawn again with replacement, the same for both models (Efron & Tibshirani 1993). Their choice is the
only noise that the bootstrap measures: not another seed of the training, not another search, not other text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from neutral.metrics import metric
from neutral.ties import ROUNDING

REPEATS = 2000
"""Bootstrap samples."""

LEVEL = 0.95
"""Level of the percentile interval."""


def gain_interval(
    name: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], *, repeats: int = REPEATS, seed: int = 0
) -> tuple[float, float, float, float]:
    """Return the gain of one model over another on resampled examples, the same for both models and for all seeds.

    Parameters
    ----------
    name : str
        The metric.
    pairs : sequence of (array, array)
        The parts (examples, k) of both models on the same examples, a pair a seed of the training.
    repeats : int
        Bootstrap samples.
    seed : int
        Of the draws.

    Returns
    -------
    gain, low, high, p : float
        The mean gain over the seeds, in the metric's unit and above 0 if the first model is better; the percentile
        interval of `LEVEL`; the two-sided p, twice the smaller tail, at least 2 / (repeats + 1). low, high and p are
        NaN when a score is not finite.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap.
    """
    measured = metric(name)
    sign = 1 if measured.higher_is_better else -1
    count = len(pairs[0][0])
    drawn = _kept_draws if count * repeats <= _MOST_KEPT else _draws
    draws = drawn(count, repeats, seed)  # (repeats, examples)

    def gains(weights: np.ndarray) -> np.ndarray:
        scores = np.array([[measured.over(parts, weights) for parts in pair] for pair in pairs])  # (seeds, 2, …)
        gain = sign * np.mean(scores[:, 0] - scores[:, 1], axis=0)
        cancelled = np.isfinite(gain) & (abs(gain) <= ROUNDING * abs(scores).max(axis=(0, 1)))  # all but rounding
        return np.where(cancelled, 0, gain)

    with np.errstate(invalid="ignore"):  # infinite less infinite
        sampled, observed = gains(draws), float(gains(np.ones((1, count)))[0])
    low, high = np.quantile(sampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if not np.isfinite(sampled).all() or not np.isfinite(observed):  # a model that diverged
        return observed, np.nan, np.nan, np.nan
    tail = min((sampled <= 0).sum(), (sampled >= 0).sum())
    return observed, float(low), float(high), float(min(1.0, 2 * (tail + 1) / (repeats + 1)))


def _draws(count: int, repeats: int, seed: int) -> np.ndarray:
    """Return how often each example is drawn in each sample, (repeats, count)."""
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=repeats)
    draws = draws.astype(np.float64)  # once: else every product does so
    draws.flags.writeable = False
    return draws


_kept_draws = lru_cache(maxsize=2)(_draws)
"""A page compares hundreds of pairs of models on the same few texts, and drawing takes longest."""

_MOST_KEPT = 2_000_000
"""Most draws that are kept, 16 MB."""
