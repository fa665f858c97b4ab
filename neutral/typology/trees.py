"""Hierarchical clustering of languages, and how well a tree keeps distances: its own, and those of the families.

Average linkage (UPGMA, Sokal & Michener 1958); cophenetic correlation: Sokal & Rohlf (1962).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neutral.errors import NeutralError
from neutral.ties import merged


def tree(distance: pd.DataFrame) -> np.ndarray:
    """Return the average-linkage tree of a symmetric square of distances, as SciPy's linkage matrix (n - 1, 4).

    Neighbouring leaves are as near as the tree allows (optimal leaf order). Raises `NeutralError` for fewer than two
    languages or a missing distance.
    """
    from scipy.cluster.hierarchy import linkage

    if len(distance) < 2:
        raise NeutralError("a tree takes at least two languages")
    return linkage(_condensed(distance), "average", optimal_ordering=True)


def leaves(linkage: np.ndarray, names: list[str]) -> list[str]:
    """Return the languages in the order of the tree's leaves."""
    from scipy.cluster.hierarchy import leaves_list

    return [names[i] for i in leaves_list(linkage)]


def heights(linkage: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Return cophenetic distances, a square: the height at which two languages first join."""
    from scipy.cluster.hierarchy import cophenet
    from scipy.spatial.distance import squareform

    return pd.DataFrame(squareform(cophenet(linkage)), index=names, columns=names)


def cophenetic_correlation(linkage: np.ndarray, distance: pd.DataFrame) -> float:
    """Return Pearson's correlation, over pairs, of the tree's cophenetic distances with a square of distances.

    With the distances that the tree was made from it says how well the tree keeps them; with another, such as that of
    the families, how well the two agree. NaN where either does not vary.
    """
    from scipy.cluster.hierarchy import cophenet

    ours, theirs = merged(cophenet(linkage)), _condensed(distance)
    if np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return float("nan")
    return float(np.corrcoef(ours, theirs)[0, 1])


def branches(linkage: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Return the lines of a dendrogram: line, place, height; every line is a bracket of four points.

    The leaf of the n-th language, in the order of `leaves`, stands at place n.
    """
    from scipy.cluster.hierarchy import dendrogram

    drawn = dendrogram(linkage, no_plot=True, labels=names)
    rows = [
        (line, (x - 5) / 10, y)
        for line, (xs, ys) in enumerate(zip(drawn["icoord"], drawn["dcoord"], strict=True))
        for x, y in zip(xs, ys, strict=True)
    ]
    return pd.DataFrame(rows, columns=["line", "place", "height"])


def _condensed(distance: pd.DataFrame) -> np.ndarray:
    """Return a square's pairs (n · (n - 1) / 2,), both directions averaged; equal where only rounding parts them."""
    from scipy.spatial.distance import squareform

    values = distance.to_numpy(dtype=float)
    values = (values + values.T) / 2
    if np.isnan(values).any():
        lacking = [name for name, row in zip(distance.index, np.isnan(values), strict=True) if row.any()]
        raise NeutralError(f"a tree takes a distance for every pair; some of {', '.join(map(str, lacking))} have none")
    np.fill_diagonal(values, 0)
    return merged(squareform(values, checks=False))
