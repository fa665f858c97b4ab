"""Hierarchical clustering of languages, and how well a tree keeps distances: its own, and those of the families.

Average linkage (UPGMA, Sokal & Michener 1958); cophenetic correlation: Sokal & Rohlf (1962).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from neutral import association
from neutral.association import schemes
from neutral.errors import NeutralError
from neutral.ties import merged

HEIGHTS = "all"
"""The group of the pairs of a tree: all its leaves."""


@dataclass(frozen=True)
class Dendrogram:
    """A tree of languages, and how well it keeps the distances that it was made from.

    Attributes
    ----------
    kept : float
        Cophenetic correlation with the distances.
    heights : DataFrame
        Cophenetic distances, a square.
    linkage : array (n - 1, 4)
        The tree itself, of the languages in the order of `heights`.
    """

    kept: float
    heights: pd.DataFrame
    linkage: np.ndarray


def dendrogram(distance: pd.DataFrame) -> Dendrogram:
    """Return the average-linkage tree of a symmetric square of distances; errors are those of `tree`."""
    linkage, names = tree(distance), list(distance.index)
    kept = cophenetic_correlation(linkage, distance)
    return Dendrogram(kept, heights(linkage, names), linkage)


def agreement(
    heights: pd.DataFrame, distances: pd.DataFrame, kind: str, families: Mapping[str, Hashable]
) -> pd.Series | None:
    """Test the heights of a tree, a square, against a kind of `distances`, plain and within families.

    Returns a row of `schemes.beside`, whose rho is positive if the two agree. None for fewer than `association.LEAST`
    languages, and if none of their distances is known.
    """
    names = list(heights.index)
    rows = [(HEIGHTS, a, b, -heights.at[a, b]) for a, b in combinations(names, 2)]
    nearness = pd.DataFrame(rows, columns=["group", "source", "target", "value"])
    rows = distances["source"].isin(names) & distances["target"].isin(names)
    table = distances[(distances["distance"] == kind) & rows]
    if table.empty or len(names) < association.LEAST:
        return None
    row = schemes.beside(schemes.both(association.associations, nearness, table, families=families)).iloc[0]
    return pd.Series({**row, "rho": -row["rho"]})


def tree(distance: pd.DataFrame) -> np.ndarray:
    """Return the average-linkage tree of a symmetric square of distances, as SciPy's linkage matrix (n - 1, 4).

    Neighbouring leaves are as near as the tree allows (optimal leaf order). Raises `NeutralError` for fewer than two
    languages or a missing distance.
    """
    from scipy.cluster.hierarchy import linkage

    if len(distance) < 2:
        raise NeutralError("a tree takes at least two languages")
    return linkage(_condensed(distance), "average", optimal_ordering=True)


def heights(linkage: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Return cophenetic distances, a square: the height at which two languages first join."""
    from scipy.cluster.hierarchy import cophenet
    from scipy.spatial.distance import squareform

    return pd.DataFrame(squareform(cophenet(linkage)), index=names, columns=names)


def cophenetic_correlation(linkage: np.ndarray, distance: pd.DataFrame) -> float:
    """Return Pearson's correlation, over pairs, of the tree's cophenetic distances with a square of distances.

    With the distances that the tree was made from it says how well the tree keeps them; with others, such as those of
    the families, how well the two agree. NaN if either is constant.
    """
    from scipy.cluster.hierarchy import cophenet

    cophenetic, condensed = merged(cophenet(linkage)), _condensed(distance)
    if np.ptp(cophenetic) == 0 or np.ptp(condensed) == 0:
        return float("nan")
    return float(np.corrcoef(cophenetic, condensed)[0, 1])


def _condensed(distance: pd.DataFrame) -> np.ndarray:
    """Return a square's pairs (n · (n - 1) / 2,), both directions averaged; values apart by rounding are equal."""
    from scipy.spatial.distance import squareform

    values = distance.to_numpy(dtype=float)
    values = (values + values.T) / 2
    if np.isnan(values).any():
        lacking = [name for name, row in zip(distance.index, np.isnan(values), strict=True) if row.any()]
        raise NeutralError(f"a tree takes a distance for every pair; some of {', '.join(map(str, lacking))} have none")
    np.fill_diagonal(values, 0)
    return merged(squareform(values, checks=False))
