"""Which languages a folder holds by the names in it: at once, and without a look at what is in the files."""

from __future__ import annotations

from pathlib import Path

from neutral.corpora import datafiles
from neutral.corpora.corpus import text_files
from neutral.errors import FileError


def languages_by_name(folder: str | Path) -> list[str]:
    """Return the codes of the languages that a folder of text or of labelled data holds, sorted.

    Text is a file a language (`text_files`), labelled data a folder a language. Data laid out otherwise gives none:
    only who reads it knows. Raises `FileError` for a folder that is missing or cannot be read.

    >>> for name in ("en.txt", "sw.txt.gz"):
    ...     _ = Path(name).write_bytes(b"")
    >>> languages_by_name(".")
    ['en', 'sw']
    """
    try:
        if codes := list(text_files(folder, ()).files):
            return codes
        return sorted(path.name for path in Path(folder).iterdir() if path.is_dir() and datafiles.is_code(path.name))
    except OSError as error:
        raise FileError(folder, f"cannot be read: {error.strerror}") from error
