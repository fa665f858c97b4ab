"""Putting figures, tables and reference levels on a page, the same way everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import glossary
from neutral.members import display
from neutral.study import Study
from pages.parts import columns, errors, export, figures, looks, pickers, settings
from pages.parts.formats import Tile
from pages.parts.overlap import tables
from pages.parts.text import as_text, file_name
from pages.parts.views import View


def figure(
    drawn: go.Figure,
    key: str,
    table: export.Table | None = None,
    *,
    named: export.Named | None = None,
    more: Sequence[export.More] = (),
    digits: int = 4,
    **options: object,
) -> Any:
    """Show a figure with its alternative text, and offer its table and files. One that needs width is scrolled.

    `table` is the data behind it, or a function that returns it; without, what is drawn of it is given. `named` writes
    it for people, `more` are further tables of the same box, `digits` the decimals of numbers.
    """
    meta = drawn.layout.meta or {}
    place = looks.place(meta, key)
    whole = st.container(gap="xxsmall")
    box = whole.container(key=place) if place else whole
    event = box.plotly_chart(
        drawn,
        key=key,
        alt=meta.get("alt"),
        config={
            "displaylogo": False,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
            "toImageButtonOptions": {"format": "svg", "filename": file_name(meta.get("name", "figure"))},
        },
        **options,
    )
    with whole:
        export.offer(drawn, key, export.More("", table, named, digits), more)
    return event


def table(
    frame: pd.DataFrame | Callable[[], pd.DataFrame],
    name: str,
    key: str,
    *,
    digits: int = 4,
    named: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    **options: object,
) -> Any:
    """Show a table that is behind no figure, with its download as CSV, sent when the reader opens it.

    It is shown in the words of the pages (`columns`), or as `named` writes it, and downloaded as it is. A function that
    returns the table is called then. Returns the reader's selection in it.
    """
    box = st.expander(f"Table: {as_text(name)}", icon=":material/table_rows:", key=f"{key}-box", on_change="rerun")
    if not box.open:
        return None
    frame = frame() if callable(frame) else frame
    words = named(frame) if named else frame
    with box:
        event = st.dataframe(
            columns.for_people(words),
            key=f"{key}-table",
            hide_index=True,
            column_config=columns.formatted(words, digits),
            placeholder=columns.MISSING,
            **options,
        )
        csv(frame, name, key)
    return event


def csv(frame: pd.DataFrame, name: str, key: str) -> None:
    """Offer a table as CSV, written when the reader clicks."""
    st.download_button(
        "Download CSV",
        export.csv(frame),
        file_name=export.csv_name(name),
        mime="text/csv",
        key=f"{key}-csv",
        icon=":material/download:",
        on_click="ignore",
    )


def matrix(
    view: View,
    measure: str,
    key: str,
    *,
    by: str = "all",
    group: str = "all",
    order: str = "family",
    small: bool = False,
    more: Sequence[export.More] = (),
) -> tuple[str, str] | None:
    """Show the overlap of all pairs as a heatmap and return the pair whose cell was clicked. Many have a search box."""
    marked = [pickers.pick_found(view.members)] if len(view.members) > figures.theme.MANY else []
    drawn = drawn_matrix(view, measure, by=by, group=group, order=order, small=small, marked=marked)
    with st.container(key=f"{looks.NARROW}-{key}"):
        link("pages/language.py", "For a phone: one language, and its nearest ones in a row", ":material/view_list:")
    event = figure(drawn, key, more=more, on_select="rerun", selection_mode="points")
    points = event["selection"]["points"] if event else []
    pair = points[0].get("customdata") if points else None
    return (pair[0], pair[1]) if pair and pair[0] != pair[1] else None


def drawn_matrix(
    view: View,
    measure: str,
    *,
    by: str = "all",
    group: str = "all",
    order: str = "family",
    small: bool = False,
    marked: Sequence[str] = (),
) -> go.Figure:
    """Return the overlap of all pairs as a heatmap; the rows and columns of those that are marked have a frame."""
    square, brackets = tables.square(view.source, view.choice, measure, by, group, view.chosen, order)
    return figures.pair_matrix(
        square,
        measure,
        diagonal=view.within(measure, by, group),
        small=small,
        families=view.families,
        brackets=brackets,
        marked=list(marked),
    )


def open_pair(source: str, target: str) -> None:
    """Go to the pair's page, which takes over the present choices."""
    if source != target:
        st.switch_page("pages/pair.py", query_params={"a": display(source), "b": display(target)})


def tiles(rows: Iterable[Tile]) -> None:
    """Show key numbers in a row, which narrows with the page; on a phone in two columns."""
    with st.container(horizontal=True, gap="small"):
        for label, number, note, explained in rows:
            st.metric(
                label,
                number,
                note,
                delta_color="off",
                delta_arrow="off",
                help=explained or glossary.of(label),
                border=True,
                height="stretch",
            )


def heading(view: View) -> None:
    """Say whose masks follow, if a page shows several sources, and what there is to know of their model and text."""
    settings.source(view.settings)
    if view.heading:
        st.header(as_text(view.heading))
    if isinstance(view.source, Study):
        notes(view.source, view.key)


def notes(study: Study, key: str = "study") -> None:
    """Show the notes of a study's study.json, as plain text: they hold names from outside."""
    said = study.info.get("notes")
    if isinstance(said, list) and said:
        with st.expander("Notes on the model and its text", icon=":material/info:", expanded=True, key=f"{key}-notes"):
            for note in said:
                text = str(note)
                st.text(f"{text[:1].upper()}{text[1:]}")


def captioned() -> DeltaGenerator:
    """Return a row for a caption and a button that belongs to it."""
    return st.container(horizontal=True, vertical_alignment="center", gap="small")


def what(view: View, group: str = "all") -> str:
    """Say in a line which masks are shown, and which of their weights."""
    choice, n = view.choice, len(view.members)
    parts = [as_text(view.title), f"{choice.sparsity:.0%} removed", f"{n} mask{'s' if n != 1 else ''}"]
    if choice.method != "upload":
        parts.insert(1, as_text(choice.method))
        if choice.seed:
            parts.append(f"seed {choice.seed}")
    if group != "all":
        parts.append(as_text(pickers.readable(group)))
    return " · ".join(parts)


def link(page: str, label: str, icon: str, **more: str) -> None:
    """Link to another page with the present choices and some of its own."""
    st.page_link(page, label=label, icon=icon, query_params=pickers.address(**more))


def choose(label: str, icon: str, key: str, value: str) -> None:
    """Offer to choose a value of a picker of this page: a link to the page that is shown would leave the address."""

    def chosen() -> None:
        st.session_state[key] = value

    st.button(label, icon=icon, type="tertiary", key=f"choose-{key}-{value}", on_click=errors.guarded(chosen))
