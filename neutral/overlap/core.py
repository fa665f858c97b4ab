"""The neutral core: weights that at least k of n masks keep, and how many that would be by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neutral.errors import NeutralError

if TYPE_CHECKING:
    from neutral.overlap.counts import Counts


def shares(counts: Counts, by: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares kept by at least k masks, and those expected of independent ones, each (groups, n): k = 1..n.

    Raises `NeutralError` for counts that do not hold what exactly k masks keep.
    """
    if counts.exactly is None:
        raise NeutralError("these counts do not hold the core of these masks; count these masks alone")
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.nan_to_num(counts.kept / counts.sizes[:, None])  # (T, n)
        expected = poisson_binomial(density) * counts.sizes[:, None]  # (T, n + 1)
        sizes = counts.summed(counts.sizes, by)[:, None]
        value, chance = (_at_least(counts.summed(a, by))[:, 1:] / sizes for a in (counts.exactly, expected))
    return value, chance


def poisson_binomial(density: np.ndarray) -> np.ndarray:
    """Return the distribution of how many of n independent masks keep a weight.

    Parameters
    ----------
    density : (T, n) array
        Share of each tensor's weights that each mask keeps, 0..1.

    Returns
    -------
    (T, n + 1) array
        Probability that exactly k masks keep a weight, in column k.
    """
    t, n = density.shape
    chances = np.zeros((t, n + 1))
    chances[:, 0] = 1
    for i in range(n):
        p = density[:, i : i + 1]
        chances[:, 1:] = chances[:, 1:] * (1 - p) + chances[:, :-1] * p
        chances[:, :1] *= 1 - p
    return chances


def _at_least(exactly: np.ndarray) -> np.ndarray:
    """Turn (…, n + 1) counts of exactly k into counts of at least k."""
    return np.cumsum(exactly[..., ::-1], axis=-1)[..., ::-1]
