"""Models of the overlap by several distances: of its pairs with random effects, and of languages one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
import streamlit as st

from neutral import typology
from neutral.errors import NeutralError
from pages.parts import show
from pages.parts.text import as_text
from pages.parts.typology import modelled, tables
from pages.parts.typology.shown import Shown


def draw(shown: Shown, kinds: tuple[str, ...]) -> None:
    """Offer both models; each is made, or read from the study, when it is opened."""
    where = (shown.view, shown.measure, shown.by, shown.group)
    _opened(modelled.PAIRS, partial(tables.mixed, *where, kinds), modelled.mixed, modelled.MIXED, shown)
    own = tuple(kind for kind in kinds if kind not in modelled.COVERED)
    _opened(modelled.LANGUAGES, partial(tables.process, *where, own), modelled.process, modelled.PROCESS, shown)


def _opened(
    title: str,
    make: Callable[[], pd.DataFrame],
    say: Callable[[pd.DataFrame], str],
    columns: Mapping[str, object],
    shown: Shown,
) -> None:
    """Show a model in a box: what it says, then its table."""
    key = f"{title}-{shown.view.key}"
    box = st.expander(title, icon=":material/functions:", key=f"{key}-box", on_change="rerun")
    if not box.open:
        return
    with box:
        try:
            with st.spinner("Fitting the models …"):
                table = make()
        except NeutralError as error:
            st.info(as_text(error))
            return
        st.markdown(say(table))
        kind = "distance" if "distance" in table else "predictor"
        named = table.assign(name=table[kind].map(typology.label))
        there = [column for column in columns if column in named]
        st.dataframe(named[there], hide_index=True, column_config=dict(columns), key=f"{key}-table", height="content")
        show.csv(table, title, key)
