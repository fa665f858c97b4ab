"""GLUE: nine tasks over English texts and pairs of texts, each with its own columns, classes and metrics.

Wang et al. (2019). The metrics are those of the benchmark's site: Matthews for CoLA, F1 and accuracy for MRPC and QQP,
Pearson and Spearman for STS-B (a regression), accuracy for the others; MNLI is scored on matched and mismatched texts.
Test labels are kept secret (-1), so what is scored is `validation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.corpora.readings import added
from neutral.errors import NeutralError
from neutral.tasks import records, splits
from neutral.tasks.classification import Classification
from neutral.tasks.examples import Example

HIGHEST = 5.0
"""STS-B's likeness goes from 0 to this."""


@dataclass(frozen=True)
class Subject:
    """A task of GLUE: the columns of its texts, its classes by number (none: a regression), metrics, and splits."""

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    metrics: tuple[str, ...] = ("accuracy",)
    held_out: tuple[str, ...] = ("validation",)


_SENTENCES = ("sentence1", "sentence2")
_ENTAILMENT = ("entailment", "not_entailment")

TASKS = {
    "cola": Subject(("sentence",), ("unacceptable", "acceptable"), ("matthews",)),
    "sst2": Subject(("sentence",), ("negative", "positive")),
    "mrpc": Subject(_SENTENCES, ("not_equivalent", "equivalent"), ("f1", "accuracy")),
    "qqp": Subject(("question1", "question2"), ("not_duplicate", "duplicate"), ("f1", "accuracy")),
    "stsb": Subject(_SENTENCES, (), ("pearson", "spearman")),
    "mnli": Subject(
        ("premise", "hypothesis"),
        ("entailment", "neutral", "contradiction"),
        held_out=("validation_matched", "validation_mismatched"),
    ),
    "qnli": Subject(("question", "sentence"), _ENTAILMENT),
    "rte": Subject(_SENTENCES, _ENTAILMENT),
    "wnli": Subject(_SENTENCES, _ENTAILMENT[::-1]),
}
"""Name -> task, by the names that the hub gives the configurations of nyu-mll/glue."""

_STANDS_FOR = {"validation": ("validation", "dev"), "train": ("train",)}


def name_of(text: str) -> str | None:
    """Return the task that a text names; None for another text.

    >>> name_of("STS-B"), name_of("cola"), name_of("glue")
    ('stsb', 'cola', None)
    """
    name = text.lower().replace("-", "").replace("_", "")
    return name if name in TASKS else None


def read(name: str, source: str | Path) -> tuple[dict[str, list[Example]], dict[str, dict[str, int]]]:
    """Read a task from a folder or the hub: split -> examples, training first, and split -> what was left out and why.

    Rows whose label is kept secret are left out. The label of an example is the number of its class, or STS-B's
    likeness.

    Raises `FileError` / `NeutralError`, naming the file, for a split or column that is missing, a row without a text or
    a label, and a label that the task does not have.
    """
    subject = TASKS[name]
    names = ("train", *subject.held_out)
    wanted = [_STANDS_FOR.get(split, (split,)) for split in names]
    examples, left_out = {}, {}
    for split, (file, rows) in zip(names, splits.tables(source, records.READERS, wanted, named=False), strict=True):
        examples[split], hidden = _examples(name, f"{source}: {file}", rows)
        left_out[split] = added(records.told(rows), {splits.HIDDEN: hidden} if hidden else {})
    return examples, left_out


class Glue(Classification):
    """A task of GLUE over one tokenizer: classification by its own metrics, or STS-B's regression."""

    def __init__(self, name: str, tokenizer: PreTrainedTokenizerBase, *, length: int = 128) -> None:
        self.subject = TASKS[name]
        super().__init__(tokenizer, self.subject.classes, length=length)
        self.name, self.metrics = name, self.subject.metrics
        self.metric = self.metrics[0]
        self.model_options = {"num_labels": len(self.subject.classes) or 1}

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's labels; the mean squared error of a regression."""
        if self.subject.classes:
            return super().mean_loss(model, batch)
        return F.mse_loss(self._logits(model, batch).squeeze(1), batch["labels"].float())

    def _precision(self, place: torch.device) -> AbstractContextManager:
        """Return the context in which examples are scored: bfloat16 would round a regression's numbers into ties."""
        return super()._precision(place) if self.subject.classes else nullcontext()

    def _answers(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], true: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the prediction for each example (B,), and its loss (B,)."""
        if self.subject.classes:
            return super()._answers(model, batch, true)
        predicted = self._logits(model, batch).squeeze(1)
        return predicted, (predicted - torch.from_numpy(true).to(predicted)).square()


def _examples(name: str, file: str, rows: pd.DataFrame) -> tuple[list[Example], int]:
    """Return the examples of a split's rows, and how many are left out as their label is -1."""
    subject = TASKS[name]
    needed = (*subject.columns, "label")
    for column in needed:
        if column not in rows:
            has = ", ".join(map(str, rows.columns))
            raise NeutralError(f"{file} has no column {column}; {name} has {', '.join(needed)}, this file {has}")
    label_of = _class_of(subject) if subject.classes else _likeness
    examples, hidden = [], 0
    for number, (*texts, label) in enumerate(rows[list(needed)].itertuples(index=False, name=None), 1):
        if str(label).strip() in ("-1", "-1.0"):
            hidden += 1
            continue
        for column, text in zip(subject.columns, texts, strict=True):
            if not isinstance(text, str) or not text.strip():
                raise NeutralError(f"{file}: row {number} has no text in column {column}")
        try:
            examples.append(Example(tuple(texts), label_of(label)))
        except (ValueError, KeyError) as error:
            raise NeutralError(f"{file}: row {number} has the label {label}; {_expected(name)}") from error
    if not examples:
        secret = f"; all {hidden} labels are -1, kept secret" if hidden else ""
        raise NeutralError(f"{file} has no rows to use{secret}")
    return examples, hidden


def _class_of(subject: Subject) -> Callable[[object], int]:
    """Return the function that gives the number of a class by its name or number."""
    numbers: Mapping[str, int] = {name: i for i, name in enumerate(subject.classes)}
    numbers |= {str(i): i for i in numbers.values()} | {f"{i}.0": i for i in numbers.values()}
    return lambda label: numbers[str(label).strip()]


def _likeness(label: object) -> float:
    value = float(label)
    if not 0 <= value <= HIGHEST:
        raise ValueError
    return value


def _expected(name: str) -> str:
    classes = TASKS[name].classes
    if not classes:
        return f"{name} has numbers from 0 to {HIGHEST:g}"
    return f"{name} has {', '.join(f'{i} ({label})' for i, label in enumerate(classes))}"
