"""Text of one's own, uploaded into the app's folder of texts, where its runs may read it."""

from __future__ import annotations

import streamlit as st

from neutral import home
from neutral.errors import NeutralError
from neutral.jobs import texts
from pages.parts import errors, quota
from pages.parts.runs import draft, tables, words
from pages.parts.text import as_text

LIMIT_MB = 500
"""The browser refuses larger files."""

_ROUND, _REFUSED = "_text_round", "_text_refused"


def offer(chosen: str) -> None:
    """Offer to upload text; what was uploaded is chosen in the field whose key is `chosen`."""
    refused = st.session_state.pop(_REFUSED, "")
    box = st.expander(
        words.OWN_TEXT, icon=":material/upload_file:", expanded=bool(refused), key=f"{draft.key()}-text-own"
    )
    with box:
        st.caption(words.OWN_TEXT_HELP)
        now = st.session_state.get(_ROUND, 0)  # the widgets are others after each text, and the server's copies go
        key = f"text-files-{now}"
        st.file_uploader(
            "Text files", type=["txt", "gz", "xz"], accept_multiple_files=True, key=key, max_upload_size=LIMIT_MB
        )
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        told = {"key": f"{draft.key()}-text-name-{now}", "max_chars": 60, "persist_state": "session"}
        left.text_input("Name of the text", _free(), **told)
        off = not st.session_state.get(key)
        right.button(
            "Add the text",
            key=f"{draft.key()}-text-add",
            disabled=off,
            on_click=errors.guarded(_add),
            args=(key, told["key"], chosen),
        )
        if refused:
            st.error(as_text(refused))


def _free() -> str:
    """Return a name that no text of the app has yet."""
    try:
        taken = {path.name for path in home.text().iterdir()}
    except OSError:  # there are none yet
        taken = set()
    return next(name for name in (words.TEXT, *(f"{words.TEXT}-{n}" for n in range(2, 10_000))) if name not in taken)


def _add(files: str, name: str, chosen: str) -> None:
    """Store what was uploaded, and choose it."""
    try:
        if why := tables.why_not():
            raise NeutralError(why)
        uploaded = st.session_state.get(files) or []
        most = quota.on_disk()
        folder = texts.add(
            st.session_state[name].strip(), [(each.name, each.getvalue()) for each in uploaded], most=most
        )
    except NeutralError as error:
        st.session_state[_REFUSED] = errors.line(error)
        return
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.session_state[chosen] = tables.listed_anew(str(folder))
