"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(path: str | Path) -> Iterator[BinaryIO]:
    """Open a draft to be written; at the end it replaces `path`, so a reader sees the old file or the new one.

    After an exception the old file stays and the draft is removed.
    """
    path = Path(path)
    # Beside its place, so that the move is within one file system; a name for each writer.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(draft, "wb") as file:
            yield file
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it."""
    with written_whole(path) as file:
        file.write(data)
