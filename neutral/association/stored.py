"""Tests that a study holds (rows of kind "association"), read back in place of the same tests made anew.

Rows say which masks, measure and languages they are of, but neither how permutations were drawn nor what the overlap
and the distances were then. So they are valid only if a sample of them, tested anew, has the `same` result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from neutral.association import ASSOCIATIONS, REGRESSION
from neutral.association.holm import holm
from neutral.association.leaving import WHOLE
from neutral.association.schemes import BOTH, SCHEMES, SUFFIXES
from neutral.study import at_sparsity

WRITTEN = 1e-6
"""Rows hold six decimals."""

_COMPARED = ("rho", "tested", "p", "holm", "permutations", "languages")


def read(
    rows: pd.DataFrame,
    *,
    groups: Sequence[str],
    distances: Sequence[str],
    sparsity: float,
    control: str = "",
    **key: object,
) -> dict[str, pd.DataFrame] | None:
    """Return scheme -> the stored test of every group and distance, as `schemes.each` gives them of `associations`.

    `rows` is `Study.table("association")`; `key` and `sparsity` tell its rows apart (task, method, seed, measure, by,
    members), and `control` is the only distance that was held. None unless the plain rows and those within families are
    of exactly these groups and distances; schemes of which that does not hold are left out, as in older studies.
    """
    if rows.empty:
        return None
    numbers = ("rho", "p", "holm", "expected", "tested")
    rows = _of(rows[rows["controls"] == control], sparsity, key)
    return _by_scheme(rows, groups, distances, ASSOCIATIONS, numbers)


def read_regression(
    rows: pd.DataFrame, *, group: str, kinds: Sequence[str], sparsity: float, **key: object
) -> dict[str, pd.DataFrame] | None:
    """Return scheme -> the stored regression of one group on just these distances, as `schemes.each` gives them.

    `rows` is `Study.table("regression")`; the rest is as for `read`.
    """
    if rows.empty:
        return None
    rows = _by_kinds(rows[rows["group"] == group], kinds)
    return _by_scheme(
        _of(rows, sparsity, key), [group], kinds, REGRESSION, ("beta", "p", "holm", "r2", "r2_p", "tested")
    )


def read_models(
    rows: pd.DataFrame, columns: Sequence[str], *, group: str, kinds: Sequence[str], sparsity: float, **key: object
) -> pd.DataFrame | None:
    """Return the stored rows of one group's model by just these: kind "mixed", "process" or "properties"; or None.

    `columns` are the table's, with a column distance or predictor, and `kinds` what is in it: distances or properties.
    Rows are corrected among themselves, whichever groups were stored with them. The rest is as for `read`.
    """
    name = "distance" if "distance" in columns else "predictor"
    if rows.empty or not {*columns, *key, "kinds"} <= set(rows):
        return None
    rows = _by_kinds(rows[rows["group"] == group], kinds)
    table = _of(rows, sparsity, key)[list(columns)].reset_index(drop=True)
    if table.empty or set(table[name]) != set(kinds or ("",)):
        return None
    numbers = {column: pd.to_numeric(table[column]) for column in columns if column not in ("group", name, "left_out")}
    return table.assign(**numbers).assign(holm=lambda made: holm(made["p"].astype(float)))


def read_leaving(rows: pd.DataFrame, tested: pd.DataFrame, *, sparsity: float, **key: object) -> pd.DataFrame | None:
    """Return the stored tests without one family or script, for `leaving.moved`; None if there are none of these.

    `rows` is `Study.table("leaving")`; `tested` are the tests of the same group of all languages, with whose ρ those of
    all languages must agree: rows do not say what the distances were. The rest is as for `read`.
    """
    if rows.empty:
        return None
    table = _of(rows[rows["group"].isin(set(tested["group"]))], sparsity, key).reset_index(drop=True)
    now = tested.set_index("distance")["rho"].astype(float)
    table = table[table["distance"].isin(now.index)]
    whole = table[table["without"] == WHOLE]
    agrees = np.allclose(whole["rho"].astype(float), now[whole["distance"]], rtol=0, atol=WRITTEN, equal_nan=True)
    numbers = ("rho", "p", "holm", "expected", "tested")
    return table.astype(dict.fromkeys(numbers, float)) if len(whole) and agrees else None


def _by_kinds(rows: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """Return the rows of tests by just these distances, in whatever order; a study may have others as well."""
    several = rows["kinds"].fillna("-")  # older rows do not say, which is not the same as none
    return rows[[set(filter(None, each.split(", "))) == set(kinds) for each in several]]


def _of(rows: pd.DataFrame, sparsity: float, key: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows of a sparsity and with all values of a key."""
    rows = rows[at_sparsity(rows["sparsity"], sparsity)]
    for name, value in key.items():
        rows = rows[rows[name] == value]
    return rows


def _by_scheme(
    rows: pd.DataFrame, groups: Sequence[str], distances: Sequence[str], columns: Sequence[str], numbers: Sequence[str]
) -> dict[str, pd.DataFrame] | None:
    """Return scheme -> its rows if they are of just these groups and distances; None if one of `BOTH` is not."""
    cells = pd.MultiIndex.from_product([groups, distances], names=["group", "distance"])
    tests = {}
    for scheme in SCHEMES:
        table = rows[rows["scheme"] == scheme].set_index(["group", "distance"])
        if table.index.is_unique and set(table.index) == set(cells):
            tests[scheme] = _with_pairs(table.loc[cells].reset_index(), columns).astype(dict.fromkeys(numbers, float))
    return tests if tests.keys() >= set(BOTH) else None


def _with_pairs(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the columns; older rows of regressions lack the pairs, which are all of their languages."""
    if "pairs" not in table:
        table = table.assign(pairs=np.nan)
    pairs = table["languages"] * (table["languages"] - 1) // 2
    return table.assign(pairs=table["pairs"].fillna(pairs))[list(columns)]


def same(stored: dict[str, pd.DataFrame], tested: pd.DataFrame, compared: Sequence[str] = _COMPARED) -> bool:
    """Whether stored tests (`read`) of the same groups and distances say the same as tests made anew.

    `tested` is that of `schemes.beside`; only schemes and columns that both have are compared.
    """
    suffixes = {"plain": "", **SUFFIXES}
    return all(
        np.allclose(
            stored[scheme][column].to_numpy(dtype=float),
            tested[f"{column}{suffix}"].to_numpy(dtype=float),
            rtol=0,
            atol=WRITTEN,
            equal_nan=True,
        )
        for scheme, suffix in suffixes.items()
        if scheme in stored
        for column in compared
        if f"{column}{suffix}" in tested
    )
