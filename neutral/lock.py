"""One writer at a time: a lock on a folder that a dead process does not hold. Who only reads takes no lock.

The lock is a small file in the folder, `RECORD`, that says who writes, and since when. Whether its writer lives is told

- on one machine by the kernel, which locks the file (flock) for as long as the process lives, however it ends;
- between machines by the file's time, which the writer renews: a record that was not renewed for `LEASE` seconds, by
  the file server's clock, is left over. The kernel's locks do not decide, as some file systems hold them on each
  machine apart;
- on one machine whose file system has no locks by the number of the process and the time when it started.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neutral.errors import FileError, NeutralError, StorageError
from neutral.system import refused
from neutral.writers import UNKNOWN, Writer, read, read_at

RECORD = ".writer"
"""Name of the lock's file. It is there only while a process writes, or after one was killed."""

LEASE = 60.0
"""Seconds after its last renewal in which the record of another machine counts."""

_RENEWED = 10.0  # seconds between two renewals
_BEGUN = 2.0  # seconds that a writer has between making its file and filling it
_SETTLED = 1.0  # seconds in which two that take over one left-over record see each other
_TRIED = 5.0  # seconds after which a folder that changes all the time is given up
_PAUSE = 0.01  # seconds between two tries


@contextmanager
def only_writer(folder: str | Path, *, patience: float = 0.0) -> Iterator[None]:
    """Within, no other process and no other thread writes in `folder`, if it asks here too.

    The folder is made if there is none, and removed in the end if it stayed empty. Within itself, in one thread, it may
    be used again: that checks that the lock is still held. Child processes do not hold it.

    Parameters
    ----------
    folder : str or Path
    patience : float
        Seconds to wait for another writer: for writes that take no time themselves.

    Raises
    ------
    NeutralError
        Naming who writes there and since when; within, if another machine took over while this process stood still.
    StorageError
        If the folder cannot be written.
    """
    place = Path(os.path.realpath(folder))
    outer = _held.get(place)
    if outer is not None and outer.thread == threading.get_ident():
        outer.require(folder)
        yield
        return
    made = [path for path in (place, *place.parents) if not path.exists()]  # the innermost first
    try:
        lock = _acquired(folder, place, patience)
        try:
            yield
        finally:
            lock.release()
    finally:
        with contextlib.suppress(OSError):  # one that is not empty, and so are its parents
            for path in made:
                path.rmdir()


class _Lock:
    """A lock that this process holds: the record's file, open and, if the file system can, locked."""

    def __init__(self, place: Path, writer: Writer, file: int) -> None:
        self.place, self.writer, self.file = place, writer, file
        self.thread = threading.get_ident()
        self._ended = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name=f"lock of {place.name}", daemon=True)
        self._renewer.start()

    def require(self, folder: str | Path) -> None:
        """Raise `NeutralError` if the lock was lost: its record is gone, or another's."""
        writer = read_at(self.place / RECORD)
        if writer is None:
            raise FileError(folder, "was removed while this process writes there, or its lock was; run the same again")
        if writer != self.writer:
            raise NeutralError(
                f"{folder}: {writer} took over while this process stood still; wait for it and run the same again"
            )

    def release(self) -> None:
        if self.writer.pid != os.getpid():  # a forked child's copy
            return
        self._ended.set()
        self._renewer.join()
        with _guard:
            with contextlib.suppress(OSError):  # the folder is gone, or may no longer be written
                if read_at(self.place / RECORD) == self.writer:
                    (self.place / RECORD).unlink()  # before the lock is let go, so it is no other's
            del _held[self.place]
            os.close(self.file)

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED) and read_at(self.place / RECORD) in (self.writer, None):
            with contextlib.suppress(OSError):
                os.utime(self.file)  # by the file server's clock


_held: dict[Path, _Lock] = {}
_guard = threading.Lock()  # so that no process is forked with a locked file that it does not know of


def _forget() -> None:
    """In a forked child: close the copies of the parent's locks, which would keep them alive after its death."""
    for lock in _held.values():
        os.close(lock.file)
    _held.clear()
    _guard.release()


os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_forget)


class _BusyError(Exception):
    """Another writes here: its `Writer`."""


class _AgainError(Exception):
    """Another was at the file in the same moment."""


def _acquired(folder: str | Path, place: Path, patience: float) -> _Lock:
    """Return the lock. Raises `NeutralError` if another still holds it after `patience` seconds."""
    writer, begun = Writer.here(), time.monotonic()
    while True:
        try:
            place.mkdir(parents=True, exist_ok=True)
            with _guard:
                _held[place] = lock = _Lock(place, writer, _taken(place, writer))
            return lock
        except _BusyError as busy:
            other = busy.args[0]
            # A dead one's file is locked as long as a child that it had just forked has not let go of it.
            is_dead = other.is_known_here and not other.lives
            if time.monotonic() >= begun + max(patience, _BEGUN * is_dead):
                raise NeutralError(_refusal(folder, other)) from None
        except (_AgainError, FileNotFoundError) as error:  # a folder that another left empty goes with its lock
            if time.monotonic() >= begun + patience + _TRIED:
                raise FileError(folder, "cannot be locked: it changes all the time, or cannot be made") from error
        except OSError as error:
            raise StorageError(folder, f"cannot be written: {refused(error) or error.strerror or error}") from error
        time.sleep(_PAUSE)


def _refusal(folder: str | Path, other: Writer) -> str:
    what = "another thread of this process" if other.is_this_process else "another process"
    who = "one that does not say who it is" if other == UNKNOWN else str(other)
    wait = "wait for it" if other.is_of_this_machine else f"wait for it ({LEASE:.0f} seconds if it was killed)"
    return f"{folder}: {what} writes here: {who}; {wait}, or choose another folder"


def _taken(place: Path, writer: Writer) -> int:
    """Return the record's file, open, ours and, if possible, locked. Raises `_BusyError` or `_AgainError`."""
    file, is_new = _opened(place / RECORD)
    try:
        locked = _locked(file, _BEGUN if is_new else 0.0)
        before = read(file)
        if locked is False:
            raise _AgainError if before is None else _BusyError(before)
        if not is_new:
            _require_left(place, file, before, bool(locked))
        writer.write(file)
        if not is_new and not (locked and before and before.is_of_this_machine):
            time.sleep(_SETTLED)
            if read_at(place / RECORD) != writer:
                raise _AgainError
        return file
    except BaseException as error:
        if is_new and not isinstance(error, _AgainError | _BusyError):  # a full disk, say
            (place / RECORD).unlink(missing_ok=True)
        os.close(file)
        raise


def _opened(path: Path) -> tuple[int, bool]:
    """Return the open record, and whether it was made now: only one process can make it, on any file system."""
    how = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW  # a link in a folder from outside may lead anywhere
    with contextlib.suppress(FileExistsError):
        return os.open(path, how | os.O_CREAT | os.O_EXCL, 0o666), True
    file = os.open(path, how)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, f"{RECORD} is no file")
    return file, False


def _locked(file: int, patience: float) -> bool | None:
    """Return whether the kernel locked the file for us; None where it has no locks.

    Who made the file is patient: others let go of it when they see that it is empty.
    """
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= until:
                return False
            time.sleep(_PAUSE / 10)
        except OSError:
            return None


def _require_left(place: Path, file: int, writer: Writer | None, locked: bool) -> None:
    """Raise `_BusyError` if the record's writer may live, `_AgainError` if the file is being filled or was replaced."""
    try:
        is_there = os.path.samestat(os.fstat(file), os.stat(place / RECORD, follow_symlinks=False))
    except FileNotFoundError:
        is_there = False
    if not is_there or (writer is None and _age(place, file) < _BEGUN):
        raise _AgainError
    if writer is None or (locked and writer.is_of_this_machine):
        return
    if writer.lives if writer.is_known_here else _age(place, file) < LEASE:
        raise _BusyError(writer)


def _age(place: Path, file: int) -> float:
    """Return how many seconds ago a file was renewed, by the clock of the machine that keeps it."""
    path = place / f"{RECORD}.{secrets.token_hex(4)}"
    now = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.write(now, b"\n")
        os.fsync(now)
        return abs(os.fstat(now).st_mtime - os.fstat(file).st_mtime)  # a clock may have been set back
    finally:
        os.close(now)
        path.unlink()
