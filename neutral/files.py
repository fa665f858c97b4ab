"""Files that are written whole or not at all, and what is said when the system refuses."""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from neutral.errors import NeutralError, StorageError
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


def _remove_left(path: Path) -> None:
    """Remove drafts of a file that no living process writes: one that does holds the kernel's lock on its draft."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(OSError), open(draft, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()
