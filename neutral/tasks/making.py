"""Make a task by its name."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from neutral.errors import NeutralError
from neutral.tasks.base import Task
from neutral.tasks.classification import Classification
from neutral.tasks.language_modelling import LanguageModelling
from neutral.tasks.names import LABELLED, NAMES, NLI, TAGS, TEXT, require
from neutral.tasks.tagging import TokenClassification
from neutral.tasks.text_to_text import TextToText
from neutral.tasks.wording import Wording

__all__ = ["LABELLED", "NAMES", "TEXT", "head", "make", "require"]


def make(
    name: str,
    tokenizer: PreTrainedTokenizerBase,
    *,
    labels: Sequence[str] = (),
    length: int = 128,
    encoder_decoder: bool = False,
    wording: Wording | None = None,
) -> Task:
    """Return a task over a tokenizer: one of `NAMES`; `nli` is text to text on an encoder-decoder, in a wording.

    `labels` are the names of the tags or classes. Raises `NeutralError` for an unknown task, for a labelled task
    without labels, and for another than the usual wording where there is no text to text.
    """
    require(name)
    is_text_to_text = name == NLI and encoder_decoder
    if wording not in (None, Wording()) and not is_text_to_text:
        raise NeutralError("--prompt, --answer: for nli on an encoder-decoder, which reads and writes text")
    if name in TEXT:
        return LanguageModelling(name, tokenizer, length=length)
    if not labels:
        raise NeutralError(f"--task {name}: takes labelled data, and this text has no labels")
    if name in TAGS:
        return TokenClassification(name, tokenizer, labels, length=length)
    if is_text_to_text:
        return TextToText(tokenizer, labels, length=length, wording=wording)
    return Classification(tokenizer, labels, length=length)


def head(name: str, *, encoder_decoder: bool = False) -> str:
    """Return the head that a model takes for a task, as `models.load_model` calls it.

    Raises `NeutralError` for an unknown task.
    """
    require(name)
    if name in TEXT:
        return name
    if name in TAGS:
        return TokenClassification.head
    return (TextToText if encoder_decoder else Classification).head
