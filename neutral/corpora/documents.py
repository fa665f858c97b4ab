"""Documents of a text: which one every line is from, so that held-out text and halves of a text share none.

Lines of one article have names and words in common. A file with a line for every line of text says where they are
from; text that is parallel in several languages has one such file for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neutral.corpora import textfiles
from neutral.errors import FileError

LEAST = 2
"""Documents that a text takes: one to train on and one to score."""


def read(path: str | Path) -> list[str]:
    """Return the document of each line of text. Raises `FileError` for a file without two, and for an empty name."""
    names = [name.strip() for name in textfiles.lines(path)]
    if "" in names:
        raise FileError(path, f"line {names.index('') + 1} is empty; it names the document of that line of text")
    if len(set(names)) < LEAST:
        raise FileError(path, f"names {len(set(names))} documents; text to train on and to score takes {LEAST} or more")
    return names


def parted(lines: Sequence[str], documents: Sequence[str], share: float = 0.1) -> tuple[list, list, list]:
    """Return lines to train on, held-out lines, and the documents of the former.

    Every n-th document is held out, in the order in which they come: n = 1 / share, rounded, at least 2.

    >>> parted(["a", "b", "c"], ["one", "two", "two"], share=0.5)
    (['b', 'c'], ['a'], ['two', 'two'])
    """
    held_out = set(list(dict.fromkeys(documents))[:: max(2, round(1 / share))])
    pairs = list(zip(lines, documents, strict=True))
    train = [(line, document) for line, document in pairs if document not in held_out]
    held = [line for line, document in pairs if document in held_out]
    return [line for line, _ in train], held, [document for _, document in train]


def halves(lines: Sequence[str], documents: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the lines of every other document, and those of the documents between.

    >>> halves(["a", "b", "c"], ["one", "two", "one"])
    (['a', 'c'], ['b'])
    """
    place = {document: i for i, document in enumerate(dict.fromkeys(documents))}
    each = [place[document] % 2 for document in documents]
    return tuple([line for line, half in zip(lines, each, strict=True) if half == which] for which in (0, 1))
