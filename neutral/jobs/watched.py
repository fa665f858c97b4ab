"""A run at work, as its supervisor sees it: it is held to its limits, and how it ended is put down."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass, replace

from neutral.errors import NeutralError
from neutral.jobs import job, limits, records
from neutral.jobs.job import Job
from neutral.jobs.records import DONE, FAILED, INTERRUPTED, STOPPED, STOPPING, State
from neutral.memory import amount
from neutral.processes import Process, memory

GRACE = (60.0, 10.0)
"""Seconds that a run over its time has to end cleanly, and then to end at all."""

_STOPPED = 130  # the shell's exit code


@dataclass
class Watched:
    """A run that was started here, or by a supervisor that is gone: then it is no child, and tells no exit code."""

    job: Job
    process: Process
    child: subprocess.Popen | None = None
    grace: tuple[float, float] = GRACE
    over: str = ""  # which limit it met, as a line
    is_too_large: bool = False
    asked_at: float = 0.0  # seconds over its time

    def has_ended(self) -> bool:
        """Whether it has; it is no zombie afterwards."""
        return self.child.poll() is not None if self.child else not self.process.lives

    def hold(self) -> None:
        """Hold it to its limits: over its time it is asked to stop, and made to; over its memory it is ended."""
        most, age = self.job.limits, self.process.age
        if most.memory is not None and (used := memory(self.process.family())) > most.memory:
            self.over = (
                f"it was ended: it had {amount(used)} of memory and may have {amount(most.memory)}; "
                "ask for smaller batches or a smaller model, or allow it more"
            )
            self.is_too_large = True
            self.process.kill()
        elif most.time is not None and age > most.time:
            self._end_in_time(age - most.time)

    def _end_in_time(self, late: float) -> None:
        """Ask for a clean end first, then for any, then end it."""
        if not self.over:
            said = limits.duration(self.job.limits.time)
            self.over = f"it was stopped: its time was up ({said}); go on with it, or allow it more"
            with records.locked():
                _put(self.job, state=STOPPING)
            self.process.signal(signal.SIGUSR1)
            self.asked_at = late
        elif late > self.asked_at + sum(self.grace):
            self.process.kill()
        elif late > self.asked_at + self.grace[0]:
            self.process.signal(signal.SIGINT)

    def put_down(self) -> None:
        """Put down how it ended."""
        with records.locked():
            try:
                recorded = records.read_state(self.job.folder)
            except NeutralError:  # removed or damaged meanwhile
                return
            state, line = self._outcome(recorded)
            _put(self.job, state=state, line=line, ended=time.time())

    def _outcome(self, recorded: State) -> tuple[str, str]:
        """Return the state that it ended in, and why, where it cannot say so itself."""
        code = self.child.returncode if self.child else self._told()
        if code == 0:
            return DONE, ""
        if self.over:
            return FAILED if self.is_too_large else STOPPED, self.over
        if code == _STOPPED:
            return STOPPED, ""
        if recorded.asked and (code is None or code < 0):
            return STOPPED, "it was ended at once, as asked; what was finished before is in the study"
        if code is None:
            return INTERRUPTED, "it ended and nobody saw how; go on with it"
        if code < 0:
            return INTERRUPTED, f"it was ended from outside ({_name(-code)}){_perhaps(-code)}; go on with it"
        return FAILED, ""

    def _told(self) -> int | None:
        """Return the exit code that the last words of a run mean; None if it had none."""
        with_progress = job.read(self.job.folder, watched=True)
        said = with_progress.progress.get("state") if with_progress.is_its_progress else None
        return {"done": 0, "stopped": _STOPPED, "failed": 2}.get(str(said))


def _put(of: Job, **changes: object) -> None:
    records.write_state(of.folder, replace(records.read_state(of.folder), **changes))


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _perhaps(number: int) -> str:
    return ", perhaps by the system for lack of memory" if number == signal.SIGKILL else ""
