"""The link to what a page shows, to copy: it says every choice, so that another default changes nothing in it."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from pages.parts import pickers

HELP = "Whoever opens it sees what you see here: it says every choice that this page has, those you did not touch too."


def whole() -> str:
    """Return the address of this page with all its choices, and with what the address holds beside pickers."""
    here = urlsplit(str(getattr(st.context, "url", None) or ""))
    held = {key: st.query_params.get_all(key) for key in st.query_params}
    choices = {**held, **pickers.present()}
    query = urlencode([(key, value) for key, values in choices.items() for value in values])
    return f"{here.scheme}://{here.netloc}{here.path}?{query}" if here.netloc else f"?{query}"


def copy() -> None:
    """Offer the link."""
    with st.popover("Copy link", icon=":material/link:", help=HELP):
        st.code(whole(), language=None, wrap_lines=True)
