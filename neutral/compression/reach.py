"""How far every method keeps a language within a tolerance, as a table that can be read by itself."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from neutral.compression import choosing
from neutral.compression.results import LINE, VIEW

COLUMNS = [
    "language",
    "tolerance_percent",
    "line",
    "within",
    "times_smaller",
    "counted_in",
    "megabytes",
    "megabytes_full",
    "perplexity_full",
    "perplexity",
    "change_percent",
    "measured_from",
    "measured_to",
    "breaks_first",
    "table_in",
]
WITHIN = {
    "": "yes, up to here",
    "above": "yes, at the smallest table tried",
    "below": "no, not even at the largest table tried",
}
"""Bound of a row of `choosing.within` -> whether the tolerance is kept at its ratio."""


def reach(
    scores: pd.DataFrame, rows: pd.DataFrame, info: Mapping[str, object], by: str, language: str, tolerance: float
) -> pd.DataFrame:
    """Return the rows of `choosing.within` with all that they are of: `COLUMNS`, in the same order.

    `scores`, `by`, `language` and `tolerance` are those that `choosing.within` was given, `info` is the study's.
    `language` is that whose perplexity is told: of `choosing.WORST` the one that suffers most at the row's ratio.
    Megabytes are of float32 before and after, NaN where the study does not say how large its table is. Raises as
    `choosing.within` does.
    """
    found = []
    full = choosing.table_bytes(info) / 1e6
    for _, row in rows.iterrows():
        same = (scores[[*LINE, *VIEW]] == row[[*LINE, *VIEW]]).all(axis=1)
        change = choosing.change(scores[same], by, row, language)
        found.append(
            [
                change.language,
                100 * tolerance,
                row["line"],
                WITHIN[row["bound"]],
                row["ratio"],
                by,
                choosing.table_bytes(info, row["ratio_bytes"]) / 1e6,
                full,
                change.before,
                change.after,
                100 * (change.after / change.before - 1),
                row["low"],
                row["high"],
                row["breaks"],
                row["where"],
            ]
        )
    return pd.DataFrame(found, columns=COLUMNS)


__all__ = ["COLUMNS", "WITHIN", "reach"]
