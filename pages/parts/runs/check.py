"""What a run would do, before it starts: what is read of the model and the text, how long it takes, what it needs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral.errors import NeutralError
from pages.parts import show, view
from pages.parts.runs import facts as words
from pages.parts.runs import tables
from pages.parts.runs.fields import Form
from pages.parts.runs.request import Asked
from pages.parts.runs.words import CHECK
from pages.parts.text import as_text

_ANSWERED = "_check_answered"


def check(asked: Asked, form: Form) -> bool:
    """Offer the check, and show what it says; return whether there is an answer, so that the run may start."""
    facts = tables.known(asked.words, asked.read)
    if facts is None:
        clock = st.empty()  # above the button, where the reader looks
        if not st.button("Check", type="primary", icon=":material/fact_check:"):
            st.caption(CHECK)
            return False
        try:
            tables.ask(asked.words, asked.read, asked.allowed(), asked.limits, clock)
        except NeutralError as error:
            form.refuse(str(error))
            return False
        st.session_state[_ANSWERED] = True
        st.rerun()  # the button is of no more use
    if st.session_state.pop(_ANSWERED, False):
        view.come()
    show_facts(facts)
    return True


def show_facts(facts: dict) -> None:
    """Show the answer of a check."""
    st.markdown(f"## What will happen\n{as_text(facts.get('summary', ''))}")
    show.tiles(words.tiles(facts))
    if said := words.timed(facts):
        st.caption(said)
    _data(facts.get("data"))
    _model(facts.get("model"))
    _units(facts.get("each"))
    for note in words.texts(facts.get("notes")):
        st.caption(as_text(f"{note[:1].upper()}{note[1:]}"))


def _data(data: object) -> None:
    if not isinstance(data, dict) or not data:
        return
    st.markdown(words.text_read(data))
    for code, problem in words.unread(data):
        st.warning(f"{code}: {problem}")
    st.dataframe(pd.DataFrame(words.data_rows(data)), hide_index=True, key="checked-data")


def _model(model: object) -> None:
    if not isinstance(model, dict):
        return
    st.markdown(words.model_read(model))
    for note in words.texts(model.get("notes")):
        st.caption(as_text(note))
    if left := model.get("left_out"):
        with st.expander(f"Weights that are left out: {len(left)}", icon=":material/block:"):
            st.dataframe(pd.DataFrame(words.left_rows(left)), hide_index=True, key="checked-left")


def _units(each: object) -> None:
    if isinstance(each, list) and each:
        with st.expander("What is done, unit by unit", icon=":material/list:"):
            st.dataframe(pd.DataFrame(words.unit_rows(each)), hide_index=True, key="checked-units")
