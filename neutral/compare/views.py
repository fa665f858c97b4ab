"""A pinned view: what it is called, its settings, and its tables, each with a row a place.

The columns are place, value, chance and again. `again` is the overlap of a language found again, under another seed or
from the other half of its text, at that place: the lower of a pair's two, the mean of all languages for all. By pair
there are source and target as well. Of a token table the value is the perplexity over that of the full table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import pandas as pd

from neutral.compare.pins import Pin, TablePin

PLACES = ("layer", "component", "layer-component", "language", "pair", "size")
"""What views may have tables by, in the order in which they are offered."""

COLUMNS = ["place", "value", "chance", "again"]
AND = " / "
"""Stands between the languages of a pair in its place's name."""

FACTOR = "factor"
"""The measure of token tables: perplexity over that of the full table."""


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
        One of `summary.MEASURES`, or `FACTOR`.
    again : str
        How a language was found again: seeds, halves, or "" if it was not.
    whole : float
        The value over all weights, or the mean over languages.
    tables : place -> DataFrame
        `COLUMNS`, by some of `PLACES`.
    """

    pin: Pin
    name: str
    study: str
    settings: str
    measure: str
    again: str
    whole: float
    tables: Mapping[str, pd.DataFrame]


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
    removed = f"{100 * pin.sparsity:.3g}%"
    return [_folder(pin), pin.method, removed, f"task {pin.task}", f"seed {pin.seed}", pin.measure]


def _folder(pin: Pin) -> str:
    return PurePath(pin.study).name or pin.study
