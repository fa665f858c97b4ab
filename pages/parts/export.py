"""Beside every figure: its table, its caption, and its files for a paper or a talk. Made only when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from neutral import __version__
from neutral.errors import NeutralError
from neutral.export import captions, latex, sizes
from neutral.export import columns as files
from neutral.export.drawn import drawn
from pages.parts import columns, settings
from pages.parts.text import as_text, file_name, unmarked

if TYPE_CHECKING:
    from neutral.figures.compare import Sheet

Table = pd.DataFrame | Callable[[], pd.DataFrame]
Named = Callable[[pd.DataFrame], pd.DataFrame]


class More(NamedTuple):
    """A table in the box of a figure.

    Attributes
    ----------
    name : str
        What stands above it; "" for the figure's own.
    table : DataFrame, function or None
        The data, or what returns it when the box is opened; None for what is drawn.
    named : function or None
        What writes it for people; columns as all pages call them by default.
    digits : int
        Decimals of its numbers.
    picked : function or None
        Called with the row that the reader picks.
    """

    name: str
    table: Table | None
    named: Named | None = None
    digits: int = 4
    picked: Callable[[pd.Series], None] | None = None


LABEL = "Table and files"
OWN = "Another width"
REPORT = "All views of this page with their captions and tables, in one HTML file that needs no internet."
REPORTED = 2  # titles of views in that of a report
NO_BROWSER = (
    "This server has no Chromium to draw with. The camera in the figure's toolbar saves it as SVG, as wide as it is "
    "on the screen."
)


def offer(figure: go.Figure, key: str, own: More, more: Sequence[More] = ()) -> None:
    """Offer what a figure shows in other forms: its `own` table, `more` tables, its caption and pictures."""
    # Not a popover: what is in one comes last for who goes by the keyboard.
    box = st.expander(LABEL, icon=":material/table_rows:", type="compact", key=f"{key}-files", on_change="rerun")
    if not box.open:
        return
    name = file_name((figure.layout.meta or {}).get("name", "figure"))
    said = captions.caption(figure, settings.all_of_them())
    with box:
        _data(own if own.table is not None else own._replace(table=drawn(figure)), said, name, key)
        for place, each in enumerate(more):
            _data(each, f"{each.name}. {said}", file_name(each.name), f"{key}-{place}")
        st.markdown("**Caption**")
        st.code(said, language=None, wrap_lines=True)
        _pictures(figure, name, key)


def csv(frame: pd.DataFrame) -> Callable[[], str]:
    """Return what writes a table as a file that says which study it is of, and what its columns hold.

    It is called on a click, when nothing is known of the page any more.
    """
    asked = settings.all_of_them()
    return lambda: files.csv(files.told(frame, asked), asked)


def csv_name(name: str) -> str:
    """Return what the file of a table is called, by its study and its pair of languages too."""
    asked = settings.all_of_them()
    told = (str(asked.get(label) or "") for label in ("Study", "One language", "The other"))
    return f"{file_name(*filter(None, told), name)}.csv"


def of_sheet(sheet: Sheet) -> dict[str, str]:
    """Return what a caption says of a pinned view, or of the difference of two, beyond what its figure says."""
    said = (sheet.figure.layout.meta or {}).get("alt") or ""
    return {} if sheet.caption in said else {"Shown": sheet.caption}


def report(
    sheets: Sequence[Sheet],
    said: Sequence[str] = (),
    *,
    links: Sequence[str] = (),
    terms: Sequence[tuple[str, str]] = (),
) -> None:
    """Offer pinned views and their differences as one file, made on a click.

    `said` are sentences, in Markdown; `links` the addresses of the first sheets; `terms` words and what they mean.
    """

    def made() -> str:
        from neutral.export.report import Part
        from neutral.export.report import report as page

        parts = [
            Part(
                sheet.title,
                captions.caption(sheet.figure, of_sheet(sheet)),
                sheet.figure,
                columns.for_people(sheet.table),
                links[place] if place < len(links) else "",
            )
            for place, sheet in enumerate(sheets)
        ]
        title = " · ".join(sheet.title for sheet in sheets[:REPORTED])
        made_on = f"Made on {datetime.now(tz=UTC):%Y-%m-%d}, with neutral {__version__}."
        return page(title, parts, lead=unmarked(" ".join(said)), made=made_on, terms=terms)

    st.caption(REPORT)
    _button("Report", made, "report.html", "text/html", "report")


def _data(each: More, said: str, name: str, key: str) -> None:
    """Show a table with its files."""
    frame = each.table() if callable(each.table) else each.table
    if frame.empty:
        return
    st.markdown(f"**{as_text(each.name) or 'Table of this figure'}**")
    shown = columns.for_people(each.named(frame) if each.named else frame)
    forms = columns.formatted(each.named(frame) if each.named else frame, each.digits)
    height = "content" if len(frame) < 8 else 280
    told = {"hide_index": True, "column_config": forms, "height": height, "placeholder": columns.MISSING}
    picking = {"on_select": "rerun", "selection_mode": "single-row"} if each.picked else {}
    event = st.dataframe(shown, key=f"{key}-drawn", **told, **picking)
    with st.container(horizontal=True):
        _button("CSV", csv(frame), csv_name(name), "text/csv", f"{key}-files-csv")
        tex = f"{name}.tex", "application/x-tex", f"{key}-files-tex"
        _button("LaTeX (booktabs)", lambda: latex.booktabs(shown, said, digits=each.digits), *tex)
    if each.picked and (rows := event["selection"]["rows"]):
        each.picked(frame.iloc[rows[0]])


def _pictures(figure: go.Figure, name: str, key: str) -> None:
    from neutral.export import pictures

    st.markdown("**Picture**")
    if pictures.browser() is None:
        st.caption(NO_BROWSER)
        return
    left, right = st.columns([3, 2])
    with left:
        preset = st.selectbox("Width", [*sizes.PRESETS, OWN], key=f"{key}-files-width")
    chosen = sizes.PRESETS.get(preset)
    if chosen is None:
        with left:
            typed = st.text_input("In mm, cm, in, pt or px", "120mm", max_chars=20, key=f"{key}-files-own")
    least, most = sizes.FONTS
    usual = chosen.font if chosen else 8.0
    with right:
        font = st.number_input("Text in pt", least, most, usual, 0.5, key=f"{key}-files-font-{preset}")
    try:
        size = sizes.Size(chosen.width, font, chosen.dpi) if chosen else sizes.sized(typed, font)
    except NeutralError as error:
        st.error(str(error))
        return
    with st.container(horizontal=True):
        for kind, mime in pictures.KINDS.items():
            make = partial(_picture, figure, size, kind)
            _button(kind.upper(), make, f"{name}.{kind}", mime, f"{key}-files-{kind}")


def _picture(figure: go.Figure, size: sizes.Size, kind: str) -> bytes:
    from neutral.export import pictures

    return pictures.pictures(figure, size, [kind])[kind]


def _button(label: str, make: Callable[[], str | bytes], file: str, mime: str, key: str) -> None:
    icon = ":material/download:"
    st.download_button(label, make, file_name=file, mime=mime, key=key, icon=icon, on_click="ignore")
