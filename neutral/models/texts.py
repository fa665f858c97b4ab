"""The text model within a multimodal one: its configuration, its weights under the names of a text-only checkpoint.

Towers for pictures and sound are neither built nor loaded, so that they are not pruned, counted or compared.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from transformers import AutoModelForImageTextToText, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.auto_factory import _BaseAutoModelClass

from neutral.models.kinds import is_multimodal, text_config

_INSIDE = r"(?:model\.)?(?:language_model|text_model|text_encoder|llm)\."  # what names of the text model begin with


def alone(config: PreTrainedConfig, loader: type[_BaseAutoModelClass], options: dict) -> tuple[PreTrainedConfig, dict]:
    """Return the configuration to load a model's text model by, and the loader's options that rename its weights.

    A text-only model, and one whose text model has no class of its own with this head, keeps its configuration.
    """
    text = text_config(config)
    if text is config or type(text) not in loader._model_mapping:
        return config, {}
    if hasattr(config, "tie_word_embeddings"):  # BLIP-2 leaves it to the text model
        text.tie_word_embeddings = config.tie_word_embeddings
    for name, value in options.items():  # those that were meant for the text model
        if hasattr(text, name):
            setattr(text, name, value)
    model = loader._model_mapping[type(text)]
    prefix = (model[0] if isinstance(model, (tuple, list)) else model).base_model_prefix
    renamed = {
        rf"^{_INSIDE}lm_head\.": "lm_head.",
        rf"^{_INSIDE}(?:{prefix}\.)?": f"{prefix}.",
    }
    return text, {"key_mapping": renamed}


def towers(model: PreTrainedModel, unexpected: Collection[str]) -> set[str]:
    """Return the names of weights that belong to no part of a text model: those of a multimodal model's other parts."""
    parts = {_part(name) for name in model.state_dict()}
    return {name for name in unexpected if _part(name) not in parts and not re.match(_INSIDE, name)}


def loader(config: PreTrainedConfig, usual: type, head: str) -> type:
    """Return the loader of a model; of a multimodal one whose text model has no class of its own, that of the whole."""
    if head == "clm" and is_multimodal(config) and type(config) not in usual._model_mapping:
        return AutoModelForImageTextToText
    return usual


def deafen(model: PreTrainedModel) -> None:
    """Take all but the text model out of a multimodal model that was loaded whole, in place: text needs no more."""
    inner = model.base_model
    text = getattr(inner, "language_model", None) or getattr(inner, "text_model", None)
    if text is not None:
        for name, module in list(inner.named_children()):
            if module is not text:
                setattr(inner, name, None)


def _part(name: str) -> str:
    return ".".join(name.split(".")[:2])
