"""Vectors over pairs of languages: ranks, lengths, what other vectors leave over, and their permuted products.

Every array is (…, m) with the m = n(n - 1)/2 pairs i < j last, in the order of `numpy.triu_indices(n, 1)`. Classes of
pairs are numbers from 0, (m,).
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from neutral.association.moran import Spectral
from neutral.association.permutations import Orders
from neutral.ties import merged

NOTHING = 1e-7
"""A remainder of a vector that is shorter than this share of the vector's length is rounding error."""

_AT_ONCE = 400_000  # numbers held at once (3 MB): what a processor keeps near
_SMALL = 20_000_000  # multiplications that are done before a second thread has started


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks along the last axis, ties at their mean; values that differ only by rounding are ties.

    A vector with NaN has NaN alone. These are scipy's `rankdata`, which takes a second to import.
    """
    values = merged(values)
    rows = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
    ranked = pd.DataFrame(rows.T).rank().to_numpy(dtype=float).T.copy()
    ranked[np.isnan(rows).any(axis=1)] = np.nan
    return ranked.reshape(values.shape)


def one_class(pairs: int) -> np.ndarray:
    """Return the classes of pairs of which any can take another's place: one."""
    return np.zeros(pairs, dtype=int)


def class_means(vectors: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return `vectors` (c, m) with every value replaced by the mean of its class in that vector."""
    sizes = np.bincount(classes)
    sums = np.array([np.bincount(classes, row) for row in vectors]).reshape(len(vectors), len(sizes))
    return (sums / sizes)[:, classes]


def basis(vectors: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return orthonormal columns (m, r), r ≤ c, that span what differs within classes of `vectors` (c, m)."""
    u, s, _ = np.linalg.svd(np.nan_to_num(left_over(vectors, classes)).T, full_matrices=False)
    return u[:, s > NOTHING]


def left_over(vectors: np.ndarray, classes: np.ndarray, span: np.ndarray | None = None) -> np.ndarray:
    """Return what the classes' means and a `basis` (m, r) leave of `vectors` (c, m), at length 1; NaN for nothing."""
    rest = vectors - class_means(vectors, classes)
    if span is not None:
        rest = rest - (rest @ span) @ span.T
    length = np.linalg.norm(rest, axis=-1, keepdims=True)
    return rest / np.where(length > NOTHING * np.linalg.norm(vectors, axis=-1, keepdims=True), length, np.nan)


def permuted_products(vectors: np.ndarray, columns: np.ndarray, orders: Orders | Spectral) -> np.ndarray:
    """Return the products of permuted, or drawn, `vectors` (L, m) with `columns` (m, c): (P, L, c).

    A product with a permuted side is that of the other one permuted backwards, so the smaller of the two is moved.
    """
    if isinstance(orders, Spectral):
        return orders.products(vectors, columns)
    if columns.shape[1] < len(vectors):
        return _products(vectors, columns, orders.backwards())
    return _products(columns.T, vectors.T, orders).swapaxes(1, 2)


def _products(fixed: np.ndarray, moved: np.ndarray, orders: Orders) -> np.ndarray:
    """Return the products of `fixed` (L, m) with permuted `moved` (m, c): (P, L, c).

    Values of a pair lie beside each other, so that moving them reads memory once. Pieces go to threads, and BLAS gets
    one each: its own threads wait for each other by turning, which is slow on a machine that does other things too.
    """
    fixed, moved = np.ascontiguousarray(fixed), np.ascontiguousarray(moved)
    products = np.empty((len(orders), len(fixed), moved.shape[1]))
    step = max(1, _AT_ONCE // max(1, moved.size))

    def fill(start: int) -> None:
        pairs = orders.pairs(start, start + step)
        taken = np.take(moved, pairs.T, axis=0).reshape(len(moved), -1)
        products[start : start + step] = (fixed @ taken).reshape(len(fixed), len(pairs), -1).swapaxes(0, 1)

    starts = range(0, len(orders), step)
    if products.size * len(moved) < _SMALL:
        list(map(fill, starts))
    else:
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, starts))
    return products
