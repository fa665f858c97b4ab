"""What is pinned: kept in the session and in the address of every page, put there and taken away by buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from neutral import compare, labels
from neutral.compare import MaskPin, Pin, TablePin
from neutral.masksets import BesideStudy, MaskSet
from neutral.study import Study
from pages.parts import errors, pickers
from pages.parts.compare import sources

if TYPE_CHECKING:
    from pages.parts.compression.tables import TableChoice
    from pages.parts.transfer.tables import Experiment
    from pages.parts.views import View

KEY = "pin"
"""The address's parameter; it comes once a pin."""

_HELD = "_pins"


def held() -> list[str]:
    """Return the pins of this session, as the address writes them, in the order in which they were made."""
    return st.session_state.setdefault(_HELD, [])


def sync() -> None:
    """Take what the address pins, or the page before this one did, and keep it in the address: once a run."""
    linked = list(dict.fromkeys(st.query_params.get_all(KEY)))
    if linked and (pickers.arrived() or _HELD not in st.session_state):
        st.session_state[_HELD] = linked
    _into_address()


def button(pin: Pin, key: str) -> None:
    """Offer to pin what is shown, or to take it away again; nothing for masks that a pin cannot name."""
    text = pin.text
    if not pin.study:
        return
    if text in held():
        st.button(
            "Pinned",
            key=f"pinned-{key}",
            icon=":material/keep:",
            help="Stands on the page Compare. Click to take it away.",
            on_click=errors.guarded(drop),
            args=(text,),
        )
        return
    full = len(held()) >= compare.MOST
    st.button(
        "Pin",
        key=f"pin-{key}",
        icon=":material/keep_off:",
        disabled=full,
        help=f"{compare.MOST} views are the most: take one away on the page Compare."
        if full
        else "Keeps this view for the page Compare, where pinned views stand side by side.",
        on_click=errors.guarded(add),
        args=(text,),
    )


def add(text: str) -> None:
    """Pin a view."""
    if text not in held():
        held().append(text)
        st.toast(f"Pinned to the page Compare, which has {len(held())} of {compare.MOST}.", icon=":material/keep:")


def lead(text: str) -> None:
    """Put a view first: the others are compared with it."""
    if text in held():
        held().remove(text)
        held().insert(0, text)


def drop(text: str) -> None:
    """Take a view away."""
    if text in held():
        held().remove(text)


def of_masks(
    view: View, kind: str, measure: str, members: tuple[str, ...] = (), *, by: str = "all", group: str = labels.WHOLE
) -> MaskPin:
    """Return the pin of what a page shows of masks, in the group of weights that `pickers.pick_place` chose."""
    layer, component = place(by, group)
    told = {"measure": measure, "layer": layer, "component": component}
    if isinstance(view.source, BesideStudy):
        shown = members or sources.beside_members(view.source)
        return MaskPin(kind, sources.of_uploads(view.source), shown, **view.source.choice._asdict(), **told)
    if isinstance(view.source, MaskSet):  # how they were found is not known, and what they remove may change
        return MaskPin(kind, sources.of_uploads(view.source), members, **told)
    return MaskPin(kind, sources.name_of(view.source), members, **view.choice._asdict(), **told)


def place(by: str, group: str) -> tuple[str, str]:
    """Return the layer and the component of a group of weights, as pins have them.

    >>> place("all", "all"), place("layer", "encoder 3"), place("component", "query")
    (('', ''), ('encoder 3', ''), ('', 'query'))
    >>> place("layer-component", "decoder 3 expert 5 up")
    ('decoder 3 expert 5', 'up')
    """
    if by == "component":
        return "", group
    if by != "layer-component":
        return "" if by == "all" else group, ""
    parts = labels.parsed(group)
    return f"{parts.layer} {parts.part}".strip(), parts.component


def of_transfer(one: Experiment) -> MaskPin:
    """Return the pin of a transfer matrix: a study's, or one of the paper's."""
    if one.study is None:
        return MaskPin("transfer", compare.PAPER, one.chosen, one.model, one.sparsity, one.task, None, "metric")
    name = sources.name_of(one.study)
    return MaskPin("transfer", name, one.chosen, one.method, one.sparsity, one.task, one.seed, one.by)


def of_tickets(view: View, by: str) -> MaskPin:
    """Return the pin of a study's winning tickets, judged by one of `compare.pins.SCORES`."""
    name, choice = sources.name_of(view.source), view.choice
    return MaskPin("tickets", name, view.chosen, choice.method, None, choice.task, None, by)


def of_table(study: Study, choice: TableChoice, line: str, ratio: float) -> TablePin:
    """Return the pin of one way of making a token table smaller."""
    return TablePin(
        sources.name_of(study, "compression"), line, ratio, choice.by, choice.where, choice.words, choice.scoring
    )


def _into_address() -> None:
    """Keep the pins in this page's address and in those of all links to others."""
    if held():
        pickers.chosen()[KEY] = list(held())
        if st.query_params.get_all(KEY) != held():
            st.query_params[KEY] = list(held())
        return
    pickers.chosen().pop(KEY, None)
    if KEY in st.query_params:
        del st.query_params[KEY]
