"""Principal coordinates of a similarity (PCoA; Gower 1966, Biometrika 53, 325-338)."""

from __future__ import annotations

import numpy as np


def principal_coordinates(similarity: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (c, n) of unit variance on the first c ≤ `count` principal coordinates, and their shares (c,).

    `similarity` (n, n) is 1 for a language with itself, whatever its diagonal says; the distance is √(1 - similarity),
    which is Euclidean for Jaccard and for shares of equal bits. The largest score of a coordinate is positive.
    """
    n = len(similarity)
    square = np.where(np.eye(n, dtype=bool), 1, similarity)
    centred = square - square.mean(axis=0)
    centred = (centred - centred.mean(axis=1, keepdims=True)) / 2
    values, vectors = np.linalg.eigh((centred + centred.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    some = min(count, int((values > 1e-9 * max(values[0], 1e-300)).sum())) if n > 1 and values[0] > 1e-12 else 0
    scores = vectors[:, :some].T * np.sqrt(n - 1)
    sides = np.sign(scores[np.arange(some), abs(scores).argmax(axis=1)]) if some else np.ones(0)
    return scores * sides[:, None], values[:some] / values[values > 0].sum() if some else np.ones(0)
