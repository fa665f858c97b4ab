"""Masked and causal language modelling: text in fixed token blocks.

A model is scored at the same masked positions as every other, so that differences are paired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import log

import numpy as np
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import encoding
from neutral.errors import NeutralError
from neutral.tasks.base import IGNORED, Score, autocast, require_room, require_scored, stacked
from neutral.tasks.positions import logits_at
from neutral.tasks.words import Words

_LOGITS = 2**28  # at most so many logits at a time (1 GB in float32)
_PADDABLE = 512  # tokens of a block up to which any text may be padded: a longer one costs much memory for nothing
_EVALUATION_SEED = 20220512  # fixed for ever, so that scores of different runs are paired


class LanguageModelling:
    """Masked (`mlm`) or causal (`clm`) language modelling over one tokenizer.

    Masking follows Devlin et al. (2019): a share of the tokens is chosen; of these 80 % become the mask token,
    10 % a random token, 10 % stay.

    Parameters
    ----------
    name : str
        mlm | clm.
    tokenizer : PreTrainedTokenizerBase
    length : int
        Tokens in a block.
    mask_share : float
        Share of the tokens that are chosen.
    words : bool
        Whether to choose whole words (`words.Words` defines them for scripts without spaces) as long as they fit into
        the share, at least one.

    Raises
    ------
    NeutralError
        For mlm with a tokenizer that has no mask token, or that marks no words with `words`, for `words` with clm, and
        for a length that leaves no text.
    """

    metric = "perplexity"

    def __init__(
        self,
        name: str,
        tokenizer: PreTrainedTokenizerBase,
        *,
        length: int = 128,
        mask_share: float = 0.15,
        words: bool = False,
    ) -> None:
        if name == "mlm" and tokenizer.mask_token_id is None:
            raise NeutralError(
                "--task mlm: this model's tokenizer has no mask token, such as [MASK]; a causal model takes --task clm"
            )
        if name != "mlm" and words:
            raise NeutralError("whole words are masked in masked language modelling only (--task mlm)")
        self.words = Words(tokenizer) if words else None
        self.name = self.head = name
        self.model_options: dict = {}
        self.tokenizer, self.length, self.mask_share = tokenizer, length, mask_share
        self.special = np.array(sorted(set(tokenizer.all_special_ids)))
        self.size, self.mask_id = len(tokenizer), tokenizer.mask_token_id  # asking the tokenizer takes long
        first, end = ("cls", "sep") if name == "mlm" else ("bos", "eos")
        self.first: int | None = getattr(tokenizer, f"{first}_token_id")
        self.separator: int | None = getattr(tokenizer, f"{end}_token_id")
        self.filler = self.separator if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        context = int(name != "mlm" and self.first is None)  # a token that the first scored one follows
        require_room(length, sum(token is not None for token in (self.first, self.separator)) + context + 1)

    collate = staticmethod(stacked)

    def items(self, data: Iterable[str]) -> np.ndarray:
        """Return the token blocks of lines, as `blocks` does."""
        return self.blocks(data)

    def blocks(self, lines: Iterable[str]) -> np.ndarray:
        """Pack lines into token blocks, (blocks, length) int64: [CLS] line [SEP] line [SEP] … [SEP].

        The last, incomplete block is dropped unless it is the only one, which is padded. Raises `NeutralError` for text
        without a token, and for a long block most of which would be padding.
        """
        pieces, room = self._pieces(lines)
        full = [piece for piece in pieces if len(piece) == room]
        if not full and self.length > max(_PADDABLE, 2 * len(pieces[0])):
            raise NeutralError(
                f"--length {self.length}: most of a block would be padding, as the text of a language, or its held-out "
                f"part, has {len(pieces[0]):,} tokens; lower --length or add text"
            )
        return self._framed(full or pieces)

    def whole(self, lines: Iterable[str]) -> np.ndarray:
        """Pack lines as `blocks` does and keep every token: the last, incomplete block is padded.

        Raises `NeutralError` for text without a token, and for a tokenizer that has nothing to pad with.
        """
        return self._framed(self._pieces(lines)[0])

    def _pieces(self, lines: Iterable[str]) -> tuple[list[list[int]], int]:
        """Return the tokens of lines, cut to what a block has room for, and that number of tokens."""
        separator = [] if self.separator is None else [self.separator]
        stream: list[int] = []
        for ids in encoding.ids(self.tokenizer, lines):
            if ids:
                stream += ids + separator
        if not stream:
            raise NeutralError("the text holds no token that this model knows")
        room = self.length - (self.first is not None) - len(separator)
        return [stream[i : i + room] for i in range(0, len(stream), room)], room

    def _framed(self, pieces: list[list[int]]) -> np.ndarray:
        """Return pieces as blocks with the special tokens before and behind them, (pieces, length) int64."""
        start, end = ([] if token is None else [token] for token in (self.first, self.separator))
        rows = [start + piece + end for piece in pieces]
        if self.filler is None and len(rows[-1]) < self.length:
            raise NeutralError(f"the text fills no block of {self.length} tokens; lower --length or add text")
        return np.array([row + [self.filler] * (self.length - len(row)) for row in rows], dtype=np.int64)

    def example(self, block: np.ndarray, seed: tuple[int, ...]) -> dict[str, torch.Tensor]:
        """Return input ids, attention mask and labels, all (length,), of one block.

        Labels are `IGNORED` where nothing is scored. The example of a causal block is not random.
        """
        ids, labels = block.copy(), np.full(len(block), IGNORED)
        content = self._content(block)
        attention = self._attention(block)
        if self.name == "clm":
            labels[content] = ids[content]
            return _tensors(ids, attention, labels)
        draw = np.random.default_rng(seed)
        places = np.flatnonzero(content)
        count = max(1, round(self.mask_share * len(places))) if len(places) else 0
        chosen = self._whole_words(block, count, draw) if self.words else draw.permutation(places)[:count]
        labels[chosen] = ids[chosen]
        fate = draw.random(len(chosen))
        ids[chosen[fate < 0.8]] = self.mask_id
        swapped = chosen[fate >= 0.9]
        ids[swapped] = draw.integers(0, self.size, len(swapped))
        return _tensors(ids, attention, labels)

    def _attention(self, block: np.ndarray) -> np.ndarray:
        """Return 0 where a block is padded, else 1: (length,) int64.

        A tokenizer that pads with its separator has one behind the text, and what follows that is padding.
        """
        if self.filler is None:
            return np.ones_like(block)
        if self.filler != self.separator:
            return (block != self.filler).astype(np.int64)
        text = np.flatnonzero(block != self.filler)
        return (np.arange(len(block)) <= (text[-1] if len(text) else -1) + 2).astype(np.int64)

    def _content(self, block: np.ndarray) -> np.ndarray:
        """Return which tokens of a block are no special ones; a few comparisons are faster than `isin`."""
        if len(self.special) > 16:
            return ~np.isin(block, self.special)
        content = np.ones(len(block), dtype=bool)
        for token in self.special:
            content &= block != token
        return content

    def _whole_words(self, block: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
        """Return the places of random words, drawn one after the other, that fit into `count` tokens; one at least.

        Devlin et al. keep to the share in the same way: a word that is too long for the rest of it is skipped.
        """
        words = self.words.groups(block, self._content(block))
        chosen: list[int] = []
        for i in draw.permutation(len(words)):
            if not chosen or len(chosen) + len(words[i]) <= count:
                chosen += words[i].tolist()
        return np.array(chosen, dtype=np.int64)

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network without its output layer, for what hooks see on the way."""
        with autocast(model.device):
            model.base_model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's scored tokens."""
        losses, _ = self.losses(model, batch)
        return losses.sum() / max(len(losses), 1)

    def losses(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the losses of the scored tokens of a batch (B, T).

        Returns
        -------
        losses : (N,) float32
            Negative log-likelihood of every scored token, in nats.
        blocks : (N,) int64
            The row of the batch that the token is in.
        """
        logits, targets, blocks = self.predictions(model, batch)
        return F.cross_entropy(logits.float(), targets, reduction="none"), blocks

    def predictions(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return logits (N, V) for the scored tokens of a batch, these tokens (N,), and their rows of the batch (N,).

        The output layer sees only the scored positions: with 15 % masked that saves most of its cost.
        """
        labels = self.answers(batch)
        scored = labels != IGNORED
        logits = logits_at(model, scored, input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        return logits, labels[scored], scored.nonzero()[:, 0]

    def answers(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the token that each position of a batch predicts, (B, T), `IGNORED` where none is scored."""
        labels = batch["labels"]
        return F.pad(labels[:, 1:], (0, 1), value=IGNORED) if self.name == "clm" else labels

    @torch.inference_mode()
    def evaluate(self, model: PreTrainedModel, blocks: np.ndarray, *, batch_size: int = 16, passes: int = 1) -> Score:
        """Score a model on held-out blocks, with `passes` different maskings that are the same for every model.

        A token is right if no other is likelier; of equally likely ones the first of the vocabulary counts. Raises
        `NeutralError` if there is no token to score.
        """
        was_training = model.training
        parts = np.zeros((len(blocks), 3))  # loss, scored tokens, those that are right
        model.eval()
        if self.name == "clm":  # every position goes through the output layer: bound its (B · T, V) logits
            batch_size = max(1, min(batch_size, _LOGITS // (self.length * model.config.get_text_config().vocab_size)))
        place = next(model.parameters()).device
        passes = passes if self.name == "mlm" else 1
        for turn in range(passes):
            for start in range(0, len(blocks), batch_size):
                part = blocks[start : start + batch_size]
                seeds = ((_EVALUATION_SEED, turn, start + i) for i in range(len(part)))
                batch = stacked(map(self.example, part, seeds))
                with autocast(place):
                    logits, targets, places = self.predictions(model, {k: v.to(place) for k, v in batch.items()})
                    logits = logits.float()  # which a processor compares faster than bfloat16
                    losses = F.cross_entropy(logits, targets, reduction="none")
                places = start + places.cpu().numpy()
                np.add.at(parts, (places, 0), losses.double().cpu().numpy())
                np.add.at(parts, (places, 1), 1)
                np.add.at(parts, (places, 2), (logits.argmax(dim=1) == targets).cpu().numpy())
        model.train(was_training)
        loss, count, _ = parts.sum(axis=0)
        require_scored(count, "token")
        characters, size = self.written(blocks) if self.name == "clm" else (None, None)
        return Score(loss / count, int(count), parts=parts, characters=characters, bytes=size)

    def written(self, blocks: np.ndarray) -> tuple[int, int]:
        """Return how many characters, and bytes of UTF-8, the tokens stand for that a causal model is scored on.

        A character that is cut at a block's edge counts in both blocks, each of its parts as at least one.
        """
        context = int(self.first is None)  # the first token of a block follows nothing, so it is not scored
        rows = [block[self._content(block)][context:].tolist() for block in blocks]
        texts = self.tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)
        return sum(map(len, texts)), sum(len(text.encode()) for text in texts)

    def unigram(self, train: np.ndarray, blocks: np.ndarray, passes: int = 1) -> Score:
        """Score the unigram model of the training blocks (add-one smoothed) at the positions `evaluate` scores."""
        counts = Counter(train.ravel().tolist())
        total = sum(n for token, n in counts.items() if token not in set(self.special.tolist()))
        size, loss, scored = len(self.tokenizer), 0.0, 0
        for turn in range(passes if self.name == "mlm" else 1):
            for i, block in enumerate(blocks):
                labels = self.example(block, (_EVALUATION_SEED, turn, i))["labels"]
                for token in labels[labels != IGNORED].tolist():
                    loss -= log((counts[token] + 1) / (total + size))
                    scored += 1
        require_scored(scored, "token")
        return Score(loss / scored, scored)


def _tensors(ids: np.ndarray, attention: np.ndarray, labels: np.ndarray) -> dict[str, torch.Tensor]:
    arrays = {"input_ids": ids, "attention_mask": attention, "labels": labels}
    return {key: torch.from_numpy(array) for key, array in arrays.items()}
