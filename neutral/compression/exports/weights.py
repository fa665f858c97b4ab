"""What the forms of an export share: weights in another type, and a configuration that ties nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel


def cast(weights: Mapping[str, torch.Tensor], dtype: torch.dtype, but: Collection[str] = ()) -> dict[str, torch.Tensor]:
    """Return a model's weights with its float numbers in another type, except those named in `but`.

    A tensor with several names stays one tensor.
    """
    done: dict[int, torch.Tensor] = {}
    for name, tensor in weights.items():
        same = name in but or not tensor.is_floating_point()
        done.setdefault(id(tensor), tensor.detach() if same else tensor.detach().to(dtype))
    return {name: done[id(tensor)] for name, tensor in weights.items()}


def endings(names: Collection[str], words: int) -> set[str]:
    """Return the last words of names: transformers writes some models under others, that begin otherwise."""
    return {"." + ".".join(name.split(".")[-words:]) for name in names}


def can_untie(model: PreTrainedModel) -> bool:
    """Whether the configuration can say that the output layer is not tied; T5's cannot."""
    return not any(type(config)(tie_word_embeddings=False).tie_word_embeddings for config in _configs(model))


@contextmanager
def declared_untied(model: PreTrainedModel) -> Iterator[bool]:
    """Make the configuration say, within the block, that the output layer is not tied; give False if it cannot."""
    if not can_untie(model):
        yield False
        return
    configs = _configs(model)
    flags = [config.tie_word_embeddings for config in configs]
    for config in configs:
        config.tie_word_embeddings = False
    try:
        yield True
    finally:
        for config, flag in zip(configs, flags, strict=True):
            config.tie_word_embeddings = flag


@contextmanager
def declared(model: PreTrainedModel, quantization: object) -> Iterator[None]:
    """Make the configuration say, within the block, how the token table is stored."""
    model.config.quantization_config = quantization
    try:
        yield
    finally:
        del model.config.quantization_config


def _configs(model: PreTrainedModel) -> list:
    return list({id(config): config for config in (model.config, model.config.get_text_config())}.values())
