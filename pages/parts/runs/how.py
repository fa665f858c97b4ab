"""The fields that decide no result: where a run computes, what it may take, and what its study is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from neutral import home, jobs
from neutral.errors import NeutralError
from neutral.jobs import Limits, limits
from neutral.memory import size
from neutral.study import Study
from pages.parts.runs import draft, tables, words

DEVICES = ("auto", "cpu", "cuda", "mps")

_DEVICE = re.compile(r"[a-z]{2,20}(:\d{1,3})?")


@dataclass(frozen=True)
class How:
    """How a run is carried out: device and limits; what is wrong with what was typed, and what that was."""

    device: str
    limits: Limits
    problems: tuple[str, ...]
    filled: dict


def ask() -> How:
    """Draw the device and the limits."""
    st.markdown("### Running")
    filled: dict[str, str] = {}
    for box, name in zip(st.columns(4), ("device", *words.LIMITS), strict=True):
        with box:
            filled[name] = _device() if name == "device" else _limit(name)
    return _held(filled)


def _device() -> str:
    key, given = f"{draft.key()}-device", draft.text("device", 40, within="how")
    named = filter(None, (given, st.session_state.get(key)))
    devices = list(dict.fromkeys([*DEVICES, *named]))
    label, help, _ = words.DEVICE
    told = {"key": key, "help": help, "accept_new_options": True, "persist_state": "session"}
    return st.selectbox(label, devices, index=devices.index(given) if given else 0, **told) or DEVICES[0]


def _limit(name: str) -> str:
    label, help, none = words.LIMITS[name]
    told = {"key": f"{draft.key()}-{name}", "help": help, "placeholder": none, "persist_state": "session"}
    return st.text_input(label, draft.text(name, 20, within="how"), max_chars=20, **told).strip()


def _held(filled: Mapping[str, str]) -> How:
    time, memory, threads = (filled[name] for name in words.LIMITS)
    values = (limits.seconds(time), size(memory) if memory else None, int(threads) if threads.isdecimal() else None)
    wrong = [
        words.no_limit(name, filled[name])
        for name, value in zip(words.LIMITS, values, strict=True)
        if filled[name] and not value
    ]
    if not _DEVICE.fullmatch(filled["device"]):
        wrong.append(words.no_device(filled["device"]))
    chosen = Limits(values[0], int(values[1]) if values[1] else None, values[2])
    try:
        chosen = chosen.within(limits.allowed()) if not wrong else chosen
    except NeutralError as error:
        wrong.append(str(error))
    kept = {name: value for name, value in filled.items() if value and value != DEVICES[0]}
    return How(filled["device"], chosen, tuple(wrong), kept)


def ask_name(of: str, what: str, study: Study | None) -> tuple[str, str]:
    """Draw the study's name; return it, and what was typed: nothing for the usual name, which is made of two words."""
    if study is not None and tables.is_own(study):
        st.caption(words.goes_into(study.path.name))
        return study.path.name, ""
    usual = _usual(of, what)
    told = {"key": f"{draft.key()}-name", "placeholder": usual, "help": words.NAME_HELP, "persist_state": "session"}
    typed = st.text_input("Name of the study", draft.text("name", 100), max_chars=100, **told).strip()
    if study is None and is_taken(typed):
        st.caption(words.GOES_ON)
    return typed or usual, typed


def _usual(of: str, what: str) -> str:
    """Return a name that no study has yet, and a command line takes as it is."""
    letters = (letter if letter.isalnum() or letter in ".+-" else "-" for letter in f"{Path(of).name}-{what}")
    base, taken = "".join(letters).strip(".+-")[:80] or "study", _taken()
    return next(name for name in (base, *(f"{base}-{number}" for number in range(2, 10_000))) if name not in taken)


def is_taken(name: str) -> bool:
    """Whether a study of the app has this name, or will have it once a run has started."""
    return name in _taken()


def _taken() -> set[str]:
    try:
        made = {path.name for path in home.studies().iterdir()}
    except OSError:
        made = set()
    return made | {each.study.name for each in jobs.all_jobs()}
