"""Runs: what can be done with a model and text of one's own, started here, watched and gone on with."""

import streamlit as st

from neutral import jobs
from pages.parts import errors, pickers
from pages.parts.frame import page
from pages.parts.runs import check, draft, form, tables, watch, words
from pages.parts.runs.request import Asked


def choose(notices: object) -> list:
    """Keep what the address says for other pages, but for what is of this page alone."""
    pickers.pass_on(notices)
    for own in draft.OWN:
        pickers.chosen().pop(own, None)
    return []


def start(asked: Asked) -> None:
    """Start a run, and show it."""
    watch.open_log(asked.start())
    st.session_state[watch.VIEW] = words.ALL


def new(why_not: str) -> None:
    """Show the form, what would happen, and the command that does the same."""
    with st.container(border=True):
        asked, filled = form.draw()
    if asked is None:
        return
    if not why_not and check.check(asked, filled):
        seconds = asked.seconds
        st.button(
            words.start(seconds),
            type="secondary" if seconds and seconds >= words.LONG else "primary",
            icon=":material/play_arrow:",
            help=words.START_HELP,
            on_click=errors.guarded(start),
            args=(asked,),
        )
    with st.expander("The same as a command", icon=":material/terminal:", expanded=bool(why_not)):
        st.code(asked.shell if tables.is_local() else errors.without_paths(asked.shell), language="sh", wrap_lines=True)


with page("Runs", lead=words.LEAD, choose=choose, empty=None):
    if why_not := tables.why_not():
        st.info(words.off(why_not))
        new(why_not)
    else:
        runs = jobs.all_jobs()
        first = words.ALL if runs and draft.ADDRESS not in st.query_params else words.NEW
        st.session_state.setdefault(watch.VIEW, words.ALL if st.query_params.get(draft.ONE) else first)
        view = st.segmented_control(
            "Show", [words.NEW, words.ALL], key=watch.VIEW, required=True, label_visibility="collapsed",
            persist_state="session",
        )  # fmt: skip
        if view == words.NEW:
            new("")
        else:
            watch.board()
