"""What the Typology page says of tests without one family, or one script: which distances hang on it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral.figures.theme import number, signed
from neutral.metrics import SIGNIFICANT
from pages.parts.text import as_text
from pages.parts.typology.words import label

TITLE = "Without one family or script"
CAPTION = (
    "Along the tree, Holm over the distances. Families and scripts of two languages or more are left out in turn: a "
    "dot is ρ of all languages, a line its range."
)


def _number(name: str, help: str | None = None, *, digits: int = 3) -> dict:
    return st.column_config.NumberColumn(name, format=f"%.{digits}f", help=help)


COLUMNS = {
    "name": st.column_config.TextColumn("Distance", pinned=True),
    "left": st.column_config.TextColumn("Without one"),
    "rho": _number("ρ of all"),
    "low": _number("Lowest ρ"),
    "high": _number("Highest ρ"),
    "p": _number("p of all", digits=4),
    "p_low": _number("Lowest p", digits=4),
    "p_high": _number("Highest p", digits=4),
    "holm_high": _number("Highest Holm", "p corrected for the distances, without the family or script", digits=4),
    "most": st.column_config.TextColumn("Moved most by", help="Without it ρ is the furthest from that of all"),
    "rho_without": _number("ρ without it"),
    "p_without": _number("p without it", digits=4),
    "blocks": st.column_config.NumberColumn("Left out", format="%d", help="How many families or scripts, in turn"),
    "gone": st.column_config.TextColumn("Nothing to test without"),
}


def sentence(moved: pd.DataFrame) -> str:
    """Say which distances hold along the tree whichever family or script is left out, and what the others hang on."""
    held = moved[moved["holm"] < SIGNIFICANT]
    if held.empty:
        return f"With all languages no distance holds along the tree. {_furthest(moved)}"
    shaken = held[~(held["holm_high"] < SIGNIFICANT) | (held["gone"] != "")]
    names = dict.fromkeys(held["distance"])
    sure = [label(name) for name in names if name not in set(shaken["distance"])]
    parts = [f"**{', '.join(sure)}**: along the tree, whichever family or script is left out."] if sure else []
    parts += [_hangs(name, shaken[shaken["distance"] == name]) for name in names if name in set(shaken["distance"])]
    return " ".join([*parts, _furthest(moved)])


def _hangs(name: str, rows: pd.DataFrame) -> str:
    """Say that a distance does not hold without some family or script."""
    told = []
    for row in rows.itertuples():
        worst = f"Holm up to {number(row.holm_high)} without one {row.left}" if row.holm_high >= SIGNIFICANT else ""
        gone = f"nothing is left to test without {as_text(row.gone)}" if row.gone else ""
        told += filter(None, [worst, gone])
    return f"**{label(name)}** hangs on one: {'; '.join(told)}."


def _furthest(moved: pd.DataFrame) -> str:
    """Say which family or script moves a coefficient most."""
    row = moved.loc[max(moved.index, key=lambda i: abs(moved["rho_without"][i] - moved["rho"][i]))]
    return (
        f"{label(row['distance'])} is moved most: ρ = {signed(row['rho'])} with all languages "
        f"(p = {number(row['p'])}), {signed(row['rho_without'])} (p = {number(row['p_without'])}) without the "
        f"{as_text(row['left'])} {as_text(row['most'])}."
    )
