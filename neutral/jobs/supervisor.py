"""Carries out the queue: the next run of each device, one at a time, until nothing waits or runs.

A process of its own (`python -m neutral.jobs.supervisor`), which outlives the server that started it. One that is
killed leaves its runs at work; the next takes them over. What decides is on disk, so nothing is run twice:

- a run's process is put down before it begins (`launch`);
- every change of a state is made within `records.locked()`;
- a run whose process is gone, and of which nobody put down how it ended, was interrupted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from neutral.errors import NeutralError, described
from neutral.files import storage_error
from neutral.jobs import job, launch, records, supervision, waiting
from neutral.jobs.job import Job
from neutral.jobs.records import AT_WORK, FAILED, RUNNING, WAITING
from neutral.jobs.watched import GRACE, Watched

_TICK = 0.3  # seconds between two looks

_log = logging.getLogger("neutral.jobs")


def main(program: Sequence[str] = launch.PROGRAM, *, grace: tuple[float, float] = GRACE, tick: float = _TICK) -> None:
    """Carry out the queue, if nobody else does, until it is empty."""
    while True:
        try:
            with supervision.held():
                _Supervisor(program, grace, tick).work()
        except NeutralError as error:  # another does; or the disk is full, and whoever looks next starts one again
            _log.log(logging.INFO if supervision.is_alive() else logging.WARNING, "%s", error)
            return
        # Whoever added a run before the lock was let go saw that there is a supervisor, and started none.
        if not _Supervisor(program, grace, tick).has_work():
            return


class _Supervisor:
    def __init__(self, program: Sequence[str], grace: tuple[float, float], tick: float) -> None:
        self.program, self.grace, self.tick = program, grace, tick
        self.watched: dict[str, Watched] = {}  # by the run's id
        self.devices: dict[str, str | None] = {}  # by the run's id; None for one whose record cannot be read
        self.states: dict[str, tuple[object, str]] = {}  # with what changes when they do: most runs ended long ago

    def work(self) -> None:
        """Carry out the queue until nothing waits or runs."""
        while True:
            self.end()
            if self.has_work():
                with records.locked():
                    self.adopt()
                    for each in self.next():
                        self.begin(each)
            elif not self.watched:
                return
            time.sleep(self.tick)

    def has_work(self) -> bool:
        """Whether a run waits for a device that is free, or is at work without anybody to watch it."""
        busy = self.busy()
        for folder in records.every():
            state = self.state(folder)
            is_left = state in AT_WORK and folder.name not in self.watched
            if (is_left and self.device(folder)) or (state == WAITING and self.is_free(folder, busy)):
                return True
        return False

    def state(self, folder: Path) -> str:
        """Return the state that is put down for a run; "" where none can be read."""
        try:
            told = (folder / records.STATE).stat()
            key = (told.st_ino, told.st_mtime_ns, told.st_size)
            if self.states.get(folder.name, ("", ""))[0] != key:
                self.states[folder.name] = (key, records.read_state(folder).state)
            return self.states[folder.name][1]
        except (NeutralError, OSError):
            return ""

    def device(self, folder: Path) -> str | None:
        """Return the device of a run, which stays; None for one whose record cannot be read."""
        if folder.name not in self.devices:
            try:
                self.devices[folder.name] = job.read(folder, watched=True).device
            except NeutralError:
                self.devices[folder.name] = None
        return self.devices[folder.name]

    def is_free(self, folder: Path, busy: set[str]) -> bool:
        """Whether a run could start beside those on some devices."""
        device = self.device(folder)
        return device is not None and not any(waiting.clash(device, other) for other in busy)

    def busy(self) -> set[str]:
        """Return the devices on which a run is at work."""
        return {run.job.device for run in self.watched.values()}

    def end(self) -> None:
        """Put down how runs ended; hold the others to their limits."""
        for id, run in list(self.watched.items()):
            if run.has_ended():
                run.put_down()
                del self.watched[id]
            else:
                run.hold()

    def adopt(self) -> None:
        """Take over the runs of a supervisor that is gone; those that are gone too were interrupted."""
        for folder in records.every():
            if folder.name in self.watched or self.state(folder) not in AT_WORK:
                continue
            try:
                left = job.read(folder, watched=True)
            except NeutralError:
                continue
            run = Watched(left, left.recorded.process, grace=self.grace)
            if run.has_ended():
                run.put_down()
            else:
                self.watched[folder.name] = run

    def next(self) -> list[Job]:
        """Return the next run of every device that is free."""
        busy, chosen = self.busy(), []
        for each in waiting.in_order():
            if self.is_free(each.folder, busy):
                chosen.append(each)
            busy.add(each.device)  # a later one does not overtake it, free or not
        return chosen

    def begin(self, of: Job) -> None:
        """Start a run; one that cannot be started has failed, and its line says why."""
        try:
            begun = launch.started(of, self.program)
        except Exception as error:  # whatever it is, it is of this one
            _log.warning("%s cannot be started", of.id, exc_info=error)
            line = str(
                error if isinstance(error, NeutralError) else storage_error(error, of.folder) or described(error)
            )
            records.write_state(of.folder, replace(of.recorded, state=FAILED, line=line, ended=time.time()))
            return
        try:
            state = replace(of.recorded, state=RUNNING, process=begun.process, began=time.time(), ended=None)
            records.write_state(of.folder, state)
        except BaseException:
            begun.cancel()
            raise
        self.watched[of.id] = Watched(of, begun.process, begun.child, self.grace)
        begun.begin()


if __name__ == "__main__":
    main()
