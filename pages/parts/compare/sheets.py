"""Pinned views as a page or a report shows them: a figure, a caption with all settings, a table (`figures.compare`)."""

from __future__ import annotations

from pathlib import PurePath
from urllib.parse import urlencode, urljoin

import streamlit as st

from neutral import compare, labels
from neutral.compare import PAPER, MaskPin, TablePin, View
from neutral.figures import compare as figures
from neutral.figures.compare import Sheet
from neutral.glossary import TERMS
from neutral.members import display
from neutral.transfer import published
from pages.parts import pickers
from pages.parts.compare import pins, words
from pages.parts.compare.sources import UPLOADS, WITH
from pages.parts.views import BOTH, MINE

PAGES = {
    "overlap": "pages/overlap.py",
    "pair": "pages/pair.py",
    "language": "pages/language.py",
    "typology": "pages/typology.py",
    "transfer": "pages/transfer.py",
    "tickets": "pages/tickets.py",
    "table": "pages/compression.py",
}


def sheets(views: list[View], by: str) -> list[Sheet]:
    """See `figures.compare.sheets`."""
    return figures.sheets(views, by)


def alone(views: list[View]) -> list[Sheet]:
    """Return a sheet a view where they share nothing: each by the first that it has, on its own scale."""
    names = compare.labels(views)
    return [
        figures.sheets([view], next(iter(view.tables)))[0]._replace(title=name)
        for name, view in zip(names, views, strict=True)
    ]


def sentences(views: list[View], drawn: list[Sheet]) -> list[str]:
    """Say how each view but the first differs from it; `drawn` are the sheets of their differences."""
    first, *others = zip(views, compare.labels(views), strict=True)
    return [
        words.difference(first[0], other, (first[1], name), sheet.apart)
        for (other, name), sheet in zip(others, drawn, strict=True)
    ]


def open_page(view: View) -> None:
    """Link to the page that shows a view, with its settings."""
    st.page_link(_page(view), label="Open", icon=":material/open_in_new:", query_params=_address(view))


def address(view: View) -> str:
    """Return the whole address of the page that shows a view; "" where the app's own is not known."""
    here = str(getattr(st.context, "url", None) or "").partition("?")[0]
    query = [(key, value) for key, value in _address(view) if key not in (pins.KEY, "uploads")]
    return f"{urljoin(here, PurePath(_page(view)).stem)}?{urlencode(query)}" if here else ""


def terms(views: list[View], drawn: list[Sheet]) -> list[tuple[str, str]]:
    """Return the words that views and their differences use, each with its line of the glossary."""
    bounded = any(sheet.apart is not None and sheet.apart.table["bound"].notna().any() for sheet in drawn)
    used = [*(view.measure for view in views), "method", "sparsity", *(["bound"] if bounded else [])]
    return [(TERMS[word].name, TERMS[word].line) for word in dict.fromkeys(used) if word in TERMS]


def _page(view: View) -> str:
    """Return the page that shows a view."""
    return PAGES["overlap"] if view.pin.kind == "pair" and compare.place_of(view.pin) else PAGES[view.pin.kind]


def _address(view: View) -> list[tuple[str, str]]:
    pin = view.pin
    kept = [(pins.KEY, text) for text in pins.held()]
    kept += [(key, value) for key in ("uploads",) for value in pickers.chosen().get(key, [])]
    if isinstance(pin, TablePin):
        return [("tables", pin.study), ("by", pin.by), ("where", pin.where), ("part", "Perplexity"), *kept]
    if pin.kind == "transfer":
        return [*_transfer(pin), *kept]
    if pin.study.startswith(UPLOADS):
        chosen = [("show", BOTH if WITH in pin.study else MINE)]
    else:
        chosen = [("study", pin.study), ("task", pickers.task_name(pin.task)), ("method", pin.method.capitalize())]
        chosen += [("sparsity", f"{pin.sparsity:.0%}"), ("seed", str(pin.seed))] if pin.kind != "tickets" else []
    names = [display(member) for member in pin.members]
    if pin.kind == "pair":
        chosen += [("a", names[0]), ("b", names[1])]
    elif pin.kind == "language":
        chosen += [("language", names[0])]
    elif names:
        chosen += [("members", "mine"), *(("languages", name) for name in names)]
    if pin.kind == "tickets":
        return [*chosen, ("scored", pickers.SCORES[pin.measure]), *kept]
    return [*chosen, ("measure", pickers.MEASURE_NAMES[pin.measure]), *_place(pin), *kept]


def _place(pin: MaskPin) -> list[tuple[str, str]]:
    """Return a pin's layer and component as `pickers.pick_place` has them in the address."""
    parts = labels.parsed(pin.layer) if pin.layer else labels.Group("", "", "")
    named = [("layer", parts.layer or ""), ("expert", parts.part)]
    told = [(key, name.capitalize()) for key, name in named if name]
    return [*told, *([("component", pickers.readable(pin.component))] if pin.component else [])]


def _transfer(pin: MaskPin) -> list[tuple[str, str]]:
    """Return the address of a transfer matrix."""
    if pin.study == PAPER:
        table = f"{published.MODELS[pin.method]}, {pickers.task_name(pin.task)}"
        return [("runs", published.NAME), ("table", table)]
    seed = "All" if pin.seed is None else str(pin.seed)
    chosen = [("runs", pin.study), ("task", pickers.task_name(pin.task)), ("method", pin.method)]
    chosen += [("sparsity", f"{pin.sparsity:.0%}"), ("training", seed), ("scored", pickers.SCORES[pin.measure])]
    names = [("languages", display(member)) for member in pin.members]
    return [*chosen, *([("members", "mine"), *names] if names else [])]
