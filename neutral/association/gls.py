"""Generalised least squares with random effects of known covariance, for many sets of scores at once.

n languages have scores y = X b + g_1 + … + g_K + e with g_k ~ N(0, σ²·φ_k²·C_k) and e ~ N(0, σ²): the covariance is
V = I + Σ φ_k²·C_k, times σ². φ by REML or ML as in `reml`, here with all of V, because n is a few hundred at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neutral.association.newton import minima

GRID = (0.1, 0.3, 0.7, 1.5, 3.5)
"""Relative standard deviations from which the best is the start."""
_NUMBERS = 2_000_000  # held at once, 16 MB


@dataclass(frozen=True)
class Regression:
    """Models of L sets of scores: coefficients and their covariances, variances, likelihoods.

    Attributes
    ----------
    beta : array (L, p)
    covariance : array (L, p, p)
        Of the coefficients.
    variances : array (L, K + 1)
        Of the effects, σ²·φ², and the rest, σ².
    loglik : array (L,)
        The log-likelihood, the restricted one for REML.
    """

    beta: np.ndarray
    covariance: np.ndarray
    variances: np.ndarray
    loglik: np.ndarray


def gls(scores: np.ndarray, design: np.ndarray, covariances: np.ndarray, *, restricted: bool = True) -> Regression:
    """Fit scores (L, n) with a design (n, p), of full rank, and effects of covariances (K, n, n), by REML or ML."""
    count, n = scores.shape
    step = max(1, _NUMBERS // (10 * n * n))
    if count > step:
        parts = [gls(scores[i : i + step], design, covariances, restricted=restricted) for i in range(0, count, step)]
        return Regression(**{name: np.concatenate([getattr(each, name) for each in parts]) for name in vars(parts[0])})
    start, _ = best_of_grid(scores, design, covariances, restricted)
    phi = minima(lambda at, which: _solved(scores[which], design, covariances, at, restricted)[0], start)
    deviance, beta, inverse, rss = (part[0] for part in _solved(scores, design, covariances, phi[None], restricted))
    free = n - design.shape[1] * restricted
    variance = rss / free
    return Regression(
        beta=beta,
        covariance=variance[:, None, None] * inverse,
        variances=variance[:, None] * np.hstack([phi**2, np.ones((count, 1))]),
        loglik=-0.5 * (deviance + free * (1 + np.log(2 * np.pi / free))),
    )


def best_of_grid(
    scores: np.ndarray, design: np.ndarray, covariances: np.ndarray, restricted: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each set of scores (L, n) the best φ (L, K) of a grid, and the deviance there (L,)."""
    effects = len(covariances)
    grid = np.stack(np.meshgrid(*[GRID] * effects, indexing="ij"), axis=-1).reshape(-1, effects)
    values = np.empty((len(grid), len(scores)))
    for place, phi in enumerate(grid):
        lower, logs = _root(covariances, phi)
        fixed, rest = np.split(np.linalg.solve(lower, np.hstack([design, scores.T])), [design.shape[1]], axis=1)
        q, r = np.linalg.qr(fixed)
        rss = (rest**2).sum(axis=0) - ((q.T @ rest) ** 2).sum(axis=0)
        free = len(design) - design.shape[1] * restricted
        values[place] = free * np.log(rss) + logs + restricted * 2 * np.log(abs(np.diagonal(r))).sum()
    best = values.argmin(axis=0)
    return grid[best], values.min(axis=0)


def _root(covariances: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Cholesky factor (…, n, n) of V at φ (…, K), and log det V (…)."""
    v = np.tensordot(phi**2, covariances, axes=1)
    n = v.shape[-1]
    v[..., range(n), range(n)] += 1
    lower = np.linalg.cholesky(v)
    return lower, 2 * np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(axis=-1)


def _solved(
    scores: np.ndarray, design: np.ndarray, covariances: np.ndarray, phi: np.ndarray, restricted: bool
) -> tuple[np.ndarray, ...]:
    """Return deviance (P, B), b (P, B, p), (X'V⁻¹X)⁻¹ (P, B, p, p) and rss (P, B) of scores (B, n) at φ (P, B, K)."""
    lower, logs = _root(covariances, phi)
    p = design.shape[1]
    both = np.concatenate([np.broadcast_to(design, (len(scores), *design.shape)), scores[..., None]], axis=-1)
    white = np.linalg.solve(lower, np.broadcast_to(both, (len(phi), *both.shape)))  # (P, B, n, p + 1)
    r = np.linalg.qr(white, mode="r")
    back = np.linalg.inv(r[..., :p, :p])
    beta = (back @ r[..., :p, p:])[..., 0]
    rss = r[..., p, p] ** 2
    diagonal = abs(np.diagonal(r[..., :p, :p], axis1=-2, axis2=-1))
    deviance = (len(design) - p * restricted) * np.log(rss) + logs + restricted * 2 * np.log(diagonal).sum(axis=-1)
    return deviance, beta, back @ back.swapaxes(-1, -2), rss
