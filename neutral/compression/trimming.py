"""Vocabulary trimming as compression: cut a model's token table to the tokens that a text uses.

After Abdaoui, Pradel, Sigel (2020), Load What You Need: Smaller Versions of Multilingual BERT, and Ushio, Zhou,
Camacho-Collados (2023), Efficient Multilingual Language Model Compression through Vocabulary Trimming. Rows that stay
are not changed, so text whose tokens all stay is split into the same pieces as before, and any other method can
compress the table that is left. `neutral.vocabulary.needed` describes which tokens must stay to spell any word.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import vocabulary
from neutral.compression import tokens
from neutral.models import ids


@dataclass(frozen=True)
class Trimmed:
    """A trimmed vocabulary: its tokenizer, and the tokens that stay."""

    tokenizer: PreTrainedTokenizerBase
    keep: list[int]  # the old ids of the tokens that stay; their new ids are 0 … after - 1
    before: int  # rows of the token table
    after: int

    @property
    def ratio(self) -> float:
        """How many times fewer rows there are, so also parameters and bytes."""
        return self.before / self.after


def trim(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, lines: dict[str, list[str]], size: int | None = None
) -> Trimmed:
    """Trim a model to the tokens that a text uses.

    Parameters
    ----------
    model : PreTrainedModel
        Trimmed in place: its token table, the output layer (tied or not), its bias, and the special ids of the
        configuration.
    tokenizer : PreTrainedTokenizerBase
        The model's tokenizer. Tokens for which the model has no row go.
    lines : language -> lines of text
        The text.
    size : int, optional
        Keep the so many tokens that the text needs most; by default all that it uses.

    Returns
    -------
    Trimmed
        The trimmed tokenizer, and which tokens stay.

    Raises
    ------
    NeutralError
        For a text with no known token and for a `size` too small to spell it; the model is then unchanged.
    """
    before = model.get_input_embeddings().weight.shape[0]
    keep = needed(tokenizer, lines, before, size, also=ids.named(model))
    trimmed = vocabulary.cut(model, tokenizer, keep)
    return Trimmed(trimmed, keep, before, len(keep))


def needed(
    tokenizer: PreTrainedTokenizerBase,
    lines: dict[str, list[str]],
    rows: int,
    size: int | None = None,
    *,
    also: Collection[int] = (),
) -> list[int]:
    """Return the ids of the tokens that `trim` keeps of a table with so many rows; arguments and errors are its."""
    tokens.mean_frequency(tokens.count(tokenizer, lines, rows))  # raises without a known token
    return [token for token in vocabulary.needed(tokenizer, lines, size, also=also) if token < rows]
