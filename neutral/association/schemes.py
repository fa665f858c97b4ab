"""One test under two schemes: any languages are exchanged, and only relatives are.

The first asks what a Mantel test asks; the second whether there is more to it than that relatives are alike (see the
docstring of `neutral.association` for what p can be trusted with).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import pandas as pd

from neutral.metrics import SIGNIFICANT

SCHEMES = ("plain", "family")
"""plain: all languages are exchanged; family: only languages of one family."""

BESIDE = ("p", "holm", "tested", "permutations", "exact")
"""The columns of `associations` in which the schemes differ."""


def blocks(scheme: str, families: Mapping[str, Hashable]) -> Mapping[str, Hashable] | None:
    """Return the argument `within` of a test under a scheme: the families, or None if all languages are exchanged."""
    return families if scheme == "family" else None


def both(
    test: Callable[..., pd.DataFrame], *tables: object, families: Mapping[str, Hashable], **options: object
) -> dict[str, pd.DataFrame]:
    """Return scheme -> result of a test, `test(*tables, within=…, **options)`, for each of `SCHEMES`.

    `test` is `associations`, `regression` or `agreement.over_pairs`; `families` names each language's family.
    """
    return {scheme: test(*tables, within=blocks(scheme, families), **options) for scheme in SCHEMES}


def beside(
    tests: Mapping[str, pd.DataFrame],
    columns: Sequence[str] = BESIDE,
    *,
    on: Sequence[str] = ("group", "distance"),
) -> pd.DataFrame:
    """Return the plain test with `columns` of the one within families beside it, named p_within and so on.

    `tests` is that of `both`; rows with the same values in the columns `on` belong together.
    """
    within = tests["family"][[*on, *columns]]
    return tests["plain"].merge(within, on=list(on), suffixes=("", "_within"))


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
