"""The frame of every page: settings, menu, the sidebar's pickers, and errors said plainly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from neutral.errors import NeutralError
from pages.parts import pickers, views
from pages.parts.views import View

PAGES = (
    ("app.py", "Overview", ":material/home:"),
    ("pages/overlap.py", "Overlap", ":material/grid_on:"),
    ("pages/pair.py", "Language pair", ":material/compare_arrows:"),
    ("pages/layers.py", "Layers", ":material/layers:"),
    ("pages/masks.py", "Your masks", ":material/upload_file:"),
)

NO_STUDY = """
#### There is no study here yet

A study is a folder with the overlap of masks that were found for several languages. Make one from any Hugging Face
model and a folder of text, one file a language (`en.txt`, `sw.txt`, …):

```sh
python -m neutral find --model MODEL --task mlm --text TEXT --languages en,fr,sw \\
    --method wanda --sparsity 0.5 --study data/studies/mine
```

Studies are looked for in `data/studies/` and in the folders that the environment variable `NEUTRAL_STUDIES` names.
"""


@contextmanager
def page(title: str, *, lead: str = "", needs_masks: bool = True) -> Iterator[list[View]]:
    """Draw the frame and give what there is to show; wrong input ends the page in one clear line.

    A page that `needs_masks` is not run when there are none: it says how to get some. Another has nothing to choose.
    """
    st.set_page_config(page_title=f"{title} · neutral", page_icon="🧩", layout="wide")
    pickers.start(title)
    st.title(title, anchor=False)
    if lead:
        st.markdown(lead)
    notices = st.container()
    shown: list[View] = []
    problem = ""
    with st.sidebar:
        menu = st.container(gap="xxsmall")
        try:
            shown = views.choose(notices) if needs_masks else pickers.pass_on()
        except NeutralError as error:
            problem = str(error)
        with menu:
            _menu()
    if problem:
        st.error(problem)
    if needs_masks and not shown:
        if not problem:
            _empty()
        st.stop()
    try:
        yield shown
    except NeutralError as error:
        st.error(str(error))


def _menu() -> None:
    for path, label, icon in PAGES:
        st.page_link(path, label=label, icon=icon, query_params=pickers.address())
    st.divider()


def _empty() -> None:
    with st.container(border=True):
        st.markdown(NO_STUDY)
        st.page_link("pages/masks.py", label="Or upload masks of your own", icon=":material/upload_file:")
