"""Files that are written whole or not at all, and what is said when the system refuses."""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from neutral.errors import FileError, NeutralError, StorageError
from neutral.system import refused


def storage_error(error: Exception, path: str | Path) -> StorageError | None:
    """Return the error of the file that the system refused, of `path` if that is not known; None for other faults."""
    reason = refused(error)
    return StorageError(getattr(error, "filename", None) or path, reason) if reason else None


@contextmanager
def storing(path: str | Path) -> Iterator[None]:
    """Within, a full disk, a folder that is gone and the like are a `StorageError`, whatever library meets them.

    It names the file that the system refused, or `path`. A fault of the program stays as it is.
    """
    try:
        yield
    except NeutralError:
        raise
    except Exception as error:
        if refusal := storage_error(error, path):
            raise refusal from error
        raise


@contextmanager
def written_whole(path: str | Path) -> Iterator[BinaryIO]:
    """Open a draft to be written; at the end it replaces `path`, so a reader sees the old file or the new one.

    After an exception the old file stays and the draft is removed; a draft that a killed process left goes when its
    file is written again. Raises `StorageError` if the system refuses.
    """
    path = Path(path)
    # Beside its place, so that the move is within one file system; a name for each writer.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with storing(path):
        _remove_left(path)
        try:
            with open(draft, "wb") as file:
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(file, fcntl.LOCK_EX)
                yield file
                file.flush()
                os.fsync(file.fileno())  # else a power cut may leave the new name on an empty file
            os.replace(draft, path)
        except OSError as error:
            if error.filename == str(draft):  # it is our own affair
                error.filename = None
            raise
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it."""
    with written_whole(path) as file:
        file.write(data)


@contextmanager
def folder_made_whole(path: str | Path) -> Iterator[Path]:
    """Give an empty folder to be filled; at the end it becomes `path`, so a reader sees all of it or nothing.

    After an exception nothing is left of it; what a killed process left goes when the same is made again.

    Raises
    ------
    FileError
        If there is something at `path`: nothing is ever replaced.
    StorageError
        If the system refuses.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    inner = draft / path.name  # one floor lower, where no list of folders finds it half made
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(path)
        _require_free(path)
        try:
            draft.mkdir()
            with _locked(draft):
                inner.mkdir()
                yield inner
                _require_free(path)
                os.rename(inner, path)  # which the system refuses if another filled a folder there meanwhile
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _require_free(path: Path) -> None:
    if os.path.lexists(path):
        raise FileError(path, "is there already, and nothing is written over; choose another name")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the kernel's lock on a folder, where the file system has one."""
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _remove_left(path: Path) -> None:
    """Remove drafts of a file or folder that no living process writes: one that does holds the kernel's lock on it."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(OSError):
            opened = os.open(draft, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(draft) if draft.is_dir() else draft.unlink()
            finally:
                os.close(opened)
