"""How alike relatives and neighbours are expected to be: covariances of languages from Glottolog's tree and the globe.

Both have ones on the diagonal and are positive semi-definite, so that they can be a random effect's covariance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from neutral.association.neighbours import great_circle
from neutral.languages import glottolog, language


def phylogenetic(codes: Sequence[str]) -> np.ndarray:
    """Return the covariance (n, n) of Brownian motion on Glottolog's tree of these languages: 0 in other families.

    Glottolog knows no ages, so a group is as old as it is large (Grafen 1989, The phylogenetic regression,
    Philosophical Transactions of the Royal Society B 326, 119-157; the default of R's ape): its height is the number of
    `codes` in it less one, over that of all. Languages covary by one less the height of the smallest group that has
    both. NaN for a language that is not in the tree, or in no family.

    >>> phylogenetic(["en", "de", "hi", "sw"]).round(2).tolist()[0]
    [1.0, 0.67, 0.33, 0.0]
    """
    n = len(codes)
    ways = [[group.glottocode for group in glottolog.path(language(code).glottocode)] for code in codes]
    sizes = Counter(group for way in ways for group in way)
    covariance = np.eye(n)
    for i in range(n):
        for j in range(i):
            shared = [a for a, b in zip(ways[i], ways[j], strict=False) if a == b]
            covariance[i, j] = covariance[j, i] = 1 - (sizes[shared[-1]] - 1) / (n - 1) if shared else 0.0
    unknown = [not way for way in ways]
    covariance[unknown], covariance[:, unknown] = np.nan, np.nan
    return covariance


def apart(codes: Sequence[str]) -> np.ndarray:
    """Return great-circle distances (n, n) in km between where languages are spoken; NaN for unknown places."""
    spoken = [language(code) for code in codes]
    places = [[np.nan if each is None else each for each in (one.latitude, one.longitude)] for one in spoken]
    return great_circle(np.array(places, dtype=float).reshape(-1, 2))


def spatial(kilometres: np.ndarray, range_km: float) -> np.ndarray:
    """Return exp(-distance / range): a third at one range, a twentieth at three.

    Of Matérn's covariances on the sphere only this one and rougher ones are positive definite (Gneiting 2013, Strictly
    and non-strictly positive definite functions on spheres, Bernoulli 19, 1327-1349).
    """
    return np.exp(-kilometres / range_km)
