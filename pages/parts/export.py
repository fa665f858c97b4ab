"""Beside every figure: its table, its caption, and its files for a paper or a talk. Made only when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from neutral.errors import NeutralError
from neutral.export import captions, latex, sizes
from neutral.export.drawn import drawn
from pages.parts import columns, settings
from pages.parts.text import file_name, unmarked

if TYPE_CHECKING:
    from neutral.figures.compare import Sheet

Table = pd.DataFrame | Callable[[], pd.DataFrame]

LABEL = "Table and files"
OWN = "Another width"
REPORT = "All views of this page with their captions and tables, in one HTML file that needs no internet."
REPORTED = 2  # titles of views in that of a report
NO_BROWSER = (
    "This server has no Chromium to draw with. The camera in the figure's toolbar saves it as SVG, as wide as it is "
    "on the screen."
)


def offer(figure: go.Figure, key: str, table: Table | None = None) -> None:
    """Offer what a figure shows in other forms; `table` is the data behind it, by default what is drawn of it."""
    # Not a popover: what is in one comes last for who goes by the keyboard.
    box = st.expander(LABEL, icon=":material/table_rows:", type="compact", key=f"{key}-files", on_change="rerun")
    if not box.open:
        return
    frame = table() if callable(table) else drawn(figure) if table is None else table
    name = file_name((figure.layout.meta or {}).get("name", "figure"))
    said = captions.caption(figure, settings.all_of_them())
    with box:
        _data(frame, said, name, key)
        st.markdown("**Caption**")
        st.code(said, language=None, wrap_lines=True)
        _pictures(figure, name, key)


def of_sheet(sheet: Sheet) -> dict[str, str]:
    """Return what a caption says of a pinned view, or of the difference of two, beyond what its figure says."""
    said = (sheet.figure.layout.meta or {}).get("alt") or ""
    return {} if sheet.caption in said else {"Shown": sheet.caption}


def report(sheets: Sequence[Sheet], said: Sequence[str] = ()) -> None:
    """Offer pinned views and their differences as one file, made on a click; `said` are sentences, in Markdown."""

    def made() -> str:
        from neutral.export.report import Part
        from neutral.export.report import report as page

        parts = [
            Part(sheet.title, captions.caption(sheet.figure, of_sheet(sheet)), sheet.figure, sheet.table)
            for sheet in sheets
        ]
        return page(" · ".join(sheet.title for sheet in sheets[:REPORTED]), parts, lead=unmarked(" ".join(said)))

    st.caption(REPORT)
    _button("Report", made, "report.html", "text/html", "report")


def _data(frame: pd.DataFrame, said: str, name: str, key: str) -> None:
    if frame.empty:
        return
    st.markdown("**Table of this figure**")
    shown = columns.for_people(frame)
    height = "content" if len(frame) < 8 else 280
    st.dataframe(
        shown,
        key=f"{key}-drawn",
        hide_index=True,
        column_config=columns.formatted(frame, 4),
        height=height,
        placeholder=columns.MISSING,
    )
    with st.container(horizontal=True):
        _button("CSV", lambda: frame.to_csv(index=False), f"{name}.csv", "text/csv", f"{key}-files-csv")
        tex = f"{name}.tex", "application/x-tex", f"{key}-files-tex"
        _button("LaTeX (booktabs)", lambda: latex.booktabs(shown, said), *tex)


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
