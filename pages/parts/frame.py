"""The frame of every page: settings, menu, the sidebar's pickers, and errors in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import FragmentHandledException

from pages.parts import (
    announce,
    early,
    errors,
    heap,
    keys,
    links,
    login,
    looks,
    pickers,
    quota,
    stored,
    umaps,
    uploads,
    views,
)
from pages.parts.compare import pins

T = TypeVar("T")

PAGES = (
    ("app.py", "Overview", ":material/home:"),
    ("pages/overlap.py", "Overlap", ":material/grid_on:"),
    ("pages/language.py", "Language", ":material/person_pin_circle:"),
    ("pages/pair.py", "Language pair", ":material/compare_arrows:"),
    ("pages/layers.py", "Layers", ":material/layers:"),
    ("pages/compare.py", "Compare", ":material/compare:"),
    ("pages/typology.py", "Typology", ":material/public:"),
    ("pages/inside.py", "Inside the model", ":material/hub:"),
    ("pages/transfer.py", "Transfer", ":material/swap_horiz:"),
    ("pages/tickets.py", "Winning tickets", ":material/confirmation_number:"),
    ("pages/masks.py", "Your masks", ":material/upload_file:"),
    ("pages/compression.py", "Compression", ":material/compress:"),
    ("pages/runs.py", "Runs", ":material/play_circle:"),
)

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100'%3E"
    "%3Ctext y='.9em' font-size='90'%3E%26%23129513;%3C/text%3E%3C/svg%3E"
)
"""A piece of a puzzle. Written as an emoji it would have Streamlit load its list of all first."""

NO_STUDY = """
## There is no study here yet

A study is a folder with the overlap of masks that were found for several languages. Make one from any Hugging Face
model and a folder of text, one file a language (`en.txt`, `sw.txt`, …): on the page *Runs*, or in a shell:

```sh
python -m neutral find --model MODEL --text TEXT --languages en,fr,sw \\
    --method wanda --sparsity 0.5 --study mine
python -m neutral app --studies mine
```

Studies are looked for in `data/studies/`, where the app keeps its own (`NEUTRAL_HOME`, by default
`~/.local/share/neutral`), and in the folders that `neutral app --studies` or the environment variable
`NEUTRAL_STUDIES` names.
"""


def no_masks() -> None:
    """Say how to get a study of masks."""
    with st.container(border=True):
        st.markdown(NO_STUDY)
        st.page_link("pages/runs.py", label="Make a study of your model and text", icon=":material/play_circle:")
        st.page_link("pages/masks.py", label="Or upload masks of your own", icon=":material/upload_file:")


@contextmanager
def page(
    title: str,
    *,
    lead: str = "",
    choose: Callable[[DeltaGenerator], list[T]] = views.choose,
    empty: Callable[[], None] | None = no_masks,
) -> Iterator[list[T]]:
    """Draw the frame and yield what to show; an error ends the page in one clear line (see `errors`).

    `choose` draws the sidebar's pickers and returns what was chosen; it gets a container for its notices. If nothing
    was chosen the page does not run, and `empty` says how to get something; a page with `empty` None runs all the same.
    """
    st.set_page_config(page_title=f"{title} · neutral", page_icon=ICON, layout="wide")
    heap.keep()
    st.html(looks.STYLE)
    login.require()
    pickers.start(title)
    st.title(title, anchor=False)
    unseen = announce.begin()
    keys.begin()
    if lead:
        st.markdown(lead)
    notices, unknown = st.container(), st.container()
    try:
        stored.sync(notices)
    except Exception as error:
        notices.error(errors.line(error))
    pins.sync()
    uploads.noted()
    if scarce := quota.scarce():
        notices.warning(scarce)
    shown: list[T] = []
    problem = ""
    with st.sidebar:
        menu, copied = st.container(gap="xxsmall", key=looks.MENU), st.container()
        try:
            shown = choose(notices)
        except Exception as error:  # not Streamlit's own stop and rerun, which are no `Exception`
            problem = errors.line(error)
        with menu:
            _menu()
    if shown:
        with unseen:
            early.fetch_plotly()
    umaps.begin()
    try:
        if problem:
            st.error(problem)
        if empty and not shown:
            if not problem:
                empty()
            st.stop()
        yield shown
    except FragmentHandledException:
        raise
    except Exception as error:
        st.error(errors.line(error))
    finally:  # a page may stop before its end
        pickers.settled()
        for line in pickers.unknown():
            unknown.warning(line)
        with copied:
            links.copy()


def _menu() -> None:
    for path, label, icon in PAGES:
        if path == "pages/compare.py" and (pinned := len(pins.held())):
            label = f"{label} ({pinned})"
        st.page_link(path, label=label, icon=icon, query_params=pickers.address())
    st.divider()
