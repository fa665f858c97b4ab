"""Does an association hang on one family, or on one script? The test again, with each left out in turn."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import pandas as pd

from neutral.association import LEAST
from neutral.metrics import SIGNIFICANT

WHOLE = ""
"""In the column `without`: nobody is left out."""

MOVED = (
    *("left", "distance", "rho", "low", "high", "p", "p_low", "p_high", "holm", "holm_low", "holm_high"),
    *("most", "rho_without", "p_without", "blocks", "lost", "gone"),
)


def without(
    test: Callable[..., pd.DataFrame],
    similarity: pd.DataFrame,
    distances: pd.DataFrame,
    blocks: Mapping[str, Hashable],
    **options: object,
) -> pd.DataFrame:
    """Return a test of all languages, and of all but each block's: the columns of the test, and `without` first.

    Parameters
    ----------
    test : callable
        `associations`, `regression` or the like: test(similarity, distances, **options).
    similarity, distances : DataFrame
        As in `associations`.
    blocks : language -> block
        A family or a script, say. Languages that it lacks are always there.
    **options
        Of the test.

    Returns
    -------
    DataFrame
        Column `without` is the block's name, `WHOLE` for none. Blocks come as their first languages do; one without
        which fewer than `LEAST` languages are left is not there.
    """
    every = list(dict.fromkeys(similarity[["source", "target"]].to_numpy().ravel()))
    tables = [test(similarity, distances, **options).assign(without=WHOLE)]
    for block in dict.fromkeys(blocks[code] for code in every if code in blocks):
        kept = {code for code in every if blocks.get(code) != block}
        if len(kept) >= LEAST:
            rest = similarity[similarity["source"].isin(kept) & similarity["target"].isin(kept)]
            tables.append(test(rest, distances, **options).assign(without=str(block)))
    table = pd.concat(tables, ignore_index=True)
    return table[["without", *(column for column in table if column != "without")]]


def moved(tests: pd.DataFrame) -> pd.DataFrame:
    """Return how far each distance's test hangs on one block: a row a kind of block and distance, columns `MOVED`.

    Parameters
    ----------
    tests : DataFrame
        As `without` returns it of `associations` of one group, for several kinds of blocks; the column `left` names
        the kind (family, script).

    Returns
    -------
    DataFrame
        - rho, p, holm: of all languages. low, high, p_low, p_high, holm_low, holm_high: the lowest and the highest over
          the blocks that are left out.
        - most: the block without which ρ is the furthest from that of all; rho_without, p_without: without it.
        - blocks: how many were left out. lost: those without which the corrected p is not below `SIGNIFICANT`, the
          highest p first, as a tuple. gone: those without which nothing is left to test, "Arab, Latn". A distance
          that could not be tested with all languages, or without any of the blocks, is not there.
    """
    rows = []
    for (left, distance), table in tests.groupby(["left", "distance"], sort=False):
        known = table.dropna(subset="rho")
        whole, rest = known[known["without"] == WHOLE], known[known["without"] != WHOLE]
        if whole.empty or rest.empty:
            continue
        all_of_them = whole.iloc[0]
        most = rest.loc[(rest["rho"] - all_of_them["rho"]).abs().idxmax()]
        row = {"left": left, "distance": distance, **all_of_them[["rho", "p", "holm"]]}
        row |= {"low": rest["rho"].min(), "high": rest["rho"].max()}
        for name in ("p", "holm"):
            row |= {f"{name}_low": rest[name].min(), f"{name}_high": rest[name].max()}
        row |= {"most": most["without"], "rho_without": most["rho"], "p_without": most["p"], "blocks": len(rest)}
        row["lost"] = tuple(rest[~(rest["holm"] < SIGNIFICANT)].sort_values("holm", ascending=False)["without"])
        row["gone"] = ", ".join(table.loc[table["rho"].isna(), "without"])
        rows.append(row)
    return pd.DataFrame(rows, columns=MOVED)


def with_whole(moved: pd.DataFrame, tests: pd.DataFrame, scheme: str) -> pd.DataFrame:
    """Return the rows of `moved` with p and Holm of all languages as other `tests` of the same have them.

    `tests` are those of `schemes.beside`, of more draws: a distance has one p then. A distance that they lack, and all
    where they were not made under that scheme, keep what they have.
    """
    names = {name: f"{name}_{scheme}" for name in ("p", "holm")}
    if moved.empty or not set(names.values()) <= set(tests):
        return moved
    known = tests.set_index("distance")
    found = {name: moved["distance"].map(known[own]).fillna(moved[name]) for name, own in names.items()}
    return moved.assign(**found)
