"""Multiple regression on distance matrices (MRM): several distances at once, tested by permutation.

Lichstein (2007), Multiple regression on distance matrices: a multivariate spatial analysis tool, Plant Ecology 188,
117-131; Legendre, Lapointe, Casgrain (1994), Modeling brain evolution from behavior: a permutational regression
approach, Evolution 48, 1487-1499. The similarity is permuted. As in the second, a coefficient is tested by its t
(itself over its standard error), here two-sided; R² is tested upwards. For two distances a coefficient's test is the
partial Mantel test of one that controls for the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neutral.association.moran import Spectral
from neutral.association.permutations import Orders, two_sided, upper
from neutral.association.vectors import NOTHING, basis, left_over, one_class, permuted_products, ranks


class Regressions(NamedTuple):
    """What L regressions on k distances find: beta, tested and p are (L, k), r2 and r2_p (L,).

    beta and r2 are over all pairs; tested, p and r2_p within the classes of pairs that the permutations keep apart, the
    mean of each class taken out of both sides (for permutations of all languages: over all pairs, too).
    """

    beta: np.ndarray
    tested: np.ndarray
    p: np.ndarray
    r2: np.ndarray
    r2_p: np.ndarray


def mrm(
    similarities: np.ndarray, distances: np.ndarray, orders: Orders | Spectral, *, by_ranks: bool = True
) -> Regressions:
    """Regress every similarity (L, m) on all `distances` (k, m) together, over the m pairs.

    Coefficients are standardised (both sides at variance 1), of ranks or of values. A coefficient is NaN when the
    similarity or the distance is constant; all are NaN when distances follow from one another (see `entangled`) or are
    as many as the pairs can tell apart. `tested` and its p are NaN when that holds within the classes of pairs.
    """
    if by_ranks:
        similarities, distances = ranks(similarities), ranks(distances)
    beta, r2, *_ = _fit(similarities, distances, one_class(len(orders.classes)), None)
    tested, _, p, r2_p = _fit(similarities, distances, orders.classes, orders)
    return Regressions(beta, tested, p, r2, r2_p)


def entangled(distances: np.ndarray, *, by_ranks: bool = True) -> list[int]:
    """Return which of `distances` (k, m) follow from the others, so that their coefficients cannot be told apart."""
    everywhere = one_class(distances.shape[1])
    rest = left_over(ranks(distances) if by_ranks else distances, everywhere)
    varying = [i for i in range(len(rest)) if not np.isnan(rest[i]).any()]
    rank = basis(rest[varying], everywhere).shape[1]
    if rank == len(varying):
        return []
    return [i for i in varying if basis(rest[[j for j in varying if j != i]], everywhere).shape[1] == rank]


def _fit(
    similarities: np.ndarray, distances: np.ndarray, classes: np.ndarray, orders: Orders | Spectral | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients (L, k), R² (L,) and the p of both (NaN without `orders`), of what differs within classes."""
    x, y = left_over(distances, classes), left_over(similarities, classes)
    varying = ~np.isnan(x).any(axis=1)  # (k,)
    beta, p = np.full((2, len(y), len(x)), np.nan)
    r2, r2_p = np.full((2, len(y)), np.nan)
    q, r = np.linalg.qr(x[varying].T)  # (m, k), (k, k)
    apart = abs(np.diagonal(r)).min(initial=1) > NOTHING
    if varying.any() and apart and varying.sum() + classes.max() + 1 < len(classes):
        back = np.linalg.inv(r).T
        beta[:, varying], t, r2 = _statistics(y @ q, back)
        if orders is not None and len(orders):
            _, permuted_t, permuted_r2 = _statistics(permuted_products(np.nan_to_num(y), q, orders), back)
            middle = permuted_t.mean(axis=0) if isinstance(orders, Spectral) else 0
            p[:, varying] = two_sided(t - middle, permuted_t - middle, orders.exact)
            r2_p = upper(r2, permuted_r2, orders.exact)
    return beta, r2, p, r2_p


def _statistics(products: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients (…, k), their t (…, k) and R² (…) from the products (…, k) with an orthonormal basis.

    t is known up to a factor that no permutation changes, because the distances are not permuted.
    """
    beta, r2 = products @ back, (products**2).sum(axis=-1)
    return beta, beta / np.sqrt(np.maximum(1 - r2, 1e-12))[..., None], r2
