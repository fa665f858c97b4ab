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

_KIND = b'{"kind": "'  # how `append` begins a line


def append(file: Path, kind: str, rows: Iterable[dict]) -> None:
    """Append results and make sure that they are on disk.

    What a killed run left at the end is cut off if it is half a line; a whole one keeps its place. If the system takes
    only a part of the rows, as a full disk does, none stays. Raises `StorageError` then.
    """
    written = [json.dumps({"kind": kind, **row}, ensure_ascii=False, allow_nan=True).encode() for row in rows]
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
    """Yield the results, of one kind or all; a torn last line is ignored.

    Raises `FileError` for a broken line that is not the last, and for a row that is not what its kind must be
    (`checks.check_row`; `whole` as there).
    """
    if not file.is_file():
        return
    lines = file.read_bytes().split(b"\n")
    start = None if kind is None else json.dumps({"kind": kind})[:-1].encode()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if start and number < len(lines) and line.startswith(_KIND) and not line.startswith(start):
            continue  # a whole line of another kind: parsing it would take most of the time
        try:
            row = _parsed(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise FileError(file, f"line {number} is broken: {described(error)}") from error
        check_row(file, number, row, whole=whole)
        if kind is None or row.get("kind") == kind:
            yield row


def _parsed(line: bytes) -> dict:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("no JSON object")
    return row


def _end_last_line(out: BinaryIO) -> int:
    """Give the last line its end if it is whole, or cut it off; return where the next begins."""
    end = out.seek(0, os.SEEK_END)
    begin = _begin_of_last(out, end)
    if begin == end:
        return end
    out.seek(begin)
    try:
        _parsed(out.read())
        out.write(b"\n")
    except (ValueError, RecursionError):
        out.truncate(begin)
    return out.seek(0, os.SEEK_END)


def _begin_of_last(out: BinaryIO, end: int, piece: int = 65536) -> int:
    """Return where what follows the last line end begins; `end` if nothing does."""
    at = end
    while at:
        begin = max(0, at - piece)
        out.seek(begin)
        place = out.read(at - begin).rfind(b"\n")
        if place >= 0:
            return begin + place + 1
        at = begin
    return 0
