"""Models of the overlap by several distances: of its pairs with random effects, and of languages one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from neutral import typology
from neutral.association import process
from neutral.errors import NeutralError
from pages.parts import show
from pages.parts.text import as_text
from pages.parts.typology import fits, modelled
from pages.parts.typology.shown import Shown


def draw(shown: Shown, kinds: tuple[str, ...]) -> None:
    """Offer the models; each is made, or read from the study, when it is opened."""
    own = tuple(kind for kind in kinds if kind not in process.COVERED)
    _opened(modelled.PAIRS, "mixed", lambda: kinds, modelled.mixed, modelled.MIXED, shown)
    _opened(modelled.LANGUAGES, "process", lambda: own, modelled.process, modelled.PROCESS, shown)
    _opened(modelled.LIKE, "properties", lambda: _known(shown), modelled.properties, modelled.OF_LANGUAGES, shown)


def first(shown: Shown, kinds: tuple[str, ...]) -> None:
    """Say what the study's model of languages one by one finds; nothing without one."""
    own = tuple(kind for kind in kinds if kind not in process.COVERED)
    table = fits.held("process", shown.view, shown.measure, shown.by, shown.group, own)
    if table is not None and (says := modelled.first(table, shown.unit)):
        st.markdown(says)


def _known(shown: Shown) -> tuple[str, ...]:
    """Return the properties that are known of the languages shown."""
    return tuple(fits.properties(shown.view).columns)


def _opened(
    title: str,
    kind: str,
    names: Callable[[], tuple[str, ...]],
    say: Callable[[pd.DataFrame], str],
    columns: Mapping[str, object],
    shown: Shown,
) -> None:
    """Show a model by what `names` names in a box: what it says, then its table."""
    key = f"{title}-{shown.view.key}"
    box = st.expander(title, icon=":material/functions:", key=f"{key}-box", on_change="rerun")
    if not box.open:
        return
    with box:
        try:
            with st.spinner("Fitting the models …"):
                table = fits.model(kind, shown.view, shown.measure, shown.by, shown.group, names())
        except NeutralError as error:
            st.info(as_text(error))
            return
        st.markdown(say(table))
        called = modelled.property_name if kind == "properties" else typology.label
        named = table.assign(name=table["distance" if "distance" in table else "predictor"].map(called))
        there = [column for column in columns if column in named]
        st.dataframe(named[there], hide_index=True, column_config=dict(columns), key=f"{key}-table", height="content")
        show.csv(table, title, key)
