"""Private temporary folders that go with the processes which hold them: who comes later removes what is left over.

A folder is held by a lock of the kernel (flock) on it, which ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from neutral.errors import NeutralError

_MARK = ".of-a-run"  # in every such folder: others may have names like theirs
_WHOLE = ".whole"  # in one that was filled to the end
_LONGEST = 24  # letters of a place in which Ray's sockets find room: the system allows 107 for all of their path


@dataclass
class Held:
    """A folder that this process holds, with others perhaps."""

    path: Path
    number: int

    def leave(self) -> None:
        """Let go of the folder, and remove it if nobody else holds it."""
        _remove_unless_held(self.path, self.number)
        os.close(self.number)
        _sweep()  # what was still written to when this run began


def new() -> Held:
    """Return a new folder, where there is room for sockets."""
    _sweep()
    return _shared(_place() / f"neutral-{secrets.token_hex(4)}", lambda _: None)


def filled(key: str, fill: Callable[[Path], None]) -> Held:
    """Return the folder of a key on this machine; the first process that asks for it fills it, others wait for that."""
    _sweep()
    return _shared(_place() / f"neutral-{os.getuid()}-{key}", fill)


def _shared(path: Path, fill: Callable[[Path], None]) -> Held:
    while True:
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(number).st_uid != os.getuid() or stat.S_IMODE(os.fstat(number).st_mode) & 0o077:
                raise NeutralError(f"{path}: is not this user's alone; remove it, or set TMPDIR to another folder")
            fcntl.flock(number, fcntl.LOCK_SH)  # waits for one that fills it
            if not (path / _WHOLE).exists():
                fcntl.flock(number, fcntl.LOCK_EX)  # in between others may hold it, or remove it
                _fill(path, number, fill)
                fcntl.flock(number, fcntl.LOCK_SH)
            if _is_still(path, number) and (path / _WHOLE).exists():
                return Held(path, number)
        except BaseException:
            os.close(number)
            raise
        os.close(number)


def _fill(path: Path, number: int, fill: Callable[[Path], None]) -> None:
    if not _is_still(path, number) or (path / _WHOLE).exists():
        return
    (path / _MARK).touch()
    for left in path.iterdir():  # by one that was killed at it
        if left.is_dir():
            shutil.rmtree(left)
    fill(path)
    (path / _WHOLE).touch()


def _place() -> Path:
    place = tempfile.gettempdir()
    return Path(place if len(place) <= _LONGEST else "/tmp")


def _sweep() -> None:
    """Remove folders of this user that no process holds."""
    for path in (mark.parent for mark in _place().glob(f"neutral-*/{_MARK}")):
        with suppress(OSError):
            number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(number).st_uid == os.getuid():
                    _remove_unless_held(path, number)
            finally:
                os.close(number)


def _remove_unless_held(path: Path, number: int) -> None:
    with suppress(BlockingIOError):
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still(path, number):
            shutil.rmtree(path, ignore_errors=True)


def _is_still(path: Path, number: int) -> bool:
    """Whether a path leads to the folder that is open: it may have been removed, and made anew."""
    try:
        return os.path.samestat(path.stat(), os.fstat(number))
    except FileNotFoundError:
        return False
