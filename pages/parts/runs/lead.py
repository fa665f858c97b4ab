"""The way from other pages to a new run: what a page lacks is started on the page Runs, where the form is filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping

import streamlit as st

from neutral.study import Study
from pages.parts import pickers
from pages.parts.runs import draft, tables, watch, words
from pages.parts.runs.words import KINDS


def offer(command: str, study: Study | str, label: str, key: str, fields: Mapping[str, object] | None = None) -> None:
    """Draw the button that leads to the form of a command on a study; none where runs may not be started."""
    name = study if isinstance(study, str) else tables.in_app(study.path.absolute(), None)
    if tables.why_not() or not name:
        return
    icon = KINDS[words.kind_of(command)].icon
    if st.button(label, key=f"run-{command}-{key}", icon=icon):
        ask(command, name, fields or {})


def ask(command: str, study: str, fields: Mapping[str, object]) -> None:
    """Go to the page Runs, where a run on a study is filled in."""
    asked = {"command": command, "study": study, "fields": dict(fields)}
    draft.fill(asked)
    st.session_state[watch.VIEW] = words.NEW
    st.switch_page("pages/runs.py", query_params=[*pickers.address(), (draft.ADDRESS, json.dumps(asked))])
