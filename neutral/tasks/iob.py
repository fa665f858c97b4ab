"""How names are tagged: IOB1, IOB2 (BIO), IOBES, BILOU and BMES, all read as BIO: B-LOC, I-LOC, O.

IOB1 (Ramshaw and Marcus 1995) has B- only between two neighbours of one type, so its I- often begins a name. IOBES and
BILOU mark the last word (E, L) and names of one word (S, U, W); BMES writes M for I.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

OUTSIDE = "O"

TAG = re.compile(r"(?:[Oo]|[BbIiEeSsLlUuMmWw]-\S+)")
"""A tag of any scheme."""

_AS_BIO = {"B": "B", "S": "B", "U": "B", "W": "B", "I": "I", "E": "I", "L": "I", "M": "I"}

Tags = Sequence[Sequence[str]]


def is_tag(text: str) -> bool:
    """Whether a text is a tag of a name, or outside of all."""
    return TAG.fullmatch(text) is not None


def to_bio(sentences: Tags) -> tuple[list[tuple[str, ...]], str]:
    """Return the tags of sentences as BIO, and the name of the scheme that they were written in.

    The scheme is told by all tags together, so pass a whole file.

    >>> to_bio([["S-PER", "O", "B-LOC", "E-LOC"]])
    ([('B-PER', 'O', 'B-LOC', 'I-LOC')], 'IOBES')
    >>> to_bio([["I-PER", "O", "I-LOC", "I-LOC", "B-LOC"]])
    ([('B-PER', 'O', 'B-LOC', 'I-LOC', 'B-LOC')], 'IOB1')
    """
    upper = [tuple(tag[:1].upper() + tag[1:] for tag in tags) for tags in sentences]
    letters = {tag[0] for tags in upper for tag in tags} - {OUTSIDE}
    if letters - {"B", "I"}:
        name = "BILOU" if letters & {"L", "U"} else "BMES" if "M" in letters else "IOBES"
        return [tuple(_as_bio(tag) for tag in tags) for tags in upper], name
    if _is_iob1(upper):
        return [_begun(tags) for tags in upper], "IOB1"
    return upper, "BIO"


def type_of(tag: str) -> str:
    """Return the type of a tag: LOC of B-LOC; nothing of O."""
    return tag[2:]


def _as_bio(tag: str) -> str:
    return tag if tag == OUTSIDE else f"{_AS_BIO[tag[0]]}{tag[1:]}"


def _is_iob1(sentences: Tags) -> bool:
    """Whether some I- begins a name, and every B- follows a word of a name of its type."""
    begins = False
    for tags in sentences:
        for before, tag in zip(("", *tags), tags, strict=False):
            follows = tag != OUTSIDE and type_of(before) == type_of(tag) and before != OUTSIDE
            if tag[0] == "B" and not follows:
                return False
            begins = begins or (tag[0] == "I" and not follows)
    return begins


def _begun(tags: Sequence[str]) -> tuple[str, ...]:
    """Return IOB1 as BIO."""
    return tuple(
        f"B-{type_of(tag)}" if tag[0] == "I" and type_of(before) != type_of(tag) else tag
        for before, tag in zip(("", *tags), tags, strict=False)
    )
