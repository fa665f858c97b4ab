"""Mixed models of pairs by restricted or full maximum likelihood, many at once.

For y ~ N(X b, σ²·V(φ)) the deviance, σ² and b profiled out, is (constants left away)

    ML     m·log rss + log det V
    REML   (m - p)·log rss + log det V + log det X'V⁻¹X        rss = (y - X b)'V⁻¹(y - X b)

Patterson & Thompson (1971), Recovery of inter-block information when block sizes are unequal, Biometrika 58, 545-554;
Harville (1977), Journal of the American Statistical Association 72, 320-338. Degrees of freedom are Satterthwaite's
(Giesbrecht & Burns 1985, Biometrics 41, 477-486): 2·v²/var(v) for a coefficient's squared standard error v, by the
delta method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from neutral.association.newton import derivatives, minima
from neutral.association.pairs import Sums

GRID = (0.1, 0.4, 1.2, 3.0)
"""Relative standard deviations from which the best is the start."""
AT_ONCE = 100
"""Similarities fitted together: what a processor keeps near."""
EXACT = 1e-12
"""A residual sum of squares of less than this share of the whole is rounding error."""


@dataclass(frozen=True)
class Fits:
    """Fitted models of L similarities with p predictors and K random effects.

    Attributes
    ----------
    beta, se, df, p : array (L, p)
        Coefficients, their standard errors, Satterthwaite's degrees of freedom, and p of the t that follow. df and p
        are NaN unless they were asked for.
    phi : array (L, K)
        Standard deviations of the random effects, relative to that of the residual.
    variances : array (L, K + 1)
        Of the random effects, and the residual's.
    loglik : array (L,)
        The log-likelihood at the optimum, the restricted one for REML.
    """

    beta: np.ndarray
    se: np.ndarray
    df: np.ndarray
    p: np.ndarray
    phi: np.ndarray
    variances: np.ndarray
    loglik: np.ndarray


def fitted(sums: Sums, *, restricted: bool, start: np.ndarray | None = None, degrees: bool = False) -> Fits:
    """Fit all models of `sums`, by REML (`restricted`) or ML; `start` (L, K) are relative standard deviations near by.

    Predictors must be linearly independent, and no similarity may be their exact combination. `degrees` asks for df.
    """
    count = len(sums.outer)
    if count > AT_ONCE:
        some = [slice(first, first + AT_ONCE) for first in range(0, count, AT_ONCE)]
        starts = [None if start is None else start[each] for each in some]
        fits = [
            fitted(sums.of(each), restricted=restricted, start=near, degrees=degrees)
            for each, near in zip(some, starts, strict=True)
        ]
        return Fits(**{name: np.concatenate([getattr(each, name) for each in fits]) for name in vars(fits[0])})
    every = np.arange(count)
    phi = minima(lambda at, which: _deviance(sums, at, which, restricted), _start(sums, restricted, start))
    beta, covariance, rss, _ = (part[0] for part in _solved(sums, phi[None], every))
    free = sums.pairs.m - sums.predictors * restricted
    variance = rss / free
    deviance = _deviance(sums, phi[None], every, restricted)[0]
    squared = np.diagonal(covariance, axis1=1, axis2=2)
    se = np.sqrt(variance[:, None] * squared)
    df = p = np.full(beta.shape, np.nan)
    if degrees:
        from scipy import stats  # as in gaussian.py

        df = _degrees(sums, phi, variance)
        p = 2 * stats.t.sf(abs(beta / se), df)
    return Fits(
        beta=beta,
        se=se,
        df=df,
        p=p,
        phi=phi,
        variances=variance[:, None] * np.hstack([phi**2, np.ones((count, 1))]),
        loglik=-0.5 * (deviance + free * (1 + np.log(2 * np.pi / free))),
    )


def _start(sums: Sums, restricted: bool, start: np.ndarray | None) -> np.ndarray:
    """Return where to begin (L, K): near `start`, none of them 0, or at the best of a grid."""
    if start is not None:
        return np.maximum(start, 0.02)
    count, effects = len(sums.outer), len(sums.pairs.effects)
    grid = np.stack(np.meshgrid(*[GRID] * effects, indexing="ij"), axis=-1).reshape(-1, effects)
    return grid[np.argmin([_shared_deviance(sums, point, restricted) for point in grid], axis=0)].reshape(count, -1)


def _factors(sums: Sums, phi: np.ndarray, which: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Return the Cholesky factor of all products at φ (P, B, K), log det V and log det X'V⁻¹X (P, B).

    The factor is (P, B, u + p + 1, u + p + 1), its last row that of similarities `which` (B,) and its last number
    squared the rss; without that row, (P, B, u + p, u + p), for None.
    """
    u, p = len(sums.columns), sums.predictors
    weights, logs = sums.weights(phi)
    size = u + p + (which is not None)
    products = np.empty((*phi.shape[:2], size, size))
    products[..., : u + p, : u + p] = np.tensordot(weights, sums.inner, axes=1)
    if which is not None:
        outer = weights.swapaxes(0, 1) @ sums.outer[which]  # (B, P, u + p)
        products[..., -1, :-1] = outer.swapaxes(0, 1)  # of a symmetric matrix Cholesky reads the lower half
        products[..., -1, -1] = (weights * sums.own[which]).sum(axis=-1)
    scales = phi[..., sums.columns]
    products[..., :u] *= scales[..., None, :]
    products[..., :u, :] *= scales[..., :, None]
    products[..., range(u), range(u)] += 1
    if which is not None:
        products[..., -1, -1] += EXACT * sums.own[which, 0]
    lower = np.linalg.cholesky(products)
    parts = 2 * np.log(np.diagonal(lower, axis1=-2, axis2=-1))
    return lower, logs + parts[..., :u].sum(axis=-1), parts[..., u : u + p].sum(axis=-1)


def _deviance(sums: Sums, phi: np.ndarray, which: np.ndarray, restricted: bool) -> np.ndarray:
    """Return the profiled deviance (P, B) of similarities `which` (B,) at φ (P, B, K)."""
    lower, logs, fixed = _factors(sums, phi, which)
    free = sums.pairs.m - sums.predictors * restricted
    return free * 2 * np.log(lower[..., -1, -1]) + logs + fixed * restricted


def _shared_deviance(sums: Sums, phi: np.ndarray, restricted: bool) -> np.ndarray:
    """Return the profiled deviance (L,) of all similarities at one φ (K,)."""
    lower, logs, fixed = (part[0, 0] for part in _factors(sums, phi[None, None], None))
    weights = sums.weights(phi[None])[0][0]
    scales = np.concatenate([phi[sums.columns], np.ones(sums.predictors)])
    outer = (sums.outer.swapaxes(1, 2) @ weights) * scales  # (L, u + p)
    left = scipy.linalg.solve_triangular(lower, outer.T, lower=True, check_finite=False)
    rss = np.maximum(sums.own @ weights - (left**2).sum(axis=0), EXACT * sums.own[:, 0])
    return (sums.pairs.m - sums.predictors * restricted) * np.log(rss) + logs + fixed * restricted


def _solved(sums: Sums, phi: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return b (P, B, p), (X'V⁻¹X)⁻¹ (P, B, p, p), rss (P, B) and REML's log determinants (P, B) at φ (P, B, K)."""
    u = len(sums.columns)
    lower, logs, fixed = _factors(sums, phi, which)
    back = np.linalg.inv(lower[..., u:-1, u:-1])
    beta = (lower[..., None, -1, u:-1] @ back)[..., 0, :]
    return beta, back.swapaxes(-1, -2) @ back, lower[..., -1, -1] ** 2, logs + fixed


def _degrees(sums: Sums, phi: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return Satterthwaite's degrees of freedom (L, p) of coefficients, from REML's curvature in log σ² and φ."""
    p, free = sums.predictors, sums.pairs.m - sums.predictors

    def parts(at: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Return rss, REML's log determinants, and the log of coefficients' (X'V⁻¹X)⁻¹: (P, B, 2 + p)."""
        _, covariance, rss, logs = _solved(sums, at, which)
        squared = np.diagonal(covariance, axis1=-2, axis2=-1)
        return np.concatenate([rss[..., None], logs[..., None], np.log(squared)], axis=-1)

    _, slope, bend = derivatives(parts, phi, np.arange(len(phi)))  # (L, 2 + p, K), (L, 2 + p, K, K)
    effects = phi.shape[1]
    curvature = np.zeros((len(phi), effects + 1, effects + 1))  # of the deviance: log σ² first, then φ
    curvature[:, 0, 0] = free
    curvature[:, 0, 1:] = curvature[:, 1:, 0] = -slope[:, 0] / variance[:, None]
    curvature[:, 1:, 1:] = bend[:, 0] / variance[:, None, None] + bend[:, 1]
    spread = 2 * np.linalg.pinv(curvature, hermitian=True)  # the covariance of log σ² and φ
    gradient = np.concatenate([np.ones((len(phi), p, 1)), slope[:, 2:]], axis=2)  # of log v
    return 2 / np.einsum("lpi,lij,lpj->lp", gradient, spread, gradient)
