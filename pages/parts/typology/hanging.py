"""What the Typology page says of tests without one family, or one script: which distances hang on it."""

from __future__ import annotations

import pandas as pd

from neutral.figures.theme import number, signed
from neutral.languages import script_name
from neutral.metrics import SIGNIFICANT
from pages.parts.text import as_text
from pages.parts.typology.words import label

NAMED = 3  # so many families or scripts are named that a distance hangs on, more are counted

TITLE = "Without one family or script"
CAPTION = (
    "The test along the tree, Holm over the distances. Families and scripts of two languages or more are left out in "
    "turn: a dot is ρ of all languages, a line its range. p of all languages is that of the table Every distance"
)


def caption(rows: pd.DataFrame) -> str:
    """Say which test it is, and of how many draws where a family or script is left out."""
    return f"{CAPTION}; each without one has {int(rows['permutations'].max()):,} draws of its own."


def first(moved: pd.DataFrame) -> str:
    """Say in a sentence which of the distances that hold along the tree do so without any one family or script.

    What the others hang on is named: the family or script without which a distance does not hold.
    """
    held = moved[moved["holm"] < SIGNIFICANT]
    if held.empty:
        return ""
    shaken = _shaken(held)
    names = list(dict.fromkeys(held["distance"]))
    sure, rest = ([name for name in names if (name in set(shaken["distance"])) is hangs] for hangs in (False, True))
    if not rest:
        return "**Each of these** holds along the tree whichever one family or script is left out."
    on: dict[str, list[str]] = {}
    for name in rest:
        on.setdefault(_on(shaken[shaken["distance"] == name]), []).append(label(name))
    hang = "; ".join(f"{_listed(names)} hang{'s' * (len(names) == 1)} on {what}" for what, names in on.items())
    if not sure:
        return f"**But none of these holds whichever one family or script is left out**: {hang}."
    holds = f"{_listed(list(map(label, sure)))} hold{'s' * (len(sure) == 1)}"
    return f"**But only {holds} whichever one family or script is left out**: {hang}."


def _on(rows: pd.DataFrame) -> str:
    """Name the families and scripts that a distance hangs on."""
    named = []
    for row in rows.itertuples():
        blocks = [*row.lost, *filter(None, row.gone.split(", "))]
        named += [_block(row.left, block) for block in blocks[:NAMED]]
        if len(blocks) > NAMED:
            plural = "families" if row.left == "family" else "scripts"
            named.append(f"{len(blocks) - NAMED} more {plural}")
    return _listed(named)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _block(left: str, block: str) -> str:
    """Name a family or a script: "the script Latin"."""
    return f"the {left} {_name(left, block)}"


def _name(left: str, block: str) -> str:
    return as_text(script_name(block) if left == "script" else block)


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
        which = f" ({', '.join(_name(row.left, block) for block in row.lost)})" if row.lost else ""
        worst = f"Holm up to {number(row.holm_high)} without one {row.left}{which}" if row.lost else ""
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
