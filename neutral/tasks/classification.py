"""Sequence classification: a class for a text or a pair of texts. `examples` reads the data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.metrics import parts_of
from neutral.tasks.base import Score, alike, autocast, padded, padding_token, require_room, require_scored
from neutral.tasks.examples import Example


class Classification:
    """Sequence classification over one tokenizer: makes batches, and gives their loss and a model's accuracy."""

    name, head, metric = "nli", "classification", "accuracy"
    metrics: tuple[str, ...] = ("accuracy",)

    def __init__(self, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] = (), *, length: int = 128) -> None:
        self.tokenizer, self.length = tokenizer, length
        self.model_options = {"num_labels": len(labels)} if labels else {}
        self._fillers = {"input_ids": padding_token(tokenizer)}

    def example(self, example: Example, _seed: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
        """Return the tokens of an example, (T,) each, T ≤ length, and its label; nothing is random."""
        tokens = self.tokenizer(*example.texts, truncation=True, max_length=self.length)
        return {key: torch.tensor(row) for key, row in tokens.items()} | {"labels": torch.tensor(example.label)}

    def collate(self, rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Pad examples on the right to the longest of them, (B, T); stack single labels, (B,)."""
        return padded(rows, self._fillers)

    def items(self, data: Sequence[Example]) -> Sequence[Example]:
        """Return the examples as they are. Raises `NeutralError` if the length leaves no token of each text."""
        texts = max((len(example.texts) for example in data), default=1)
        require_room(self.length, self._around(texts) + texts)
        return data

    def _around(self, texts: int) -> int:
        """Return how many tokens stand around so many texts, one or two."""
        return self.tokenizer.num_special_tokens_to_add(pair=texts > 1)

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network, for what hooks see on the way."""
        with autocast(model.device):
            self._logits(model, batch)

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's labels."""
        return F.cross_entropy(self._logits(model, batch), batch["labels"])

    def evaluate(
        self, model: PreTrainedModel, examples: Sequence[Example], *, batch_size: int = 32, passes: int = 1
    ) -> Score:
        """Score a model by its answers; texts of like length are batched together. Nothing is random."""
        return self.scores(model, examples, batch_size=batch_size)[0]

    def scores(self, model: PreTrainedModel, examples: Sequence[Example], *, batch_size: int = 32) -> list[Score]:
        """Score a model by each of the task's metrics, the first of them as `evaluate` does."""
        predicted, true, loss = self.answers(model, examples, batch_size=batch_size)
        return [Score(loss, len(true), name, parts_of(name, predicted, true)) for name in self.metrics]

    @torch.inference_mode()
    def answers(
        self, model: PreTrainedModel, examples: Sequence[Example], *, batch_size: int = 32
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Return a model's predictions (n,), the truth (n,), and the mean loss of an example.

        Raises `NeutralError` if there is no example.
        """
        require_scored(len(examples), "example")
        was_training, place = model.training, next(model.parameters()).device
        model.eval()
        predicted, true, loss = np.zeros(len(examples)), np.array([example.label for example in examples]), 0.0
        for places in alike(examples, lambda example: sum(map(len, example.texts)), batch_size):
            batch = self.collate([self.example(examples[i]) for i in places])
            with self._precision(place):
                answers, losses = self._answers(
                    model, {key: tensor.to(place) for key, tensor in batch.items()}, true[places]
                )
            predicted[places] = answers.cpu().numpy()
            loss += float(losses.sum())
        model.train(was_training)
        return predicted, true, loss / len(examples)

    def _precision(self, place: torch.device) -> AbstractContextManager:
        """Return the context in which examples are scored."""
        return autocast(place)

    def _answers(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], true: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the class that each example gets (B,), and the loss of the true one (B, 1)."""
        costs = self._costs(model, batch)
        return self._chosen(model, batch, costs), costs.gather(1, torch.from_numpy(true).to(costs.device)[:, None])

    def _costs(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the negative log-likelihood of every class, (B, classes)."""
        return -F.log_softmax(self._logits(model, batch), dim=1)

    def _chosen(self, model: PreTrainedModel, batch: dict[str, torch.Tensor], costs: torch.Tensor) -> torch.Tensor:
        """Return the number of each example's class, (B,): the likeliest by the costs (B, classes)."""
        return costs.argmin(dim=1)

    def _logits(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return float32 logits (B, classes)."""
        return model(**{key: tensor for key, tensor in batch.items() if key != "labels"}).logits.float()
