"""Standard output is for results: one that it does not take is said. Standard error is for messages, which may go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO, TypeVar

from neutral.errors import NeutralError, StorageError
from neutral.system import refused

T = TypeVar("T")


class UnwantedError(Exception):
    """Who read the results (head, less) has ended."""


class _Stream:
    """A standard stream whose refusals go to `_refused`, of one text or of all that is left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text."""
        return self._tried(lambda: self._stream.write(text))

    def flush(self) -> None:
        """Write what is left in buffers."""
        self._tried(self._stream.flush)

    def _tried(self, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())  # else Python tries again at its end
            return self._refused(error)

    def _refused(self, error: OSError) -> None:
        """Messages that nobody can read (a log's disk is full, a pipe has no reader) stop no work."""


class _Results(_Stream):
    def _refused(self, error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            raise UnwantedError from error
        raise StorageError("standard output", refused(error)) from error


@contextmanager
def messages() -> Iterator[None]:
    """Within, a message that cannot be written is let go, and all three standard streams are open."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the caller closed it, and the next file that is opened would take its place
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest number that is free
    stream = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    with redirect_stderr(_Stream(stream)):
        yield
        sys.stderr.flush()


@contextmanager
def results() -> Iterator[None]:
    """Within, a result that standard output does not take is a `StorageError`, or an `UnwantedError`.

    Raises `NeutralError` if the caller closed standard output.
    """
    if sys.stdout is None:
        raise NeutralError("standard output is closed; send it to /dev/null if no result is wanted")
    with redirect_stdout(_Results(sys.stdout)):
        try:
            yield
        finally:
            sys.stdout.flush()
