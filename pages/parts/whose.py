"""Whose masks a page shows: the switch between the paper's languages, all, and those that the reader picks.

The address holds what is chosen, in words that stay ("?members=all"), and the reader's own picks
("?languages=English&languages=Swahili"). An address with picks alone shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import opening
from neutral.members import display
from pages.parts import pickers

MINE = "mine"
_SET, _PICKS, _KEPT = "members", "languages", "_picks"
_HELP = (
    "The eleven: the languages of Foroutan et al. (2022), in their usual script and country. One a family: a language "
    "of each of the largest families. Mine: those that you pick. Numbers, figures and tests are of the languages shown."
)


def pick_members(members: Sequence[str], place: DeltaGenerator) -> tuple[str, ...]:
    """Choose members; () is all of them. Of few there is only a field in the sidebar, of many a switch in `place`."""
    if len(members) < 3:
        return ()
    sets = opening.sets(members)
    if len(sets) == 1:
        return _own(members, "All", "Leave empty for all. The neutral core always takes all.")
    with place:
        which = _switch(sets, len(members))
        if which == MINE:
            first = next(iter(sets.values()))
            return _own(members, "Choose languages", "Type a name. The neutral core always takes all.", first) or first
    _put_away()
    return sets[which]


def pass_on() -> None:
    """Keep what the address chooses for the next page, on a page that has neither switch nor field."""
    for key in (_SET, _PICKS):
        if key in st.query_params:
            pickers.note(key, st.query_params.get_all(key))


def _switch(sets: Mapping[str, tuple[str, ...]], total: int) -> str:
    """Draw the switch and return which set was chosen."""
    options = [*sets, MINE]
    if _SET not in st.session_state or st.session_state[_SET] not in options or pickers.arrived():
        asked = _asked()
        st.session_state[_SET] = next((one for one in asked if one in options), options[0])
        if linked := [one for one in st.query_params.get_all(_SET) if one not in options]:
            pickers.say_unknown("Languages", _SET, linked, [st.session_state[_SET]], options)
    names = {
        opening.ELEVEN: _counted(sets.get(opening.ELEVEN, ())),
        opening.FEW: "One a family",
        opening.ALL: f"All {total}",
        MINE: "Mine",
    }
    value = st.segmented_control(
        "Languages", options, format_func=names.__getitem__, key=_SET, required=True, help=_HELP
    )
    _write(_SET, [] if value == options[0] else [value], [value])
    return value


def _counted(eleven: Sequence[str]) -> str:
    return "The eleven" if len(eleven) == 11 else f"{len(eleven)} of the eleven"


def _held(key: str) -> list[str]:
    """Return the values that the address, or else the page before this one, has."""
    return st.query_params.get_all(key) or pickers.chosen().get(key, [])


def _asked() -> list[str]:
    """Return the sets that the address, or else the page before this one, asks for; picks alone ask for themselves."""
    asked = []
    for held in (st.query_params.get_all, lambda key: pickers.chosen().get(key, [])):
        asked += [*held(_SET)[:1], *([MINE] if held(_PICKS) else [])]
    return asked


def _own(members: Sequence[str], placeholder: str, help: str, first: Sequence[str] = ()) -> tuple[str, ...]:
    """Draw the field of the reader's picks; it starts with the picks made before, else with `first`."""
    if _PICKS not in st.session_state or pickers.arrived():
        asked = pickers.read_all("Languages", _PICKS, _held(_PICKS), members, display)
        kept = [member for member in st.session_state.get(_KEPT, first) if member in members] if first else []
        st.session_state[_PICKS] = asked or kept
    elif any(member not in members for member in st.session_state[_PICKS]):  # those of another study
        st.session_state[_PICKS] = [member for member in st.session_state[_PICKS] if member in members]
    picked = st.multiselect(
        "Your languages" if first else "Languages",
        members,
        format_func=display,
        key=_PICKS,
        placeholder=placeholder,
        help=help,
    )
    st.session_state[_KEPT] = list(picked)
    _write(_PICKS, [display(member) for member in picked])
    return tuple(member for member in members if member in picked)


def _put_away() -> None:
    """Take the picks out of the address, where they would say that they are shown."""
    _write(_PICKS, [])


def _write(key: str, values: list[str], whole: list[str] | None = None) -> None:
    """Write values into the address and note them for other pages.

    A bound widget would do so itself, but its value cannot be taken out of the address where it is not shown.
    """
    pickers.note(key, values, whole)
    if values and st.query_params.get_all(key) != values:
        st.query_params[key] = values
    elif not values and key in st.query_params:
        del st.query_params[key]
