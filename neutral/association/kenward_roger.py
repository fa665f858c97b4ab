"""Tests of coefficients of a mixed model that reckon with how uncertain its variances are.

Kenward & Roger (1997), Small sample inference for fixed effects from restricted maximum likelihood, Biometrics 53,
983-997, for a covariance V = Σ θ_k·G_k that is linear in its variances (then no second derivatives are needed): the
coefficients' covariance is made larger by what the variances' uncertainty adds, and F is scaled and gets denominator
degrees of freedom so that its first two moments are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Adjusted(NamedTuple):
    """What `f_test` needs of a model.

    Attributes
    ----------
    covariance, adjusted : array (p, p)
        Φ = (X'V⁻¹X)⁻¹ of the coefficients, and what it is with the variances' uncertainty.
    single : array (K, p, p)
        X'V⁻¹G_kV⁻¹X.
    spread : array (K, K)
        W, the covariance of the variances.
    """

    covariance: np.ndarray
    adjusted: np.ndarray
    single: np.ndarray
    spread: np.ndarray


def adjusted(design: np.ndarray, parts: np.ndarray, variances: np.ndarray) -> Adjusted:
    """Return what `f_test` needs of a model fitted by REML, of its design (n, p), G (K, n, n) and θ (K,)."""
    inverse = np.linalg.inv(np.tensordot(variances, parts, axes=1))
    white = inverse @ design  # V⁻¹X, (n, p)
    phi = np.linalg.inv(design.T @ white)
    projection = inverse - white @ phi @ white.T
    moved = projection @ parts  # (K, n, n)
    information = np.einsum("kij,lji->kl", moved, moved) / 2
    spread = np.linalg.pinv(information, hermitian=True)
    pulled = parts @ white  # G_k V⁻¹X, (K, n, p)
    single = white.T @ pulled  # (K, p, p)
    double = np.einsum("kip,ij,ljq->klpq", pulled, inverse, pulled, optimize=True)  # X'V⁻¹G_kV⁻¹G_lV⁻¹X
    inner = np.einsum("kl,klpq->pq", spread, double - np.einsum("kpa,ab,lbq->klpq", single, phi, single, optimize=True))
    return Adjusted(phi, phi + 2 * phi @ inner @ phi, single, spread)


def f_test(beta: np.ndarray, columns: Sequence[int], model: Adjusted) -> tuple[float, float, float]:
    """Return F, its denominator's degrees of freedom and p of the coefficients `columns` of `beta` (p,) together."""
    from scipy import stats  # as in gaussian.py

    phi, larger, single, spread = model
    some = np.array(columns)
    count = len(some)
    part = np.ix_(some, some)
    theta = np.zeros_like(phi)
    theta[part] = np.linalg.inv(phi[part])
    steps = theta @ phi @ single @ phi  # (K, p, p)
    traces = np.trace(steps, axis1=1, axis2=2)
    a1 = traces @ spread @ traces
    a2 = np.einsum("kl,kpq,lqp->", spread, steps, steps)
    wald = beta[some] @ np.linalg.solve(larger[part], beta[some]) / count
    if a2 < 1e-12:
        return wald, np.inf, stats.chi2.sf(wald * count, count)
    df, scale = _moments(a1, a2, count)
    return scale * wald, df, float(stats.f.sf(scale * wald, count, df))


def _moments(a1: float, a2: float, count: int) -> tuple[float, float]:
    """Return the degrees of freedom and the scale with which an F has the moments that A1 and A2 give."""
    simple = 2 * count / a2, 1.0  # for one coefficient exactly; for several where the moments have no F
    if count == 1:
        return simple
    b = (a1 + 6 * a2) / (2 * count)
    g = ((count + 1) * a1 - (count + 4) * a2) / ((count + 2) * a2)
    below = 3 * count + 2 * (1 - g)
    c1, c2, c3 = g / below, (count - g) / below, (count + 2 - g) / below
    rest = (1 - a2 / count, 1 - c2 * b, 1 - c3 * b)
    if min(rest) <= 0:
        return simple
    ratio = (1 + c1 * b) / (count * rest[1] ** 2 * rest[2]) * rest[0] ** 2
    df = 4 + (count + 2) / (count * ratio - 1) if count * ratio > 1 else 0.0
    return (df, df * rest[0] / (df - 2)) if df > 2 else simple
