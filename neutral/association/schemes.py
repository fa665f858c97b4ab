"""One test under several schemes: what the similarities are compared with.

plain exchanges any languages, which asks what a Mantel test asks. The others ask whether there is more to it than that
relatives, or neighbours, are alike: family exchanges relatives only, tree and globe draw similarities that are as
smooth along Glottolog's tree, or over the globe, as the real ones (`moran`). Studies of before have the first two.
`error_rates` measures which of them can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import pandas as pd

from neutral.association import neighbours
from neutral.metrics import SIGNIFICANT

SCHEMES = ("plain", "family", "tree", "globe")
BOTH = ("plain", "family")
"""The schemes that every study has whose distances were tested."""

FIRST = "tree"
"""The scheme that keeps nearest to its level where languages are relatives (`error_rates`): its p comes first."""

MEANING = {
    "plain": "How rarely languages that are exchanged at random would go with a distance as well. Relatives and "
    "neighbours make it small by themselves.",
    "family": "How rarely relatives that are exchanged at random would go with a distance as well, inside their "
    "families.",
    "tree": "How rarely an overlap that follows the family tree as much, but nothing else, would go with a distance as "
    "well.",
    "globe": "How rarely an overlap that is as alike between neighbours on the globe, but for nothing else, would go "
    "with a distance as well.",
}
"""What p says under each scheme, in a sentence for people."""

BESIDE = ("p", "holm", "tested", "permutations", "exact")
"""The columns of `associations` in which the schemes differ."""

SUFFIXES = {"family": "_within", "tree": "_tree", "globe": "_globe"}
"""How columns of a scheme are called beside those of the plain test."""


def drawn(scheme: str, families: Mapping[str, Hashable]) -> dict[str, object]:
    """Return the options of a test under a scheme: within or along what; `families` names each language's family."""
    if scheme == "family":
        return {"within": families}
    near = {"tree": neighbours.on_tree, "globe": neighbours.on_globe}
    return {"along": near[scheme](list(families))} if scheme in near else {}


def each(
    test: Callable[..., pd.DataFrame],
    *tables: object,
    families: Mapping[str, Hashable],
    chosen: Sequence[str] = SCHEMES,
    **options: object,
) -> dict[str, pd.DataFrame]:
    """Return scheme -> result of a test, `test(*tables, **drawn(…), **options)`, for each that is chosen of `SCHEMES`.

    `test` is `associations`, `regression` or `agreement.over_pairs`; `families` names each language's family.
    """
    return {scheme: test(*tables, **drawn(scheme, families), **options) for scheme in chosen}


def both(
    test: Callable[..., pd.DataFrame], *tables: object, families: Mapping[str, Hashable], **options: object
) -> dict[str, pd.DataFrame]:
    """Return what `each` does for `BOTH`: plain and within families."""
    return each(test, *tables, families=families, chosen=BOTH, **options)


def beside(
    tests: Mapping[str, pd.DataFrame],
    columns: Sequence[str] = BESIDE,
    *,
    on: Sequence[str] = ("group", "distance"),
) -> pd.DataFrame:
    """Return the plain test with `columns` of the others beside it, named by `SUFFIXES`: p_within, p_tree and so on.

    `tests` is that of `each` or `both`; rows with the same values in the columns `on` belong together.
    """
    table = tests["plain"]
    for scheme, suffix in SUFFIXES.items():
        if scheme in tests:
            named = {column: f"{column}{suffix}" for column in columns}
            table = table.merge(tests[scheme][[*on, *columns]].rename(columns=named), on=list(on))
    return table


def with_partial(tested: pd.DataFrame, controlled: pd.DataFrame) -> pd.DataFrame:
    """Return `tested` with the columns partial, partial_p and partial_p_within (NaN for the control itself).

    Both are those of `beside`, the second of tests with controls.
    """
    on = ["group", "distance"]
    names = {"rho": "partial", "p": "partial_p", "p_within": "partial_p_within"}
    return tested.merge(controlled[[*on, *names]].rename(columns=names), on=on, how="left")


def holding(table: pd.DataFrame, alpha: float = SIGNIFICANT) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that hold within families after Holm's correction, and those that hold only if all are permuted.

    `table` is that of `beside`, of `associations`. Both come by the size of their correlation, the largest first.
    """
    within = table["holm_within"] < alpha
    plain = (table["holm"] < alpha) & ~within
    return by_size(table[within], "tested_within"), by_size(table[plain], "rho")


def first(table: pd.DataFrame) -> str:
    """Return the scheme of a table of `beside` that comes first: `FIRST`, or family where it was not made."""
    return FIRST if f"p{SUFFIXES[FIRST]}" in table else "family"


def by_size(table: pd.DataFrame, column: str = "rho") -> pd.DataFrame:
    """Return rows by the size of a correlation, whatever its sign: the largest first."""
    return table.sort_values(column, key=abs, ascending=False)


def largest(table: pd.DataFrame) -> pd.Series:
    """Return the row with the largest correlation, whatever its sign; at least one must be known."""
    return table.loc[table["rho"].abs().idxmax()]


def smallest_p(table: pd.DataFrame, *, within: bool = False) -> float:
    """Return the smallest p after Holm's correction that a test could have: with few permutations it cannot be small.

    `table` is that of `beside`; with `within` the tests are those within families. 1 if nothing was tested.
    """
    suffix = "_within" if within else ""
    tested = table.dropna(subset=f"p{suffix}")
    if tested.empty:
        return 1.0
    return len(tested) / float(tested[f"permutations{suffix}"].max())
