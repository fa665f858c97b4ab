"""Score a model with a trimmed vocabulary on the tokens that the full model is scored on.

A trimmed tokenizer spells a dropped token with several others, so its own perplexity counts other tokens than the full
model's. `Retokenized` rewrites every block of the full tokenizer token by token and divides the loss of all the pieces
by the number of *original* tokens: the log-likelihood of the same text, comparable with the full model's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.tasks import IGNORED, LanguageModelling, Score


class Retokenized(LanguageModelling):
    """A language-modelling task over blocks of the full tokenizer, for a model with a trimmed one."""

    def __init__(self, task: LanguageModelling, trimmed: PreTrainedTokenizerBase, keep: Sequence[int]) -> None:
        super().__init__(task.name, trimmed, length=task.length, mask_share=task.mask_share)
        self.original = task
        self.rewritten = rewrite(task.tokenizer.backend_tokenizer, trimmed.backend_tokenizer, keep)

    def example(self, block: np.ndarray, seed: tuple[int, ...]) -> dict[str, torch.Tensor]:
        """See `LanguageModelling.example`; a masked token becomes as many masks as it has pieces."""
        original = self.original.example(block, seed)
        ids: list[int] = []
        labels: list[int] = []
        for token, label in zip(original["input_ids"].tolist(), original["labels"].tolist(), strict=True):
            pieces = self.rewritten[token]
            targets = self.rewritten[label] if label != IGNORED else [IGNORED] * len(pieces)
            if len(targets) != len(pieces):  # a mask or a random token replaced a token of several pieces
                pieces = [self.tokenizer.mask_token_id] * len(targets)
            ids += pieces
            labels += targets
        attention = [1] * len(ids)
        short = self.length - len(ids)
        filler = self.filler if self.filler is not None else 0
        return {
            "input_ids": torch.tensor(ids + [filler] * short),
            "attention_mask": torch.tensor(attention + [0] * short),
            "labels": torch.tensor(labels + [IGNORED] * short),
        }

    def evaluate(self, model: PreTrainedModel, blocks: np.ndarray, **options: object) -> Score:
        """Score a model on blocks of the full tokenizer: mean loss an original token."""
        longest = max(sum(len(self.rewritten[token]) for token in block) for block in blocks.tolist())
        self.length = max(longest, blocks.shape[1])
        pieces = super().evaluate(model, blocks, **options)
        originals = self._scored(blocks)
        return Score(pieces.loss * pieces.count / max(originals, 1), originals)

    def _scored(self, blocks: np.ndarray) -> int:
        """Return how many original tokens `evaluate` scores; the number of masked ones does not depend on the seed."""
        labels = [self.original.example(block, (0,))["labels"] for block in blocks]
        return sum(int((row != IGNORED).sum()) for row in labels)


def rewrite(full: Tokenizer, trimmed: Tokenizer, keep: Sequence[int]) -> list[list[int]]:
    """Return the ids of the trimmed tokenizer that spell each id of the full one; `keep` are the old ids that stay."""
    new = {old: i for i, old in enumerate(keep)}
    unknown = [trimmed.token_to_id(getattr(trimmed.model, "unk_token", None) or "") or 0]
    rewritten = []
    for old in range(full.get_vocab_size()):
        piece = full.id_to_token(old)
        spelled = [] if old in new or piece is None else [token.id for token in trimmed.model.tokenize(piece)]
        rewritten.append([new[old]] if old in new else spelled or unknown)
    return rewritten
