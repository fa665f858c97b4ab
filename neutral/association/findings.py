"""What a table of tests under several schemes says: which test to believe first, and what holds under it.

Tables are those of `schemes.beside`, of `associations`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral.association.holm import holm
from neutral.association.schemes import SCHEMES, SUFFIXES, by_size
from neutral.metrics import SIGNIFICANT

FIRST = ("tree", "family", "plain")
"""The schemes to believe, the one whose errors are the nearest to its level first (`error_rates`)."""


def column(name: str, scheme: str) -> str:
    """Return what a column is called under a scheme.

    >>> column("p", "plain"), column("p", "family"), column("holm", "tree")
    ('p', 'p_within', 'holm_tree')
    """
    return f"{name}{SUFFIXES.get(scheme, '')}"


def made(table: pd.DataFrame) -> list[str]:
    """Return the schemes of `SCHEMES` under which anything could be tested."""
    there = [scheme for scheme in SCHEMES if column("p", scheme) in table]
    return [scheme for scheme in there if table[column("p", scheme)].notna().any()]


def first(table: pd.DataFrame) -> str:
    """Return the scheme to believe first among those `made`: one of `FIRST`.

    A scheme by which no corrected p can be small says nothing; if none can, plain.
    """
    there = made(table)
    able = [scheme for scheme in FIRST if scheme in there and smallest_p(table, scheme) <= SIGNIFICANT]
    return next(iter(able), "plain")


def held(table: pd.DataFrame, scheme: str, alpha: float = SIGNIFICANT) -> pd.DataFrame:
    """Return the rows that hold under a scheme after Holm's correction, by the size of their correlation."""
    if column("holm", scheme) not in table:
        return table.head(0)
    return by_size(table[table[column("holm", scheme)] < alpha], "tested_within" if scheme == "family" else "rho")


def only(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose group and distance are not among the others'."""
    cells = set(zip(others["group"], others["distance"], strict=True))
    apart = [cell not in cells for cell in zip(rows["group"], rows["distance"], strict=True)]
    return rows[np.array(apart, dtype=bool)]


def smallest_p(table: pd.DataFrame, scheme: str) -> float:
    """Return the smallest p after Holm's correction that a test could have: with few permutations it cannot be small.

    1 if nothing was tested.
    """
    if column("p", scheme) not in table:
        return 1.0
    tested = table.dropna(subset=column("p", scheme))
    return len(tested) / float(tested[column("permutations", scheme)].max()) if len(tested) else 1.0


def of_group(table: pd.DataFrame, group: str, schemes: Sequence[str] = SCHEMES) -> pd.DataFrame:
    """Return the tests of one group, corrected among themselves: p is the same whichever groups are tested with it."""
    rows = table[table["group"] == group].reset_index(drop=True)
    anew = {
        column("holm", scheme): holm(rows[column("p", scheme)].astype(float))
        for scheme in schemes
        if column("p", scheme) in rows
    }
    return rows.assign(**anew)


def directions(table: pd.DataFrame, alpha: float = SIGNIFICANT) -> tuple[dict[str, int], int]:
    """Return predictor -> in how many directions it holds after Holm's correction, and how many there are.

    The table is that of `process.components`, of one group. What holds most often comes first; empty if nothing could
    be tested.
    """
    known = table.dropna(subset="p")
    times = {name: int((rows["holm"] < alpha).sum()) for name, rows in known.groupby("predictor", sort=False)}
    return dict(sorted(times.items(), key=lambda item: -item[1])), known["component"].nunique()
