"""In this process, on one device, one unit after the other; nothing to install."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neutral.progress import Progress
from neutral.runs.units import Shared, Unit, Work, Worker


@dataclass
class Local:
    """One worker, made when the first unit begins."""

    device: str = "auto"

    def run(self, work: Work, progress: Progress) -> None:
        """See `engines.Engine`."""
        worker: Worker | None = None
        for units in work.phases():
            progress.expect(units)
            for unit in units:
                worker = worker or work.here(self.device)
                with progress.doing(unit) as tell:
                    for piece in worker.do(unit, loaded(work, unit), tell):
                        work.write(unit, piece)
                        progress.require_going()


def loaded(work: Work, unit: Unit) -> Mapping[str, Any]:
    """Return what a unit gets, with shared values loaded."""
    given = work.given(unit).items()
    return {name: value.load() if isinstance(value, Shared) else value for name, value in given}
