"""A command in a process of its own, which can be killed, and the processes that it leaves."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.kills.cases import Case

ORPHANS = 5.0  # seconds in which the processes of a run that ended must have ended too


class Run:
    """A command that runs in a process of its own, a session of its own, with a folder for temporary files."""

    def __init__(self, case: Case, out: Path, temporary: Path, log: Path) -> None:
        self.began, self.case, self.temporary = time.monotonic(), case, temporary
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
            with log.open("ab") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            _end_as_command(case.arguments(out))

    def ended(self, seconds: float) -> int | None:
        """Return the exit code as soon as the process ends, None if it does not within some seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        return None

    def kill(self) -> None:
        """Kill the process, and no other."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def workers(self) -> list[int]:
        """Return the processes that work for this one."""
        return [pid for pid in self.session() if "ray::Slot" in _command(pid)]

    def session(self) -> list[int]:
        """Return all processes that live of this one's session, or that it started in others."""
        mark = f"TMPDIR={self.temporary}".encode()
        return [pid for pid in _processes() if (session := _session(pid)) == self.pid or (session and _has(pid, mark))]

    def orphans(self) -> int:
        """Return how many processes outlive this one by `ORPHANS` seconds, and end them."""
        until = time.monotonic() + ORPHANS
        while (left := self.session()) and time.monotonic() < until:
            time.sleep(0.01)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return len(left)


def _end_as_command(arguments: list[str]) -> None:
    code = 1
    try:
        from neutral.cli import main

        code = main(arguments)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _session(pid: int) -> int | None:
    """Return the session of a process; None if it is gone, or a zombie that nobody has fetched yet."""
    try:
        state, _, _, session = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return None
    return None if state == "Z" else int(session)


def _has(pid: int, mark: bytes) -> bool:
    """Whether a process was started with an entry of the environment."""
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
