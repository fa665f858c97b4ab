"""Engines do the units of a run, in any order: `local` in this process, `ray` side by side on devices and machines.

An engine has `run(work, progress)`, which does all units that are left, and writes their pieces by `work.write`.
"""

from __future__ import annotations

from typing import Protocol

from neutral.errors import NeutralError
from neutral.progress import Progress
from neutral.runs.engines.local import Local
from neutral.runs.engines.ray import Ray, require_ray
from neutral.runs.units import Work

__all__ = ["Engine", "Local", "Ray", "carry_out", "named"]


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


def named(
    name: str,
    *,
    device: str = "auto",
    address: str = "",
    cpus_per_run: float | None = None,
    gpus_per_run: float | None = None,
) -> Engine:
    """Return the engine that is called local or ray; `device` is for the first, the others are for the second.

    Raises `NeutralError` for Ray where it is not installed, and for what cannot be given to a run.
    """
    if name == "local":
        return Local(device)
    require_ray()
    if (cpus_per_run or 1) < 0 or cpus_per_run == 0 or (gpus_per_run or 0) < 0:
        raise NeutralError("--cpus-per-run, --gpus-per-run: over 0; without GPUs --gpus-per-run 0")
    return Ray(address, cpus_per_run, gpus_per_run)


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
