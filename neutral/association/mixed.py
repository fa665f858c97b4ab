"""Mixed models of pairs that share languages, families and areas, for many similarities at once; `mlpe` makes tables.

- Coefficients, standard errors, shares of variance: REML. p is of t with Satterthwaite's degrees of freedom.
- Likelihood ratios, AIC and BIC: ML, against a model without the distance. BIC counts pairs.
- Explained variance: marginal and conditional R² (Nakagawa & Schielzeth 2013, Methods in Ecology and Evolution 4,
  133-142). A language's variance counts twice, because a pair has two languages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neutral.association.mrm import entangled
from neutral.association.pairs import LANGUAGE, Pairs, sums
from neutral.association.reml import Fits, fitted
from neutral.association.vectors import NOTHING, ranks


@dataclass(frozen=True)
class Models:
    """Models of L similarities, each with the same fixed effects.

    Attributes
    ----------
    beta, se, df, p : array (L, k)
        Standardised coefficients, standard errors, degrees of freedom and two-sided p by REML.
    total : array (L,)
        The variance that the model reckons with.
    r2 : array (L,)
        The share of it that the fixed effects explain.
    shares : effect -> array (L,)
        Those of the random effects and the "residual"; with r2 they add up to 1.
    loglik : array (L,)
        By ML.
    parameters : int
        How many numbers ML fits: coefficients, mean and variances.
    phi : tuple of two arrays (L, K)
        Where REML and ML ended, to start others from.
    """

    beta: np.ndarray
    se: np.ndarray
    df: np.ndarray
    p: np.ndarray
    total: np.ndarray
    r2: np.ndarray
    shares: dict[str, np.ndarray]
    loglik: np.ndarray
    parameters: int
    phi: tuple[np.ndarray, np.ndarray]

    def gains(self, null: Models, pairs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return likelihood ratio, its p, and how AIC and BIC change, from the nested model `null`: each (L,).

        They are NaN for a model that has no more than the null model.
        """
        from scipy import stats  # as in gaussian.py

        more = self.parameters - null.parameters
        ratio = 2 * (self.loglik - null.loglik) if more else np.full(self.loglik.shape, np.nan)
        return ratio, stats.chi2.sf(ratio, more), 2 * more - ratio, more * np.log(pairs) - ratio


def standardised(vectors: np.ndarray, *, by_ranks: bool) -> np.ndarray:
    """Return vectors over pairs (…, m), or their ranks, with mean 0 and variance 1; NaN where they are constant."""
    vectors = ranks(vectors) if by_ranks else np.asarray(vectors, dtype=float)
    centred = vectors - vectors.mean(axis=-1, keepdims=True)
    deviation = centred.std(axis=-1, keepdims=True)
    constant = deviation <= NOTHING * np.sqrt((vectors**2).mean(axis=-1, keepdims=True))
    return centred / np.where(constant, np.nan, deviation)


def mixed(similarities: np.ndarray, distances: np.ndarray, shared: Pairs, *, like: Models | None = None) -> Models:
    """Explain every similarity (L, m) by all distances (k, m) together; both are `standardised`, k may be 0.

    `like` are fitted models of the same similarities, from which the search starts. A constant distance is left out and
    has NaN. Everything is NaN for a similarity that is constant, or an exact combination of the distances; for
    distances that follow from one another; and where languages are too few (`enough`).
    """
    count, k = len(similarities), len(distances)
    varying = ~np.isnan(distances).any(axis=1)
    fixed = np.vstack([np.ones((1, shared.m)), distances[varying]])
    fits = likelihood = _nothing(count, len(fixed), len(shared.effects))
    good = _leaves_something(similarities, fixed)
    if enough(shared.n, len(fixed) - 1) and good.any() and not entangled(fixed[1:], by_ranks=False):
        added = sums(shared, fixed, similarities[good])
        starts = _starts(like, good)
        restricted = fitted(added, restricted=True, start=starts[0], degrees=True)
        likely = fitted(added, restricted=False, start=restricted.phi if starts[1] is None else starts[1])
        fits, likelihood = _spread(restricted, good, fits), _spread(likely, good, likelihood)
    explained = np.where(good, (fits.beta[:, 1:] @ fixed[1:]).var(axis=1), np.nan)
    parts = fits.variances * np.array([2 if effect == LANGUAGE else 1 for effect in (*shared.effects, "residual")])
    whole = explained + parts.sum(axis=1)
    coefficients = np.full((4, count, k), np.nan)
    coefficients[:, :, varying] = [each[:, 1:] for each in (fits.beta, fits.se, fits.df, fits.p)]
    return Models(
        *coefficients,
        total=whole,
        r2=explained / whole,
        shares=dict(zip((*shared.effects, "residual"), (parts / whole[:, None]).T, strict=True)),
        loglik=likelihood.loglik,
        parameters=len(fixed) + len(shared.effects) + 1,
        phi=(fits.phi, likelihood.phi),
    )


def enough(languages: int, distances: int) -> bool:
    """Whether languages are enough for a model: what pairs have of their own outnumbers its coefficients.

    >>> enough(4, 1), enough(5, 1)
    (False, True)
    """
    return languages * (languages - 3) // 2 >= distances + 3


def separate(similarities: np.ndarray, distances: np.ndarray, shared: Pairs, *, by_ranks: bool = True) -> np.ndarray:
    """Return p of each distance (D, m) alone, for each similarity (L, m), by t and by likelihood ratio: (2, L, D)."""
    y, x = standardised(similarities, by_ranks=by_ranks), standardised(distances, by_ranks=by_ranks)
    null = mixed(y, x[:0], shared)
    p = np.empty((2, len(y), len(x)))
    for d in range(len(x)):
        model = mixed(y, x[d : d + 1], shared, like=null)
        p[:, :, d] = model.p[:, 0], model.gains(null, shared.m)[1]
    return p


def _leaves_something(similarities: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Return which similarities (L, m) are known and no exact combination of `fixed` (p, m): (L,)."""
    q = np.linalg.qr(fixed.T)[0]
    rest = similarities - (similarities @ q) @ q.T
    return np.linalg.norm(rest, axis=1) > NOTHING * np.linalg.norm(similarities, axis=1)


def _starts(like: Models | None, good: np.ndarray) -> list[np.ndarray | None]:
    """Return where REML and ML ended for the `good` similarities (L,), each None where that is not known of all."""
    ends = [None, None] if like is None else [phi[good] for phi in like.phi]
    return [None if end is None or np.isnan(end).any() else end for end in ends]


def _nothing(count: int, coefficients: int, effects: int) -> Fits:
    """Return fits that are all NaN."""
    wide = np.full((count, coefficients), np.nan)
    return Fits(
        *[wide] * 4,
        phi=np.full((count, effects), np.nan),
        variances=np.full((count, effects + 1), np.nan),
        loglik=np.full(count, np.nan),
    )


def _spread(fits: Fits, good: np.ndarray, empty: Fits) -> Fits:
    """Return fits of the `good` similarities (L,) at their places among all, the others as in `empty`."""
    spread = {}
    for name, values in vars(empty).items():
        spread[name] = values.copy()
        spread[name][good] = getattr(fits, name)
    return Fits(**spread)
