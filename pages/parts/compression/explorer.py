"""The token explorer: a word's pieces and their neighbours before and after, and the map of the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from neutral.compression.live import METHODS, Request
from neutral.figures.compression.tokens import isolated
from neutral.study import Study
from pages.parts import figures, pickers, show, umaps
from pages.parts.compression import columns, live, words
from pages.parts.compression.budget import Budget
from pages.parts.compression.tables import TableChoice
from pages.parts.text import as_text, code

_PIECES = 6  # shown of a word
_KEPT = 8  # drawn maps that are remembered
LIVE = "This table, drawn now"
COLUMNS = {
    "rank": st.column_config.NumberColumn("#", width=30),
    "before": "Before",
    "before_cosine": st.column_config.NumberColumn("cos", format="%.2f"),
    "lost": st.column_config.TextColumn(" ", width=45),
    "after": "After",
    "after_cosine": st.column_config.NumberColumn("cos ", format="%.2f"),
    "new": st.column_config.TextColumn("  ", width=45),
}


def show_tokens(study: Study, choice: TableChoice, _asked: Budget | None) -> None:
    """Show the explorer and the map of one compressed table."""
    st.markdown("## A word's neighbours, before and after")
    request = live.pick(study, choice, METHODS)
    if request:
        word(request)
    st.markdown("## The map of the table")
    pictures(study, request)


def word(request: Request) -> None:
    """Take a word and show its pieces' neighbours."""
    from neutral.compression import neighbours

    source = live.model(request)
    typed = pickers.pick_text("A word, in any language", "word", default="weather")
    ids = neighbours.split(source.backend, typed)
    if not ids:
        st.caption("Type a word to see its pieces.")
        return
    with st.spinner("Comparing …"):
        before, after = live.units(replace(request, method="")), live.units(request)
    pieces = " ".join(isolated(code(source.pieces[i].strip())) for i in ids)
    st.markdown(f"{len(ids)} piece{'s' if len(ids) > 1 else ''}: {pieces}")
    shown = list(dict.fromkeys(ids[:_PIECES]))
    for place, token in enumerate(shown):
        if place % 2 == 0:  # a row of columns for every two, so that a phone keeps their order
            columns = st.columns(2, gap="medium")
        table = neighbours.compare(before, after, token)
        with columns[place % 2]:
            kept = int(table["kept"].sum())
            st.markdown(f"**{isolated(as_text(source.pieces[token]))}**: {kept} of {len(table)} neighbours kept")
            st.dataframe(marked(table, source.pieces), hide_index=True, column_config=COLUMNS, key=f"piece-{place}")
    if len(ids) > _PIECES:
        st.caption(f"The first {_PIECES} pieces are shown.")


def marked(table: pd.DataFrame, pieces: list[str]) -> pd.DataFrame:
    """Return `neighbours.compare` with pieces for ids and words for marks."""
    return table.assign(
        before=[pieces[i] for i in table["before"]],
        after=[pieces[i] for i in table["after"]],
        lost=["" if kept else "lost" for kept in table["kept"]],
        new=["new" if new else "" for new in table["new"]],
    )[list(COLUMNS)]


def pictures(study: Study, request: Request | None) -> None:
    """Show a map that the study holds, or one that is drawn when asked for."""
    from neutral.compression import projection

    held = {
        f"{row.method} at {row.ratio:g} × by {row.by}": row.path
        for row in projection.projections(study.path).itertuples()
    }
    options = [*held, *([LIVE] if request else [])]
    if not options:
        return
    picked = pickers.pick("Map", options, "map")
    if picked != LIVE:
        path: Path = held[picked]
        draw(_read(str(path), path.stat().st_mtime_ns), picked)
        return
    if request not in _drawn():
        st.caption(f"{as_text(request.title)}: UMAP of 3,000 tokens takes some seconds.")
        if umaps.seconds() is not None:
            umaps.wait()
            return
        if not st.button("Draw it", icon=":material/scatter_plot:"):
            return
        bar = st.progress(0.0, "Preparing …")
        picture = _project(request, lambda share: bar.progress(share, "Laying out …" if share else "Preparing …"))
        while len(_drawn()) >= _KEPT:
            _drawn().pop(next(iter(_drawn())))
        _drawn()[request] = picture
        st.rerun()  # without the button
    draw(_drawn()[request], request.title)


def draw(picture: pd.DataFrame, title: str) -> None:
    """Show a map."""
    show.figure(figures.token_map(picture, title), "map-figure", picture, named=columns.named, digits=2)
    st.caption(words.MAP)


def _project(request: Request, progress: object) -> pd.DataFrame:
    from neutral.compression import projection

    source = live.model(request)
    ids = projection.sample(source.scripts)
    after = live.fitted(request)[0].rows(ids).numpy()
    return projection.picture(source.matrix[ids].numpy(), after, ids, source.pieces, source.scripts, progress=progress)


@st.cache_resource(max_entries=1)
def _drawn() -> dict[Request, pd.DataFrame]:
    """The maps that were drawn, the latest last."""
    return {}


@st.cache_data(max_entries=8, show_spinner=False)
def _read(path: str, changed: int) -> pd.DataFrame:
    from neutral.compression import projection

    return projection.read_projection(path)
