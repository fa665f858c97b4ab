"""Each token of a vocabulary: how often a text uses it, how it reads, which script it is in.

Frequencies are relative and averaged over languages, so that a language with little text counts as much as one with
much. Scripts are ISO 15924 codes, read from the Unicode names of a token's letters.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from tokenizers import Tokenizer, pre_tokenizers

from neutral import encoding
from neutral.compression import WEIGHTS
from neutral.errors import NeutralError
from neutral.languages import NO_SCRIPT
from neutral.ties import merged

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BINS = ("top 100", "101–1,000", "1,001–10,000", "rarer", "unseen")
"""The groups of `bins`, most frequent first."""


_BATCH = 4096  # lines tokenized at a time
_FLOOR = 0.5  # weight of an unseen token, as a share of the rarest seen one's
_FAITH, _LIKE = 0.02, 5  # a group of few tokens: as if it had `_LIKE` more, with a fiftieth of the usual rate
_EVEN = 0.8
_LEAST = 1e-4  # what a token counts at least, as a share of the rarest seen one
_RANKS = (100, 1_000, 10_000)
_MARKUP = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]")  # <s>, <0xE4>, <|end|>, [CLS]: letters that are no language's

_SCRIPTS = {
    "LATIN": "Latn",
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "SYRIAC": "Syrc",
    "THAANA": "Thaa",
    "ARMENIAN": "Armn",
    "GEORGIAN": "Geor",
    "ETHIOPIC": "Ethi",
    "TIFINAGH": "Tfng",
    "NKO": "Nkoo",
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "GURMUKHI": "Guru",
    "GUJARATI": "Gujr",
    "ORIYA": "Orya",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "KANNADA": "Knda",
    "MALAYALAM": "Mlym",
    "SINHALA": "Sinh",
    "THAI": "Thai",
    "LAO": "Laoo",
    "TIBETAN": "Tibt",
    "MYANMAR": "Mymr",
    "KHMER": "Khmr",
    "MONGOLIAN": "Mong",
    "CHEROKEE": "Cher",
    "CANADIAN": "Cans",
    "OL": "Olck",
    "YI": "Yiii",
    "CJK": "Hans",
    "HIRAGANA": "Jpan",
    "KATAKANA": "Jpan",
    "BOPOMOFO": "Bopo",
    "HANGUL": "Hang",
}


def count(
    tokenizer: PreTrainedTokenizerBase | Tokenizer, lines: dict[str, list[str]], size: int
) -> dict[str, np.ndarray]:
    """Return language -> how often `lines` use each token, int64 (size,).

    Special tokens and the unknown token are not counted. `size` is the number of rows of the token table. Raises
    `NeutralError` for a token beyond it.
    """
    special = np.array(sorted(_special(tokenizer)), dtype=np.int64)
    return {language: _count(tokenizer, text, size, special) for language, text in lines.items()}


def mean_frequency(counts: dict[str, np.ndarray]) -> np.ndarray:
    """Return the mean over languages of each token's relative frequency, float64 (V,), which sums to 1.

    A language with no token counted is left out. Raises `NeutralError` when that leaves none.
    """
    shares = [counted / counted.sum() for counted in counts.values() if counted.sum()]
    if not shares:
        raise NeutralError("the text holds no token that this model knows")
    return np.mean(shares, axis=0)


def expected_frequency(halves: Sequence[dict[str, np.ndarray]], scripts: np.ndarray) -> np.ndarray:
    """Return how often each token is to be expected in more text of the kind, float64 (V,).

    A token that was seen has its frequency (`mean_frequency`). One never seen has what tokens of its script, and of
    about its place in the vocabulary (within a factor of √2), have in one half of the text if the other half lacks
    them: held-out estimation (Jelinek & Mercer 1985), so that a word that the text happens to lack counts for more
    than one of a language that is not asked for.

    Parameters
    ----------
    halves : two mappings, language -> counts (V,)
        What `count` gives for two halves of a text.
    scripts : array (V,)
        The tokens' scripts.

    Raises
    ------
    NeutralError
        When no token was counted.
    """
    together = {language: halves[0][language] + halves[1][language] for language in halves[0]}
    frequency = mean_frequency(together)
    octave = np.floor(2 * np.log2(np.arange(1, len(frequency) + 1))).astype(np.int64)
    _, group = np.unique(np.unique(scripts.astype(str), return_inverse=True)[1] * 64 + octave, return_inverse=True)
    size = group.max() + 1
    found, unseen = np.zeros(size), np.zeros(size)
    for here, there in (halves, halves[::-1]):
        lacking = sum(here.values()) == 0
        if any(counted.any() for counted in there.values()):
            found += np.bincount(group[lacking], mean_frequency(there)[lacking], size)
            unseen += np.bincount(group[lacking], minlength=size)
    prior = _FAITH * found.sum() / max(unseen.sum(), 1)
    rate = (found + _LIKE * prior) / (unseen + _LIKE)
    rarest = frequency[frequency > 0].min()
    return np.where(frequency > 0, frequency, np.clip(rate[group], _LEAST * rarest, rarest))


def weights(kind: str, frequency: np.ndarray, expected: np.ndarray | None = None) -> torch.Tensor | None:
    """Return how much each token counts in fitting, float32 (V,) of mean 1; None for "uniform".

    `kind` is one of `WEIGHTS`: "frequency" is the frequency (V,) itself, "sqrt" its root. A token never seen counts as
    if it had half the frequency of the rarest seen, so that it is not free. "expected" is `expected_frequency`
    to the power of 0.8, since text of another kind uses words otherwise. Raises `NeutralError` for another kind, when
    no token was seen, or for "expected" where it is not given.
    """
    if kind not in WEIGHTS:
        raise NeutralError(f"weights {kind!r}: unknown; there are {', '.join(WEIGHTS)}")
    if kind == "uniform":
        return None
    if kind == "expected":
        if expected is None:
            raise NeutralError("weights 'expected': the text's two halves are not there to estimate it from")
        weight = expected**_EVEN
        return torch.from_numpy(weight / weight.mean()).float()
    frequency = np.asarray(frequency, dtype=np.float64)
    seen = frequency > 0
    if not seen.any():
        raise NeutralError(f"weights by {kind}: the text holds no token that this model knows")
    raised = np.where(seen, frequency, _FLOOR * frequency[seen].min())
    weight = np.sqrt(raised) if kind == "sqrt" else raised
    return torch.from_numpy(weight / weight.mean()).float()


def pieces(tokenizer: PreTrainedTokenizerBase | Tokenizer, size: int | None = None) -> list[str]:
    """Return each token's readable text by id, a leading space where a word starts.

    ``##`` of WordPiece stays; a token that is no whole character reads as its bytes, ``<0xE4>``. An id that the
    tokenizer does not use reads as "". The list is as long as the vocabulary, or `size`.
    """
    names, read = encoding.names(tokenizer), _reader(tokenizer)
    size = len(names) if size is None else size
    texts = [read(token, name) if name else "" for token, name in enumerate(names[:size])]
    return texts + [""] * (size - len(texts))


def script(piece: str) -> str:
    """Return the script of a token's readable text: ISO 15924, "Zyyy" for digits, signs, bytes and special tokens.

    It is the script of most letters and vowel signs, and the earlier one of two that have as many. Ideographs are
    Japanese beside kana, else "Hans".
    """
    if _MARKUP.fullmatch(piece.strip()):
        return NO_SCRIPT
    letters = Counter(code for code in map(_script_of, piece) if code != NO_SCRIPT)
    if not letters:
        return NO_SCRIPT
    if "Jpan" in letters:
        letters["Jpan"] += letters.pop("Hans", 0)
    return letters.most_common(1)[0][0]


def scripts(texts: list[str]) -> np.ndarray:
    """Return the script of each of `texts`, as `pieces` gives them: str (V,)."""
    return np.array([script(text) for text in texts], dtype=object)


def bins(frequency: np.ndarray) -> np.ndarray:
    """Return each token's frequency group, one of `BINS`: str (V,).

    Groups are by rank among the tokens seen; of two that are as frequent the lower id ranks first.
    """
    frequency = np.asarray(frequency)
    rank = np.empty(len(frequency), dtype=np.int64)
    rank[np.argsort(merged(-frequency), kind="stable")] = np.arange(len(frequency))
    group = np.searchsorted(_RANKS, rank, side="right")
    group[frequency <= 0] = len(_RANKS) + 1
    return np.array(BINS, dtype=object)[group]


def _count(
    tokenizer: PreTrainedTokenizerBase | Tokenizer, text: list[str], size: int, special: np.ndarray
) -> np.ndarray:
    counts = np.zeros(size, dtype=np.int64)
    for start in range(0, len(text), _BATCH):
        lines = encoding.ids(tokenizer, text[start : start + _BATCH])
        ids = np.concatenate([np.array(line, dtype=np.int64) for line in lines])
        ids = ids[~np.isin(ids, special)]
        if ids.size and ids.max() >= size:
            raise NeutralError(f"the tokenizer makes token {ids.max()}, but the token table has {size:,} rows")
        counts += np.bincount(ids, minlength=size)
    return counts


def _special(tokenizer: PreTrainedTokenizerBase | Tokenizer) -> set[int]:
    """Return the ids of special tokens and of the unknown one."""
    backend = encoding.backend(tokenizer)
    if backend is None:
        return set(tokenizer.all_special_ids)
    special = {i for i, token in backend.get_added_tokens_decoder().items() if token.special}
    if type(backend.model).__name__ == "Unigram":
        special.add(json.loads(backend.to_str())["model"].get("unk_id"))
    elif backend.model.unk_token is not None:
        special.add(backend.token_to_id(backend.model.unk_token))
    return special - {None}


def _reader(tokenizer: PreTrainedTokenizerBase | Tokenizer) -> Callable[[int, str], str]:
    """Return the function from a token's id and name to its readable text."""
    backend = encoding.backend(tokenizer)
    if backend is None:
        special, as_text = set(tokenizer.all_special_ids), tokenizer.convert_tokens_to_string
        # A name that is one letter may stand for a byte that is no character alone (ByT5).
        return lambda token, name: (
            f"<0x{ord(name):02X}>"
            if len(name) == 1 and token not in special and not as_text([name])
            else name.replace("▁", " ")
        )
    added = backend.get_added_tokens_decoder()
    if type(backend.model).__name__ == "WordPiece":
        return lambda token, name: name
    if _byte_level(backend):
        return lambda token, name: name if token in added else _from_bytes(name)
    return lambda token, name: name if token in added else name.replace("▁", " ")


def _byte_level(backend: Tokenizer) -> bool:
    """Whether pieces are bytes, each written as a character of its own (GPT-2)."""
    state = json.loads(backend.to_str()) if type(backend.model).__name__ == "BPE" else {}
    return any('"ByteLevel"' in json.dumps(state.get(part)) for part in ("pre_tokenizer", "decoder"))


def _from_bytes(piece: str) -> str:
    byte_of = _byte_of()
    if not all(character in byte_of for character in piece):
        return piece
    raw = bytes(byte_of[character] for character in piece)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in raw)


@lru_cache(maxsize=1)
def _byte_of() -> dict[str, int]:
    """Return character -> byte of byte-level BPE: printable Latin-1 stands for itself, the rest follow from U+0100."""
    alphabet = set(pre_tokenizers.ByteLevel.alphabet())
    plain = {chr(byte): byte for byte in range(256) if chr(byte) in alphabet}
    rest = (byte for byte in range(256) if chr(byte) not in alphabet)
    return plain | {chr(256 + place): byte for place, byte in enumerate(rest)}


@lru_cache(maxsize=65536)
def _script_of(character: str) -> str:
    if unicodedata.category(character)[0] not in "LM":
        return NO_SCRIPT
    words = unicodedata.name(character, "").replace("-", " ").split()
    has_width = words[:1] in (["HALFWIDTH"], ["FULLWIDTH"])
    return _SCRIPTS.get(" ".join(words[has_width : has_width + 1]), NO_SCRIPT)
