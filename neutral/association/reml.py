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
from scipy import stats

from neutral.association.newton import derivatives, minima
from neutral.association.pairs import Sums

GRID = (0.1, 0.4, 1.2, 3.0)
"""Relative standard deviations from which the best is the start."""
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
    every = np.arange(count)
    phi = minima(lambda at, which: _deviance(sums, at, which, restricted), _start(sums, restricted, start))
    beta, covariance, rss, _ = _solved(sums, phi, every)
    free = sums.pairs.m - sums.predictors * restricted
    variance = rss / free
    deviance = _deviance(sums, phi, every, restricted)
    squared = np.diagonal(covariance, axis1=1, axis2=2)
    se = np.sqrt(variance[:, None] * squared)
    df = p = np.full(beta.shape, np.nan)
    if degrees:
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
    values = [_deviance(sums, point[None], None, restricted) for point in grid]  # each (L,)
    return grid[np.argmin(values, axis=0)].reshape(count, effects)


def _factors(sums: Sums, phi: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return weights (B, w), scales (B, u + p), lower Cholesky factors (B, u + p, u + p), log det of V (B,)."""
    u = len(sums.columns)
    weights, logs = sums.weights(phi)
    scales = np.hstack([phi[:, sums.columns], np.ones((len(phi), sums.predictors))])
    inner = np.tensordot(weights, sums.inner, axes=1) * scales[:, :, None] * scales[:, None, :]
    inner[:, range(u), range(u)] += 1
    lower = np.linalg.cholesky(inner)
    return weights, scales, lower, logs + _logs(lower[:, range(u), range(u)])


def _logs(diagonal: np.ndarray) -> np.ndarray:
    """Return the log determinant (B,) of matrices whose Cholesky factors have this diagonal (B, u)."""
    return 2 * np.log(diagonal).sum(axis=1)


def _deviance(sums: Sums, phi: np.ndarray, which: np.ndarray | None, restricted: bool) -> np.ndarray:
    """Return the profiled deviance (B,) of similarities `which` at φ (B, K); of all (L,) at one φ (1, K) for None."""
    u, p = len(sums.columns), sums.predictors
    weights, scales, lower, logs = _factors(sums, phi)
    if which is None:
        outer = (sums.outer.swapaxes(1, 2) @ weights[0]) * scales[0]  # (L, u + p)
        left = scipy.linalg.solve_triangular(lower[0], outer.T, lower=True, check_finite=False).T
        own = sums.own @ weights[0]
    else:
        left = _left(sums, weights, scales, lower, which)
        own = (sums.own[which] * weights).sum(axis=1)
    rss = np.maximum(own - (left**2).sum(axis=1), EXACT * sums.own[slice(None) if which is None else which, 0])
    if restricted:
        logs = logs + _logs(lower[:, range(u, u + p), range(u, u + p)])
    return (sums.pairs.m - p * restricted) * np.log(rss) + logs


def _left(sums: Sums, weights: np.ndarray, scales: np.ndarray, lower: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Return what solves lower · left = the scaled products with similarities `which`: (B, u + p)."""
    outer = (weights[:, None, :] @ sums.outer[which])[:, 0] * scales
    return scipy.linalg.solve(lower, outer[..., None], assume_a="lower triangular", check_finite=False)[..., 0]


def _solved(sums: Sums, phi: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return b (B, p), (X'V⁻¹X)⁻¹ (B, p, p), rss (B,) and log det V (B,) of similarities `which` at φ (B, K)."""
    u = len(sums.columns)
    weights, scales, lower, logs = _factors(sums, phi)
    left = _left(sums, weights, scales, lower, which)
    rss = (sums.own[which] * weights).sum(axis=1) - (left**2).sum(axis=1)
    back = np.linalg.inv(lower[:, u:, u:])  # (B, p, p)
    beta = (back.swapaxes(1, 2) @ left[:, u:, None])[..., 0]
    return beta, back.swapaxes(1, 2) @ back, rss, logs


def _degrees(sums: Sums, phi: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return Satterthwaite's degrees of freedom (L, p) of coefficients, from REML's curvature in log σ² and φ."""
    p, free = sums.predictors, sums.pairs.m - sums.predictors

    def both(at: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Return what of REML's deviance is with σ² held, as rss (its own column) and logs; and log (X'V⁻¹X)⁻¹."""
        _, covariance, rss, logs = _solved(sums, at, which)
        logs = logs - np.linalg.slogdet(covariance)[1]
        return np.column_stack([rss, logs, np.log(np.diagonal(covariance, axis1=1, axis2=2))])

    _, slope, bend = derivatives(both, phi, np.arange(len(phi)))  # (L, 2 + p, K), (L, 2 + p, K, K)
    effects = phi.shape[1]
    curvature = np.zeros((len(phi), effects + 1, effects + 1))  # of the deviance: log σ² first, then φ
    curvature[:, 0, 0] = free
    curvature[:, 0, 1:] = curvature[:, 1:, 0] = -slope[:, 0] / variance[:, None]
    curvature[:, 1:, 1:] = bend[:, 0] / variance[:, None, None] + bend[:, 1]
    spread = 2 * np.linalg.pinv(curvature, hermitian=True)  # the covariance of log σ² and φ
    gradient = np.concatenate([np.ones((len(phi), p, 1)), slope[:, 2:]], axis=2)  # of log v
    return 2 / np.einsum("lpi,lij,lpj->lp", gradient, spread, gradient)
