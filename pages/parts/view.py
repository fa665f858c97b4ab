"""What is new on a page comes into view: it may be far below what was pressed."""

from __future__ import annotations

import streamlit as st

_COME = """
export default function ({ parentElement }) {
  const host = parentElement.host || parentElement;
  setTimeout(() => host.scrollIntoView({ block: "start" }), 100);
}
"""


def come() -> None:
    """Let the browser scroll to this place of the page, once: it is drawn in one run and not in the next."""
    _component()(key="come-into-view", height=0)


@st.cache_resource(max_entries=1, show_spinner=False)
def _component():
    return st.components.v2.component("come-into-view", js=_COME)
