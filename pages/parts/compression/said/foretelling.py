"""Which error foretells perplexity, in words."""

from __future__ import annotations

import pandas as pd

NOT_INDEPENDENT = (
    "All tables, by parameters and by bytes. Tables of one method are not independent, so the interval over whole "
    "methods is the fairer one."
)
MEASURE_NAMES = {"cosine": "cosine distance", "rmse": "RMSE", "perplexity": "perplexity"}


def prediction(by_table: pd.DataFrame, by_method: pd.DataFrame, disagreements: tuple[int, float], who: str) -> str:
    """Say whether the cosine distance foretells the perplexity of a language better than RMSE does.

    The tables are those of `predictions.correlations`, resampled by table and by method. What the first alone shows is
    said of these tables only.
    """
    row, wide = (_row(table, who, "rmse") for table in (by_table, by_method))
    verdict = "Neither error clearly foretells perplexity better"
    if row["lead_low"] > 0:
        verdict = "Cosine distance foretells perplexity better than RMSE"
    elif row["lead_high"] < 0:
        verdict = "RMSE foretells perplexity better than cosine distance"
    if row["lead_low"] * row["lead_high"] > 0 and not wide["lead_low"] * wide["lead_high"] > 0:
        verdict += " over these tables; over whole methods that is not shown"
    sentence = (
        f"**{verdict}.** Rank correlation {_row(by_table, who, 'cosine')['rho']:.3f} for cosine distance, "
        f"{row['rho']:.3f} for RMSE; difference {row['lead']:+.3f} (95% interval {row['lead_low']:+.3f} to "
        f"{row['lead_high']:+.3f} over {row['n']} tables, {wide['lead_low']:+.3f} to {wide['lead_high']:+.3f} over "
        "whole methods)."
    )
    count, share = disagreements
    if count:
        sentence += (
            f" Where they disagree on which of two tables is better ({count:,} pairs), perplexity sides with cosine "
        )
        sentence += f"distance in {share:.0%}."
    return sentence


def _row(table: pd.DataFrame, language: str, error: str) -> pd.Series:
    return table[(table["language"] == language) & (table["error"] == error)].iloc[0]


def pairs(table: pd.DataFrame) -> str:
    """Say who wins at equal rank: the table is that of `predictions.paired`."""
    rows = table.set_index("measure")
    parts = []
    for measure, row in rows.iterrows():
        n = row["wins"] + row["losses"] + row["ties"]
        parts.append(f"{MEASURE_NAMES[measure]} lower in {row['wins']:.0f} of {n:.0f}{_p(row['p'])}")
    ratio = rows.loc["perplexity", "ratio"]
    return (
        f"**direction against svd, at equal rank:** {'; '.join(parts)}. Its perplexity is {ratio:.3g} times that of "
        "svd in the geometric mean."
    )


def _p(p: float) -> str:
    if p != p:
        return ""
    return " (sign test p < 0.001)" if p < 0.001 else f" (sign test p = {p:.2g})"


def too_few(tables: int) -> str:
    """Say that there are too few tables for a rank correlation."""
    return f"It takes four compressed tables to tell; there are {tables}."
