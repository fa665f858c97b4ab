"""A model at work on a task: its tokenizer's view of every language's data, and the weights it starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from neutral import lottery, models
from neutral.corpora import Corpus
from neutral.tasks import LanguageModelling, Task


@dataclass
class Subject:
    """A model with its task.

    Attributes:
        model: the model on its device; `origin` are its weights as loaded, a new head included.
        train, held_out: language -> what `Task.items` gives.
    """

    model: PreTrainedModel
    task: Task
    train: dict[str, Sequence]
    held_out: dict[str, Sequence]
    origin: dict[str, torch.Tensor]


def subject(
    source: str,
    task: str,
    corpus: Corpus,
    languages: Sequence[str],
    *,
    length: int = 128,
    held_out: int = 1000,
    device: str = "auto",
    **options: object,
) -> Subject:
    """Load a model with the head that the task takes, and prepare the data of `languages`.

    At most `held_out` items a language are scored. `options` go to the loaders of model and tokenizer.
    """
    tokenizer = models.load_tokenizer(source, **options)
    made = LanguageModelling(task, tokenizer, length=length)
    model = models.load_model(source, made.head, **options).to(models.device(device))
    return Subject(
        model,
        made,
        {code: made.items(corpus.train[code]) for code in languages},
        {code: made.items(corpus.held_out[code])[:held_out] for code in languages},
        lottery.snapshot(model),
    )
