"""Vectors over pairs of languages: ranks, lengths, what other vectors leave over, and their permuted products.

Every array is (…, m) with the m = n(n - 1)/2 pairs i < j last, in the order of `numpy.triu_indices(n, 1)`.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from neutral.association.permutations import Orders
from neutral.ties import merged

NOTHING = 1e-7
"""A remainder of a vector that is shorter than this share of the vector's length is rounding error."""

_AT_ONCE = 500_000  # numbers held at once (4 MB): what a processor keeps near


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks along the last axis, ties at their mean; values that differ only by rounding are ties."""
    return rankdata(merged(values), axis=-1)


def means(classes: np.ndarray) -> np.ndarray:
    """Return orthonormal columns (m, r) that span the vectors constant in each of r `classes` of pairs (m,)."""
    columns = (classes[:, None] == np.unique(classes)).astype(float)
    return columns / np.sqrt(columns.sum(axis=0))


def basis(vectors: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Return orthonormal columns (m, r) that span `vectors` (c, m) outside orthonormal columns `beside`, r ≤ c."""
    u, s, _ = np.linalg.svd(np.nan_to_num(left_over(vectors, beside)).T, full_matrices=False)
    return u[:, s > NOTHING]


def left_over(vectors: np.ndarray, span: np.ndarray) -> np.ndarray:
    """Return what orthonormal columns `span` (m, r) leave of `vectors` (…, m), at length 1; NaN if nothing is left."""
    rest = vectors - (vectors @ span) @ span.T
    length = np.linalg.norm(rest, axis=-1, keepdims=True)
    return rest / np.where(length > NOTHING * np.linalg.norm(vectors, axis=-1, keepdims=True), length, np.nan)


def permuted_products(vectors: np.ndarray, columns: np.ndarray, orders: Orders) -> np.ndarray:
    """Return the products of permuted `vectors` (L, m) with `columns` (m, c): (P, L, c)."""
    products = np.empty((len(orders), len(vectors), columns.shape[1]))
    step = max(1, _AT_ONCE // max(1, vectors.size))
    for start in range(0, len(orders), step):
        moved = np.take(vectors, orders.pairs(start, start + step), axis=1)  # (L, step, m)
        products[start : start + step] = np.moveaxis(moved @ columns, 0, 1)
    return products
