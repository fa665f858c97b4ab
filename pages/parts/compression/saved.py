"""The tables that a study keeps: their sizes and errors, read and not fitted again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from neutral.compression import live as compressed
from neutral.compression import saved
from neutral.errors import NeutralError
from neutral.study import Study
from pages.parts import show
from pages.parts.compression import live, models, words
from pages.parts.errors import told

MOST = 30  # tables that are read


def show_saved(study: Study) -> None:
    """Show the tables in a study's folder once the reader opens them; say so where it keeps none."""
    try:
        paths = saved.paths(study.path)
    except NeutralError as error:
        st.error(told(str(error)))
        return
    if not paths:
        st.caption(words.NO_SAVED)
        return
    box = st.expander(words.SAVED, icon=":material/inventory_2:", key="saved-box", on_change="rerun")
    if not box.open:
        return
    own = models.own_model(study)
    stamp = compressed.stamp(own) if own else ()
    rows, problems = [], []
    with box, st.spinner("Reading the tables …"):
        for name, path in list(paths.items())[:MOST]:
            try:
                measured = _measured(str(path), path.stat().st_mtime_ns, str(own or ""), stamp)
                rows.append({"method": name, **measured})
            except NeutralError as error:
                problems.append(told(f"{name}: {error}"))
        if rows:
            table = pd.DataFrame(rows)
            columns = {name: column for name, column in live.COLUMNS.items() if name in table}
            columns["method"] = st.column_config.TextColumn("Table", pinned=True)
            st.dataframe(table[list(columns)], hide_index=True, column_config=columns, key="saved-table")
            show.csv(table, "Saved tables", "saved")
        st.caption(" ".join([words.saved(len(rows), len(paths), measured=own is not None), *problems]))


@st.cache_data(max_entries=200, show_spinner=False)
def _measured(path: str, changed: int, folder: str, stamp: tuple) -> dict[str, float]:
    source = live.model_of(folder, stamp) if folder else None
    return saved.measure(Path(path), source)
