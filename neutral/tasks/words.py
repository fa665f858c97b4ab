"""Words as groups of tokens, for masking whole words.

A tokenizer marks where a word begins (SentencePiece "▁", byte-level "Ġ") or goes on (WordPiece "##"). As in BERT's own
text splitting, a token of punctuation or symbols alone is a word. Scripts that put no spaces between words (Han, kana,
Thai, Lao, Khmer, Burmese, Tibetan) give no sign of where one ends, so in them every token is a word of its own:
otherwise a sentence would be one word. A byte-level vocabulary shows no scripts: in it a word goes from space to space.
"""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from neutral import encoding
from neutral.errors import NeutralError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WITHOUT_SPACES = ("CJK ", "HIRAGANA ", "KATAKANA", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ")  # Unicode names


class Words:
    """Which tokens of a tokenizer begin a word or are one.

    Attributes
    ----------
    begins : (V,) bool
        Whether a token begins a word.
    alone : (V,) bool
        Whether a token is a word by itself wherever it stands.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase | Tokenizer) -> None:
        """Read the vocabulary. Raises `NeutralError` if it marks no words."""
        pieces, prefix = encoding.names(tokenizer), _continuing(encoding.backend(tokenizer))
        if prefix:
            begins = [not piece.startswith(prefix) for piece in pieces]
            texts = [piece.removeprefix(prefix) for piece in pieces]
        else:
            mark = "▁" if any(piece.startswith("▁") for piece in pieces) else "Ġ"
            begins = [piece.startswith(mark) for piece in pieces]
            texts = [piece.lstrip(mark) for piece in pieces]
        if not any(begins):
            raise NeutralError("this tokenizer does not mark where words begin, so whole words cannot be masked")
        self.begins, self.alone = np.array(begins), np.array([_alone(text) for text in texts])

    def groups(self, block: np.ndarray, content: np.ndarray) -> list[np.ndarray]:
        """Return the places of each word of a block (length,), in order; `content` is false at special tokens."""
        alone = self.alone[block] | ~content
        first = self.begins[block] | alone
        first[1:] |= alone[:-1]
        first[0] = True
        words = np.split(np.arange(len(block)), np.flatnonzero(first)[1:])
        return [places for places in words if content[places[0]]]


def _continuing(backend: Tokenizer | None) -> str:
    """Return what the pieces of WordPiece begin with that go on with a word; nothing for other vocabularies."""
    model = {} if backend is None else json.loads(backend.to_str())["model"]
    return model["continuing_subword_prefix"] if model.get("type") == "WordPiece" else ""


def _alone(text: str) -> bool:
    """Whether a token is a word by itself: only punctuation and symbols, or of a script without spaces."""
    if not text:
        return False
    if all(unicodedata.category(c)[0] not in "LNM" for c in text):
        return True
    return any(unicodedata.name(c, "").startswith(_WITHOUT_SPACES) for c in text)
