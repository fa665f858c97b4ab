"""The compression page's sentences: what holds at which ratio, who breaks first, and which error foretells it."""

from __future__ import annotations

import pandas as pd

from neutral.compression import results
from neutral.members import display
from pages.parts.compression.tables import LIMIT, Choice

KEPT = f"{LIMIT - 1:.0%} of the full model's perplexity"
MEASURE_NAMES = {"cosine": "cosine distance", "rmse": "RMSE", "perplexity": "perplexity"}


def at(row: pd.Series) -> str:
    """Write up to which ratio a line of `results.reach` keeps to the limit."""
    ratio = f"{row['ratio']:.3g} ×"
    if row["bound"] == "below":
        return f"not at {ratio}"
    return f"≥ {ratio}" if row["bound"] == "above" and row["sizes"] > 1 else ratio


def answer(breaks: pd.DataFrame, choice: Choice) -> str:
    """Say which methods keep every language within the limit, up to which ratio, and who breaks first."""
    reach = results.reach(breaks[breaks["limit"] == LIMIT])
    kept, broken = reach[reach["bound"] != "below"], reach[reach["bound"] == "below"]
    said = []
    if len(kept):
        parts = [f"**{row['line']} {at(row)}**{_who(row)}" for _, row in kept.iterrows()]
        said.append(f"Every language stays within {KEPT} up to these ratios, by {choice.by}: {', '.join(parts)}.")
    if len(broken):
        names = ", ".join(f"{row.line} ({row.ratio:.3g} ×)" for row in broken.itertuples())
        said.append(f"Broken at the least ratio measured: {names}.")
    return " ".join(said)


def _who(row: pd.Series) -> str:
    if row["bound"] == "above":
        return " (its one size)" if row["sizes"] == 1 else ""
    return f" ({display(row['language'])} breaks first)"


def prediction(by_table: pd.DataFrame, by_method: pd.DataFrame, disagreements: tuple[int, float], who: str) -> str:
    """Say whether the cosine distance foretells the perplexity of a language better than RMSE does.

    The tables are those of `predictions.correlations`, resampled by table and by method.
    """
    row, wide = (_row(table, who, "rmse") for table in (by_table, by_method))
    verdict = "Neither error clearly foretells perplexity better"
    if row["lead_low"] > 0:
        verdict = "Cosine distance foretells perplexity better than RMSE"
    elif row["lead_high"] < 0:
        verdict = "RMSE foretells perplexity better than cosine distance"
    said = (
        f"**{verdict}.** Rank correlation {_row(by_table, who, 'cosine')['rho']:.3f} for cosine distance, "
        f"{row['rho']:.3f} for RMSE; difference {row['lead']:+.3f} (95% interval {row['lead_low']:+.3f} to "
        f"{row['lead_high']:+.3f} over {row['n']} tables, {wide['lead_low']:+.3f} to {wide['lead_high']:+.3f} over "
        "whole methods)."
    )
    count, share = disagreements
    if count:
        said += (
            f" Where they disagree on which of two tables is better ({count:,} pairs), perplexity sides with cosine "
        )
        said += f"distance in {share:.0%}."
    return said


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
