"""What the page Compare shows: the views that are pinned, remembered, and a line for each pin that shows nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from neutral import compare
from neutral.compare import Pin, View
from neutral.errors import NeutralError
from neutral.masksets import BesideStudy
from pages.parts import catalogue
from pages.parts.compare import pins, sources


class Pinned(NamedTuple):
    """A pin as the address writes it, and what it shows."""

    text: str
    view: View


def view(source: catalogue.Source | None, pin: Pin) -> View:
    """See `compare.view`."""
    if isinstance(source, BesideStudy):  # how the study's masks were found is not known of all of them
        found = _view(source, replace(pin, task="", method="", sparsity=None, seed=None))
        return replace(found, pin=pin)
    return compare.view(pin, source) if source is None else _view(source, pin)


@catalogue.remembered
def _view(source: catalogue.Source, pin: Pin) -> View:
    return compare.view(pin, source)


def pinned() -> tuple[list[Pinned], list[tuple[str, str]]]:
    """Return the views that are pinned, and the pins that show nothing with what is wrong with them."""
    shown, wrong = [], []
    for text in pins.held():
        try:
            if len(shown) == compare.MOST:
                raise NeutralError(f"{compare.MOST} views are the most")
            pin = compare.read(text)
            shown.append(Pinned(text, view(sources.source_of(pin), pin)))
        except NeutralError as error:
            wrong.append((text, getattr(error, "problem", str(error)).removeprefix("--")))  # here it is no option
    return shown, wrong
