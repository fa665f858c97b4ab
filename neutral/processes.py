"""A process by more than its number, which the system gives again: whether it lives, a signal to it, its memory."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _SESSION, _STARTED = 1, 3, 19  # fields of /proc/PID/stat behind the name and from the state on


@dataclass(frozen=True)
class Process:
    """A process of this machine.

    Attributes
    ----------
    pid : int
        Its number.
    started : str
        When it started, by the machine's count.
    boot : str
        Of the machine's start.
    space : str
        Of the space of process numbers: containers have their own.
    """

    pid: int
    started: str
    boot: str
    space: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the process that has a number now; None if none has."""
        return cls(pid, started, boot(), space()) if (started := start_of(pid)) else None

    @property
    def is_known_here(self) -> bool:
        """Whether this process can see whether it lives."""
        return (self.boot, self.space) == (boot(), space())

    @property
    def lives(self) -> bool:
        """Whether it lives, as far as can be seen from here; one that ended and was not asked for does not."""
        return bool(self.started) and self.is_known_here and start_of(self.pid) == self.started

    @property
    def age(self) -> float:
        """Seconds since it started, whatever the clock was set to meanwhile; 0 where the system does not say."""
        try:
            up = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
            return max(0.0, up - int(self.started) / _TICKS)
        except (OSError, ValueError):
            return 0.0

    def signal(self, number: int) -> bool:
        """Send it a signal; False, and no other process gets one, if it is dead or may not be signalled."""
        if not self.is_known_here:
            return False
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        except OSError:  # an old kernel, or a container that forbids it
            return self._send(lambda: os.kill(self.pid, number))
        try:  # the handle is open: whoever gets that number from now on, the handle is of the process asked after next
            return self._send(lambda: signal.pidfd_send_signal(handle, number))
        finally:
            os.close(handle)

    def _send(self, send: Callable[[], None]) -> bool:
        if not self.lives:
            return False
        try:
            send()
        except OSError:
            return False
        return True

    def family(self) -> list[Process]:
        """Return it, what it started, and whatever else is in the session that it leads; none if it is dead."""
        if not self.lives:
            return []
        of = _everybody()
        found, border = {self.pid}, [self.pid]
        while border:
            border = [pid for pid, fields in of.items() if pid not in found and int(fields[_PARENT]) in border]
            found.update(border)
        found.update(pid for pid, fields in of.items() if int(fields[_SESSION]) == self.pid)
        return [Process(pid, of[pid][_STARTED], self.boot, self.space) for pid in sorted(found) if pid in of]

    def kill(self) -> None:
        """End it and its family at once."""
        for each in self.family():
            each.signal(signal.SIGKILL)


def memory(processes: Iterable[Process]) -> int:
    """Return the bytes of memory that some processes have, what they share counted for each."""
    pages = 0
    for each in processes:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages += int(Path(f"/proc/{each.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * _PAGE


def start_of(pid: int) -> str:
    """Return when a process started; "" if it is dead."""
    fields = _fields(pid)
    return fields[_STARTED] if fields and fields[0] not in "ZX" else ""


@cache
def boot() -> str:
    """Return what tells one start of a machine from others; "" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def space() -> str:
    """Return what tells this process's space of process numbers from others; "" where the system does not say."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _fields(pid: int) -> list[str]:
    """Return what the system says of a process, from its state on; nothing if there is none."""
    try:
        # What follows the name, which may have spaces and brackets of its own.
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return []
    return text.rpartition(")")[2].split()


def _everybody() -> dict[int, list[str]]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {pid: fields for pid in pids if len(fields := _fields(pid)) > _STARTED and fields[0] not in "ZX"}
