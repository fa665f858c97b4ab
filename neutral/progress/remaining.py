"""How long work still takes: reckoned when some of it is done, and counted down until more is."""

from __future__ import annotations

import time
from collections.abc import Callable


class Remaining:
    """The seconds that work still takes, by the rate of what was done so far.

    Between two marks nothing new is known, so the time counts down; it never rises while nothing happens, as a rate by
    the clock alone would let it. `clock` returns seconds.

    >>> now = [0.0]
    >>> left = Remaining(lambda: now[0])
    >>> left.mark(0, 4), left.seconds()
    (None, None)
    >>> now[0] = 10.0
    >>> left.mark(1, 4), left.seconds()
    (None, 30.0)
    >>> now[0] = 25.0
    >>> left.seconds()
    15.0
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._work = (0.0, 0.0)
        self._reckoned: tuple[float, float] | None = None  # when, and how long it took from then

    def mark(self, done: float, total: float) -> None:
        """Take note of how much work is done, of how much; called first as the work begins."""
        now = self._clock()
        if self._began is None:
            self._began = now
        if (done, total) == self._work:
            return
        self._work = done, total
        passed = now - self._began
        if done > 0 and passed > 0:
            self._reckoned = now, max(0.0, total - done) * passed / done

    def seconds(self) -> float | None:
        """Return the seconds that are left: None before any work is done, and once it is later than was reckoned."""
        if self._reckoned is None:
            return None
        done, total = self._work
        if done >= total:
            return 0.0
        when, left = self._reckoned
        left -= self._clock() - when
        return left if left > 0 else None
