"""How much may be uploaded: by one session, and before the server's memory runs out. What is over it is said."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from neutral import memory as machine
from neutral.memory import amount, memory

BYTES, FILES, IN_ALL = "NEUTRAL_UPLOAD_BYTES", "NEUTRAL_UPLOAD_FILES", "NEUTRAL_UPLOAD_MEMORY"
"""Environment variables: a session's limits, as in 4GB and 200, and what all sessions may have in memory together."""

ON_DISK = "NEUTRAL_UPLOAD_DISK"
"""What all stored uploads may take on the disk together."""

_RESERVE = 1e9  # of memory: warned below this, or below a tenth of all there is
_SMALLER = "remove masks, or upload packed files (neutral masks convert)"
_FEWER = "remove masks that you no longer need"


@dataclass(frozen=True)
class Held:
    """What a session's uploads come to: masks, the bytes of their files as uploaded, bytes kept in memory."""

    masks: int = 0
    uploaded: int = 0
    kept: int = 0


def limits() -> tuple[float, float]:
    """Return a session's limits, bytes as uploaded and masks; what a variable has that is no size counts as unset."""
    return _size(os.environ.get(BYTES, ""), 4e9), _size(os.environ.get(FILES, ""), 200)


def in_all() -> float:
    """Return how many bytes of uploads all sessions may have in memory: half of what there is, if nothing else is set.

    Where nothing tells how much there is, there is no limit.
    """
    room = memory()
    return _size(os.environ.get(IN_ALL, ""), room.limit / 2 if room else float("inf"))


def on_disk() -> float:
    """Return how many bytes of uploads may be stored for the next session: 10 GB, if nothing else is set."""
    return _size(os.environ.get(ON_DISK, ""), 10e9)


def _size(written: str, default: float) -> float:
    told = machine.size(written)
    return default if told is None else told


def over(files: Sequence[tuple[str, int]], held: Held, *, others: int = 0, to_read: bool = True) -> dict[int, str]:
    """Return which of some files (name, bytes) a session may not have beside what it holds: place -> why, a line.

    Files are taken in their order, and one that is over a limit keeps none behind it out. Those that are `to_read` must
    fit into memory too, beside the bytes that `others` have there.
    """
    most, many = limits()
    room = memory() if to_read else None
    refused: dict[int, str] = {}
    uploaded, count, taken = held.uploaded, held.masks, 0
    for place, (name, size) in enumerate(files):
        if count >= many:
            why = f"this session holds {count} masks, and {many:g} is the limit; {_FEWER}"
        elif uploaded + size > most:
            why = (
                f"with its {amount(size)} this session would hold {amount(uploaded + size)} of uploads, and "
                f"{amount(most)} is the limit; {_SMALLER}"
            )
        elif to_read and others + held.kept + taken + size > in_all():
            why = f"all sessions together may have {amount(in_all())} in memory; {_SMALLER}, or try again later"
        elif room is not None and taken + size > room.left - _reserve(room.limit) // 2:
            why = f"the server has too little memory left for its {amount(size)}; {_SMALLER}, or try again later"
        else:
            count, uploaded, taken = count + 1, uploaded + size, taken + size
            continue
        refused[place] = f"{name}: is left out: {why}"
    return refused


def _reserve(limit: int) -> float:
    return min(_RESERVE, limit / 10)


def scarce() -> str:
    """Return a line to warn with when memory runs out; "" while there is enough, or where the system does not tell."""
    room = memory()
    if room is None or room.left >= _reserve(room.limit):
        return ""
    return (
        f"The server has {amount(room.left)} of its {amount(room.limit)} of memory left, and may stop when that is "
        "gone: remove masks that you no longer need, close tabs, and upload no large files now."
    )


def show(held: Held) -> None:
    """Say in a line what the session holds, of what it may; a warning where that is all."""
    most, many = limits()
    line = (
        f"Uploads: {held.masks} of at most {many:g} masks, {amount(held.uploaded)} of at most {amount(most)} of files"
        f"{f'; packed, they take {amount(held.kept)} of memory' if held.masks else ''}."
    )
    if held.masks >= many:
        st.warning(f"{line} To upload more, {_FEWER}.")
    elif held.uploaded >= 0.999 * most:
        st.warning(f"{line} To upload more, {_SMALLER}.")
    else:
        st.caption(line)
