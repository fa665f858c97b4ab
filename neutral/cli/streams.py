"""Standard output is for results, so a result that it does not take is said; messages may get lost."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from neutral.errors import NeutralError


class Messages:
    """Standard error, where what nobody can read (its disk is full, its pipe has no reader) stops no work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, if that is possible."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what is written, if that is possible."""
        with suppress(OSError):
            self._stream.flush()


def open_missing() -> None:
    """Open those of the three standard streams that the caller closed: the next file would take their place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def require_output() -> None:
    """Raise `NeutralError` if the caller closed standard output."""
    if sys.stdout is None:
        raise NeutralError("standard output is closed; send it to /dev/null if no result is wanted")


def left() -> OSError | None:
    """Write what is left of the results; return why that was not possible, and then let go of it."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries again, and complains
        return error
    return None
