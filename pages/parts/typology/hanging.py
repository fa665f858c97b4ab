"""What the Typology page says of tests without one family, or one script: which distances hang on it."""

from __future__ import annotations

import pandas as pd

from neutral.figures.theme import number, signed
from neutral.metrics import SIGNIFICANT
from pages.parts.text import as_text
from pages.parts.typology.words import label

TITLE = "Without one family or script"
CAPTION = (
    "The test along the tree, Holm over the distances. Families and scripts of two languages or more are left out in "
    "turn: a dot is ρ of all languages, a line its range. p of all languages is that of the table Every distance"
)


def caption(rows: pd.DataFrame) -> str:
    """Say which test it is, and of how many draws where a family or script is left out."""
    return f"{CAPTION}; each without one has {int(rows['permutations'].max()):,} draws of its own."


def first(moved: pd.DataFrame) -> str:
    """Say in a sentence which of the distances that hold along the tree do so without any one family or script."""
    held = moved[moved["holm"] < SIGNIFICANT]
    if held.empty:
        return ""
    shaken = set(_shaken(held)["distance"])
    names = list(dict.fromkeys(held["distance"]))
    sure, rest = ([label(name) for name in names if (name in shaken) is hangs] for hangs in (False, True))
    if not rest:
        return "**Each of these** holds along the tree whichever one family or script is left out."
    holds = f"**{', '.join(sure)}**" if sure else "**none of these**"
    hang = f"{', '.join(rest)} hang{'s' if len(rest) == 1 else ''} on one of them"
    return f"What holds along the tree whichever one family or script is left out: {holds}; {hang} (see below)."


def _shaken(held: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of distances that do not hold, or cannot be tested, without some family or script."""
    return held[~(held["holm_high"] < SIGNIFICANT) | (held["gone"] != "")]


def sentence(moved: pd.DataFrame) -> str:
    """Say which distances hold along the tree whichever family or script is left out, and what the others hang on."""
    held = moved[moved["holm"] < SIGNIFICANT]
    if held.empty:
        return f"With all languages no distance holds along the tree. {_furthest(moved)}"
    shaken = _shaken(held)
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
