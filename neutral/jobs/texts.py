"""Text that a user gives the app: files that are checked and stored, where its runs may read them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from neutral import corpora, home
from neutral.corpora.textfiles import PACKED
from neutral.errors import FileError, NeutralError, reading
from neutral.files import folder_made_whole
from neutral.memory import amount

ENDINGS = (".txt", *(f".txt{ending}" for ending in PACKED))
"""How a file of text ends."""

FILES = 500
"""Most files of one text."""

UNPACKED = 2e9
"""Most bytes of the files of one text, unpacked."""

_PART = 1 << 20  # bytes that are looked at together


def add(name: str, files: Sequence[tuple[str, bytes]], *, most: float = float("inf")) -> Path:
    """Store files of text, name and bytes, as the folder `name` of the app's texts; all of them or none.

    Each is UTF-8, is called after its language (`sw.txt`) and may be packed (`.gz`, `.xz`). Nothing in it is run, and
    it is unpacked a part at a time, to be looked at. `most` is how many bytes all texts together may have.

    Raises
    ------
    FileError
        For a file of another name or kind, one that is no text or too large, and for a folder that is there already.
    NeutralError
        For no files or too many, a name that is none of a folder, and where there is no room.
    StorageError
        If the system refuses.
    """
    folder = home.text_called(name)
    if not files:
        raise NeutralError("there are no files; choose one for each language, as en.txt and sw.txt")
    if len(files) > FILES:
        raise NeutralError(f"there are {len(files)} files, and a text has at most {FILES}")
    coming = sum(len(data) for _, data in files)
    if coming + _used() > most:
        raise NeutralError(f"there is no room for {amount(coming)} more: all texts may have {amount(most)} together")
    left = UNPACKED
    for file, data in files:
        left -= _checked(file, data, left)
    home.made(home.text())
    with folder_made_whole(folder) as draft:
        for file, data in files:
            (draft / file).write_bytes(data)
        if lost := corpora.text_files(draft, ()).passed_over:
            raise FileError(lost[0], "has no code of a language for a name; call it en.txt, fin.txt or sr_Cyrl.txt")
        corpora.text_files(draft)  # two files of one language
    return folder


def _checked(file: str, data: bytes, most: float) -> int:
    """Return how many bytes a file has, unpacked."""
    if Path(file).name != file or file.startswith(".") or not file.lower().endswith(ENDINGS):
        raise FileError(file[-100:], f"is no file of text that is taken here: {', '.join(ENDINGS)}")
    decoder, size, is_empty = codecs.getincrementaldecoder("utf-8")(), 0, True
    with reading(file, "text in UTF-8"):
        for part in _parts(file, data):
            size += len(part)
            if size > most:
                raise FileError(file, f"is too large: the files of a text may have {amount(UNPACKED)}, unpacked")
            text = decoder.decode(part)
            if "\0" in text:
                raise FileError(file, "has a zero byte, and is no text")
            is_empty = is_empty and not text.strip()
        decoder.decode(b"", final=True)
    if is_empty:
        raise FileError(file, "is empty")
    return size


def _parts(file: str, data: bytes) -> Iterable[bytes]:
    opened = PACKED.get(Path(file).suffix.lower())
    with opened(io.BytesIO(data)) if opened else io.BytesIO(data) as stream:
        while part := stream.read(_PART):
            yield part


def _used() -> int:
    """Return the bytes that all texts of the app have."""
    try:
        return sum(path.lstat().st_size for path in home.text().rglob("*") if not path.is_symlink())
    except OSError:  # there are none yet
        return 0
