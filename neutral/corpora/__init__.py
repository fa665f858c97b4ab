"""Text by language, and the files that it comes in.

`corpus` loads a folder or Wikipedia; `textfiles` reads lines, `markup` takes out what is no text, `datafiles` tells
what a file's name says, `readings` keeps what was read, left out and assumed.
"""

from neutral.corpora.corpus import (
    WIKIPEDIA,
    Corpus,
    Survey,
    TextFiles,
    digest,
    languages_in,
    load,
    notes_on_shared,
    parted,
    parts,
    read_lines,
    survey,
    text_files,
)
from neutral.corpora.names import languages_by_name

__all__ = [
    "WIKIPEDIA",
    "Corpus",
    "Survey",
    "TextFiles",
    "digest",
    "languages_by_name",
    "languages_in",
    "load",
    "notes_on_shared",
    "parted",
    "parts",
    "read_lines",
    "survey",
    "text_files",
]
