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

SCHEMES = ("plain", "family", "tree", "globe")
BOTH = ("plain", "family")
"""The schemes that every study has whose distances were tested."""

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
    """Return `tested` with the columns partial, partial_p, partial_p_within and so on (NaN for the control itself).

    Both are those of `beside`, the second of tests with controls.
    """
    on = ["group", "distance"]
    there = [f"p{suffix}" for suffix in ("", *SUFFIXES.values()) if f"p{suffix}" in controlled]
    names = {"rho": "partial", **{name: f"partial_{name}" for name in there}}
    return tested.merge(controlled[[*on, *names]].rename(columns=names), on=on, how="left")


def by_size(table: pd.DataFrame, column: str = "rho") -> pd.DataFrame:
    """Return rows by the size of a correlation, whatever its sign: the largest first."""
    return table.sort_values(column, key=abs, ascending=False)


def largest(table: pd.DataFrame) -> pd.Series:
    """Return the row with the largest correlation, whatever its sign; at least one must be known."""
    return table.loc[table["rho"].abs().idxmax()]
