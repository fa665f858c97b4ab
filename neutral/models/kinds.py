"""What a model is, from its configuration: encoder, decoder or encoder-decoder."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from neutral.errors import NeutralError
from neutral.models.reading import from_pretrained


def natural_task(source: str | Path, **options: object) -> str:
    """Return mlm for an encoder, clm for a decoder, seq2seq for an encoder-decoder.

    Raises `NeutralError` naming the source if its model has no such head.
    """
    config = from_pretrained(AutoConfig, source, **options)
    if getattr(config, "is_encoder_decoder", False):
        return "seq2seq"
    names = " ".join(config.architectures or [])
    if "CausalLM" in names or "LMHeadModel" in names:
        return "clm"
    if "MaskedLM" in names or config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return "mlm"
    if config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return "clm"
    raise NeutralError(f"{source}: {config.model_type} has neither a masked nor a causal language-model head")


def is_encoder_decoder(source: str | Path, **options: object) -> bool:
    """Whether a model is an encoder-decoder."""
    return bool(getattr(from_pretrained(AutoConfig, source, **options), "is_encoder_decoder", False))


def natural_scope(source: str | Path, **options: object) -> str:
    """Return the groups of weights that a cut compares: stack for an encoder-decoder, as in the paper; else global."""
    return "stack" if is_encoder_decoder(source, **options) else "global"
