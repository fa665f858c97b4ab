"""What the app holds for good is set aside from Python's search for garbage, which Streamlit starts after every run.

A full search goes through all that was imported and remembered: 0.1 to 0.4 s, as long as a page. So what outlives one
is frozen (`gc.freeze`), and the next ones look at what came after. When that has grown so much that a search is slow
again, or after some minutes, one search goes through everything, so that nothing stays that sessions left behind.
"""

from __future__ import annotations

import gc
import time

SLOW = 0.05
"""Seconds of the processor: a search that takes longer has too much to look at."""
AGAIN = 600
"""Seconds after which everything is looked at again, whatever a search takes."""


class Heap:
    """Hears of every search that Python starts and ends; `is_whole` while one goes through everything."""

    def __init__(self) -> None:
        self.is_due, self.is_whole, self.began, self.frozen_at = True, False, 0.0, 0.0

    def __call__(self, phase: str, about: dict) -> None:
        """Thaw before a search that is to be whole, and freeze what it left; see `gc.callbacks`."""
        if about["generation"] < 2:
            return
        if phase == "start":
            self.is_whole = self.is_due or time.monotonic() - self.frozen_at > AGAIN
            if self.is_whole:
                gc.unfreeze()
            self.began = time.thread_time()
            return
        self.is_due = not self.is_whole and time.thread_time() - self.began > SLOW
        if self.is_whole:
            gc.freeze()
            self.frozen_at = time.monotonic()


def keep() -> None:
    """Begin to set aside what lasts; from then on it goes by itself."""
    if not any(isinstance(callback, Heap) for callback in gc.callbacks):
        gc.callbacks.append(Heap())
