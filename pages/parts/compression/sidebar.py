"""What the sidebar of the Compression page chooses: a study of token tables, and which of its tables."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral.errors import NeutralError
from pages.parts import catalogue, pickers
from pages.parts.compression import tables, words
from pages.parts.compression.tables import TableChoice, TableView
from pages.parts.errors import tell
from pages.parts.text import as_text


def choose(notices: DeltaGenerator) -> list[TableView]:
    """Draw the sidebar's pickers and return what to show; empty when there is no study.

    Raises `NeutralError` for a study without results.
    """
    studies, broken = catalogue.studies("compression")
    tell(broken, notices)
    if not studies:
        return pickers.pass_on(notices)
    linked = st.query_params.get("tables")
    if linked and linked not in studies:
        names = ", ".join(map(as_text, studies))
        notices.warning(f"There is no study of tables called “{as_text(linked)}” here. There is {names}.")
    study = studies[pickers.pick("Study", list(studies), "tables", default=catalogue.first(studies), told=False)]
    if (asked := pickers.studied()) in catalogue.studies()[0] and not linked:
        notices.caption(words.elsewhere(asked, study))
    scored = tables.scores(study)
    if scored.empty:
        raise NeutralError(
            f"{words.title(study)} has no perplexities yet; go on with it with the same “python -m neutral compress” "
            "command."
        )

    def pick(label: str, column: str, names: dict, key: str, **more: object) -> object:
        values = [value for value in names if value in set(scored[column])]
        return pickers.pick(label, values, key, names=names.__getitem__, **more)

    by = pick("Size counted in", "by", words.BY, "by")
    where = pick("Compressed table in", "where", words.WHERE, "where")
    views = [view for view in words.MASKING if view in set(zip(scored["scoring"], scored["words"], strict=True))]
    scoring, whole = pickers.pick("Masking", views, "masking", names=words.MASKING.__getitem__)
    weights = pick("Token weights", "weights", words.WEIGHTS, "weights", default="uniform", help=words.WEIGHTED)
    trimmed = pick("Vocabulary", "trimmed", words.VOCABULARY, "vocabulary")
    return [TableView(study, TableChoice(by, where, whole, weights, trimmed, scoring))]


def empty() -> None:
    """Say how to get a study of tables."""
    with st.container(border=True):
        st.markdown(words.NO_STUDY)
