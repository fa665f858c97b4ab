"""What scores of languages consist of, as Gaussian processes: many sets of scores at once; `process` makes tables.

    y = X b + g_phylogeny + g_space + e

- Shares of variance: REML. Each covariance counts by how much it makes these languages differ (the mean of its diagonal
  in the space orthogonal to the mean), and together with r2 the shares add up to 1.
- phylogeny_p, space_p: the likelihood ratio (REML) of the model against that without the effect, whose variance cannot
  be below 0: half of χ² with one degree of freedom for phylogeny (Self & Liang 1987, Journal of the American
  Statistical Association 82, 605-610), with two for space, because its range is fitted, too.
- p of coefficients: F with Kenward and Roger's degrees of freedom; the range counts as known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neutral.association.covariances import spatial
from neutral.association.gls import best_of_grid, gls
from neutral.association.kenward_roger import adjusted, f_test

RANGES = (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""Ranges of the spatial covariance that are tried, in km."""


@dataclass(frozen=True)
class Processes:
    """What L sets of scores of n languages consist of.

    Attributes
    ----------
    r2, phylogeny, space, noise : array (L,)
        Shares of variance.
    phylogeny_p, space_p : array (L,)
        Of likelihood ratios.
    range_km : array (L,)
        The most likely of `RANGES`.
    beta, se : array (L, p)
        Coefficients and their standard errors.
    f, df, p : array (L, t)
        F, its denominator's degrees of freedom and p of the t sets of coefficients that are tested.
    """

    r2: np.ndarray
    phylogeny: np.ndarray
    phylogeny_p: np.ndarray
    space: np.ndarray
    space_p: np.ndarray
    noise: np.ndarray
    range_km: np.ndarray
    beta: np.ndarray
    se: np.ndarray
    f: np.ndarray
    df: np.ndarray
    p: np.ndarray


def processes(
    scores: np.ndarray,
    design: np.ndarray,
    phylogeny: np.ndarray,
    kilometres: np.ndarray,
    tested: Sequence[Sequence[int]] = (),
) -> Processes:
    """Fit scores (L, n) with a design (n, p) of full rank, a phylogenetic covariance and distances in km (n, n).

    The design's first column is ones; `tested` are sets of its columns, each tested together.
    """
    spaces = {each: spatial(kilometres, each) for each in RANGES}
    full, ranges = _over_ranges(scores, design, spaces, [phylogeny])
    without_phylogeny, _ = _over_ranges(scores, design, spaces, [])
    without_space = gls(scores, design, phylogeny[None])
    sizes = np.array([[_size(phylogeny), _size(spaces[each]), 1] for each in ranges])
    parts = full["variances"] * sizes
    fixed = (full["beta"] @ design.T).var(axis=1, ddof=1)
    whole = fixed + parts.sum(axis=1)
    shares = (parts / whole[:, None]).T
    return Processes(
        r2=fixed / whole,
        phylogeny=shares[0],
        phylogeny_p=_boundary(2 * (full["loglik"] - without_phylogeny["loglik"]), 1),
        space=shares[1],
        space_p=_boundary(2 * (full["loglik"] - without_space.loglik), 2),
        noise=shares[2],
        range_km=ranges,
        beta=full["beta"],
        **_tests(full, design, np.array([[phylogeny, spaces[each]] for each in RANGES]), ranges, tested),
    )


def _over_ranges(
    scores: np.ndarray, design: np.ndarray, spaces: Mapping[float, np.ndarray], others: list[np.ndarray]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return REML fits with `others` and the space of the likeliest range, as arrays by name, and these ranges (L,)."""
    effects = {each: np.array([*others, space]) for each, space in spaces.items()}
    deviances = np.array([best_of_grid(scores, design, each)[1] for each in effects.values()])
    ranges = np.array(list(spaces))[deviances.argmin(axis=0)]
    fits: dict[str, np.ndarray] = {}
    for each in dict.fromkeys(ranges):
        of = ranges == each
        for name, values in vars(gls(scores[of], design, effects[each])).items():
            fits.setdefault(name, np.empty((len(scores), *values.shape[1:])))[of] = values
    return fits, ranges


def _tests(
    full: Mapping[str, np.ndarray],
    design: np.ndarray,
    covariances: np.ndarray,
    ranges: np.ndarray,
    tested: Sequence[Sequence[int]],
) -> dict[str, np.ndarray]:
    """Return se, f, df and p of `Processes`, for covariances (ranges, 2, n, n) of the effects."""
    count = len(full["beta"])
    se, numbers = np.empty_like(full["beta"]), np.empty((3, count, len(tested)))
    for row, variances in enumerate(full["variances"]):
        parts = np.concatenate([covariances[RANGES.index(ranges[row])], np.eye(len(design))[None]])
        model = adjusted(design, parts, variances)
        se[row] = np.sqrt(np.diagonal(model.adjusted))
        for place, columns in enumerate(tested):
            numbers[:, row, place] = f_test(full["beta"][row], columns, model)
    return {"se": se, **dict(zip(("f", "df", "p"), numbers, strict=True))}


def _boundary(ratio: np.ndarray, degrees: int) -> np.ndarray:
    """Return p of likelihood ratios whose null hypothesis is a variance of 0: 1 as often as not, else χ²'s."""
    from scipy import stats  # takes a second to import, and what only reads a study's models needs none

    return np.where(ratio > 1e-6, stats.chi2.sf(ratio, degrees) / 2, 1.0)


def _size(covariance: np.ndarray) -> float:
    """Return the variance among languages that a covariance of variance 1 leads one to expect."""
    n = len(covariance)
    return (np.trace(covariance) - covariance.sum() / n) / (n - 1)
