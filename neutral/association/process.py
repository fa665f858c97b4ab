"""A check at the level of languages: what the main directions of an overlap are, phylogeny, place or another property.

Pairs are many and entangled; languages are few and plain. The principal coordinates of an overlap (PCoA of 1 - overlap;
Gower 1966, Biometrika 53, 325-338) give each language one score on each direction, the first the one in which languages
differ most. The scores of a direction are a Gaussian process:

    y = X b + g_phylogeny + g_space + e

g_phylogeny covaries as relatives on Glottolog's tree, g_space as exp(-distance / range) on the globe, with a range that
is fitted, e is each language's own (Guzmán Naranjo & Becker 2022, Statistical bias control in typology, Linguistic
Typology 26, 605-670). X has properties of languages: numbers, or categories such as the script.

`gaussian` says how shares of variance and p are made.

How a distance between languages is tested here. Of family and place the covariances say it. Any other distance (syntax,
script, vocabulary) comes in by its own principal coordinates, `AXES` columns that are tested together: whether
languages that differ in syntax differ in the overlap, beyond what relatives and neighbours have in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from neutral.association.coordinates import principal_coordinates
from neutral.association.covariances import apart, phylogenetic
from neutral.association.gaussian import Processes, processes
from neutral.association.holm import holm
from neutral.association.properties import distinct
from neutral.association.squares import check, complete, squares
from neutral.errors import NeutralError

COMPONENTS = (
    *("group", "component", "share", "predictor", "columns", "beta", "se", "f", "df", "p", "holm"),
    *("r2", "phylogeny", "phylogeny_p", "space", "space_p", "noise", "range_km", "languages", "left_out"),
)
AXES = 3
"""Principal coordinates by which a distance between languages comes in."""
LEAST = 12
"""The least number of languages."""
COVERED = ("family", "genetic", "tree", "geographic")
"""Distances that the model has as its covariances: kinship and place."""
RARE = 3
"""A category of fewer languages is one with the other rare ones."""
MEANING = {
    "p": "How rarely a property that has nothing to do with this direction of the overlap would go along with it so "
    "well, if relatives and neighbours have in common what the model says.",
    "phylogeny_p": "How rarely relatives would be so alike in this direction if only neighbours were, and chance.",
    "space_p": "How rarely neighbours would be so alike in this direction if only relatives were, and chance.",
}
"""What each p says, in a sentence for people."""


def components(
    similarity: pd.DataFrame,
    languages: Sequence[str] | None = None,
    *,
    predictors: pd.DataFrame | None = None,
    distances: pd.DataFrame | None = None,
    kinds: Sequence[str] = (),
    count: int = 4,
) -> pd.DataFrame:
    """Say of the first `count` principal coordinates of every group what they consist of.

    Parameters
    ----------
    similarity : DataFrame
        Columns group, source, target, value, as `associations` takes it; a language overlaps with itself by 1.
    languages : sequence of str or None
        Those to look at; all in `similarity` by default. Of the variants of one language only the first counts: they
        are at one place in the tree and on the globe.
    predictors : DataFrame or None
        A row a language (its label is the index), a column a property: numbers, which are standardised, or categories,
        of which the commonest is the reference and those of fewer than `RARE` languages are one.
    distances, kinds : DataFrame, sequence of str
        Distances between languages that come in by their first `AXES` principal coordinates.
    count : int
        How many coordinates.

    Returns
    -------
    DataFrame
        A row a group, component and predictor (a property or kind), or a row a group and component with predictor "".
        Columns `COMPONENTS`; what cannot be known is NaN. A study's rows of kind "process" (by distances) and
        "properties" (by properties of languages).

        - component: 1, 2, …; share: the share of the overlap's variation (of the positive eigenvalues) in it.
        - columns: how many columns a predictor has; beta, se: its standardised coefficient and standard error, NaN for
          several columns; f, df, p: of all its columns together, df those of the denominator; holm: over all rows.
          All NaN for a property that does not vary.
        - r2, phylogeny, space, noise: shares of a component's variance. phylogeny_p, space_p: of likelihood
          ratios (`gaussian`).
        - range_km: the range of the spatial covariance.
        - languages: how many. left_out: those without a family or a place in Glottolog, a property or a distance,
          further variants of a language, and those that lack pairs, "ar, ur".

        All numbers are NaN for fewer than `LEAST` languages, or fewer than three for each column.

    Raises
    ------
    NeutralError
        For a table without its columns, a kind that is not in `distances`, and predictors that follow from one another.
    """
    check(similarity, "group")
    codes = list(dict.fromkeys(similarity[["source", "target"]].to_numpy().ravel()))
    codes = [code for code in codes if languages is None or code in set(languages)]
    single = distinct(codes)
    names, values = squares(similarity, "group", codes)
    far = _squares(distances, kinds, codes)
    known = _known(codes, predictors) & np.isin(codes, single)
    missing = np.isnan(far).any(axis=0) | ~(known[:, None] & known)
    kept = {}
    for name, square in zip(names, values, strict=True):
        usable = np.flatnonzero(known)
        places = usable[complete((missing | np.isnan(square))[np.ix_(usable, usable)])]
        kept.setdefault(tuple(places), []).append((name, square))
    rows: list[dict] = []
    for places, groups in kept.items():
        some = list(places)
        chosen = [codes[i] for i in some]
        left_out = ", ".join(code for code in codes if code not in chosen)
        design, columns = _design(chosen, predictors, dict(zip(kinds, far[:, some][:, :, some], strict=True)))
        found = [principal_coordinates(square[np.ix_(some, some)], count) for _, square in groups]
        scores = np.concatenate([each for each, _ in found])
        fits = None
        if len(scores) and len(chosen) >= max(LEAST, 3 * design.shape[1]):
            tested = [each for each in columns.values() if each]
            fits = processes(scores, design, phylogenetic(chosen), apart(chosen), tested)
        row = 0
        for (group, _), (coordinates, shares) in zip(groups, found, strict=True):
            for component in range(len(coordinates)):
                said = {"group": group, "component": component + 1, "share": shares[component]}
                said |= {"languages": len(chosen), "left_out": left_out}
                rows += [{**said, **each} for each in _numbers(fits, row, columns)]
                row += 1
    order = {name: place for place, name in enumerate(names)}
    table = pd.DataFrame(sorted(rows, key=lambda row: (order[row["group"]], row["component"])), columns=COMPONENTS)
    return table.assign(holm=holm(table["p"].astype(float)))


def _squares(distances: pd.DataFrame | None, kinds: Sequence[str], codes: Sequence[str]) -> np.ndarray:
    """Return the distances `kinds` as (kinds, n, n). Raises `NeutralError` for one that is not in the table."""
    if not kinds:
        return np.empty((0, len(codes), len(codes)))
    if distances is None:
        raise NeutralError(f"no table of distances to take {kinds[0]!r} from")
    check(distances, "distance")
    names, far = squares(distances, "distance", codes)
    if unknown := [kind for kind in kinds if kind not in names]:
        raise NeutralError(f"no distance {unknown[0]!r} in the table; there are {', '.join(names)}")
    return far[[names.index(kind) for kind in kinds]]


def _known(codes: Sequence[str], predictors: pd.DataFrame | None) -> np.ndarray:
    """Return whether a language has a family, a place and all properties, (n,)."""
    known = ~np.isnan(np.diagonal(phylogenetic(codes))) & ~np.isnan(np.diagonal(apart(codes)))
    if predictors is not None:
        known &= predictors.reindex(codes).notna().all(axis=1).to_numpy()
    return known


def _design(
    codes: Sequence[str], predictors: pd.DataFrame | None, far: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, list[int]]]:
    """Return the design (n, p) and predictor -> its columns. Raises `NeutralError` if its columns are dependent."""
    parts: dict[str, np.ndarray] = {}
    for name in [] if predictors is None else predictors.columns:
        values = predictors[name].reindex(list(codes))
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        parts[str(name)] = values.to_numpy(dtype=float)[:, None] if numeric else _dummies(values.astype(str))
    for kind, square in far.items():
        parts[kind] = principal_coordinates(1 - square**2, AXES)[0].T
    columns, all_parts, first = {}, [np.ones((len(codes), 1))], 1
    for name, part in parts.items():
        varying = part[:, part.std(axis=0) > 1e-9 * abs(part).max(axis=0, initial=0)]
        all_parts.append((varying - varying.mean(axis=0)) / varying.std(axis=0, ddof=1))
        columns[name] = list(range(first, first + varying.shape[1]))
        first += varying.shape[1]
    design = np.hstack(all_parts)
    if design.shape[1] <= len(codes) and np.linalg.matrix_rank(design, tol=1e-6) < design.shape[1]:
        raise NeutralError(f"among these languages {', '.join(columns)} follow from one another; leave one of them out")
    return design, columns


def _dummies(values: pd.Series) -> np.ndarray:
    """Return a column of zeros and ones for each category but the commonest; rare ones are one category."""
    common = values.value_counts()
    values = values.where(values.map(common) >= RARE, "")
    commonest = values.mode().iloc[0] if len(values) else ""
    names = sorted(set(values) - {commonest})
    return np.array([[value == name for name in names] for value in values], dtype=float).reshape(len(values), -1)


def _numbers(fits: Processes | None, row: int, columns: Mapping[str, list[int]]) -> list[dict]:
    """Return the numbers of one component, a row a predictor."""
    whole = {"predictor": "", "columns": 0}
    if fits is not None:
        names = ("r2", "phylogeny", "phylogeny_p", "space", "space_p", "noise", "range_km")
        whole |= {name: getattr(fits, name)[row] for name in names}
    rows, test = [], 0
    for name, some in columns.items():
        each = {**whole, "predictor": name, "columns": len(some)}
        if fits is not None and some:
            each |= {"f": fits.f[row, test], "df": fits.df[row, test], "p": fits.p[row, test]}
            test += 1
            if len(some) == 1:
                each |= {"beta": fits.beta[row, some[0]], "se": fits.se[row, some[0]]}
        rows.append(each)
    return rows or [whole]
