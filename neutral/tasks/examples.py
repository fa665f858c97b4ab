"""Labelled texts or pairs of texts, from a local folder or the hub.

Files (CSV, TSV, JSON or Parquet) have the columns that the data sets of GLUE, SNLI, MultiNLI and XNLI have: a text or
a pair of texts, and the class. `splits` finds the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from neutral.corpora.readings import MOST_BAD, Reading, added, listed
from neutral.errors import NeutralError
from neutral.tasks import records, splits
from neutral.tasks.names import NLI

TEXTS = (
    ("premise", "hypothesis"),
    ("premise", "hypo"),
    ("sentence1", "sentence2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("text",),
    ("sentence",),
)
"""The columns that may hold the texts; the first that a table has are taken, in capitals or not."""

CLASSES = ("label", "gold_label", "gold", "class")
"""The columns that may hold the class."""

READERS: splits.Readers = records.READERS | {".txt": records.read_tsv}
"""End of a file's name -> its reader; SNLI and MultiNLI call tables `.txt`."""

_NONE = {"", "-"}  # no class: annotators did not agree, or nobody asked them
_NONE_OF_NLI = _NONE | {"-1", "na", "n/a", "nan", "none", "null"}


@dataclass(frozen=True)
class Example:
    """One or two texts, and the number of their class."""

    texts: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class TextSplit:
    """The texts of a split, the name of the class of each, and what was left out or assumed."""

    name: str
    texts: list[tuple[str, ...]]
    classes: list[str]
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    written: frozenset[str] = frozenset()  # the classes as the file has them

    def labels(self) -> set[str]:
        """Return the classes that occur."""
        return set(self.classes)

    def examples(self, names: Sequence[str]) -> list[Example]:
        """Return the examples, classes numbered as in `names`. Raises `NeutralError` for a class that `names` lacks."""
        number = {name: i for i, name in enumerate(names)}
        if unknown := sorted(self.labels() - set(number)):
            raise NeutralError(f"{self.name} has labels that the training data has not: {', '.join(unknown[:5])}")
        return [Example(text, number[label]) for text, label in zip(self.texts, self.classes, strict=True)]

    def lines(self) -> list[str]:
        """Return one line for each example that holds all of it, for a digest."""
        return ["\t".join((label, *texts)) for texts, label in zip(self.texts, self.classes, strict=True)]

    def reading(self) -> Reading:
        """What came of reading the split."""
        names = ("premise", "hypothesis") if len(self.texts[0]) > 1 else ("text",)
        first = {**dict(zip(names, self.texts[0], strict=True)), "label": self.classes[0]}
        return Reading(
            "examples", len(self.texts), self.left_out, added(Counter(self.classes)), None, first, self.notes
        )

    def at(self, places: Iterable[int]) -> TextSplit:
        """Return the examples at some places."""
        places = list(places)
        return replace(self, texts=[self.texts[i] for i in places], classes=[self.classes[i] for i in places])


@dataclass(frozen=True)
class Data:
    """A data set: the names of its classes, examples to train on and to score, and what was left out by split."""

    name: str
    labels: list[str]
    train: list[Example]
    validation: list[Example]
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def load(source: str | Path) -> Data:
    """Load a data set from a folder or, if no folder has that name, from the hub (package `datasets`).

    Raises the errors of `read`, and `NeutralError` for fewer than two classes.
    """
    train, validation = read(source)
    names = classes([train])
    left_out = {"train": train.left_out, "validation": validation.left_out}
    return Data(str(source), names, train.examples(names), validation.examples(names), left_out)


def read(source: str | Path) -> tuple[TextSplit, TextSplit]:
    """Read the training split of a data set, and the one to score: `validation`, else the next of `splits.HELD_OUT`.

    Raises `FileError` / `NeutralError`, naming the split, for a split that is missing, and as `of` does.
    """
    train, held = (of("", f"{source}: {name}", frame) for name, frame in splits.tables(source, READERS))
    return train, held


def classes(train: Iterable[TextSplit]) -> list[str]:
    """Return the names of the classes of training splits: numbers by size, then words by alphabet.

    Raises `NeutralError` if there is only one.
    """
    train = list(train)
    labels = {label for split in train for label in split.classes}
    names = sorted(labels, key=lambda name: (float(name) if is_number(name) else 0.0, name))
    if len(names) < 2:
        raise NeutralError(f"{train[0].name} has one class only ({names[0]}); there is nothing to tell apart")
    return names


def of(task: str, name: str, frame: pd.DataFrame, renamed: Mapping[str, str] | None = None) -> TextSplit:
    """Return the examples of a split's rows; `renamed` maps classes to what they are called here.

    Rows without a text or a class are left out, and counted. In `nli` -1 is no class; elsewhere it may be one beside
    other numbers (`splits.tables`).

    Raises `NeutralError`, naming the split, for columns that are missing or hold lists or objects, if no row is left,
    and for labels that are fractions.
    """
    columns = {str(column).strip().lower(): column for column in reversed(frame.columns)}
    texts = next((names for names in TEXTS if set(names) <= set(columns)), None)
    label = next((column for column in CLASSES if column in columns), None)
    existing = ", ".join(map(str, frame.columns))
    if texts is None:
        expected = "premise and hypothesis, sentence1 and sentence2, text, …, named in a file's first line"
        raise NeutralError(f"{name} has no column of texts ({expected}); it has {existing}")
    if label is None:
        raise NeutralError(f"{name} has no column label ({', '.join(CLASSES)}); it has {existing}")
    left_out: Counter[str] = Counter(records.told(frame))
    none = _NONE_OF_NLI if task == NLI else _NONE
    pairs, labels, written = [], [], set()
    rows = frame[[*(columns[column] for column in texts), columns[label]]]
    if odd := next(
        (str(column) for column in rows if any(isinstance(c, (list, dict, np.ndarray)) for c in rows[column])), ""
    ):
        raise NeutralError(f"{name}: {odd} holds lists or objects in place of texts")
    for *cells, given in rows.itertuples(index=False, name=None):
        own = _class(name, "" if _is_missing(given) else str(given).strip())
        written.add(own)
        own = renamed.get(own, own) if renamed else own
        if any(_is_missing(cell) or not str(cell).strip() for cell in cells):
            left_out["no text"] += 1
        elif own.lower() in none:
            left_out[f"no class ({own})" if own else "no class"] += 1
        else:
            pairs.append(tuple(map(str, cells)))
            labels.append(own)
    if not pairs or left_out["no text"] > MOST_BAD * len(frame):
        raise NeutralError(f"{name} has no rows" + (f" to use, or too few: {listed(left_out)}" if left_out else ""))
    return TextSplit(
        name, pairs, labels, added(left_out), tuple(frame.attrs.get(records.NOTES, ())), frozenset(written)
    )


def is_number(text: str) -> bool:
    """Whether a label is a number."""
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _is_missing(cell: object) -> bool:
    return cell is None or (isinstance(cell, float) and cell != cell)


def _class(name: str, text: str) -> str:
    """Return the name of a class: 1, 1.0 and "1" are one."""
    if not is_number(text):
        return text
    if float(text) != int(float(text)):
        raise NeutralError(f"{name}: label {text} is a fraction; classes are names or whole numbers")
    return str(int(float(text)))
