"""Text files as people have them: plain or packed (`.gz`, `.xz`), UTF-8 with or without a byte-order mark.

A line ends where a line feed is, and nowhere else: text holds no-break spaces, U+0085 and U+2028, at which Python's
`splitlines` and `split` would cut.
"""

from __future__ import annotations

import gzip
import io
import lzma
from pathlib import Path
from typing import BinaryIO

from neutral.errors import FileError, reading

PACKED = {".gz": gzip.open, ".xz": lzma.open}
"""How packed files end -> what opens them."""

_WHAT = "text in UTF-8, plain or packed"
_MOST_ZEROS = 0.01
_MARK = "\ufeff"  # a byte-order mark, which editors of Windows put first


def read(path: str | Path) -> str:
    """Return the text of a UTF-8 file, unpacked and without byte-order mark.

    Raises `FileError` for a file that cannot be read or is not UTF-8, and for one with zero bytes: UTF-16 of plain
    English without a byte-order mark is UTF-8 as well, a zero behind every letter.
    """
    path = Path(path)
    with reading(path, _WHAT):
        with _opened(path) as file:
            content = file.read()
        try:
            text = content.decode("utf-8").removeprefix(_MARK)
        except UnicodeDecodeError as error:
            utf16 = ", it is UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
            raise FileError(path, f"is not UTF-8 text (byte {error.start}){utf16}; save it as UTF-8") from error
    _require_text(path, content.count(0), len(content))
    return text


def lines(path: str | Path) -> list[str]:
    """Return the lines of a UTF-8 file without their ends, and without the byte-order marks that some begin with.

    Files that were put together from several have such marks inside. The lines are read one by one: a whole text takes
    up to four bytes a letter, as soon as one of its letters does. Raises the errors of `read`.
    """
    path = Path(path)
    with reading(path, _WHAT):
        try:
            with _opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
                each = [line.removesuffix("\n").lstrip(_MARK) for line in text]
        except UnicodeDecodeError:
            return read(path).split("\n")  # which says where
    _require_text(path, sum(line.count("\0") for line in each), sum(map(len, each)))
    return each


def _require_text(path: Path, zeros: int, letters: int) -> None:
    if zeros > _MOST_ZEROS * letters:
        raise FileError(path, "holds zero bytes, so it is no UTF-8 text (but UTF-16, or no text)")


def _opened(path: Path) -> BinaryIO:
    return PACKED.get(path.suffix.lower(), open)(path, "rb")
