"""A pinned view: what it is called, its settings, and its tables, each with a row a place.

The columns are place, value, chance, again, lowest and usual. `again` is the overlap of a language found again, under
another seed or from the other half of its text, at that place: the mean over the languages of the view that were found
twice, as on the pages (`summary.levels`). By language and by pair it is that of the place's own languages, of a pair
the mean of both, and `lowest` then the lower one, which bounds differences. `usual` is by how much the value changes in
the root mean square when the masks are found again, where a study has counts between languages of both findings. By
pair there are source and target as well.

The values are overlaps; of a typology the rank correlation with each distance, of transfers per cent of the own mask's
score, of tickets the per cent of the weights that the sparsest winning one removes, of a token table the perplexity
over that of the full table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import PurePath

import pandas as pd

from neutral.compare.pins import PAPER, MaskPin, Pin, TablePin
from neutral.transfer import published

PLACES = (
    *("layer", "component", "layer-component", "language", "pair"),
    *("mask", "target", "direction", "distance", "size"),
)
"""What views may have tables by, in the order in which they are offered."""

OF_LANGUAGES = ("language", "mask", "target")
"""Those whose places are languages: of both masks, of a mask, of the text that it is trained on."""

COLUMNS = ["place", "value", "chance", "again", "lowest", "usual"]
AND = " / "
"""Stands between the languages of a pair in its place's name."""
TO = " → "
"""Stands between the language of a mask and the one that it is trained on."""

FACTOR = "factor"
"""The measure of token tables: perplexity over that of the full table."""
COST, RHO, REMOVED = "cost", "rho", "removed"
"""The measures of transfers (% of the own mask's score), of typologies and of winning tickets (share removed)."""


@dataclass(frozen=True)
class View:
    """What a pin shows.

    Attributes
    ----------
    pin : Pin
        With everything said that was left to be found.
    name : str
        What it is of, short: "English and French", "11 languages", "svd".
    study : str
        The title of its study.
    settings : str
        Everything that the numbers hang on, in a line.
    measure : str
        One of `summary.MEASURES`, or `FACTOR`, `COST`, `RHO`, `REMOVED`.
    again : str
        How a language was found again: seeds, halves, or "" if it was not.
    whole : float
        The value over all weights, or the mean over languages; of correlations the mean size.
    tables : place -> DataFrame
        `COLUMNS`, by some of `PLACES`.
    over_all : str -> float
        chance, again, lowest and usual of `whole`, of masks.
    """

    pin: Pin
    name: str
    study: str
    settings: str
    measure: str
    again: str
    whole: float
    tables: Mapping[str, pd.DataFrame]
    over_all: Mapping[str, float] = field(default_factory=dict)


def labels(views: Sequence[View]) -> list[str]:
    """Return a name a view that tells it from the others: its own, with as many of its settings as that takes.

    Views of the very same are numbered.
    """
    found = [_told_apart(view, [other for other in views if other.name == view.name]) for view in views]
    seen = [found[: place + 1].count(name) for place, name in enumerate(found)]
    return [name if found.count(name) == 1 else f"{name} ({n})" for name, n in zip(found, seen, strict=True)]


def _told_apart(view: View, alike: list[View]) -> str:
    mine, rows, name = _apart(view), [_apart(other) for other in alike], view.name
    for place, value in enumerate(mine):
        others = [row for row in rows if row[place] != value]
        if others:
            name, rows = f"{name}, {value}", [row for row in rows if row[place] == value]
    return name


def _apart(view: View) -> list[str]:
    """Return what views of one name may differ in; each list of one kind has the same settings in the same places."""
    pin = view.pin
    if isinstance(pin, TablePin):
        return [_folder(pin), pin.by, pin.where, "whole words" if pin.words else "word pieces", pin.scoring]
    removed = "" if pin.sparsity is None else f"{100 * pin.sparsity:.3g}%"
    seed = "all seeds" if pin.seed is None else f"seed {pin.seed}"
    return [_folder(pin), pin.method, removed, f"task {pin.task}", seed, pin.measure, place_of(pin) or "all weights"]


def title_of_gap(name: str, first: str, view: View) -> str:
    """Return what a difference is called; what both names have in common is said once.

    >>> from types import SimpleNamespace
    >>> title_of_gap("11 languages, 70%", "11 languages, 50%", SimpleNamespace(name="11 languages"))
    '11 languages: 70% minus 50%'
    >>> title_of_gap("English and Urdu", "English and German", SimpleNamespace(name="English and Urdu"))
    'English and Urdu minus English and German'
    """
    common = f"{view.name}, "
    if name.startswith(common) and first.startswith(common):
        return f"{view.name}: {name.removeprefix(common)} minus {first.removeprefix(common)}"
    return f"{name} minus {first}"


def place_of(pin: MaskPin) -> str:
    """Return the layer and component that a pin is of, in words; "" for all weights."""
    return f"{pin.layer} {pin.component}".strip().replace("_", " ")


def rows(places: Sequence[object], values: Sequence[float]) -> pd.DataFrame:
    """Return a table of `COLUMNS` of values that have neither chance nor bound."""
    return pd.DataFrame({"place": list(places), "value": list(values), **dict.fromkeys(COLUMNS[2:], nan)})


def _folder(pin: Pin) -> str:
    return published.NAME if pin.study == PAPER else PurePath(pin.study).name or pin.study
