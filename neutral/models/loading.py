"""Load a tokenizer, and a model with the head that a task takes."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from neutral.errors import NeutralError
from neutral.models.reading import from_pretrained

_HEADS = {
    "mlm": AutoModelForMaskedLM,
    "clm": AutoModelForCausalLM,
    "seq2seq": AutoModelForSeq2SeqLM,
    "classification": AutoModelForSequenceClassification,
    "tagging": AutoModelForTokenClassification,
    "answering": AutoModelForQuestionAnswering,
    "base": AutoModel,
}


def load_tokenizer(source: str | Path, **options: object) -> PreTrainedTokenizerBase:
    """Load a tokenizer from a hub id or a folder."""
    return from_pretrained(AutoTokenizer, source, **options)


def load_model(
    source: str | Path, head: str = "mlm", *, dtype: torch.dtype = torch.float32, **options: object
) -> PreTrainedModel:
    """Load a model with a head: mlm | clm | seq2seq | classification | tagging | answering | base.

    Raises `NeutralError` naming the source if it is no model, or has no such head.
    """
    if head not in _HEADS:
        raise NeutralError(f"{source}: no such head: {head}; there are {', '.join(_HEADS)}")
    return from_pretrained(_HEADS[head], source, dtype=dtype, **options)


def load_seeded(source: str | Path, head: str, seed: int, **options: object) -> tuple[PreTrainedModel, frozenset[str]]:
    """Load a model as `load_model` does, and draw the weights that the checkpoint lacks from `seed`.

    Return the model and the names of these weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, loading_info = load_model(source, head, output_loading_info=True, **options)
    return model, frozenset(loading_info["missing_keys"])
