"""Maps of languages: points in the plane, near each other if languages are alike.

`by_mds` keeps distances as well as a plane can (classical scaling: Torgerson 1952), so far apart means different.
`by_umap` (McInnes et al. 2018) keeps neighbours: groups show better, distances between groups mean little.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neutral import umaps
from neutral.errors import NeutralError
from neutral.ties import ROUNDING

COLUMNS = ["language", "x", "y"]
_EQUAL = 1e-9  # entries of an eigenvector that differ by less, relative to the largest, are equal


def by_mds(distance: pd.DataFrame) -> pd.DataFrame:
    """Return classical scaling of a symmetric square of distances: language, x, y; deterministic.

    The leading two eigenvectors of -½ J D² J, times the roots of their eigenvalues, each turned so that its largest
    entry, the first of equal ones, is positive. `attrs["kept"]` is the share of the positive eigenvalues that the two
    have: 1 if a plane suffices. Raises `NeutralError` for fewer than two languages or a missing distance.
    """
    values = _checked(distance)
    n = len(values)
    centre = np.eye(n) - 1 / n
    roots, vectors = np.linalg.eigh(-0.5 * centre @ values**2 @ centre)
    roots[roots < ROUNDING * roots[-1]] = 0  # languages on a line lie exactly on it
    largest = roots[::-1][:2].clip(min=0)
    points = vectors[:, ::-1][:, :2] * np.sqrt(largest)
    large = np.abs(points) > (1 - _EQUAL) * np.abs(points).max(axis=0)
    points *= np.where(points[large.argmax(axis=0), [0, 1]] < 0, -1, 1)
    places = pd.DataFrame({"language": list(distance.index), "x": points[:, 0], "y": points[:, 1]})
    total = roots.clip(min=0).sum()
    places.attrs["kept"] = float(largest.sum() / total) if total else 1.0
    return places


def by_umap(distance: pd.DataFrame, neighbours: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Return a UMAP of a symmetric square of distances: language, x, y; the same seed gives the same map.

    Parameters
    ----------
    distance : DataFrame
        The square, n × n.
    neighbours : int or None
        The number of languages that decide the place of one, itself among them. UMAP's default of 15 exceeds eleven
        points, and with all as neighbours no neighbourhood is left to keep. So the default here is a third of the
        languages, from 3 to 15; for eleven 4, itself and three others (their branches have two or three).
    seed : int
        Of the start and the optimisation.

    Raises
    ------
    NeutralError
        For fewer than 4 languages, a missing distance, or neighbours outside 2..n - 1.
    """
    values = _checked(distance)
    n = len(values)
    if n < 4:
        raise NeutralError("a UMAP takes at least four languages")
    neighbours = neighbours or usual_neighbours(n)
    if not 2 <= neighbours < n:
        raise NeutralError(f"neighbours must be from 2 to {n - 1} for {n} languages; got {neighbours}")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns that a seed means one core
        points = umaps.engine()(
            n_neighbors=neighbours, min_dist=0.3, metric="precomputed", init="random", random_state=seed, n_jobs=1
        ).fit_transform(values)
    return pd.DataFrame({"language": list(distance.index), "x": points[:, 0], "y": points[:, 1]}).astype(
        {"x": float, "y": float}
    )


def usual_neighbours(count: int) -> int:
    """Return the usual neighbours of `by_umap` for `count` languages: a third of them, from 3 to UMAP's own 15."""
    return min(15, max(3, round(count / 3)))


def _checked(distance: pd.DataFrame) -> np.ndarray:
    values = distance.to_numpy(dtype=float)
    values = (values + values.T) / 2
    if len(values) < 2:
        raise NeutralError("a map takes at least two languages")
    if np.isnan(values).any():
        raise NeutralError("a map takes a distance for every pair; choose languages that have one")
    np.fill_diagonal(values, 0)
    return values
