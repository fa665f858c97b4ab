"""Text to token ids, by any tokenizer: one of the library `tokenizers`, or one that transformers has in Python.

Those in Python (ByT5, CANINE, PhoBERT, NLLB, Marian) have no backend that tells which word a token came from, so a
sentence of words is put together word by word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from neutral.errors import NeutralError

if TYPE_CHECKING:  # transformers takes seconds to import
    from transformers import PreTrainedTokenizerBase


def backend(tokenizer: PreTrainedTokenizerBase | Tokenizer) -> Tokenizer | None:
    """Return the tokenizer as the library `tokenizers` has it; None for one that is written in Python."""
    return tokenizer if isinstance(tokenizer, Tokenizer) else getattr(tokenizer, "backend_tokenizer", None)


def require_backend(tokenizer: PreTrainedTokenizerBase | Tokenizer, what: str) -> Tokenizer:
    """Return the tokenizer as the library `tokenizers` has it; raise `NeutralError` if `what` cannot do without."""
    fast = backend(tokenizer)
    if fast is None:
        raise NeutralError(f"{what}: not with a tokenizer that is written in Python ({type(tokenizer).__name__})")
    return fast


def ids(tokenizer: PreTrainedTokenizerBase | Tokenizer, lines: Iterable[str]) -> list[list[int]]:
    """Return the tokens of each line, whole and without special ones."""
    lines, fast = list(lines), backend(tokenizer)
    if fast is None:
        return tokenizer(lines, add_special_tokens=False, verbose=False)["input_ids"] if lines else []
    if fast.truncation is not None or fast.padding is not None:
        fast = Tokenizer.from_str(fast.to_str())  # a copy that takes whole lines: the caller's object stays
        fast.no_truncation()
        fast.no_padding()
    return [encoded.ids for encoded in fast.encode_batch_fast(lines, add_special_tokens=False)]


def sentence(
    tokenizer: PreTrainedTokenizerBase, words: Sequence[str], length: int
) -> tuple[dict[str, list[int]], list[int | None]]:
    """Return the model's inputs for a sentence that is given as words, and the place of each token's word.

    The sentence is cut to `length` tokens, special ones included. Special tokens, and spaces where a tokenizer has
    tokens for them (bytes, characters), belong to no word: None.
    """
    if backend(tokenizer) is None:
        return _word_by_word(tokenizer, words, length)
    if _glues(tokenizer):
        return _by_letters(tokenizer, words, length)
    encoded = tokenizer(list(words), is_split_into_words=True, truncation=True, max_length=length)
    return dict(encoded), encoded.word_ids()


def names(tokenizer: PreTrainedTokenizerBase | Tokenizer) -> list[str]:
    """Return each token's name in the vocabulary, by id; "" for an id that is not used."""
    fast = backend(tokenizer)
    vocabulary = tokenizer.get_vocab() if fast is None else fast.get_vocab(with_added_tokens=True)
    by_id = [""] * (1 + max(vocabulary.values(), default=-1))
    for name, token in vocabulary.items():
        by_id[token] = name
    return by_id


@lru_cache(maxsize=8)
def _glues(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a tokenizer reads given words as if no spaces stood between them: byte-level ones of decoders do."""
    text, words = (
        tokenizer(given, is_split_into_words=split, add_special_tokens=False)["input_ids"]
        for given, split in (("a b", False), (["a", "b"], True))
    )
    return text != words


def _by_letters(
    tokenizer: PreTrainedTokenizerBase, words: Sequence[str], length: int
) -> tuple[dict[str, list[int]], list[int | None]]:
    """Return what `sentence` does, from the text with spaces between the words and the letters of each token."""
    encoded = dict(
        tokenizer(
            " ".join(words),
            truncation=True,
            max_length=length,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
    )
    owner: list[int | None] = []  # of each letter
    for place, word in enumerate(words):
        owner += [None] * bool(owner) + [place] * len(word)
    letters, special = encoded.pop("offset_mapping"), encoded.pop("special_tokens_mask")
    return encoded, [
        None if is_special or end <= start else owner[end - 1]  # a token may begin with the space before its word
        for (start, end), is_special in zip(letters, special, strict=True)
    ]


def _word_by_word(
    tokenizer: PreTrainedTokenizerBase, words: Sequence[str], length: int
) -> tuple[dict[str, list[int]], list[int | None]]:
    """Return what `sentence` does, from the tokens of each word alone."""
    space, tokens, owners = list(_space(tokenizer)), [], []
    for place, pieces in enumerate(ids(tokenizer, words)):
        between = space if tokens else []
        tokens += between + pieces
        owners += [None] * len(between) + [place] * len(pieces)
    room = max(0, length - tokenizer.num_special_tokens_to_add())
    tokens, owners = tokens[:room], owners[:room]
    inputs = dict(tokenizer.prepare_for_model(tokens, verbose=False))
    whole = inputs["input_ids"]
    starts = range(len(whole) - len(tokens) + 1)
    first = next((start for start in starts if whole[start : start + len(tokens)] == tokens), None)
    if first is None:
        raise NeutralError(f"{type(tokenizer).__name__}: changes the tokens of words, so no word can be found in them")
    return inputs, [None] * first + owners + [None] * (len(whole) - first - len(owners))


@lru_cache(maxsize=8)
def _space(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the tokens that stand between two words; none where the words' own tokens say that they are two."""
    one, other, blank, both = ids(tokenizer, ["a", "b", " ", "a b"])
    return blank if both == one + blank + other else []
