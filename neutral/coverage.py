"""How a tokenizer covers a text: in how many tokens, and how many of them are pieces of a character.

A tokenizer that lacks a character writes it as its bytes, one token each, where it can. Such text is long, and what a
model knows of it is little. Petrov et al. (NeurIPS 2023, arXiv 2305.15425) measure it over languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neutral import encoding

if TYPE_CHECKING:  # transformers takes seconds to import
    from transformers import PreTrainedTokenizerBase

_LINES = 1000  # of a language that are looked at, evenly spread
_NO_CHARACTER = "\ufffd"  # what bytes are read as that are no whole character


@dataclass(frozen=True)
class Coverage:
    """How long a text is, and how a tokenizer writes it.

    Attributes
    ----------
    lines, characters, bytes : int
        Of the text, without the ends of lines; bytes are those of UTF-8.
    tokens : int
        Without special ones.
    fallback : float
        The share of the tokens that stand for less than a character, 0..1.
    """

    lines: int
    characters: int
    bytes: int
    tokens: int
    fallback: float


def coverage(tokenizer: PreTrainedTokenizerBase, lines: Iterable[str]) -> Coverage:
    """Return how a tokenizer covers lines of text; of more than 1,000 of so many, evenly spread."""
    lines = list(lines)
    several = min(len(lines), _LINES)
    lines = [lines[i * len(lines) // several] for i in range(several)]
    counts = Counter(token for ids in encoding.ids(tokenizer, lines) for token in ids)
    tokens = counts.total()
    pieces = sum(count for token, count in counts.items() if _is_piece(tokenizer, token))
    size = sum(len(line.encode()) for line in lines)
    return Coverage(len(lines), sum(map(len, lines)), size, tokens, round(pieces / max(tokens, 1), 6))


def _is_piece(tokenizer: PreTrainedTokenizerBase, token: int) -> bool:
    """Whether a token is no whole character: read alone, its bytes are none."""
    return _NO_CHARACTER in tokenizer.decode([token])
