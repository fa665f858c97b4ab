"""The compression page's answer in words: which table for a language and a tolerance, how large, and how sure."""

from __future__ import annotations

from math import floor, log10

import pandas as pd

from neutral import glossary
from neutral.compression import choosing
from neutral.compression.choosing import WORST, Change
from neutral.compression.results import ALL
from neutral.study import Study
from pages.parts import formats
from pages.parts.compression.tables import TableChoice
from pages.parts.formats import Tile
from pages.parts.text import as_text, code, in_words

TOLERANCES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
NAMES = {WORST: "Every language", ALL: "Mean of languages"}
COUNTED = {"bytes": "bytes", "parameters": "numbers"}


def answer(
    rows: pd.DataFrame,
    nearest: pd.Series,
    changed: Change | None,
    study: Study,
    choice: TableChoice,
    who: str,
    tolerance: float,
) -> str:
    """Say which line of `choosing.within` reaches furthest, how large its table is, and what becomes of perplexity.

    `changed` is the perplexity before and after; `nearest` is the point that is nearest to the full model, for an
    answer where no line is within the tolerance.
    """
    kept = rows[rows["bound"] != "below"]
    limit = f"within {tolerance:.0%} of the full model's perplexity"
    if kept.empty:
        return (
            f"**Nothing that was tried keeps {_who(who)} {limit}.** Nearest is {as_text(nearest['line'])} at "
            f"{nearest['size']:.3g} × fewer {COUNTED[choice.by]}, with {nearest['factor']:.3g} times the perplexity"
            f"{_place(study, choice)}."
        )
    best = kept.iloc[0]
    whole = f": {megabytes(study)} become {megabytes(study, best)}" if megabytes(study) else ""
    sentence = (
        f"**{_who(who, start=True)} stays {limit} with {as_text(best['line'])} at {at(best)} fewer "
        f"{COUNTED[choice.by]}{whole}**{_place(study, choice)}{_sure(best)}."
    )
    return sentence if changed is None else f"{sentence} {_changed(changed, who)}"


def tiles(rows: pd.DataFrame, changed: Change | None, study: Study, choice: TableChoice) -> list[Tile]:
    """Return the key numbers of the answer; none where nothing is within the tolerance."""
    kept = rows[rows["bound"] != "below"]
    if kept.empty:
        return []
    best = kept.iloc[0]
    tiles = [Tile("Times smaller", at(best), as_text(best["line"]))]
    if megabytes(study):
        tiles.append(Tile("Token table", megabytes(study, best), f"of {megabytes(study)}"))
    if changed is not None:
        of = "mean of languages" if changed.language == ALL else in_words(changed.language)
        before, after = arrow(changed).split(" → ")  # both in one line are too wide for five tiles on a laptop
        note = f"{of}: {changed.after / changed.before - 1:+.1%} on {before}"
        tiles.append(Tile("Perplexity", after, note, glossary.line("kept")))
    if best["breaks"]:
        tiles.append(Tile("Breaks first", in_words(best["breaks"]), "of all languages"))
    elif best["low"] < best["high"]:
        between = f"{best['low']:.3g}–{best['high']:.3g}"
        tiles.append(Tile("Measured at", between, f"times, by {choice.by}"))
    if len(kept) > 1:
        second = kept.iloc[1]
        tiles.append(Tile("Next best method", at(second), f"{as_text(second['line'])}{_one_size(second)}"))
    return tiles


def arrow(changed: Change) -> str:
    """Write a perplexity before and after, with as many decimals as their difference takes: it is told in per cent.

    >>> arrow(Change("ru", 98.153, 108.0)), arrow(Change("sw", 140.4, 141.8)), arrow(Change("sw", 1404.0, 1604.0))
    ('98.2 → 108.0', '140.4 → 141.8', '1,404 → 1,604')
    """
    step = abs(changed.after - changed.before) or changed.before
    places = min(4, max(0, 1 - floor(log10(step)))) if step > 0 else 1
    return f"{changed.before:,.{places}f} → {changed.after:,.{places}f}"


def _changed(changed: Change, who: str) -> str:
    """Say what becomes of the perplexity, with its unit."""
    whose = "Its mean perplexity over languages" if who == ALL else "Its perplexity"
    if who == WORST:
        whose = f"The perplexity of {in_words(changed.language)}, which suffers most there,"
    before, after = arrow(changed).split(" → ")
    return f"{whose} goes from {before} to {after} equally likely tokens."


def stands_for(model: str) -> str:
    """Say what in a command is to be replaced: TEXT, and `model` unless it is ""."""
    text = "TEXT stands for a folder of text, one file a language"
    if not model:
        return f"{text}."
    return f"{code(model)} stands for that model's folder or hub id, which the study has not recorded; {text}."


def mark(rows: pd.DataFrame, study: Study) -> str:
    """Write what stands beside the ringed point: the ratio, and the megabytes."""
    best = rows.iloc[0]
    return ", ".join(filter(None, [at(best), megabytes(study, best)]))


def at(row: pd.Series) -> str:
    """Write up to which ratio a line of `choosing.within` keeps to the limit."""
    return f"{'≥ ' if row['bound'] == 'above' and row['sizes'] > 1 else ''}{row['ratio']:.3g} ×"


def megabytes(study: Study, row: pd.Series | None = None) -> str:
    """Write how large the full table is, or that of a row; "" for a study that does not say."""
    size = choosing.table_bytes(study.info, 1.0 if row is None else row["ratio_bytes"])
    return "" if size != size else f"{formats.amount(round(size))}B"


def name(who: str) -> str:
    """Return what a picker calls a language, the mean or all."""
    from neutral.members import display

    return NAMES.get(who) or display(who)


def _who(who: str, *, start: bool = False) -> str:
    words = {WORST: "every language", ALL: "the mean of languages"}.get(who) or in_words(who)
    return words[:1].upper() + words[1:] if start else words


def _place(study: Study, choice: TableChoice) -> str:
    if choice.where == "both":
        return ", in the input and the output layer"
    size = (
        f", and the output layer keeps its own {megabytes(study)}"
        if study.info.get("tied") and megabytes(study)
        else ""
    )
    return f", in the input alone{size}"


def _sure(best: pd.Series) -> str:
    """Say where the answer lies among what was measured, and who breaks first."""
    if best["again"]:
        return ", measured there, though smaller ratios break it"
    if best["bound"] == "above":
        return " (its one size)" if best["sizes"] == 1 else "; nothing smaller was tried"
    between = f"between the measured {best['low']:.3g} and {best['high']:.3g} ×"
    first = f"; {in_words(best['breaks'])} breaks first" if best["breaks"] else ""
    return f" ({between}{first})"


def _one_size(row: pd.Series) -> str:
    return " (its one size)" if row["sizes"] == 1 else ""
