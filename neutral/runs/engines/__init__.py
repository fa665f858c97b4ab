"""Engines do the units of a run, in any order: `local` in this process, one after the other.

An engine has `run(work, progress)`, which does all units that are left, and writes their pieces by `work.write`.
"""

from __future__ import annotations

from typing import Protocol

from neutral.progress import Progress
from neutral.runs.engines.local import Local
from neutral.runs.units import Work

__all__ = ["Engine", "Local"]


class Engine(Protocol):
    """What does the units of a run."""

    def run(self, work: Work, progress: Progress) -> None:
        """Do all units that are left. Raises `StoppedError` when a stop was asked for, behind a piece."""
