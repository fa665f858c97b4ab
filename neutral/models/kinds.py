"""What a model is, from its configuration: encoder, decoder or encoder-decoder; class names do not decide.

XLM's and Flaubert's masked language models are called `…WithLMHeadModel` as GPT-2's is, and BERT is a decoder once its
configuration says so. Whether a network really reads forward only is tried on it when it is loaded (`checks`).
"""

from __future__ import annotations

from pathlib import Path

from torch import nn
from transformers import PreTrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
)

from neutral.errors import NeutralError
from neutral.models.reading import configuration

_MULTIMODAL = {*MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES, *MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES}
_DECODER_IF_SAID = ("bert-generation",)  # has a causal head only, and is an encoder without it


def text_config(config: PreTrainedConfig) -> PreTrainedConfig:
    """Return the configuration of the text model: its own of a multimodal model, else `config`."""
    return config if config.is_encoder_decoder else config.get_text_config()


def is_multimodal(config: PreTrainedConfig) -> bool:
    """Whether a model reads more than text: its configuration holds one of its text model."""
    return text_config(config) is not config


def stack(model: nn.Module | PreTrainedConfig) -> str:
    """Return the only stack of a model, encoder | decoder; "" for an encoder-decoder, which has both.

    A decoder reads forward: a token's state knows only of the tokens before it. Takes a configuration, or a model; a
    module without a configuration has "" too.
    """
    config = getattr(model, "config", model)
    if not isinstance(config, PreTrainedConfig):
        return ""
    text = text_config(config)
    if config.is_encoder_decoder or text.is_encoder_decoder:
        return ""
    return "decoder" if _reads_forward(text, config.model_type) else "encoder"


def natural_task(source: str | Path, **options: object) -> str:
    """Return mlm for an encoder, clm for a decoder, seq2seq for an encoder-decoder.

    Raises `NeutralError` naming the source if its model has no such head.
    """
    config = configuration(source, **options)
    task = {"": "seq2seq", "encoder": "mlm", "decoder": "clm"}[stack(config)]
    if task == "mlm" and not {config.model_type, text_config(config).model_type} & {*MODEL_FOR_MASKED_LM_MAPPING_NAMES}:
        raise NeutralError(
            f"{source}: {config.model_type} reads both ways and has no masked language-model head in transformers; "
            "labelled tasks (nli, ner, …) are all that fits it"
        )
    return task


def is_encoder_decoder(source: str | Path, **options: object) -> bool:
    """Whether a model is an encoder-decoder."""
    return not stack(configuration(source, **options))


def natural_scope(source: str | Path, **options: object) -> str:
    """Return the groups of weights that a cut compares: stack for an encoder-decoder, as in the paper; else global."""
    return "stack" if is_encoder_decoder(source, **options) else "global"


def _reads_forward(config: PreTrainedConfig, whole: str) -> bool:
    """Whether a text model's configuration makes it causal; `whole` is the type of the model that it is part of."""
    kind = config.model_type
    says = bool(getattr(config, "is_decoder", False) or getattr(config, "causal", False))
    if getattr(config, "is_causal", True) is False:
        return False
    if (
        getattr(config, "use_bidirectional_attention", None) in (True, "all")
        or getattr(config, "attn_type", "") == "bi"
    ):
        return False
    if kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES or kind in _DECODER_IF_SAID:
        return says
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or says:
        return True
    writes = "past_key_values" in (getattr(config, "keys_to_ignore_at_inference", None) or ())
    return writes or bool({whole, kind.removesuffix("_model").removesuffix("_text")} & _MULTIMODAL)
