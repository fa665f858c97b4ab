"""Who writes in a folder: the record that a lock's file holds."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from neutral.processes import boot, space, start_of

_LONGEST = 4096  # bytes of a record


@dataclass(frozen=True)
class Writer:
    """A process, and what tells it from others on other machines.

    Attributes
    ----------
    host, command, since : str
        As a person reads them.
    pid : int
        The process's number.
    boot : str
        Of the machine's start: two machines, or two containers on two machines, may share a name.
    space : str
        Of the space of process numbers: containers have their own.
    started : str
        When the process started, by the machine's count: numbers are given again.
    token : str
        Of the lock.
    """

    host: str
    pid: int
    command: str
    since: str
    boot: str
    space: str
    started: str
    token: str

    @classmethod
    def here(cls) -> Writer:
        """Return this process, with a new token."""
        now, pid = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), os.getpid()
        token = secrets.token_hex(8)
        return cls(socket.gethostname(), pid, _command(), now, boot(), space(), start_of(pid), token)

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid} on {self.host}, since {self.since})"

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it ran on this machine since that started."""
        return (self.host, self.boot) == (socket.gethostname(), boot())

    @property
    def is_known_here(self) -> bool:
        """Whether this process can see whether it lives."""
        return self.is_of_this_machine and self.space == space()

    @property
    def is_this_process(self) -> bool:
        """Whether it is the one that asks."""
        return self.is_known_here and self.pid == os.getpid()

    @property
    def lives(self) -> bool:
        """Whether it lives, if it is known here."""
        return start_of(self.pid) == self.started

    def write(self, file: int) -> None:
        """Put the record in an open file, in place of what is there, and on disk."""
        line = json.dumps(asdict(self)).encode() + b"\n"
        os.pwrite(file, line, 0)
        os.ftruncate(file, len(line))
        os.fsync(file)


UNKNOWN = Writer("", 0, "", "", "", "", "", "")
"""What a record says that is none."""


def read(file: int) -> Writer | None:
    """Return the record in an open file; None if that is empty, `UNKNOWN` if it holds anything else."""
    line = os.pread(file, _LONGEST, 0).partition(b"\n")[0]
    if not line:
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return UNKNOWN
    told = {entry.name: type(getattr(UNKNOWN, entry.name)) for entry in fields(Writer)}
    if not isinstance(record, dict) or any(not isinstance(record.get(name), kind) for name, kind in told.items()):
        return UNKNOWN
    return Writer(**{name: record[name] for name in told})


def read_at(path: Path) -> Writer | None:
    """Return the record at a path, as the file server has it now; None if there is none."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return read(file)
    except OSError:
        return None
    finally:
        os.close(file)


def _command() -> str:
    """Return what this process is called: `neutral find`, or a script's name."""
    script, *words = sys.argv[:2] or [""]
    if Path(script).name in ("neutral", "__main__.py"):  # the latter under `python -m neutral`
        return " ".join(["neutral", *words])[:100]
    return Path(script).name[:100] if script not in ("", "-c", "-") else "python"
