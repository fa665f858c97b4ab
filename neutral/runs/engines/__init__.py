"""Engines do the units of a run, in any order: `local` in this process, one after the other.

An engine has `run(work, progress)`, which does all units that are left, and writes their pieces by `work.write`.
"""

from __future__ import annotations

from typing import Protocol

from neutral.progress import Progress
from neutral.runs.engines.local import Local
from neutral.runs.units import Work

__all__ = ["Engine", "Local", "carry_out"]


class Engine(Protocol):
    """What does the units of a run.

    Attributes
    ----------
    device : str
        Where the owner's process may have a model: "cpu" if workers are elsewhere.
    """

    device: str

    def run(self, work: Work, progress: Progress) -> None:
        """Do all units that are left. Raises `StoppedError` when a stop was asked for, behind a piece."""


def carry_out(work: Work, engine: Engine, progress: Progress | None = None, *, quiet: bool = False) -> None:
    """Begin the study, or go on with it, and do all units that it lacks; by default a bar shows how far that is.

    Raises what `Engine.run` raises.
    """
    work.begin()
    shown = progress or Progress(quiet=quiet)
    try:
        units = work.units()
        left = [unit for unit in units if not work.is_done(unit)]
        shown.found(len(units) - len(left))
        shown.expect(left)
        engine.run(work, shown)
    finally:
        if progress is None:
            shown.close()
