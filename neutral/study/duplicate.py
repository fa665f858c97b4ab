"""A study of one's own, from one that stays as it is."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from neutral.errors import FileError
from neutral.files import storing

_WHOLE = ("counts", "masks")
"""Folders whose files are never changed, only replaced: the copy may be another name for them."""

_APPENDED = ("study.json", "results.jsonl", "README.md")


def duplicate(study: str | Path, to: str | Path) -> None:
    """Copy a study's files to a folder that is not there yet; counts and masks take no room on the same disk.

    Links and whatever else lies there are left out, as is a lock: who copies a study that is being written gets what
    was finished. Raises `FileError` if there is something already, or the study's folder is none, and `StorageError`.
    """
    study, to = Path(study), Path(to)
    if not (study / "study.json").is_file():
        raise FileError(study, "is no study; it has no study.json")
    if os.path.lexists(to):
        raise FileError(to, "is there already; give the study another name")
    draft = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    with storing(to):
        try:
            draft.mkdir(mode=0o700, parents=True)
            for path in _files(study):
                _copy(path, draft / path.relative_to(study))
            draft.rename(to)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _files(study: Path) -> Iterator[Path]:
    yield from (path for name in _APPENDED if _is_plain(path := study / name))
    for folder in _WHOLE:
        if (study / folder).is_dir() and not (study / folder).is_symlink():
            yield from sorted(path for path in (study / folder).glob("*.safetensors") if _is_plain(path))


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    if to.name not in _APPENDED:
        try:
            os.link(path, to)
            return
        except OSError:  # another disk, or another's files
            pass
    shutil.copyfile(path, to)
