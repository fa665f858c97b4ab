"""What the page Language says of one language."""

from __future__ import annotations

import pandas as pd

from neutral.figures.costs import written
from neutral.language.facts import Facts, has_family, is_placed
from neutral.language.serving import Foretold
from neutral.languages import NO_SCRIPT
from neutral.summary import Choice
from pages.parts import formats, pickers
from pages.parts.formats import Tile
from pages.parts.text import as_text, in_words

NEAREST = (
    "A dot has its family's colour; it is filled if the language keeps its place in 95% of the draws of layers. Marks: "
    "chance, the mean of both languages' overlap with the pretrained control, and the mean of each found again."
)
WHERE = "The band is from the least to the most alike other language."
TRANSFER = "Where masks were scored, and trained, on other languages: Transfer"
MEASURED = "Score of this language's text under other languages' masks, without training, against that under its own."
FEW = 5
"""Masks that a sentence names."""


def answer(member: str, near: pd.DataFrame, measure: str) -> str:
    """Say whose mask is nearest, by how much, and how sure that is."""
    first = near.iloc[0]
    if first["value"] != first["value"]:
        return f"The masks of {in_words(member)} and the others keep nothing here, so there is no overlap to speak of."
    what = "of the weights that either keeps" if measure == "jaccard" else f"by {pickers.MEASURE_NAMES[measure]}"
    of_all = f" of {len(near)} others" if len(near) > 1 else ""
    against = f"against {first['chance']:.1%} by chance"
    if first["bound"] == first["bound"]:
        against += f" and {first['bound']:.1%} for the same language found again"
        against += ", so the two are not told apart" if first["value"] >= first["bound"] else ""
    said = [
        f"Nearest to **{in_words(member)}**{of_all} is **{in_words(first['language'])}**: their masks share "
        f"**{first['value']:.1%}** {what}, {against}."
    ]
    if len(near) > 1:
        second = near.iloc[1]
        sure = f"; {_sure(first['sure'])}" if first["sure"] == first["sure"] else ""
        said.append(f"Next is {in_words(second['language'])}, {second['value']:.1%}{sure}.")
    return " ".join(said)


def _sure(share: float) -> str:
    """Say how sure the first place is."""
    how = f"the first stays first in {share:.0%} of the draws of layers"
    if share >= 0.95:
        return how
    return f"{how}, so which of them is nearest is not sure"


def spoken(known: Facts) -> str:
    """Say what is known of the language by its code: family, script and place; "" if nothing is."""
    language, said = known.spoken, []
    if has_family(language):
        branch = f" ({as_text(known.branch)})" if known.branch not in ("", language.family) else ""
        said.append(f"{as_text(language.family)}{branch}")
    if language.script != NO_SCRIPT:
        said.append(f"script {language.script}" + ", right to left" * language.right_to_left)
    if is_placed(language):
        area = f", {as_text(language.macroarea)}" if language.macroarea else ""
        said.append(f"{place(language.latitude, language.longitude)}{area}")
    return " · ".join(said)


def tiles(known: Facts) -> list[Tile]:
    """Return what was measured on the language's text."""
    return _scored(known) + _read(known.text)


def place(latitude: float, longitude: float) -> str:
    """Write a place on the globe.

    >>> place(48.0, -2.5)
    '48° N, 2° W'
    """
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.0f}° {north}, {abs(longitude):.0f}° {east}"


OF_TEXT = (
    "Of the text of this study that no mask was made from. Another study, and the page Compression, have other text or "
    "other blocks of it: their perplexities are other numbers, and only ratios to the full model compare."
)


def _scored(known: Facts) -> list[Tile]:
    rows = []
    for row in known.scores.itertuples():
        name = str(row.metric).capitalize() + (f" ({row.variant})" if row.variant else "")
        note = f"masked; full {row.full:.4g}" if row.full == row.full else "masked"
        rows.append(Tile(as_text(name), f"{row.value:.4g}", note, OF_TEXT))
    bits = known.scores.dropna(subset="bits").head(1)
    for row in bits.itertuples():
        full = f"masked; full {row.full_bits:.2f}" if row.full_bits == row.full_bits else "masked"
        rows.append(Tile("Bits a character", f"{row.bits:.2f}", full))
    return rows


def _read(text: dict[str, float]) -> list[Tile]:
    rows = []
    for key, name in (("unknown", "Unknown tokens"), ("fallback", "Byte fallback")):
        if key in text:
            note = f"of {text['tokens']:,.0f} tokens" if "tokens" in text else "of its tokens"
            rows.append(Tile(name, f"{text[key]:.1%}", note))
    return rows


def nothing_known(member: str) -> str:
    """Say that a name is no language's."""
    return f"{in_words(member)} is no language that Glottolog has under this name, so nothing is known of it."


def serving(member: str, table: pd.DataFrame, told: Foretold | None, choice: Choice) -> str:
    """Say whose masks would serve a language best, and how sure that is."""
    if table["ratio"].notna().any():
        return _measured(member, table, choice)
    best = table.dropna(subset="overlap").head(FEW)
    column, how = ("way", "the way from chance to the bound") if best["way"].notna().any() else ("overlap", "overlap")
    names = ", ".join(f"{in_words(row['language'])} {row[column]:.0%}" for _, row in best.iterrows())
    said = [f"The text of {in_words(member)} was not scored under other languages' masks. By {how}: {names}."]
    if told is None:
        said.append("This study has no such scores at all, so how far overlap foretells them is not known here.")
    else:
        said.append(
            f"In the {formats.count(told.languages, 'language')} that were scored under {told.masks} or more others' "
            f"masks, overlap puts these in the order of the scores with a rank correlation of **{told.rho:.2f}** "
            f"(a mean; {told.low:.2f} to {told.high:.2f}; 1 is the same order)."
        )
    return " ".join(said)


def _measured(member: str, table: pd.DataFrame, choice: Choice) -> str:
    best, last = table.iloc[0], table.iloc[-1]
    said = (
        f"Scored on the text of {in_words(member)} with {choice.sparsity:.0%} removed, the mask of "
        f"**{in_words(best['language'])}** serves best of {formats.count(len(table), 'other')}: "
        f"it costs **{written(best['cost'])}** of the score under its own mask"
    )
    if len(table) > 1:
        said += f"; worst is {in_words(last['language'])}'s, {written(last['cost'])}"
    return f"{said}. Above 0 is worse. That is measured, on one held-out text."
