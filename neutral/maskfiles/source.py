"""Where a mask's bytes come from, and what kind of file its first bytes say it is."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from neutral.errors import FileError

_HEAD = 512

# torch.save's legacy format begins with this number (torch.serialization.MAGIC_NUMBER), pickled: PROTO and
# a protocol, LONG1, 10 bytes, the number, STOP.
_TORCH_LEGACY = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

_SIGNATURES = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x93NUMPY", "a single NumPy array without a weight's name (numpy.savez keeps names)"),
    (b"\x89HDF", "an HDF5 file"),
    (b"GGUF", "a GGUF model"),
    (b"PAR1", "a Parquet table"),
    (b"\x1f\x8b", "a gzip archive (unpack it first)"),
    (b"BZh", "a bzip2 archive (unpack it first)"),
    (b"\xfd7zXZ\x00", "an xz archive (unpack it first)"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive (unpack it first)"),
    (b"7z\xbc\xaf", "a 7z archive (unpack it first)"),
    (b"Rar!", "a RAR archive (unpack it first)"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself (run `git lfs pull`)"),
)


def shown(text: str, length: int = 200) -> str:
    """Return a name as one printable line of at most `length` characters, for a message."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= length else f"{text[: length - 1]}…"


@dataclass(frozen=True)
class MaskFile:
    """A file on disk (`path`) or in memory (`data`) under the name that its user knows, or `shards` of one."""

    name: str
    size: int
    path: Path | None = None
    data: memoryview | None = None
    shards: tuple[MaskFile, ...] = ()

    @property
    def files(self) -> tuple[MaskFile, ...]:
        """The files that its tensors are in: its shards, or itself."""
        return self.shards or (self,)

    @classmethod
    def of_shards(cls, name: str, shards: Sequence[MaskFile]) -> MaskFile:
        """Take the files that an index (`shards.joined`) names as one, under the index's name."""
        return cls(name, sum(shard.size for shard in shards), shards=tuple(shards))

    @classmethod
    def of_path(cls, path: str | os.PathLike[str]) -> MaskFile:
        """Take a path. Raises `FileError` unless it is an ordinary file that is not empty."""
        path, name = Path(path), shown(str(path), 1000)
        try:
            status = path.stat()
        except FileNotFoundError:
            raise FileError(name, "no such file") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise FileError(name, f"could not be opened: {getattr(error, 'strerror', None) or error}") from None
        if stat.S_ISDIR(status.st_mode):
            raise FileError(name, "is a directory, not a mask file")
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device might never end
            raise FileError(name, "is not an ordinary file")
        return cls(name, status.st_size, path=path)._not_empty()

    @classmethod
    def of_bytes(cls, name: str, data: bytes | bytearray | memoryview) -> MaskFile:
        """Take bytes under a name. Raises `FileError` for no bytes."""
        view = memoryview(data).cast("B")
        return cls(shown(name) or "upload", view.nbytes, data=view)._not_empty()

    def open(self) -> BinaryIO:
        """Open for reading, from the beginning."""
        if self.path is not None:
            return self.path.open("rb")
        return io.BufferedReader(_View(self.data))

    def error(self, problem: str) -> FileError:
        """Return an error that names this file, with the problem as one line."""
        return FileError(self.name, shown(problem, 600))

    def _not_empty(self) -> MaskFile:
        if self.size == 0:
            raise self.error("is empty")
        return self


class _View(io.RawIOBase):
    """A file over a memoryview, which io.BytesIO would copy."""

    def __init__(self, view: memoryview) -> None:
        self._view, self._at = view, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        part = self._view[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._view)}[whence]
        if place < 0:
            raise OSError("negative seek position")
        self._at = place
        return place


def kind(source: MaskFile) -> str:
    """Return "safetensors", "zip", "torch legacy" or "pickle", else a description of the file in a few words.

    Of shards it is that of the first.
    """
    with source.files[0].open() as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    # Eight bytes of length, then JSON: no text has zeros among the first eight characters.
    if head[8:9] == b"{" and head[6:8] == b"\0\0":
        return "safetensors"
    if head[:1] == b"\x80" and head[2:].startswith(_TORCH_LEGACY):
        return "torch legacy"
    for signature, description in _SIGNATURES:
        if head.startswith(signature):
            return description
    if head[257:262] == b"ustar":
        return "a tar archive (unpack it first)"
    if head[:1] == b"\x80" and len(head) > 1 and 2 <= head[1] <= 5:
        return "pickle"
    if head.lstrip()[:9].lower() in (b"<!doctype", b"<html>") or head.lstrip()[:5].lower() == b"<html":
        return "a web page"
    return "text" if _is_text(head) else "of an unknown kind"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else a character cut in two by the end of the head
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\n\r\f\ufeff" for c in text)
