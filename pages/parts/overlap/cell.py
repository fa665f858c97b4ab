"""The pair whose cell was clicked, beside the matrix: how much it shares by layer, and the ways on from there.

The address holds it as that of the pair's page does, so that a reload shows it and the pair's page opens on it.
"""

from __future__ import annotations

from copy import deepcopy

import streamlit as st

from neutral.members import display
from pages.parts import errors, figures, pickers, show
from pages.parts.compare import pins
from pages.parts.overlap import words
from pages.parts.text import in_words
from pages.parts.views import View

KEYS = ("a", "b")
_CLICKED, _WRITTEN = "_clicked", "_clicked_pair"


def chosen(view: View, clicked: tuple[str, str] | None, key: str) -> tuple[str, str] | None:
    """Return the pair to show beside the matrix `key`: the one clicked just now, else that of the address."""
    last = st.session_state.setdefault(_CLICKED, {})
    if clicked and clicked != last.get(key):
        _write(tuple(map(display, clicked)))
    if not pickers.arrived():
        last[key] = clicked
    asked = [st.query_params.get(name, "") or next(iter(pickers.chosen().get(name, [])), "") for name in KEYS]
    if not all(asked):
        return None
    found = [
        pickers.read_all("Pair", name, [it], view.members, display, told=_is_linked(asked, view))
        for name, it in zip(KEYS, asked, strict=True)
    ]
    if not all(found) or found[0] == found[1]:
        return None
    _write(asked)
    return found[0][0], found[1][0]


def _is_linked(asked: list[str], view: View) -> bool:
    """Whether a pair came with a link, and was not clicked here: another source need not have it, which is no fault."""
    return asked != st.session_state.get(_WRITTEN) and not view.heading


def beside(view: View, pair: tuple[str, str], measure: str) -> None:
    """Show a pair: its overlap over all and by layer, and buttons to pin it, to open it and to close this."""
    a, b = pair
    st.markdown(f"## {in_words(a)} and {in_words(b)}")
    st.markdown(words.pair_line(pickers.MEASURE_NAMES[measure], view.levels(measure, "all", pair)))
    with st.container(horizontal=True):
        pins.button(pins.of_masks(view, "pair", measure, pair), f"cell-{view.key}")
        if st.button("Open the pair", key=f"open-{view.key}", icon=":material/open_in_new:"):
            show.open_pair(a, b)
        st.button("Close", key=f"close-{view.key}", icon=":material/close:", on_click=errors.guarded(close))
    drawn = figures.by_layer(view.levels(measure, "layer", pair), measure, label=f"{display(a)} and {display(b)}")
    show.figure(deepcopy(drawn).update_layout(height=360), f"cell-layers-{view.key}")


def close() -> None:
    """Show no pair any more."""
    _write(())


def _write(pair: tuple[str, ...] | list[str]) -> None:
    """Write a pair's names into the address, and note them for other pages; () takes them away."""
    st.session_state[_WRITTEN] = list(pair)
    for place, key in enumerate(KEYS):
        values = list(pair[place : place + 1])
        pickers.note(key, values)
        if values and st.query_params.get_all(key) != values:
            st.query_params[key] = values
        elif not values and key in st.query_params:
            del st.query_params[key]
