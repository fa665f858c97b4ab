"""Sequence classification: labelled texts or pairs of texts, from a local folder or the hub.

Files (CSV, TSV, JSON lines or Parquet) have the columns that the data sets of GLUE and XNLI have: a text or a pair of
texts, and `label`. `splits` finds the files.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.errors import NeutralError
from neutral.metrics import parts_of
from neutral.tasks import splits
from neutral.tasks.base import Score, alike, autocast, padded, padding_token, require_room, require_scored

TEXTS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("text",),
    ("sentence",),
)
"""The columns that may hold the texts; the first that a table has are taken."""

_READERS: splits.Readers = {
    ".csv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False),
    ".tsv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False, sep="\t", quoting=csv.QUOTE_NONE),
    ".jsonl": lambda path: pd.read_json(path, lines=True, dtype=False),
    ".parquet": pd.read_parquet,
}


@dataclass(frozen=True)
class Example:
    """One or two texts, and the number of their class."""

    texts: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class TextSplit:
    """The texts of a split, and the name of the class of each."""

    name: str
    texts: list[tuple[str, ...]]
    labels: list[str]

    def examples(self, names: Sequence[str]) -> list[Example]:
        """Return the examples, classes numbered as in `names`. Raises `NeutralError` for a class that `names` lacks."""
        number = {name: i for i, name in enumerate(names)}
        if unknown := sorted(set(self.labels) - set(number)):
            raise NeutralError(f"{self.name} has labels that the training data has not: {', '.join(unknown[:5])}")
        return [Example(text, number[label]) for text, label in zip(self.texts, self.labels, strict=True)]

    def lines(self) -> list[str]:
        """Return one line for each example that holds all of it, for a digest."""
        return ["\t".join((label, *texts)) for texts, label in zip(self.texts, self.labels, strict=True)]


@dataclass(frozen=True)
class Data:
    """A data set: the names of its classes, examples to train on, and examples to score."""

    name: str
    labels: list[str]
    train: list[Example]
    validation: list[Example]


def load(source: str | Path) -> Data:
    """Load a data set from a folder or, if no folder has that name, from the hub (package `datasets`).

    Raises the errors of `read`, and `NeutralError` for fewer than two classes.
    """
    train, validation = read(source)
    names = classes([train])
    return Data(str(source), names, train.examples(names), validation.examples(names))


def read(source: str | Path) -> tuple[TextSplit, TextSplit]:
    """Read the training split of a data set, and the one to score: `validation`, else the next of `splits.HELD_OUT`.

    Raises `FileError` / `NeutralError`, naming the split, for a split that is missing or empty, for missing columns,
    for rows without a text or a label, and for labels that are fractions.
    """
    both = [_split(f"{source}: {name}", frame) for name, frame in splits.tables(source, _READERS)]
    return both[0], both[1]


def classes(train: Iterable[TextSplit]) -> list[str]:
    """Return the names of the classes of training splits: numbers by size, then words by alphabet.

    Raises `NeutralError` if there is only one.
    """
    train = list(train)
    labels = {label for split in train for label in split.labels}
    names = sorted(labels, key=lambda name: (float(name) if _numeric(name) else 0.0, name))
    if len(names) < 2:
        raise NeutralError(f"{train[0].name} has one class only ({names[0]}); there is nothing to tell apart")
    return names


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


def _split(name: str, frame: pd.DataFrame) -> TextSplit:
    """Take the texts and the names of the labels from a split's rows."""
    columns = next((c for c in TEXTS if set(c) <= set(frame.columns)), None)
    names = ", ".join(map(str, frame.columns))
    if columns is None:
        expected = " or ".join("+".join(c) for c in TEXTS)
        raise NeutralError(f"{name} has no column of texts ({expected}); it has {names}")
    if "label" not in frame.columns:
        raise NeutralError(f"{name} has no column label; it has {names}")
    if frame.empty:
        raise NeutralError(f"{name} has no rows")
    incomplete = frame["label"].isna() | (frame["label"].astype(str).str.strip() == "")
    texts = frame[list(columns)]
    incomplete |= texts.isna().any(axis=1) | texts.map(lambda text: not str(text).strip()).all(axis=1)
    if incomplete.any():
        first = int(incomplete.to_numpy().argmax()) + 1
        raise NeutralError(f"{name}: {int(incomplete.sum())} rows lack a text or a label, the first is row {first}")
    pairs = list(texts.astype(str).itertuples(index=False, name=None))
    return TextSplit(name, pairs, [_class(name, label) for label in frame["label"]])


def _class(name: str, label: object) -> str:
    """Return the name of a class: 1, 1.0 and "1" are one."""
    text = str(label).strip()
    if not _numeric(text):
        return text
    if float(text) != int(float(text)):
        raise NeutralError(f"{name}: label {text} is a fraction; classes are names or whole numbers")
    return str(int(float(text)))


def _numeric(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
