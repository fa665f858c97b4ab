"""results.jsonl: one finished result a line, appended and flushed, never rewritten."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from neutral.errors import FileError, described
from neutral.files import storing
from neutral.study.checks import check_row

MORE = "more"
"""The field of a row that says how many rows follow which belong to it; the last has none."""

_KIND = b'{"kind": "'  # how `append` begins a line


def append(file: Path, kind: str, rows: Iterable[dict]) -> None:
    """Append results and make sure that they are on disk.

    The rows belong together: each but the last says how many follow (`MORE`), so that readers tell a part from the
    whole. What a killed run left at the end is cut off if it is half a line or a part of such rows; a whole line keeps
    its place. If the system takes only a part of the rows, as a full disk does, none stays. Raises `StorageError` then.
    """
    rows = list(rows)
    following = [{MORE: more} if more else {} for more in reversed(range(len(rows)))]
    rows = [{"kind": kind, **row, **more} for row, more in zip(rows, following, strict=True)]
    written = [json.dumps(row, ensure_ascii=False, allow_nan=True).encode() for row in rows]
    if not written:
        return
    left = b"\n".join([*written, b""])
    with storing(file), open(file, "a+b", buffering=0) as out:  # a buffer would try once more when it is closed
        end = _end_last_line(out)
        try:
            while left:
                left = left[out.write(left) :]
            os.fsync(out.fileno())
        except BaseException:
            with suppress(OSError):
                out.truncate(end)
            raise


def read(file: Path, kind: str | None = None, *, whole: bool = False) -> Iterator[dict]:
    """Yield the results, of one kind or all; a torn last line is ignored, and so are last rows whose others lack.

    Raises `FileError` for a broken line that is not the last, and for a row that is not what its kind must be
    (`checks.check_row`; `whole` as there).
    """
    if not file.is_file():
        return
    lines = file.read_bytes().split(b"\n")
    start = None if kind is None else json.dumps({"kind": kind})[:-1].encode()
    begun: list[dict] = []  # rows, until the last that belongs to them
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if start and number < len(lines) and line.startswith(_KIND) and not line.startswith(start):
            yield from begun
            begun = []
            continue  # a whole line of another kind: parsing it would take most of the time
        try:
            row = _parsed(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise FileError(file, f"line {number} is broken: {described(error)}") from error
        check_row(file, number, row, whole=whole)
        if kind is None or row.get("kind") == kind:
            begun.append(row)
        if not row.pop(MORE, 0):
            yield from begun
            begun = []


def _parsed(line: bytes) -> dict:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("no JSON object")
    return row


def _end_last_line(out: BinaryIO) -> int:
    """Give the last line its end if it is whole; cut off half a line, and rows whose others lack.

    Returns where the next line begins.
    """
    end = out.seek(0, os.SEEK_END)
    while end:
        out.seek(end - 1)
        has_end = out.read(1) == b"\n"
        begin = _begin_of_last(out, end - has_end)
        out.seek(begin)
        try:
            is_whole = not _parsed(out.read()).get(MORE)
        except (ValueError, RecursionError):
            if has_end:  # no kill left that: readers tell it
                return end
            is_whole = False
        if is_whole:
            return end if has_end else end + out.write(b"\n")
        end = out.truncate(begin)
    return 0


def _begin_of_last(out: BinaryIO, end: int, piece: int = 65536) -> int:
    """Return where what follows the last line end before `end` begins."""
    at = end
    while at:
        begin = max(0, at - piece)
        out.seek(begin)
        place = out.read(at - begin).rfind(b"\n")
        if place >= 0:
            return begin + place + 1
        at = begin
    return 0
