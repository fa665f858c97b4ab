"""What explains a similarity between languages: its association with distances between them.

`associations` tests one distance at a time (Mantel test in ranks, partial with `controls`), `regression` several at
once (MRM). Both permute all languages, or only languages `within` one family, or draw similarities that are as smooth
`along` a neighbourhood, and return the number of permutations.

When p can be trusted. Languages of one family are alike in most things, so two properties that have nothing to do
with each other still correlate, and Mantel tests, partial ones too, find that too often (Guillot & Rousset 2013,
Dismantling the Mantel tests, Methods in Ecology and Evolution 4, 336-344). `simulation` measures it for the project's
eleven languages: the percentage of 2,000 pairs of independent properties that are found at α = 5 %, with 499
permutations each (standard errors: 0.5 at 5 %, 1.1 at 40 %). "family 1" is the standard deviation of the traits that a
family shares, beside 1 for a language's own; "branch 1" that of a branch, on top. Partial tests control for `family`
(same branch, same family, neither); a regression on the distance and `family` has the same p, so the same rates.

                          plain   within families   partial   partial within
    no structure            5.2               4.5       4.6              4.5
    family 1               51.0               4.3       5.9              4.0
    family 2               99.6               4.4       9.5              4.4
    family 1, branch 1     30.0               9.4       6.1              6.5
    family 2, branch 1     94.6              10.6       5.2              6.6
    family 1, branch 2     23.0              21.5      12.9             12.4

So a small p of the plain test is no evidence: if relatives share anything it finds 23.0 to 99.6 %. Permuting within
families keeps its level whatever families share (4.3 to 4.4 %), but not where branches inside a family differ (9.4 to
21.5 %); with `family` as a control besides, no rate is above 6.6 unless branches differ more than families do.
Controlling for something else is no substitute: if a third property drives both (with weight 0.5) and is the
control, the partial test finds 33.6 % under family 1 and 41.4 % under family 2, branch 1; within families 5.6
and 11.2 %. If it drives them strongly (weight 0.8) its ranks do not take all of it out: 6.4 % without any structure.

What p can find. The plain test finds 96.9 % of true effects (languages' own parts correlate by 0.8) without structure,
the one within families 95.5; under family 1 this is 81.9, partial 59.7, partial within 80.4; under family 1, branch 1
within families 27.0, partial 14.6, partial within 16.8. Not finding an association does not show that there is none.
Within families only the eight Indo-European languages of the eleven move (40,320 permutations). Arabic, Chinese and
Swahili count only by how near each of the eight is to them, and the test does not see how families differ.
With few relatives p cannot be small (`Orders.smallest`): never under 1/24 for four in one family, 1/2 for two.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from neutral.association.benjamini_hochberg import benjamini_hochberg
from neutral.association.holm import holm
from neutral.association.mantel import mantel
from neutral.association.moran import Spectral, spectral
from neutral.association.mrm import entangled, mrm
from neutral.association.permutations import Orders, orders, possible
from neutral.association.squares import Batch, batches, check
from neutral.errors import NeutralError

LEAST = 4
"""The least number of languages to be tested: three have three pairs, and six permutations."""

ASSOCIATIONS = (
    *("group", "distance", "rho", "p", "holm", "permutations", "exact", "languages", "pairs", "left_out"),
    *("expected", "tested"),
)
REGRESSION = (
    *("group", "distance", "beta", "p", "holm", "r2", "r2_p", "permutations", "exact", "languages", "pairs"),
    *("left_out", "tested"),
)


def associations(
    similarity: pd.DataFrame,
    distances: pd.DataFrame,
    *,
    within: Mapping[str, Hashable] | None = None,
    along: pd.DataFrame | None = None,
    controls: Sequence[str] = (),
    count: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Test every group of `similarity` against every distance: a Mantel test in ranks, two-sided.

    Parameters
    ----------
    similarity : DataFrame
        Columns group, source, target, value, as `Counts.jaccard(by="layer")` returns. Pairs are unordered; a pair in
        both directions counts by its mean. Its languages are those that are tested.
    distances : DataFrame
        Columns distance, source, target, value; pairs likewise.
    within : language -> block, or None
        Only languages of one block (family) are exchanged; all if None.
    along : DataFrame or None
        A square of how near languages are (`neighbours`). Then nothing is permuted: similarities are drawn that are as
        smooth along it as the real ones (`moran`). Languages that it lacks are left out.
    controls : sequence of str
        Distances to control for (partial Mantel test); they are not tested themselves.
    count : int
        Permutations to draw when there are more than `count` + 1.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        A row a group and distance, columns `ASSOCIATIONS`.

        - rho: Spearman's correlation, partial with controls; negative if near languages are similar. NaN when a side is
          constant, when the controls leave nothing of it, and for fewer than `LEAST` languages.
        - tested: the correlation that p is about. It is rho, or with `within` the correlation of what differs within
          pairs of blocks, after the mean of every pair of blocks is taken out of both sides; with `along` it is rho
          less `expected`.
        - expected: the part of rho that comes from the blocks: without controls its mean over the permutations; 0
          without `within`. With `along` the mean over the draws.
        - p, holm: two-sided, and corrected over all rows that have a p. NaN, with permutations 0, when `tested` is NaN:
          where rho is, or where no permutation changes the distance.
        - permutations, exact: how many, and whether these are all that exist.
        - languages, pairs: how many.
        - left_out: languages without a value, "ar, ur"; they are dropped one by one, the one with most missing pairs
          first, until no pair is missing.

    Raises
    ------
    NeutralError
        For a table without its columns, and for a control that is not in `distances`.
    """
    check(distances, "distance")
    names = [name for name in dict.fromkeys(distances["distance"]) if name not in controls]
    rows: list[dict] = []
    sets, among = [(name, *controls) for name in names], None if along is None else set(along.index)
    for batch in batches(similarity, distances, sets, among=among):
        kinds = [kind for kind, *_ in batch.sets]
        rho, expected, tested, p = np.full((4, len(batch.groups), len(kinds)), np.nan)
        permuted = _drawn(batch.codes, within, along, count, seed)
        if len(batch.codes) >= LEAST:
            rho, expected, tested, p = mantel(batch.similarities, batch.of(kinds), permuted, batch.of(controls))
        for g, group in enumerate(batch.groups):
            for d, name in enumerate(kinds):
                numbers = {"rho": rho[g, d], "expected": expected[g, d], "tested": tested[g, d], "p": p[g, d]}
                rows.append({"group": group, "distance": name, **numbers, **_sizes(batch, permuted, p[g, d])})
    return _finished(rows, similarity, names, ASSOCIATIONS)


def regression(
    similarity: pd.DataFrame,
    distances: pd.DataFrame,
    kinds: Sequence[str],
    *,
    within: Mapping[str, Hashable] | None = None,
    along: pd.DataFrame | None = None,
    count: int = 9999,
    seed: int = 0,
    by_ranks: bool = True,
) -> pd.DataFrame:
    """Regress every group of `similarity` on the distances `kinds` together (MRM), by ranks or by values.

    Parameters
    ----------
    similarity, distances, within, along, count, seed
        As in `associations`. Languages must have all `kinds`; those that lack one are left out in the same order.
    kinds : sequence of str
        The distances to regress on.
    by_ranks : bool
        Whether to use the ranks of similarity and distances, or their values.

    Returns
    -------
    DataFrame
        A row a group and kind, columns `REGRESSION`. All numbers are NaN for fewer than `LEAST` languages, fewer than
        two pairs more than kinds, or a constant similarity.

        - beta: standardised; negative if near languages are similar, the other kinds held. NaN for a constant kind,
          which stays out of the regression.
        - tested: the coefficient that p is about. It is beta, or with `within` the coefficient of what differs within
          pairs of blocks, which r2_p is then about, too.
        - p, holm: two-sided, and corrected over all rows that have a p. NaN, with permutations 0, when `tested` is NaN:
          where beta is, where no permutation changes the distance, and where too little differs within pairs of blocks
          to tell the kinds apart.
        - r2, r2_p: of the whole regression, uncorrected, the same in all rows of a group.
        - permutations, exact, languages, pairs, left_out: as in `associations`.

    Raises
    ------
    NeutralError
        For a table without its columns, for no kinds or one that is not in `distances`, and for kinds that follow from
        one another on these languages.
    """
    kinds = list(dict.fromkeys(kinds))
    if not kinds:
        raise NeutralError("a regression needs at least one distance")
    rows: list[dict] = []
    for batch in batches(similarity, distances, [tuple(kinds)], among=None if along is None else set(along.index)):
        beta, tested, p = np.full((3, len(batch.groups), len(kinds)), np.nan)
        r2, r2_p = np.full((2, len(batch.groups)), np.nan)
        permuted = _drawn(batch.codes, within, along, count, seed)
        if len(batch.codes) >= LEAST and batch.pairs >= len(kinds) + 2:
            if dependent := entangled(batch.of(kinds), by_ranks=by_ranks):
                names = ", ".join(kinds[i] for i in dependent)
                raise NeutralError(f"among these languages {names} follow from one another; leave one of them out")
            beta, tested, p, r2, r2_p = mrm(batch.similarities, batch.of(kinds), permuted, by_ranks=by_ranks)
        for g, group in enumerate(batch.groups):
            for k, kind in enumerate(kinds):
                numbers = {"beta": beta[g, k], "tested": tested[g, k], "p": p[g, k], "r2": r2[g], "r2_p": r2_p[g]}
                rows.append({"group": group, "distance": kind, **numbers, **_sizes(batch, permuted, p[g, k])})
    return _finished(rows, similarity, kinds, REGRESSION)


def _drawn(
    codes: Sequence[str],
    within: Mapping[str, Hashable] | None,
    along: pd.DataFrame | None,
    count: int,
    seed: int,
) -> Orders | Spectral:
    """Return the permutations of a test, or the draws along a neighbourhood."""
    if along is None:
        return orders(codes, within=within, count=count, seed=seed)
    if within is not None:
        raise NeutralError("a test is within blocks or along a neighbourhood, not both")
    return spectral(along.loc[list(codes), list(codes)].to_numpy(), count=count, seed=seed)


def _sizes(batch: Batch, permuted: Orders | Spectral, p: float) -> dict:
    """Return the columns permutations, exact, languages, pairs and left_out of a test."""
    tested = not np.isnan(p)
    return {
        "permutations": len(permuted) if tested else 0,
        "exact": tested and permuted.exact,
        "languages": len(batch.codes),
        "pairs": batch.pairs,
        "left_out": ", ".join(batch.left_out),
    }


def _finished(
    rows: list[dict], similarity: pd.DataFrame, names: Sequence[str], columns: tuple[str, ...]
) -> pd.DataFrame:
    """Return rows as a table in the order of the groups and distances, with Holm's correction."""
    table = pd.DataFrame(rows, columns=[column for column in columns if column != "holm"])
    groups = list(dict.fromkeys(similarity["group"]))
    places = [
        groups.index(g) * len(names) + names.index(d) for g, d in zip(table["group"], table["distance"], strict=True)
    ]
    table = table.iloc[np.argsort(places)].reset_index(drop=True)
    return table.assign(holm=holm(table["p"].astype(float)))[list(columns)]


__all__ = [
    "ASSOCIATIONS",
    "LEAST",
    "REGRESSION",
    "Orders",
    "associations",
    "benjamini_hochberg",
    "holm",
    "orders",
    "possible",
    "regression",
]
