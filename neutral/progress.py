"""Progress of long work on standard error: units done, speed, remaining time, and what is worth a line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from tqdm import tqdm

from neutral.errors import one_line


def say(notes: Iterable[str], *, quiet: bool = False) -> None:
    """Write what the user should know, a note a line, to standard error; nothing when quiet."""
    for note in () if quiet else notes:
        tqdm.write(f"neutral: {one_line(note)}", file=sys.stderr)  # above the bars that are shown


@contextmanager
def bar(total: int, unit: str, *, quiet: bool = False, done: int = 0) -> Iterator[tqdm]:
    """Show a bar of `total` units of which `done` were finished by an earlier run; nothing when quiet."""
    with tqdm(
        total=total,
        initial=done,
        unit=unit,
        disable=quiet,
        dynamic_ncols=True,
        mininterval=1.0,
        smoothing=0.05,
    ) as shown:
        yield shown


class StoppedError(Exception):
    """The run was asked to stop, and has, behind a piece that was written."""


class Expected(Protocol):
    """A unit of work, as progress knows it (`runs.units.Unit`)."""

    name: str
    cost: float


class Progress:
    """How far a run is: one bar of its units, which moves by their costs.

    `before` is how many units an earlier run finished.
    """

    def __init__(self, *, quiet: bool = False, before: int = 0) -> None:
        self.quiet = quiet
        self.units, self.done, self.before = before, before, before
        self.stop_asked = False
        self._bar = tqdm(unit="unit", disable=quiet, dynamic_ncols=True, mininterval=1.0, smoothing=0.05)

    def expect(self, units: Sequence[Expected]) -> None:
        """Take note of units that are to be done."""
        self.units += len(units)
        self._bar.total = self.units
        self._bar.refresh()

    @contextmanager
    def doing(self, unit: Expected) -> Iterator[Callable[[int, int], None]]:
        """Within, a unit is being done; what is yielded is called as `tell(step, steps)` on the way."""
        self._bar.set_description(unit.name)
        yield lambda _step, _steps: None
        self.done += 1
        self._bar.update()

    def failed(self, unit: Expected, why: str) -> None:
        """Take note of a unit that could not be done."""

    def require_going(self) -> None:
        """Raise `StoppedError` if a stop was asked for."""
        if self.stop_asked:
            raise StoppedError

    def close(self) -> None:
        """End the bar."""
        self._bar.close()
