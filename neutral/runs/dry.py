"""What a run would do (`--dry-run`): how much is left, what it reads and writes, time, memory and room on the disk.

Nothing is written and no lock is taken. Of each kind of units one is timed on a part of it, and the others of its kind
by their costs; a kind that cannot be timed alone takes the speed of the others.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neutral.memory import amount
from neutral.progress.bar import duration
from neutral.runs.engines.local import loaded
from neutral.runs.units import Unit, Work

_LISTED = 12  # units that the text names


@dataclass(frozen=True)
class Each:
    """A unit that is left."""

    unit: str
    reads: str
    writes: str
    seconds: float | None


@dataclass(frozen=True)
class Estimate:
    """What a run would do.

    Attributes
    ----------
    command, summary : str
        What is run, and the plan in a line.
    total, done : int
        Units.
    each : tuple of Each
        Those that are left.
    timed : str
        What was timed.
    memory : int or None
        Bytes that this process had at most, with the model loaded and the timing done.
    study_bytes : int
        What the study comes to.
    model, data : dict or None
        As `model show` and `data show` have them for JSON.
    notes : tuple of str
    called : str
        What the text calls units.
    """

    command: str
    summary: str
    total: int
    done: int
    each: tuple[Each, ...]
    timed: str = ""
    memory: int | None = None
    study_bytes: int = 0
    model: dict | None = None
    data: dict | None = None
    notes: tuple[str, ...] = ()
    called: str = "units"

    @property
    def seconds(self) -> float | None:
        """What all that is left takes, one unit after the other."""
        several = [one.seconds for one in self.each]
        return None if None in several else float(sum(several))

    def facts(self) -> dict[str, Any]:
        """Return it for JSON (docs/file-formats.md)."""
        return {
            "command": self.command,
            "summary": self.summary,
            "model": self.model,
            "data": self.data,
            "units": {"total": self.total, "done": self.done, "left": len(self.each)},
            "each": [vars(one) for one in self.each],
            "seconds": self.seconds,
            "timed": self.timed,
            "memory": self.memory,
            "study_bytes": self.study_bytes,
            "notes": list(self.notes),
        }

    def _model(self) -> list[str]:
        if self.model is None:
            return []
        told, pruned = self.model, self.model["prunable"]
        share = f"{pruned['share']:.0%} of {told['parameters']:,} parameters, in {pruned['matrices']} matrices"
        return [f"{told['class']}, {told['stack']}: {share}, can be pruned", *told["notes"]]

    def lines(self) -> list[str]:
        """Return it for a person."""
        left, seconds = len(self.each), self.seconds
        took = f", about {duration(seconds)}" if seconds is not None and left else ""
        said = [*self._model(), self.summary, f"{left} {self.called} to do of {self.total}{took}"]
        for one in self.each[:_LISTED]:
            time = f" ({duration(one.seconds)})" if one.seconds is not None else ""
            said.append(f"- {one.unit}{time}: reads {one.reads or 'nothing'}; writes {one.writes or 'nothing'}")
        said += [f"- and {left - _LISTED} more"] * (left > _LISTED)
        said += [f"timed: {self.timed}"] * bool(self.timed)
        said += [f"memory: {amount(self.memory)}"] if self.memory else []
        return [*said, f"on the disk: {amount(self.study_bytes)}", *self.notes]


def of(works: Sequence[Work], folder: str | Path, device: str, **told: Any) -> Estimate:
    """Return what some works would do into a study, one after the other; `told` goes to `Estimate`.

    Raises `NeutralError` for a study that they would refuse.
    """
    total, left, seconds, timed, size = 0, [], {}, [], _bytes(folder)
    for work in works:
        work.require()
        units = work.units()
        todo = [unit for unit in units if not work.is_done(unit)]
        total += len(units)
        speeds, named = _speeds(work, todo, device)
        timed += named
        left += [(work, unit) for unit in todo]
        for unit in todo:
            speed = speeds.get(work.alike(unit), _mean(speeds.values()))
            seconds[unit.key] = None if speed is None else speed * unit.cost
    each = []
    for work, unit in left:
        effect = work.effect(unit)
        size += effect.bytes
        each.append(Each(unit.name, effect.reads, effect.writes, seconds[unit.key]))
    how = f"{', '.join(timed)}, on a part of it" if timed else ""
    counts = {"total": total, "done": total - len(each), "each": tuple(each)}
    return Estimate(**counts, timed=how, memory=_memory() if each else None, study_bytes=size, **told)


def single(
    command: str, summary: str, each: Each | None, folder: str | Path, *, more: int, timed: str, **told: Any
) -> Estimate:
    """Return what a run of one piece of work would do, which adds `more` bytes to its folder; None if it is done."""
    left = (each,) if each else ()
    told |= {
        "timed": timed if left else "",
        "memory": _memory() if left else None,
        "study_bytes": _bytes(folder) + more,
    }
    return Estimate(command, summary, 1, 1 - len(left), left, **told)


def beside(seconds: float) -> str:
    """Return what the time of the units leaves out; `seconds` are those of loading model and text."""
    return f"not in the time: to start, to load model and text ({duration(seconds)}), and to count masks"


def _speeds(work: Work, todo: Sequence[Unit], device: str) -> tuple[dict[Hashable, float], list[str]]:
    """Return kind -> seconds a unit of cost, and the names of the units that were timed."""
    speeds: dict[Hashable, float] = {}
    names = []
    for unit in todo:
        kind = work.alike(unit)
        if kind in speeds or not unit.cost or not work.can_time(unit):
            continue
        try:
            speeds[kind] = work.here(device).seconds(unit, loaded(work, unit)) / unit.cost
        except NotImplementedError:
            continue
        names.append(unit.name)
    return speeds, names


def _mean(values: Iterable[float]) -> float | None:
    several = list(values)
    return sum(several) / len(several) if several else None


def _bytes(folder: str | Path) -> int:
    """Return how many bytes a study has now."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def _memory() -> int:
    """Return how many bytes this process had at most: on a GPU where it used one, else of the machine's memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and (used := torch.cuda.max_memory_allocated()):
        return used
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
