"""How alike two languages' representations are: SVCCA, PWCCA and debiased linear CKA on parallel sentences.

Each measure compares two sets of states of the same n sentences, (n, d1) and (n, d2), and is 1 for equal sets.

- svcca (Raghu et al. 2017, arXiv 1706.05806): the mean of the canonical correlations between the directions that hold
  most of each set's variance.
- pwcca (Morcos et al. 2018, arXiv 1806.05759): the same correlations, weighted by how much of the first set's states
  each canonical variate accounts for, Σ_j |⟨h_i, x_j⟩| over its dimensions j; here the mean of both directions, so that
  a pair has one value.
- cka (Kornblith et al. 2019, arXiv 1905.00414), linear, with the unbiased HSIC of Song et al. (2012) as in
  Nguyen et al. (2021, arXiv 2010.15327); that equals the inner product of U-centred matrices (Székely & Rizzo 2014).
  Without the debiasing, CKA of independent states is far above 0 if d is not small beside n.

Canonical correlation is degenerate with few sentences: in n - 1 or more dimensions any two sets correlate perfectly,
and the squared correlations of independent subspaces of p ≤ q dimensions are q / (n - 1) in the mean. So at most a
fifth of n directions are kept (`DIRECTIONS`; with a few hundred sentences this limit decides, not the variance). That
puts chance at about 0.4 rather than 1. Chance stands beside every value: the mean over seeded shuffles of one set's
sentences.

svcca and cka do not change with rotation and scale of either set. CCA itself does not change under invertible linear
maps either, but the choice of directions does, and so do pwcca's weights, which as published depend on the axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neutral.errors import MismatchError, NeutralError
from neutral.inside import definitions

MEASURES = ("svcca", "pwcca", "cka")
VARIANCE = 0.99
"""Share of the variance that the directions kept for CCA hold, if `DIRECTIONS` allows so many."""

DIRECTIONS = 0.2
"""Directions kept for CCA, at most, as a share of the sentences."""

SHUFFLES = 10

COLUMNS = [
    *("task", "method", "sparsity", "seed", "mask", "pooling", "layer", "source", "target", "measure"),
    *("value", "chance", "sentences"),
]

_LEAST = 4  # sentences; the unbiased HSIC divides by n - 3


@dataclass(frozen=True)
class Geometry:
    """One set of states, ready to be compared with others of the same sentences.

    Attributes
    ----------
    basis : array (n, k)
        The directions kept, orthonormal, in the space of sentences.
    loadings : array (k, d)
        Each dimension's states in that basis: basis @ loadings are the states within the directions kept.
    gram : array (n, n)
        U-centred inner products, of Frobenius norm 1; NaN when all states are equal.
    """

    basis: np.ndarray
    loadings: np.ndarray
    gram: np.ndarray

    def shuffled(self, order: np.ndarray) -> Geometry:
        """Return the geometry of the same states with the sentences in another order."""
        return Geometry(self.basis[order], self.loadings, self.gram[np.ix_(order, order)])


def geometry(states: np.ndarray, *, variance: float = VARIANCE, directions: float = DIRECTIONS) -> Geometry:
    """Prepare (n, d) states for `compare`, so that what does not depend on the partner is computed once.

    `variance` and `directions` limit the directions kept for CCA; see `VARIANCE` and `DIRECTIONS`. Raises
    `NeutralError` for fewer than four sentences.
    """
    n = len(states)
    if n < _LEAST:
        raise NeutralError(f"representations are compared on {_LEAST} sentences at least; got {n}")
    states = states.astype(np.float64)
    noise = np.finfo(np.float32).eps * np.linalg.norm(states)  # networks compute in single precision
    states = states - states.mean(0)
    left, strength, right = np.linalg.svd(states, full_matrices=False)
    held = np.cumsum(strength**2)
    enough = int(np.searchsorted(held, variance * held[-1] * (1 - 1e-12))) + 1
    k = min(enough, int((strength > noise).sum()), max(1, int(directions * n)))
    gram = _u_centred(states @ states.T) if k else np.full((n, n), np.nan)
    return Geometry(left[:, :k], strength[:k, None] * right[:k], gram)


def compare(
    first: Geometry, second: Geometry, *, shuffles: int = SHUFFLES, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return measure -> (value, chance): chance is the mean over shuffles of the second's sentences.

    Shuffles are drawn from the seed alone, so all pairs are compared with the same ones. Values are NaN when a set's
    states are all equal. Raises `MismatchError` for states of different numbers of sentences.
    """
    n = len(first.gram)
    if len(second.gram) != n:
        raise MismatchError(f"states of the same sentences are compared; got {n} and {len(second.gram)} sentences")
    draw = np.random.default_rng(seed)
    values = _measures(first, second)
    random = [_measures(first, second.shuffled(draw.permutation(n))) for _ in range(shuffles)]
    chance = np.mean(random, axis=0) if random else np.full(len(MEASURES), np.nan)
    return {name: (float(values[i]), float(chance[i])) for i, name in enumerate(MEASURES)}


def canonical_correlations(first: Geometry, second: Geometry) -> np.ndarray:
    """Return the canonical correlations between the directions kept, highest first, as many as the smaller set has."""
    return _cca(first, second)[1]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `Study.table("representation")` with a row a layer: `COLUMNS`."""
    if frame.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = definitions.filled(frame, ("pooling",)).explode(["layers", "value", "chance"], ignore_index=True)
    rows = rows.rename(columns={"layers": "layer"})
    return rows.astype({"value": float, "chance": float})[COLUMNS]


def _measures(first: Geometry, second: Geometry) -> tuple[float, float, float]:
    """Return svcca, pwcca and cka."""
    cka = float(np.vdot(first.gram, second.gram))
    if not (first.basis.shape[1] and second.basis.shape[1]):
        return np.nan, np.nan, cka
    left, correlations, right = _cca(first, second)
    one, other = _weights(left, first), _weights(right, second)
    return float(correlations.mean()), float((one + other) / 2 @ correlations), cka


def _cca(first: Geometry, second: Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the canonical variates in the bases of both, (k1, c) and (k2, c), and their correlations (c,).

    For orthonormal bases they are the singular vectors and values of U1ᵀ U2 (Björck & Golub 1973).
    """
    left, correlations, right = np.linalg.svd(first.basis.T @ second.basis, full_matrices=False)
    return left, np.clip(correlations, 0, 1), right.T


def _weights(variates: np.ndarray, of: Geometry) -> np.ndarray:
    """Return each variate's weight in its set, (c,): Σ_j |⟨h_i, x_j⟩|, normalised to 1."""
    weights = np.abs(variates.T @ of.loadings).sum(1)
    return weights / weights.sum()


def _u_centred(gram: np.ndarray) -> np.ndarray:
    """Return the U-centred matrix (Székely & Rizzo 2014) of norm 1: off the diagonal

    a_ij - Σ_l a_il / (n - 2) - Σ_k a_kj / (n - 2) + Σ_kl a_kl / ((n - 1)(n - 2)),

    and 0 on it, for a matrix whose own diagonal counts as 0.
    """
    n = len(gram)
    scale = np.abs(gram).max()
    gram = gram - np.diag(np.diag(gram))
    sums = gram.sum(0) / (n - 2)
    centred = gram - sums[:, None] - sums[None, :] + gram.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0)
    norm = np.linalg.norm(centred)
    return centred / norm if norm > 1e-12 * scale else np.full_like(centred, np.nan)
