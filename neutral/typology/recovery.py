"""Do families come out of an overlap? Its tree against Glottolog's, and nearest neighbours, each with its chance.

Triplets: of three languages of which Glottolog's tree joins two first, does the overlap's average-linkage tree join the
same two first? One less their share is the triplet distance (Dobson 1975, Comparing the shapes of trees, Combinatorial
Mathematics III, 95-100), here of the triplets that Glottolog resolves: families are not joined to each other, and
variants of one language are one leaf. Under random labels every two of three are joined first as often as the others.

Nearest neighbours: is the language that a language overlaps with most of its branch, or family? Those count that have
another language there; chance is the share of its branch, or family, among the other languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from neutral.languages import UNKNOWN, branches, language
from neutral.languages.glottolog import path
from neutral.typology import trees

COLUMNS = ("group", "what", "right", "chance", "cases", "languages", "left_out")
WHAT = ("triplets", "branch", "family")
LEAST = 3
"""The least number of languages."""


def recovered(similarity: pd.DataFrame) -> pd.DataFrame:
    """Say of every group of `similarity` (group, source, target, value) how far families come out of it.

    Returns a row a group and each of `WHAT`, columns `COLUMNS`: right, the share that is; chance, that share under
    random labels; cases, how many triplets or languages it is of; NaN, NaN and 0 where there are none. Of a language in
    several variants the first counts, and left_out has the others, languages of unknown family, and those without
    overlap, "ar, ur".
    """
    every = list(dict.fromkeys(similarity[["source", "target"]].to_numpy().ravel()))
    codes = list(
        {language(code).glottocode: code for code in reversed(every) if language(code).family != UNKNOWN}.values()
    )
    codes = [code for code in every if code in codes]
    rows = []
    for group, table in similarity.groupby("group", sort=False):
        square = _square(table, codes)
        kept = list(square.index)
        said = {"group": group, "languages": len(kept), "left_out": ", ".join(c for c in every if c not in kept)}
        family, branch = {code: language(code).family for code in kept}, branches(kept)
        labels = {"branch": [(family[code], branch[code]) for code in kept], "family": list(family.values())}
        found = {"triplets": triplets(square)} | {name: neighbours(square, each) for name, each in labels.items()}
        for what in WHAT:
            right, chance, cases = found[what]
            rows.append({**said, "what": what, "right": right, "chance": chance, "cases": cases})
    return pd.DataFrame(rows, columns=COLUMNS)


def triplets(similarity: pd.DataFrame) -> tuple[float, float, int]:
    """Return the share of Glottolog's triplets that the tree of a square of similarities has, its chance, and how many.

    A triplet that this tree does not resolve, its heights being equal, is not had; chance allows for these.
    """
    n = len(similarity)
    if n < LEAST:
        return float("nan"), float("nan"), 0
    names = list(similarity.index)
    joined = -trees.heights(trees.tree(similarity.to_numpy().max() - similarity), names).to_numpy()
    ours, theirs = _first(joined), _first(shared_levels(names))
    known = theirs >= 0
    if not known.any():
        return float("nan"), float("nan"), 0
    return float((ours == theirs)[known].mean()), float((ours >= 0).mean() / 3), int(known.sum())


def neighbours(similarity: pd.DataFrame, labels: Sequence[object]) -> tuple[float, float, int]:
    """Return the share of languages whose nearest has their label, its chance, and of how many with such another."""
    same = np.array([[a == b for b in labels] for a in labels], dtype=bool).reshape(len(labels), len(labels))
    others = same.sum(axis=1) - 1
    counted = others > 0
    if not counted.any():
        return float("nan"), float("nan"), 0
    values = similarity.to_numpy(dtype=float, copy=True)
    np.fill_diagonal(values, -np.inf)
    nearest = values.argmax(axis=1)
    right = same[np.arange(len(labels)), nearest]
    return float(right[counted].mean()), float(others[counted].mean() / (len(labels) - 1)), int(counted.sum())


def shared_levels(codes: Sequence[str]) -> np.ndarray:
    """Return how many of Glottolog's levels two languages share, from the family down: (n, n)."""
    ways = [[languoid.glottocode for languoid in path(language(code).glottocode)] for code in codes]
    levels = np.zeros((len(codes), len(codes)), dtype=int)
    for (i, one), (j, other) in combinations(enumerate(ways), 2):
        same = [a == b for a, b in zip(one, other, strict=False)]
        levels[i, j] = levels[j, i] = next((k for k, equal in enumerate(same) if not equal), len(same))
    return levels


def _first(near: np.ndarray) -> np.ndarray:
    """Return for all triplets i < j < k which two are nearer than the others: 0 (i, j), 1 (i, k), 2 (j, k), else -1."""
    i, j, k = np.array(list(combinations(range(len(near)), 3))).T
    values = np.array([near[i, j], near[i, k], near[j, k]])
    best = values.argmax(axis=0)
    return np.where((values == values.max(axis=0)).sum(axis=0) == 1, best, -1)


def _square(table: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """Return the similarity of languages as a square, without those that lack some."""
    from neutral.association.squares import complete, squares

    values = squares(table, "group", codes)[1][0]
    kept = complete(np.isnan(values))
    names = [codes[i] for i in kept]
    return pd.DataFrame(values[np.ix_(kept, kept)], index=names, columns=names)
