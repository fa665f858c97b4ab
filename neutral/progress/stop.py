"""A clean stop: SIGUSR1 asks for it, and the run ends behind the next piece that is written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ASKED = threading.Event()


class StoppedError(Exception):
    """The run was asked to stop, and has, behind a piece that was written; the message is one line."""


@contextmanager
def heard() -> Iterator[None]:
    """Within, SIGUSR1 asks the run of this process to stop, and no more ends the process.

    Outside of the main thread, which alone may listen to signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: _ASKED.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL if before is None else before)
        _ASKED.clear()


def asked() -> bool:
    """Whether a stop was asked for by a signal."""
    return _ASKED.is_set()
