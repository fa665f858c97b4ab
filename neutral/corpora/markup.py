"""What stands in files of text and is no text: the numbers of lines, and the marks between articles.

Leipzig Corpora put a line's number and a tab before each sentence; WikiExtractor puts `<doc id=…>` and `</doc>` around
articles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_NUMBER = re.compile(r"\d+\t")
_ARTICLE = re.compile(r"<doc id=[^>]*>|</doc>")


class Plain(NamedTuple):
    """Lines of text alone, how many lines were none by reason, and what was assumed."""

    lines: list[str]
    left_out: dict[str, int]
    notes: tuple[str, ...]


def plain(lines: Sequence[str]) -> Plain:
    """Return lines without the numbers that all of them begin with, and without the marks of articles.

    >>> plain(["1\\tThe rain.", "2\\tIt fell."]).lines
    ['The rain.', 'It fell.']
    """
    kept = [line for line in lines if not _ARTICLE.fullmatch(line)]
    left_out = {"<doc>": len(lines) - len(kept)} if len(kept) < len(lines) else {}
    if len(kept) < 2 or not all(map(_NUMBER.match, kept)):
        return Plain(kept, left_out, ())
    texts = [text for line in kept if (text := line.partition("\t")[2].strip())]
    return Plain(texts, left_out, ("the number before every line is no text",))
