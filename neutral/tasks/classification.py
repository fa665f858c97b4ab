"""Sequence classification: labelled texts or pairs of texts, from a local folder or the hub.

A folder holds `train` and `validation` files (CSV, TSV, JSON lines or Parquet) with the columns that the data sets of
GLUE and XNLI have: a text or a pair of texts, and `label`. A data set of the hub is named by its id, with its
configuration after a colon: `nyu-mll/glue:sst2`, `facebook/xnli:sw`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.errors import FileError, NeutralError
from neutral.tasks.base import Score, autocast

TEXTS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("text",),
    ("sentence",),
)
"""The columns that hold the texts, looked for in this order."""

_VALIDATION = ("validation", "dev", "validation_matched", "test")  # the first that there is
_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
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
class Data:
    """A data set: the names of its classes, examples to train on, and examples to score."""

    name: str
    labels: list[str]
    train: list[Example]
    validation: list[Example]


def load(source: str | Path) -> Data:
    """Load a data set from a folder or, if there is none of that name, from the hub (package `datasets`).

    The examples to score are those of `validation`, else of `dev`, `validation_matched` or `test`. Hub rows labelled
    -1 (undecided, or kept secret) are left out.

    Raises `FileError` / `NeutralError`, naming the split, for one that is missing or empty, for columns that are
    missing, rows without a text or a label, labels that are fractions, and for less than two classes.
    """
    path = Path(source).expanduser()
    if path.exists() or str(source).startswith((".", "/", "~")):
        train, validation = _local(path)
    else:
        train, validation = _hub(str(source))
    frames = {f"{source}: {name}": frame for name, frame in (train, validation)}
    read = [_rows(name, frame) for name, frame in frames.items()]
    (train_texts, train_labels), (texts, labels) = read
    names = sorted(set(train_labels), key=lambda name: (float(name) if _numeric(name) else 0.0, name))
    if len(names) < 2:
        raise NeutralError(f"{next(iter(frames))} has one class only ({names[0]}); there is nothing to tell apart")
    unknown = sorted(set(labels) - set(names))
    if unknown:
        raise NeutralError(f"{source}: {validation[0]} has labels that {train[0]} has not: {', '.join(unknown[:5])}")
    number = {name: i for i, name in enumerate(names)}
    examples = [
        [Example(text, number[label]) for text, label in zip(*columns, strict=True)]
        for columns in ((train_texts, train_labels), (texts, labels))
    ]
    return Data(str(source), names, *examples)


class Classification:
    """Sequence classification over one tokenizer: makes batches, and gives their loss and a model's accuracy."""

    name, head, metric = "nli", "classification", "accuracy"

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, length: int = 128) -> None:
        self.tokenizer, self.length = tokenizer, length
        if tokenizer.pad_token_id is None:  # causal models often have none; what stands in is hidden by the attention
            tokenizer.pad_token = tokenizer.eos_token
        if tokenizer.pad_token_id is None:
            raise NeutralError(
                "this model's tokenizer has neither a padding nor an end token, so texts cannot be batched"
            )
        self._padding = {"input_ids": tokenizer.pad_token_id}

    def example(self, example: Example, _seed: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
        """Return the tokens of an example, (T,) each, T ≤ length, and its label; nothing here is random."""
        tokens = self.tokenizer(*example.texts, truncation=True, max_length=self.length)
        return {key: torch.tensor(row) for key, row in tokens.items()} | {"labels": torch.tensor(example.label)}

    def collate(self, rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Pad examples on the right to the longest of them, (B, T), and stack their labels, (B,)."""
        batch = {
            key: pad_sequence([row[key] for row in rows], batch_first=True, padding_value=self._padding.get(key, 0))
            for key in rows[0]
            if key != "labels"
        }
        return batch | {"labels": torch.stack([row["labels"] for row in rows])}

    def items(self, data: Sequence[Example]) -> Sequence[Example]:
        """Return the examples as they are."""
        return data

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network, for what hooks see on the way."""
        with autocast(model.device):
            self._logits(model, batch)

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's labels."""
        return F.cross_entropy(self._logits(model, batch), batch["labels"])

    @torch.inference_mode()
    def evaluate(
        self, model: PreTrainedModel, examples: Sequence[Example], *, batch_size: int = 32, passes: int = 1
    ) -> Score:
        """Score a model; texts of like length are batched together. Nothing is random, so one pass is enough."""
        was_training, place = model.training, next(model.parameters()).device
        model.eval()
        order = sorted(range(len(examples)), key=lambda i: sum(map(len, examples[i].texts)))
        parts, loss = np.ones((len(examples), 2)), 0.0  # right, examples
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            batch = self.collate([self.example(examples[i]) for i in places])
            batch = {key: tensor.to(place) for key, tensor in batch.items()}
            with autocast(place):
                logits = self._logits(model, batch)
            parts[places, 0] = (logits.argmax(dim=1) == batch["labels"]).cpu().numpy()
            loss += float(F.cross_entropy(logits, batch["labels"], reduction="sum"))
        model.train(was_training)
        return Score(loss / len(examples), len(examples), self.metric, parts)

    def _logits(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return float32 logits (B, classes)."""
        return model(**{key: tensor for key, tensor in batch.items() if key != "labels"}).logits.float()


def _local(folder: Path) -> list[tuple[str, pd.DataFrame]]:
    """Return (file name, rows) of the training and of the validation file of a folder."""
    if not folder.is_dir():
        raise FileError(folder, "no such folder of labelled texts; it should hold train.csv and validation.csv or like")
    found = []
    for names in (("train",), _VALIDATION):
        paths = [folder / f"{name}{suffix}" for name in names for suffix in _READERS]
        paths = [path for path in paths if path.is_file()]
        if not paths:
            raise FileError(folder, f"has no {names[0]} file ({names[0]}{f', {names[0]}'.join(_READERS)})")
        try:
            found.append((paths[0].name, _READERS[paths[0].suffix](paths[0])))
        except (OSError, ValueError, ImportError) as error:
            reason = str(error).strip().split("\n")[0]
            raise FileError(paths[0], f"cannot be read as a table of texts: {reason}") from error
    return found


def _hub(source: str) -> list[tuple[str, pd.DataFrame]]:
    """Return (split, rows) of the training and of the validation split of a hub data set."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        advice = "no such folder; a data set of the hub needs the package `datasets`: pip install datasets"
        raise NeutralError(f"{source}: {advice}") from error
    name, _, configuration = source.partition(":")
    try:
        splits = load_dataset(name, configuration or None)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise NeutralError(f"{source}: no such folder, and no data set of the hub: {reason}") from error
    found = []
    for names in (("train",), _VALIDATION):
        split = next((name for name in names if name in splits), None)
        if split is None:
            raise NeutralError(f"{source}: has no {names[0]} split, only {', '.join(splits)}")
        rows = splits[split].to_pandas()
        found.append((split, rows[rows["label"] != -1] if "label" in rows else rows))
    return found


def _rows(name: str, frame: pd.DataFrame) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the texts and the names of the labels of a split's rows."""
    columns = next((c for c in TEXTS if set(c) <= set(frame.columns)), None)
    there = ", ".join(map(str, frame.columns))
    if columns is None:
        wanted = " or ".join("+".join(c) for c in TEXTS)
        raise NeutralError(f"{name} has no column of texts ({wanted}); it has {there}")
    if "label" not in frame.columns:
        raise NeutralError(f"{name} has no column label; it has {there}")
    if frame.empty:
        raise NeutralError(f"{name} has no rows")
    lacking = frame["label"].isna() | (frame["label"].astype(str).str.strip() == "")
    texts = frame[list(columns)]
    lacking |= texts.isna().any(axis=1) | texts.map(lambda text: not str(text).strip()).all(axis=1)
    if lacking.any():
        first = int(lacking.to_numpy().argmax()) + 1
        raise NeutralError(f"{name}: {int(lacking.sum())} rows lack a text or a label, the first is row {first}")
    return list(texts.astype(str).itertuples(index=False, name=None)), [_class(name, label) for label in frame["label"]]


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
