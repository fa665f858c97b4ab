"""The browser's own question before a page is left that would be lost."""

from __future__ import annotations

import streamlit as st

_ASK = """
export default function () {
  const ask = (event) => { event.preventDefault(); event.returnValue = true; };
  window.addEventListener("beforeunload", ask);
  return () => window.removeEventListener("beforeunload", ask);
}
"""


def ask() -> None:
    """Let the browser ask before it reloads or closes the page, as long as this is on it."""
    _component()(key="ask-before-leaving", height=0)


@st.cache_resource(max_entries=1, show_spinner=False)
def _component():
    return st.components.v2.component("ask-before-leaving", js=_ASK)
