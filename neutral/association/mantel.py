"""Mantel and partial Mantel tests in ranks.

Mantel (1967), The detection of disease clustering and a generalized regression approach, Cancer Research 27, 209-220;
Smouse, Long, Sokal (1986), Multiple regression and correlation extensions of the Mantel test of matrix correspondence,
Systematic Zoology 35, 627-632.

Partial tests can permute the similarity itself or the residuals that the controls leave of it (methods 1 and 2 of
Legendre 2000, Comparison of permutation methods for the partial correlation and partial Mantel tests, Journal of
Statistical Computation and Simulation 67, 37-73; both take the controls out again after permuting, which method 3, not
to be used, omits). Residuals are exact only for many languages, and Legendre warns of them for small samples of skewed
data; the similarity itself goes wrong with outliers among the controls, which ranks do not have. A distance such as
family has few values, unevenly filled, and languages are few, so the similarity itself is permuted: in the simulations
(docstring of `neutral.association`) that is nowhere worse than residuals by more than two points in a hundred, and
better by up to ten.

Permutations within blocks keep the differences between the classes of pairs that they exchange (pairs inside one
family; pairs of two given families). So the test is of what differs within classes: the mean of every class is taken
out of both sides, beside the controls. Without controls that gives the same p as the distance of rho from its mean over
the permutations; with controls it keeps differences between families from being taken for the controls' influence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neutral.association.moran import Spectral
from neutral.association.permutations import Orders, two_sided
from neutral.association.vectors import basis, class_means, left_over, one_class, permuted_products, ranks


class Correlations(NamedTuple):
    """What a Mantel test finds for L similarities and D distances.

    Attributes
    ----------
    rho : array (L, D)
        Spearman's correlation over all pairs, or the partial one.
    expected : array (L, D)
        The part of rho that lies between classes of pairs, which without controls is its mean over the permutations; 0
        for permutations of all languages; the mean over the draws where similarities are drawn.
    tested : array (L, D)
        The correlation within classes that p is about; rho for permutations of all languages; rho less `expected`
        where similarities are drawn.
    p : array (L, D)
        Two-sided.
    """

    rho: np.ndarray
    expected: np.ndarray
    tested: np.ndarray
    p: np.ndarray


def mantel(
    similarities: np.ndarray,
    distances: np.ndarray,
    orders: Orders | Spectral,
    controls: np.ndarray | None = None,
    *,
    residuals: bool = False,
) -> Correlations:
    """Correlate every similarity (L, m) with every distance (D, m) over the m pairs, by ranks.

    Parameters
    ----------
    similarities : array (L, m)
        A row is permuted by its ranks.
    distances : array (D, m)
        Not permuted.
    orders : Orders or Spectral
        The permutations, which all tests share, or draws of the similarities.
    controls : array (c, m) or None
        With controls the correlation is the partial one, of what the controls' ranks leave of the ranks of both.
    residuals : bool
        Whether to permute what the controls leave of the similarity's ranks, instead of these ranks.

    Returns
    -------
    Correlations
        NaN when a side is constant or nothing is left of it; `tested` and p when that holds in every class of pairs.
    """
    x, y = ranks(similarities), ranks(distances)
    z = ranks(controls) if controls is not None and len(controls) else np.empty((0, y.shape[1]))
    everywhere = one_class(y.shape[1])
    span = basis(z, everywhere)
    left, right = left_over(x, everywhere, span), left_over(y, everywhere, span)
    rho, expected = left @ right.T, class_means(left, orders.classes) @ right.T  # (L, D)

    controlled = basis(z, orders.classes)  # (m, r)
    left, right = (left_over(side, orders.classes, controlled) for side in (x, y))
    tested = left @ right.T
    moved = left if residuals else np.where(np.isnan(left), np.nan, left_over(x, orders.classes))
    products = permuted_products(np.nan_to_num(moved), np.hstack([np.nan_to_num(right).T, controlled]), orders)
    # A permuted similarity correlates with the controls in another way: a partial correlation takes that out each time.
    count = len(distances)
    rest = 1 - (products[..., count:] ** 2).sum(axis=-1, keepdims=True)  # (P, L, 1)
    permuted = products[..., :count] / np.sqrt(np.where(rest > 1e-9, rest, np.inf))
    if isinstance(orders, Spectral) and len(orders):
        # What is as smooth along a tree correlates with other smooth things, so draws do not lie around 0.
        expected = permuted.mean(axis=0)
        tested, permuted = tested - expected, permuted - expected
    return Correlations(rho, expected, tested, two_sided(tested, permuted, orders.exact))
