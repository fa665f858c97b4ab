"""The measures of a pair of masks, each a formula of what the two keep.

The neutral core and Jaccard follow Foroutan et al. (EMNLP 2022, arXiv 2205.12672). A measure that is 0/0, because masks
keep nothing or everything, is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Kept(NamedTuple):
    """How many weights of each group P pairs of masks keep: counts, or counts that are expected."""

    both: np.ndarray
    """(groups, P), by both masks."""
    one: np.ndarray
    """(groups, P), by the first."""
    other: np.ndarray
    """(groups, P), by the second."""
    size: np.ndarray
    """(groups, 1), all weights."""

    @property
    def either(self) -> np.ndarray:
        """(groups, P), by one mask at least."""
        return self.one + self.other - self.both


def jaccard(kept: Kept) -> np.ndarray:
    """Return kept by both / kept by either (Jaccard 1912)."""
    return kept.both / kept.either


def dice(kept: Kept) -> np.ndarray:
    """Return 2 · kept by both / (kept by one + kept by the other) (Dice 1945)."""
    return 2 * kept.both / (kept.one + kept.other)


def agreement(kept: Kept) -> np.ndarray:
    """Return the share of weights with equal bits, zeros included."""
    return (kept.size - kept.one - kept.other + 2 * kept.both) / kept.size


def phi(kept: Kept) -> np.ndarray:
    """Return Pearson's correlation of the bits."""
    p, q, r = kept.one / kept.size, kept.other / kept.size, kept.both / kept.size
    return (r - p * q) / (np.sqrt(p * (1 - p)) * np.sqrt(q * (1 - q)))


FORMULAS: dict[str, Callable[[Kept], np.ndarray]] = {
    "jaccard": jaccard,
    "dice": dice,
    "agreement": agreement,
    "phi": phi,
}

MEASURES = (*FORMULAS, "chance")
"""The names of the measures. chance is the Jaccard expected of independent masks that are as dense in every tensor."""


def expected_both(one: np.ndarray, other: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return how many weights of each tensor two independent masks would both keep, N·p·q: (T, P) float.

    Unequal densities of tensors raise the overlap expected of a whole network, so expectations are computed per tensor
    and added up.

    Parameters
    ----------
    one, other : (T, P) array
        Weights that the first and the second mask of each pair keep.
    sizes : (T,) array
        Weights in each tensor.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(one.astype(float) * other / sizes[:, None])
