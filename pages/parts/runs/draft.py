"""What is filled into the form: kept in the session over page changes, and in the address over a reload."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import streamlit as st

from pages.parts import pickers

ADDRESS, ONE = "new", "run"
"""Parameters of the address: what is filled in, and the run whose log is open."""

OWN = (ADDRESS, ONE)
"""Those of this page alone."""

_GIVEN, _ROUND = "_new_given", "_new_round"
_LONGEST = 3000  # letters of an address
_TOLD = 60  # letters of what the address fills in that a line about it has


def key() -> str:
    """Return what the keys of the form's widgets begin with; another one once the form is filled in anew."""
    return f"new{st.session_state.get(_ROUND, 0)}"


def fill(filled: Mapping[str, object]) -> None:
    """Fill the form in anew, as it was when a run was asked for."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.session_state[_GIVEN] = dict(filled)


def given() -> Mapping[str, object]:
    """Return what the form begins with: what `fill` said, or the address when the page was opened."""
    if _GIVEN not in st.session_state:
        st.session_state[_GIVEN] = _read(st.query_params.get(ADDRESS, ""))
    return st.session_state[_GIVEN]


def text(name: str, most: int, within: str = "") -> str:
    """Return a text that the form begins with, of at most so many letters; "" if there is none."""
    inside = given().get(within) if within else given()
    value = inside.get(name) if isinstance(inside, Mapping) else ""
    return value if isinstance(value, str) and len(value) <= most else ""


def keep(filled: Mapping[str, object]) -> None:
    """Write what is filled in into the address, where the form is shown; the session has it as long as it lives."""
    told = {name: each for name, each in filled.items() if each}
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    address(**({ADDRESS: text} if len(text) <= _LONGEST else {}))


def address(**own: str) -> None:
    """Let the address have these parameters of the page, and none other of its own, in one change."""
    before = {name: st.query_params.get_all(name) for name in st.query_params}
    after = {name: values for name, values in before.items() if name not in OWN}
    after |= {name: [value] for name, value in own.items()}
    if after != before:
        st.query_params.from_dict(after)


def _read(address: str) -> dict:
    if not address:
        return {}
    try:
        filled = json.loads(address)
    except (ValueError, RecursionError):
        filled = None
    if not isinstance(filled, dict):
        pickers.say_unknown("What is filled in", ADDRESS, [address[:_TOLD]], [], [])
        return {}
    return filled


def lost(label: str, what: object, options: Iterable[str]) -> None:
    """Say that the address fills in what is not there."""
    pickers.say_unknown(label, f"{ADDRESS} {label}", [str(what)[:_TOLD]], [], list(options))
