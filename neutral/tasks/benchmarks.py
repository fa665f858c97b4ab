"""What a model can be fine-tuned on: a task of GLUE, SQuAD v1.1, or any classification of texts, by its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from neutral import corpora
from neutral.errors import NeutralError
from neutral.languages import language
from neutral.tasks import examples, glue, splits, squad
from neutral.tasks.base import Task
from neutral.tasks.classification import Classification
from neutral.tasks.glue import Glue
from neutral.tasks.squad import Squad

CLASSIFICATION, SQUAD = "classification", "squad"
NAMES = (*glue.TASKS, SQUAD, CLASSIFICATION)


@dataclass(frozen=True)
class Benchmark:
    """Data of a task.

    Attributes
    ----------
    task : str
        One of `NAMES`.
    train : list
        Examples to train on, as the task takes them.
    held_out : split -> list
        Examples to score; "validation", for MNLI "validation_matched" and "validation_mismatched".
    classes : tuple of str
        Of `classification`: the names of the classes.
    left_out : split -> reason -> int
        How many rows were left out.
    language : str
        The language of the texts; "" if it is not known.
    """

    task: str
    train: Sequence[Any]
    held_out: Mapping[str, Sequence[Any]]
    classes: tuple[str, ...] = ()
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    language: str = "en"

    def over(self, tokenizer: PreTrainedTokenizerBase, *, length: int = 128, stride: int = 128) -> Task:
        """Return the task over a tokenizer; `length` is the most tokens of an example, `stride` SQuAD's."""
        if self.task == SQUAD:
            return Squad(tokenizer, length=length, stride=stride)
        if self.task == CLASSIFICATION:
            return Classification(tokenizer, self.classes, length=length)
        return Glue(self.task, tokenizer, length=length)

    def digest(self) -> str:
        """Return 16 hexadecimal digits that change when an example does."""
        return corpora.digest([repr(example) for part in (self.train, *self.held_out.values()) for example in part])


def load(source: str | Path, task: str = "auto") -> Benchmark:
    """Load the data of a task from a folder or the hub.

    Parameters
    ----------
    source : str or Path
        A folder, or the id of a data set of the hub: `nyu-mll/glue:cola`, `rajpurkar/squad`.
    task : str
        One of `NAMES`; "auto" takes the task that the configuration or the folder is named after (`guess`).

    Raises
    ------
    FileError, NeutralError
        For an unknown task, and as `glue.read`, `squad.read` and `examples.load` do.
    """
    name = guess(source) if task == "auto" else glue.name_of(task) or task
    if name not in NAMES:
        raise NeutralError(f"--finetune-task {task}: unknown; there are auto, {', '.join(NAMES)}")
    if name == CLASSIFICATION:
        data = examples.load(source)
        held_out = {"validation": data.validation}
        classes = tuple(data.labels)
        return Benchmark(name, data.train, held_out, classes, _some(data.left_out), language_of(source))
    if name == SQUAD:
        parts = squad.read(source)
        return Benchmark(name, parts.pop("train"), parts)
    if not splits.is_local(source) and ":" not in str(source):
        source = f"{source}:{name}"  # the hub has a configuration for each task
    parts, left_out = glue.read(name, source)
    return Benchmark(name, parts.pop("train"), parts, left_out=_some(left_out))


def _some(left_out: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    """Return the splits of which something was left out."""
    return {split: counts for split, counts in left_out.items() if counts}


def guess(source: str | Path) -> str:
    """Return the task that a folder or data set is named after; `classification` for any other name.

    >>> guess("nyu-mll/glue:mrpc"), guess("data/SST-2"), guess("rajpurkar/squad"), guess("mine")
    ('mrpc', 'sst2', 'squad', 'classification')
    """
    path = Path(str(source))
    name = path.name.rpartition(":")[2]
    if name == "plain_text":  # the one configuration of rajpurkar/squad
        name = path.parent.name
    if name.lower() in ("squad", "squad:plain_text") or (path / "train-v1.1.json").is_file():
        return SQUAD
    return glue.name_of(name) or CLASSIFICATION


def language_of(source: str | Path) -> str:
    """Return the language that a folder or data set of texts is called by; "" for another name.

    >>> language_of("data/tasks/nli/sw"), language_of("facebook/xnli:fr"), language_of("data/reviews")
    ('sw', 'fr', '')
    """
    name = Path(str(source)).name.rpartition(":")[2]
    return name if language(name).glottocode else ""
