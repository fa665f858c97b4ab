"""Masked language modelling line by line, as the scripts of Bałazy et al. (2021) measure perplexity.

For numbers that can be laid beside theirs. It differs from `LanguageModelling` on blocks:

items     a line each, [CLS] line [SEP], cut to what the model takes; lines of fewer than 20 tokens are left out, and
          so is every token "=" (headings of Wikipedia)
words     a token that begins with ## goes on with the word before it; any other token is a word, so on SentencePiece
          single pieces are masked
how many  15 % of all tokens of a line, [CLS] and [SEP] counted; words that are too long for the rest are skipped
specials  tokens called otherwise than [CLS] and [SEP] are drawn like words, and then not scored
padding   a batch is four neighbouring lines, padded to the longest, and the model attends to the padding
loss      the mean over lines of the mean over their batch's scored tokens, not the mean over tokens
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.errors import NeutralError
from neutral.tasks.base import IGNORED, Score, autocast, padded, require_scored
from neutral.tasks.language_modelling import LanguageModelling

SHORTEST = 20  # tokens of a line that counts
LONGEST = 512  # tokens of a line, where nothing names a limit; also the most that are masked in a line
_BATCH = 4  # lines
_SEED = 20220512  # fixed for ever, so that scores of different runs are paired


class LineByLine(LanguageModelling):
    """Masked language modelling whose items are lines: arrays of token ids, (tokens,) int64.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    longest : int, optional
        Most tokens of a line; by default what the tokenizer says, and 512 where it says nothing.
    mask_share : float
        Share of the tokens that are chosen.

    Raises
    ------
    NeutralError
        For a tokenizer without a mask token, or without a padding token.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, *, longest: int | None = None, mask_share: float = 0.15
    ) -> None:
        limit = min(longest or LONGEST, tokenizer.model_max_length)
        super().__init__("mlm", tokenizer, length=limit, mask_share=mask_share)
        if tokenizer.pad_token_id is None:
            raise NeutralError("this model's tokenizer has no padding token: use --perplexity blocks")
        heading = tokenizer.convert_tokens_to_ids("=")
        # Where "=" is no token the scripts leave out every unknown token instead, which nobody can have meant.
        self._heading = None if heading in (None, tokenizer.unk_token_id) else heading

    def collate(self, rows: Iterable[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Pad examples to the longest of them; the attention mask is 1 on the padding too."""
        batch = padded(list(rows), {"input_ids": self.tokenizer.pad_token_id, "labels": IGNORED})
        batch["attention_mask"] = torch.ones_like(batch["input_ids"])
        return batch

    def items(self, data: Iterable[str], most: int | None = None) -> list[np.ndarray]:
        """Return the lines of 20 tokens or more, of at most `most` tokens together, but one line at least.

        Raises `NeutralError` if there is none.
        """
        lines = [line for line in data if line.strip()]
        encoded = self.tokenizer(lines, truncation=True, max_length=self.length)["input_ids"] if lines else []
        items, tokens = [], 0
        for line in encoded:
            ids = np.array([token for token in line if token != self._heading], dtype=np.int64)
            if len(ids) < SHORTEST:
                continue
            tokens += len(ids)
            if most is not None and items and tokens > most:
                break
            items.append(ids)
        if not items:
            raise NeutralError(f"no line of the text has {SHORTEST} tokens: use --perplexity blocks, or longer lines")
        return items

    def example(self, item: np.ndarray, seed: tuple[int, ...]) -> dict[str, torch.Tensor]:
        """Return input ids, attention mask and labels, all (tokens,), of one line."""
        draw = np.random.default_rng(seed)
        chosen = self._drawn(item, draw)
        chosen = chosen[~np.isin(item[chosen], self.special)]
        ids, labels = torch.from_numpy(item.copy()), torch.full((len(item),), IGNORED)
        labels[chosen] = ids[chosen]
        fate = draw.random(len(chosen))
        ids[chosen[fate < 0.8]] = self.tokenizer.mask_token_id
        swapped = chosen[fate >= 0.9]
        ids[swapped] = torch.from_numpy(draw.integers(0, len(self.tokenizer), len(swapped)))
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}

    def _drawn(self, item: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """Return the places of the words that are drawn, (n,), special tokens among them."""
        words: list[list[int]] = []
        for place, token in enumerate(self.tokenizer.convert_ids_to_tokens(item.tolist())):
            if token in ("[CLS]", "[SEP]"):
                continue
            if words and token.startswith("##"):
                words[-1].append(place)
            else:
                words.append([place])
        room = min(LONGEST, max(1, round(len(item) * self.mask_share)))
        chosen: list[int] = []
        for i in draw.permutation(len(words)):
            if len(chosen) + len(words[i]) <= room:
                chosen += words[i]
        return np.array(chosen, dtype=np.int64)

    @torch.inference_mode()
    def evaluate(
        self, model: PreTrainedModel, items: Sequence[np.ndarray], *, batch_size: int = _BATCH, passes: int = 1
    ) -> Score:
        """Score a model on lines, in batches of neighbours; `passes` maskings that are the same for every model."""
        was_training, place = model.training, next(model.parameters()).device
        model.eval()
        total, lines, scored = 0.0, 0, 0
        for turn in range(passes):
            for start in range(0, len(items), batch_size):
                part = items[start : start + batch_size]
                examples = [self.example(item, (_SEED, turn, start + i)) for i, item in enumerate(part)]
                with autocast(place):
                    losses, _ = self.losses(model, {k: v.to(place) for k, v in self.collate(examples).items()})
                if len(losses):
                    total += len(part) * float(losses.double().mean())
                    lines += len(part)
                    scored += len(losses)
        model.train(was_training)
        require_scored(scored, "token")
        return Score(total / lines, scored)
