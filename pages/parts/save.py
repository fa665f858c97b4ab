"""Uploads into a study: the form, and where it leads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from neutral import home
from neutral.errors import NeutralError
from neutral.masksets import METHOD, MaskSet
from neutral.runs import masks, places
from neutral.runs.masks import About
from neutral.search import METHODS
from neutral.tasks import names
from pages.parts import catalogue, errors, formats, pickers, show
from pages.parts.overlap import uploaded
from pages.parts.runs import lead, tables
from pages.parts.text import as_text

MODELS = Path(__file__).parents[2] / "data" / "models"
_SAVED = "_saved"
_NAME = "My masks"
_OF_A_STUDY = ("show", "task", "method", "sparsity", "seed", "members", "languages")
"""Choices that are of the study that was looked at before, and not of the one that was saved."""


def save(collections: Sequence[MaskSet]) -> None:
    """Offer to save the uploads of one network as a study, and lead to the one that was saved last."""
    st.markdown("## Save as a study")
    if tables.why_not():
        st.caption(uploaded.NOT_SAVED_HERE)
        return
    st.caption(uploaded.SAVE)
    chosen = collections[0]
    if len(collections) > 1:
        which = st.selectbox(
            "Network",
            range(len(collections)),
            format_func=lambda place: collections[place].title,
            key="save-network",
            help=uploaded.MIXED,
        )
        chosen = collections[which]
    with st.container(border=True, key="save"):
        name, about = _asked(chosen)
        try:
            where = places.places(chosen.masks, chosen.labels, task=about.task, method=about.method)
        except NeutralError as error:
            st.warning(errors.line(error))
            return
        with st.expander(f"What is saved: {formats.count(len(where), 'mask')}"):
            st.caption(uploaded.PLACES)
            rows = [uploaded.place(*each) for each in zip(where, chosen.labels, strict=True)]
            st.dataframe(rows, hide_index=True, key="save-places")
        if st.button("Save", icon=":material/save:", key="save-now"):
            _save(chosen, name, about)
    if saved := st.session_state.get(_SAVED):
        _lead(saved, where[0].sparsity, about.model)


def _asked(chosen: MaskSet) -> tuple[str, About]:
    left, right = st.columns(2)
    name = left.text_input("Name of the study", _free(), key="save-name", max_chars=100)
    model = right.selectbox(
        "Model",
        _bundled(),
        index=None,
        key="save-model",
        accept_new_options=True,
        help=uploaded.MODEL,
        placeholder=uploaded.said(chosen.masks, "model"),
    )
    left, right = st.columns(2)
    tasks = {pickers.task_name(task): task for task in names.NAMES}
    task = left.selectbox(
        "Task", list(tasks), index=None, key="save-task", placeholder=uploaded.said(chosen.masks, "task")
    )
    told = {"index": None, "key": "save-method", "placeholder": uploaded.said(chosen.masks, "method")}
    method = right.selectbox("Method", [*METHODS, METHOD], format_func=str.capitalize, **told)
    return name.strip(), About(title=name.strip(), model=model or "", task=tasks.get(task, ""), method=method or "")


def _free() -> str:
    """Return a name that no study has yet."""
    taken = set(map(home.plainly, catalogue.studies()[0]))
    names = (_NAME, *(f"{_NAME} {number}" for number in range(2, 10_000)))
    return next(name for name in names if home.plainly(name) not in taken)


def _bundled() -> list[str]:
    return sorted(path.name for path in MODELS.glob("*") if (path / "config.json").is_file())


def _save(chosen: MaskSet, name: str, about: About) -> None:
    """Make the study, or say in a line why not."""
    try:
        folder = home.study_called(name)
        for other in catalogue.studies()[0]:
            if home.plainly(other) == home.plainly(folder.name):
                raise NeutralError(f"there is a study called {other} already; choose another name")
        with st.spinner("Saving the study …"):
            masks.save(chosen.masks, chosen.labels, folder, about, files=chosen.files)
    except NeutralError as error:
        st.error(errors.line(error))
        return
    st.session_state[_SAVED] = folder.name
    _open(folder.name)


def _open(name: str) -> None:
    """Let the other pages show a study, and what it opens on, in the place of what was chosen from another."""
    for key in _OF_A_STUDY:
        pickers.chosen().pop(key, None)
        st.query_params.pop(key, None)
    pickers.chosen()["study"] = [name]
    st.query_params.pop("study", None)


def _lead(name: str, sparsity: float, model: str) -> None:
    """Lead to a saved study, and say what more can be asked of it."""
    st.success(f"Saved as {as_text(name)}.")
    show.link("pages/overlap.py", f"Overlap of {as_text(name)}", ":material/grid_on:", study=name, show="Study")
    st.caption(uploaded.MORE)
    fields = {"controls": {"model": model} if model in _bundled() else {}, "typology": {"sparsities": f"{sparsity:g}"}}
    with st.container(horizontal=True):
        for command, label in (("controls", "Add its controls"), ("typology", "Test what explains it")):
            lead.offer(command, name, label, "saved", fields[command])
