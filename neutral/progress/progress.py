"""How far a run is, by its units and their costs: a bar for who watches it, a file for who does not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from neutral.errors import NeutralError, described, one_line
from neutral.progress import stop
from neutral.progress.bar import Told, duration, say
from neutral.progress.file import Record
from neutral.progress.remaining import Remaining
from neutral.progress.stop import StoppedError

Tell = Callable[[int, int], None]
"""Called as `tell(step, steps)` on the way through a unit."""


class Expected(Protocol):
    """A unit of work, as progress knows it (`runs.units.Unit`)."""

    key: tuple
    name: str
    cost: float
    rounds: range


@dataclass(frozen=True)
class Part:
    """Work that is no unit of an engine, as a training by itself."""

    key: tuple
    name: str
    cost: float = 1.0
    rounds: range = range(1)


@dataclass
class Doing:
    """A unit that is being done, and the share of it that is."""

    unit: Expected
    share: float = 0.0

    @property
    def name(self) -> str:
        """Its name, and the round that it is in."""
        rounds = self.unit.rounds
        if len(rounds) < 2:
            return self.unit.name
        at = rounds[min(int(self.share * len(rounds) + 1e-9), len(rounds) - 1)]
        return f"{self.unit.name}, round {at + 1} of {rounds.stop}"


class Progress:
    """A run's progress, entered while it works: from one thread, with several units under way at once if need be.

    Parameters
    ----------
    command : str
        What is run: "find".
    study : str or Path, optional
        Where its results go.
    quiet : bool
        Whether to show no bar.
    file : str or Path, optional
        A JSON file that is replaced each second (docs/file-formats.md).
    before : int
        How many units an earlier run finished, if that is known already (`found`).

    When it is left without an error, the run is done. A `StoppedError` or Ctrl-C has stopped it, by any other error it
    has failed. Without being entered it shows the bar alone, until it is closed.
    """

    def __init__(
        self,
        command: str = "",
        study: str | Path = "",
        *,
        quiet: bool = False,
        file: str | Path | None = None,
        before: int = 0,
    ) -> None:
        self.command, self.study = command, str(Path(study).absolute()) if study else ""
        self.quiet, self.file = quiet, file
        self.state, self.message = "starting", ""
        self.units, self.done, self.before = before, before, before
        self.stop_asked = False
        self._failed: list[dict[str, str]] = []
        self._doing: dict[int, Doing] = {}
        self._last = ""
        self._known: set[tuple] = set()
        self._cost, self._worked = 0.0, 0.0
        self._started, self._began = time.time(), 0.0
        self._remaining = Remaining()
        self._lock = threading.RLock()
        self._bar: Told | None = None
        self._record: Record | None = None

    def __enter__(self) -> Self:
        if self.file:
            self._record = Record(self.file, self.told)
            if self._record.refusal:
                say([f"the run goes on without --json-progress: {self._record.refusal}"], quiet=self.quiet)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        with self._lock:
            self.state, self.message = _ended(error)
            self._doing.clear()
        self.close()

    def found(self, before: int) -> None:
        """Take note of units, so many, that an earlier run finished."""
        with self._lock:
            self.units, self.done, self.before = self.units + before, self.done + before, self.before + before

    def expect(self, units: Sequence[Expected]) -> None:
        """Take note of units that are to be done; one that was named before counts once."""
        with self._lock:
            self.state = "running"
            new = [unit for unit in units if unit.key not in self._known]
            self._known.update(unit.key for unit in new)
            self.units += len(new)
            self._cost += sum(unit.cost for unit in new)
        self._show()

    @contextmanager
    def doing(self, unit: Expected) -> Iterator[Tell]:
        """Within, a unit is being done; what is yielded is called as `tell(step, steps)` on the way.

        A unit that is left by an error is not done. Raises `StoppedError` before it begins, if a stop was asked for.
        """
        self.require_going()
        doing = Doing(unit)

        def tell(step: int, steps: int) -> None:
            with self._lock:
                doing.share = max(doing.share, min(step / steps, 1.0)) if steps > 0 else doing.share
                self._mark()
            self._show()

        with self._lock:
            self._began = self._began or time.monotonic()
            self._doing[id(doing)] = doing
            self._mark()
        self._show()
        try:
            yield tell
            with self._lock:
                self.done += 1
                self._worked += unit.cost
                self._last = unit.name
        finally:
            with self._lock:
                self._doing.pop(id(doing), None)
                self._mark()
        self._show()

    def failed(self, unit: Expected, why: str) -> None:
        """Take note of a unit that could not be done, and will not be tried again."""
        with self._lock:
            self._failed.append({"unit": one_line(unit.name), "why": one_line(why)})
            self._worked += unit.cost  # nothing of it is left
            self._mark()
        say([f"{unit.name}: {why}"], quiet=self.quiet)
        self._show()

    @property
    def is_stopping(self) -> bool:
        """Whether a stop was asked for, by SIGUSR1 or in `stop_asked`."""
        return self.stop_asked or stop.asked()

    def require_going(self) -> None:
        """Raise `StoppedError` if a stop was asked for."""
        if not self.is_stopping:
            return
        with self._lock:
            doing = [each.unit.name for each in self._doing.values()]
        behind = ", ".join(doing[:3]) + ", …" * (len(doing) > 3) or self._last
        where = f"behind what is done of {behind}" if doing else f"behind {behind}" if behind else "before it began"
        raise StoppedError(one_line(f"stopped, as asked, {where}; run the same command again to go on"))

    def told(self) -> dict:
        """Return what the file says."""
        with self._lock:
            done, cost, speed = self._work()
            left = self._remaining.seconds()
            each = self._cost / max(self.units - self.before, 1)
            earlier = self.before * (each or 1.0)
            return {
                "state": self.state,
                "pid": os.getpid(),
                "command": self.command,
                "study": self.study,
                "started": self._started,
                "updated": time.time(),
                "units": {"done": self.done, "total": self.units, "before": self.before},
                "work": {"done": done + earlier, "total": cost + earlier},
                "rate": 60 * speed / each if speed and each else None,
                "seconds_left": left,
                "current": [one_line(each.name) for each in self._doing.values()],
                "failed": list(self._failed),
                "message": self.message,
            }

    def close(self) -> None:
        """End the bar and the file."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._record is not None:
            self._record.close()
            self._record = None

    def _mark(self) -> None:
        """Take note of when so much was done."""
        if self._began:
            done, cost, _ = self._work()
            self._remaining.mark(done, cost)

    def _work(self) -> tuple[float, float, float]:
        """Return how much work of this run is done, of how much, and how much was a second."""
        done = self._worked + sum(each.share * each.unit.cost for each in self._doing.values())
        done = min(done, self._cost)
        seconds = time.monotonic() - self._began if self._began else 0.0
        return done, self._cost, done / seconds if seconds > 0 else 0.0

    def _show(self) -> None:
        if self.quiet:
            return
        if self._bar is None:
            self._bar = Told.of(quiet=False)
        told = self.told()
        rate, left = told["rate"], told["seconds_left"]
        texts = [f"{self.done} of {self.units} units"]
        texts += [f"{rate:.3g} a minute"] if rate else []
        texts += [f"{duration(left)} left"] if left and self.done < self.units else []
        several = f" and {len(told['current']) - 1} more" if len(told["current"]) > 1 else ""
        work = told["work"]
        share = work["done"] / work["total"] if work["total"] else 1.0
        self._bar.tell(f"{told['current'][0]}{several}" if told["current"] else "", share, ", ".join(texts))


def _ended(error: BaseException | None) -> tuple[str, str]:
    """Return the state that a run ended in, and the line that says why."""
    if error is None:
        return "done", ""
    if isinstance(error, StoppedError):
        return "stopped", str(error)
    if isinstance(error, KeyboardInterrupt):
        return "stopped", "stopped; run the same command again to go on"
    return "failed", str(error) if isinstance(error, NeutralError) else described(error)
