"""Make a task by its name."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from neutral.errors import NeutralError
from neutral.tasks import tagging
from neutral.tasks.base import Task
from neutral.tasks.classification import Classification
from neutral.tasks.language_modelling import LanguageModelling
from neutral.tasks.tagging import TokenClassification
from neutral.tasks.text_to_text import TextToText

TEXT = ("mlm", "clm")
"""Tasks that take plain text."""

LABELLED = (*tagging.NAMES, "nli")
"""Tasks that take labelled examples."""

NAMES = TEXT + LABELLED


def require(name: str) -> None:
    """Raise `NeutralError`, naming the option, unless `name` is a task's."""
    if name == "seq2seq":  # the task that an encoder-decoder is made for
        raise NeutralError("--task seq2seq: an encoder-decoder has no language-modelling task; use --task nli")
    if name not in NAMES:
        raise NeutralError(f"--task {name}: unknown; use one of {', '.join(NAMES)}")


def make(
    name: str,
    tokenizer: PreTrainedTokenizerBase,
    *,
    labels: Sequence[str] = (),
    length: int = 128,
    encoder_decoder: bool = False,
) -> Task:
    """Return a task over a tokenizer: one of `NAMES`; `nli` is text to text on an encoder-decoder.

    `labels` are the names of the tags or classes. Raises `NeutralError` for an unknown task, and for a labelled task
    without labels.
    """
    require(name)
    if name in TEXT:
        return LanguageModelling(name, tokenizer, length=length)
    if not labels:
        raise NeutralError(f"--task {name}: takes labelled data, and this text has no labels")
    if name in tagging.NAMES:
        return TokenClassification(name, tokenizer, labels, length=length)
    return _inference(encoder_decoder)(tokenizer, labels, length=length)


def head(name: str, *, encoder_decoder: bool = False) -> str:
    """Return the head that a model takes for a task, as `models.load_model` calls it.

    Raises `NeutralError` for an unknown task.
    """
    require(name)
    if name in TEXT:
        return name
    return TokenClassification.head if name in tagging.NAMES else _inference(encoder_decoder).head


def _inference(encoder_decoder: bool) -> type[Classification] | type[TextToText]:
    return TextToText if encoder_decoder else Classification
