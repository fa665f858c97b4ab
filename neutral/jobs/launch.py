"""How a run is started: the shell's command, in a process that begins only once its number is written down."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from neutral import home
from neutral.errors import NeutralError
from neutral.jobs import records, sources, supervision
from neutral.jobs.job import Job
from neutral.processes import Process

PROGRAM = (sys.executable, "-P", "-m", "neutral")

# It waits for a line. If whoever started it ends before it wrote one, it ends too and has done nothing; else it becomes
# the command, and stays the same process.
_GATE = 'read -r line && exec "$@" </dev/null'


class Started:
    """A run's process, which waits for `begin`."""

    def __init__(self, child: subprocess.Popen, process: Process) -> None:
        self.child, self.process = child, process

    def begin(self) -> None:
        """Let it begin; one that was ended meanwhile does not."""
        with suppress(BrokenPipeError):
            self.child.stdin.write(b"\n")
        self.child.stdin.close()

    def cancel(self) -> None:
        """Let it end without having begun."""
        self.child.stdin.close()
        self.child.wait()


def require_allowed(job: Job) -> None:
    """Raise `NeutralError` if what a run names was allowed when it was added, and is no more."""
    among = [Path(folder) for folder in job.folders if Path(folder).is_dir()]
    if sources.checked(job.command, job.arguments, among) != list(job.arguments):
        raise NeutralError("what this run reads lies elsewhere now than when it was added; add it anew")
    home.require_own(job.study)
    sources.device(job.device)


def started(job: Job, program: Sequence[str] = PROGRAM) -> Started:
    """Return a run's process, which has not begun yet. What it prints is added to its log.

    Raises `NeutralError` for what may not start, and `OSError` for a process or a log that cannot be made.
    """
    require_allowed(job)
    (job.folder / records.PROGRESS).unlink(missing_ok=True)  # of the start before
    how = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    log = os.open(job.folder / records.LOG, how, 0o600)
    try:
        os.write(log, f"$ {job.shell}\n".encode("utf-8", "backslashreplace"))
        child = subprocess.Popen(
            ["/bin/sh", "-c", _GATE, "sh", *program, *job.words, "--json-progress", str(job.folder / records.PROGRESS)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=job.folder,  # where no path and no module of a stranger is
            env=_environment(job),
            start_new_session=True,
            bufsize=0,
        )
    finally:
        os.close(log)
    process = Process.of(child.pid)
    if process is None:
        child.wait()
        raise OSError(f"its process ended at once, with exit code {child.returncode}")
    return Started(child, process)


def _environment(job: Job) -> dict[str, str]:
    return supervision.environment() | {"PYTHONUNBUFFERED": "1"} | job.limits.environment()
