"""Masks that wait under an unguessable link until somebody saves them: packed, in a private folder, for a time.

    HOME/uploads/TOKEN/index.json            what each is called and where it is from
    HOME/uploads/TOKEN/KEY.safetensors       its mask

Who knows a token can read, copy and delete what is under it. A copy under another token shares the masks' files, and
belongs to the same family: whoever deletes one deletes all, so nothing stays that its owner wants gone.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from neutral import home, maskfiles
from neutral.errors import FileError, NeutralError, one_line, reading
from neutral.files import storing, write_whole
from neutral.masks import Mask

DAYS = 7
"""How long masks are kept after somebody has last used them."""

_TOKEN = re.compile(r"[0-9a-f]{40}")  # 160 bits
_KEY = re.compile(r"[0-9a-f]{16}")
_INDEX = "index.json"
_LARGEST_INDEX = 2**24  # bytes
_LEAST = 4096  # bytes that a file takes on the disk
_HALF_MADE = 3600.0  # seconds after which a folder without an index is a dead process's


@dataclass(frozen=True)
class Entry:
    """One mask: its key, which its file is named by, and what a page knows of it, as JSON has it."""

    key: str
    mask: Mask
    about: Mapping[str, object]


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_hex(20)


def new_key() -> str:
    """Return a key for a mask that is not stored yet."""
    return secrets.token_hex(8)


def is_token(text: str) -> bool:
    """Whether a text has a token's form. Nothing else becomes a part of a path.

    >>> is_token("0123456789abcdef0123456789abcdef01234567"), is_token("../../etc"), is_token("")
    (True, False, False)
    """
    return _TOKEN.fullmatch(text) is not None


def exists(token: str) -> bool:
    """Whether there are masks under a token."""
    return is_token(token) and os.path.isfile(_folder(token) / _INDEX)  # False, too, for what may not be looked at


def write(token: str, entries: Sequence[Entry], *, like: str = "", new: bool = False) -> None:
    """Store masks under a token; those that it has stay, and those that are not among the entries go.

    `new` makes it. `like` is another token whose files serve, too, and whose family it joins.

    Raises `StorageError` if the system refuses, `FileError` if the token is not new and was deleted. Then what was
    there is as it was.
    """
    folder = _folder(token)
    family = _family(like) if like else _family(token) if not new else secrets.token_hex(8)
    index = {"family": family, "masks": [{"key": entry.key, **entry.about} for entry in entries]}
    written: list[Path] = []
    with storing(folder):
        try:
            if new:
                home.made(folder.parent)
                folder.mkdir(mode=0o700)
                written.append(folder)
            for entry in entries:
                path = folder / f"{entry.key}.safetensors"
                if not path.exists():
                    written.append(path)
                    _write_mask(entry, path, _folder(like) if like else None)
            write_whole(folder / _INDEX, json.dumps(index, ensure_ascii=False).encode())
        except BaseException:
            for path in reversed(written):
                shutil.rmtree(path, ignore_errors=True) if path == folder else path.unlink(missing_ok=True)
            raise
        kept = {f"{entry.key}.safetensors" for entry in entries}
        for path in folder.glob("*.safetensors"):
            if path.name not in kept:
                path.unlink(missing_ok=True)


def read(token: str) -> Iterator[Entry]:
    """Yield the masks under a token, one at a time, and note that they were used.

    Raises `FileError` if there is nothing under it, or what is there cannot be read; it does not name the folder.
    """
    index = _index(token)
    folder = _folder(token)
    touch(token)
    for about in index["masks"]:
        key = str(about.pop("key", ""))
        if not _KEY.fullmatch(key):
            raise FileError("the link", "is damaged: it names a file that none of its masks can have")
        try:
            mask = maskfiles.read(folder / f"{key}.safetensors")
        except FileError as error:
            raise FileError("the link", f"lost one of its masks: {error.problem}") from error
        yield Entry(key, mask, about)


def stored(token: str) -> list[dict]:
    """Return what is known of each mask under a token without reading it, and the bytes of its file as `packed`.

    Raises `FileError` as `read`.
    """
    listed = []
    for about in _index(token)["masks"]:
        path = _folder(token) / f"{about.get('key')}.safetensors"
        listed.append({**about, "packed": os.path.getsize(path) if os.path.isfile(path) else 0})
    return listed


def touch(token: str) -> None:
    """Note that masks are used, so that they are kept for `DAYS` from now."""
    with suppress(OSError):  # whoever deletes them meanwhile
        os.utime(_folder(token) / _INDEX)


def delete(token: str) -> None:
    """Delete the masks under a token, and all copies of them under other tokens; nothing if there are none."""
    if not exists(token):
        return
    family = _family(token)
    for folder in _folders():
        if folder.name == token or _family(folder.name) == family:
            _remove(folder)


def used() -> int:
    """Return the bytes that all stored masks take; files that copies share count once."""
    sizes = {}
    for folder in _folders():
        with suppress(OSError):
            for file in folder.iterdir():
                status = file.stat(follow_symlinks=False)
                sizes[status.st_dev, status.st_ino] = max(status.st_size, _LEAST)
    return sum(sizes.values())


def remove_expired(now: float | None = None) -> int:
    """Remove what nobody has used for `DAYS`, and what killed processes left; return how many were removed."""
    now = time.time() if now is None else now
    removed = 0
    for folder in _folders():
        with suppress(OSError):
            index = folder / _INDEX
            is_whole = index.is_file()
            age = now - (index if is_whole else folder).stat().st_mtime
            is_left = folder.name.startswith(".")  # by whom was ended in removing it
            if is_left or age > (DAYS * 86400 if is_whole else _HALF_MADE):
                _remove(folder)
                removed += 1
    return removed


def _folder(token: str) -> Path:
    if not is_token(token):
        raise NeutralError("the link: is none of this app's: a part of it is missing, or was changed")
    return home.uploads() / token


def _folders() -> list[Path]:
    """Return the folders of all tokens, and what is left of removed ones."""
    try:
        inside = list(os.scandir(home.uploads()))
    except (OSError, NeutralError):  # there is none yet, or no home for it
        return []
    return [Path(one.path) for one in inside if is_token(one.name.removeprefix(".")) and one.is_dir()]


def _write_mask(entry: Entry, path: Path, other: Path | None) -> None:
    if not _KEY.fullmatch(entry.key):
        raise ValueError(f"{entry.key!r} is no key")
    if other is not None and (other / path.name).is_file():
        try:
            os.link(other / path.name, path)
            return
        except OSError:  # a file system without links
            pass
    maskfiles.write(entry.mask, path)


def _index(token: str) -> dict:
    path = _folder(token) / _INDEX
    if not os.path.isfile(path):
        raise FileError(
            "the link", f"leads to no masks: they were deleted, or nobody used them for {DAYS} days; upload them again"
        )
    with reading("the link", "a list of masks"):
        if path.stat().st_size > _LARGEST_INDEX:
            raise FileError("the link", "has a list of masks that is too large")
        index = json.loads(path.read_text(encoding="utf-8"))
        index["masks"] = [dict(about) for about in index["masks"]]
    return index


def _family(token: str) -> str:
    try:
        return one_line(_index(token)["family"])
    except (NeutralError, KeyError):
        return token if is_token(token) else secrets.token_hex(8)


def _remove(folder: Path) -> None:
    """Remove a folder so that it is gone at once, whoever reads in it."""
    gone = folder.with_name(f".{new_token()}")
    with suppress(OSError):
        os.rename(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)
