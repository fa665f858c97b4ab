"""Vocabulary trimming as compression: cut a model's token table to the tokens that a text uses.

After Abdaoui, Pradel, Sigel (2020), Load What You Need: Smaller Versions of Multilingual BERT, and Ushio, Zhou,
Camacho-Collados (2023), Efficient Multilingual Language Model Compression through Vocabulary Trimming. Rows that stay
are not changed, so text whose tokens all stay reads as before, piece by piece; the table of them can then be compressed
by any other method. What must stay for any word to be spelled is said in `neutral.vocabulary.needed`.
"""

from __future__ import annotations

from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import vocabulary
from neutral.compression import tokens


@dataclass(frozen=True)
class Trimmed:
    """What is left of a vocabulary."""

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
    """Trim `model` (in place) to the tokens that `lines` (language -> text) use, or to the `size` they need most.

    The output layer, tied or not, its bias and the special ids of the model's configuration follow. Tokens for which
    the model has no row go. Raises `NeutralError` for a text with no known token and for a `size` too small to
    spell it; the model is then unchanged.
    """
    before = model.get_input_embeddings().weight.shape[0]
    tokens.mean_frequency(tokens.count(tokenizer.backend_tokenizer, lines, before))  # raises without a known token
    keep = [token for token in vocabulary.needed(tokenizer, lines, size) if token < before]
    trimmed = vocabulary.cut(model, tokenizer, keep)
    return Trimmed(trimmed, keep, before, len(keep))
