"""Text files as people have them: plain or packed (`.gz`, `.xz`), UTF-8 with or without a byte-order mark.

A line ends where a line feed is, and nowhere else: text holds no-break spaces, U+0085 and U+2028, at which Python's
`splitlines` and `split` would cut.
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from pathlib import Path

from neutral.errors import FileError

PACKED = {".gz": gzip.open, ".xz": lzma.open}
"""How packed files end -> what opens them."""

UNREADABLE = (OSError, EOFError, lzma.LZMAError, zlib.error)
"""What reading a damaged file or archive raises."""

_MOST_ZEROS = 0.01
_MARK = "\ufeff"  # a byte-order mark, which editors of Windows put first


def read(path: str | Path) -> str:
    """Return the text of a UTF-8 file, unpacked and without byte-order mark.

    Raises `FileError` for a file that cannot be read or is not UTF-8, and for one with zero bytes: UTF-16 of plain
    English without a byte-order mark is UTF-8 as well, a zero behind every letter.
    """
    path = Path(path)
    try:
        with PACKED.get(path.suffix.lower(), open)(path, "rb") as file:
            content = file.read()
        text = content.decode("utf-8").removeprefix(_MARK)
    except UnicodeDecodeError as error:
        utf16 = ", it is UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise FileError(path, f"is not UTF-8 text (byte {error.start}){utf16}; save it as UTF-8") from error
    except UNREADABLE as error:
        raise FileError(path, f"cannot be read: {error}") from error
    if content.count(0) > _MOST_ZEROS * len(content):
        raise FileError(path, "holds zero bytes, so it is no UTF-8 text (but UTF-16, or no text)")
    return text


def lines(path: str | Path) -> list[str]:
    """Return the lines of a UTF-8 file without their ends, and without the byte-order marks that some begin with.

    Files that were put together from several have such marks inside. Raises the errors of `read`.
    """
    text = read(path).replace("\r\n", "\n").replace("\r", "\n")
    each = text.split("\n")
    if not each[-1]:
        each.pop()
    return [line.lstrip(_MARK) for line in each]
