"""Token classification: a tag for every word; names in text (`ner`, span F1) or parts of speech (`pos`, accuracy).

The first sub-word of a word carries its tag (Devlin et al. 2019, section 5.3). `sentences` reads the data.

Span F1 is that of `seqeval` (CoNLL-2000's rules): a span is right if its type, first and last word are. Tags are
BIO: B-LOC, I-LOC, O.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import encoding
from neutral.tasks.base import IGNORED, Score, alike, autocast, padded, padding_token, require_room, require_scored
from neutral.tasks.iob import OUTSIDE
from neutral.tasks.sentences import Sentence


class TokenClassification:
    """Token classification over one tokenizer: makes batches, and gives their loss and a model's F1 or accuracy."""

    head = "tagging"

    def __init__(
        self, name: str, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], *, length: int = 128
    ) -> None:
        self.name, self.tokenizer, self.labels, self.length = name, tokenizer, list(labels), length
        self.metric = "f1" if name == "ner" else "accuracy"
        self.model_options = {"num_labels": len(self.labels)}
        self._fillers = {"input_ids": padding_token(tokenizer), "labels": IGNORED}

    def items(self, data: Sequence[Sentence]) -> Sequence[Sentence]:
        """Return the sentences as they are. Raises `NeutralError` if the length leaves room for no word."""
        require_room(self.length, self.tokenizer.num_special_tokens_to_add() + 1)
        return data

    def example(self, sentence: Sentence, _seed: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
        """Return the tokens of a sentence, (T,) each, T ≤ length, and `labels`, `IGNORED` but on first sub-words."""
        example, _ = self._example(sentence)
        return example

    def collate(self, rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Pad sentences on the right to the longest of them, (B, T)."""
        return padded(rows, self._fillers)

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network, for what hooks see on the way."""
        with autocast(model.device):
            self._logits(model, batch)

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's tags."""
        return F.cross_entropy(
            self._logits(model, batch).flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED
        )

    @torch.inference_mode()
    def evaluate(
        self, model: PreTrainedModel, sentences: Sequence[Sentence], *, batch_size: int = 32, passes: int = 1
    ) -> Score:
        """Score a model; sentences of like length are batched together. Nothing is random, so one pass is enough.

        A word that the length cuts off, or that the tokenizer has no token for, counts as outside of all names (`ner`)
        or as wrong (`pos`). Raises `NeutralError` if no word of any sentence is left.
        """
        was_training, place = model.training, next(model.parameters()).device
        model.eval()
        parts = np.zeros((len(sentences), 3 if self.name == "ner" else 2))
        loss, words = 0.0, 0
        for places in alike(sentences, lambda sentence: len(sentence.words), batch_size):
            rows, labelled_words = zip(*(self._example(sentences[i]) for i in places), strict=True)
            batch = {key: tensor.to(place) for key, tensor in self.collate(rows).items()}
            with autocast(place):
                logits = self._logits(model, batch)
            scored = batch["labels"] != IGNORED
            loss += float(F.cross_entropy(logits[scored], batch["labels"][scored], reduction="sum"))
            words += int(scored.sum())
            for i, row, is_scored, word_places in zip(
                places, logits.argmax(dim=-1), scored, labelled_words, strict=True
            ):
                parts[i] = self.part(sentences[i], dict(zip(word_places, row[is_scored].tolist(), strict=True)))
        model.train(was_training)
        require_scored(words, "word")
        return Score(loss / words, len(sentences), self.metric, parts)

    def part(self, sentence: Sentence, predicted: dict[int, int]) -> tuple[int, ...]:
        """Return what a sentence adds to the metric.

        `predicted` maps the place of a word to the number of its predicted tag. For `ner` the numbers are spans that
        are right, predicted, true; for `pos` words that are right, words.
        """
        if self.name != "ner":
            return sum(tag == predicted.get(i) for i, tag in enumerate(sentence.tags)), len(sentence.tags)
        from seqeval.metrics.sequence_labeling import get_entities

        predicted_tags = [self.labels[predicted[i]] if i in predicted else OUTSIDE for i in range(len(sentence.tags))]
        predicted_spans, true_spans = (
            set(get_entities(predicted_tags)),
            set(get_entities([self.labels[tag] for tag in sentence.tags])),
        )
        return len(predicted_spans & true_spans), len(predicted_spans), len(true_spans)

    def _example(self, sentence: Sentence) -> tuple[dict[str, torch.Tensor], list[int]]:
        """Return the example of a sentence, and the places of the words that carry a label in it."""
        tokens, words = encoding.sentence(self.tokenizer, sentence.words, self.length)
        labels, labelled_words, last = [], [], None
        for word in words:
            first = word is not None and word != last
            labels.append(sentence.tags[word] if first else IGNORED)
            if first:
                labelled_words.append(word)
            last = word
        return {key: torch.tensor(row) for key, row in tokens.items()} | {
            "labels": torch.tensor(labels)
        }, labelled_words

    def _logits(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return float32 logits (B, T, tags)."""
        return model(**{key: tensor for key, tensor in batch.items() if key != "labels"}).logits.float()
