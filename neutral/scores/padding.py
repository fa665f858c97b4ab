"""Padding does not count: a batch that has some is read text by text, each without its own.

Inside a network nothing tells for sure which inputs of a matrix are padding: experts get their tokens sorted, relative
positions are no tokens, and some networks hold the tokens before the texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from neutral.errors import NeutralError

_IGNORED = -100  # torch's label for positions that carry no loss
MASKS = ("attention_mask", "decoder_attention_mask")


def texts(batch: Any, *, answers: bool = False) -> list[Any]:
    """Return a batch as it is if nothing in it is padding, else its texts, each without its own: (1, T) a tensor.

    Padding is where an attention mask (B, T) is 0. Where labels are `answers`, which an encoder-decoder writes, it is
    also `_IGNORED` at their end, which the decoder's own mask will hide. What is no mapping of tensors stays as it is.
    """
    if not isinstance(batch, Mapping):
        return [batch]
    masks = {key: batch[key] for key in MASKS if isinstance(batch.get(key), torch.Tensor) and batch[key].ndim == 2}
    labels = batch.get("labels") if answers and "decoder_attention_mask" not in masks else None
    is_answer = isinstance(labels, torch.Tensor) and labels.ndim == 2
    ends_early = is_answer and bool((labels[:, -1] == _IGNORED).any())
    if not ends_early and not any((mask == 0).any() for mask in masks.values()):
        return [batch]
    count = len(labels) if is_answer else len(next(iter(masks.values())))
    return [_text(batch, masks, place, is_answer) for place in range(count)]


def require_none(model_arguments: Mapping[str, Any]) -> None:
    """Raise `NeutralError` for a forward call whose attention masks tell of padding, or cannot be read."""
    for key in MASKS:
        mask = model_arguments.get(key)
        if mask is not None and (not isinstance(mask, torch.Tensor) or mask.ndim != 2):
            raise NeutralError(f"Wanda needs to know the padding: {key} must be a (batch, tokens) tensor")
        if mask is not None and (mask == 0).any():
            raise NeutralError(f"Wanda reads texts without padding: give batches whose {key} is theirs, by that name")


def _text(batch: Mapping[str, Any], masks: Mapping[str, torch.Tensor], place: int, is_answer: bool) -> dict[str, Any]:
    """Return one text of a batch; a tensor goes by the mask that has its length, a decoder's by the decoder's."""
    text = {}
    for key, tensor in batch.items():
        row = tensor[place : place + 1] if isinstance(tensor, torch.Tensor) and tensor.ndim else tensor
        if key == "labels" and is_answer:
            text[key] = row[:, : max(1, int((row[0] != _IGNORED).sum()))]
            continue
        mask = masks.get("decoder_attention_mask" if key.startswith(("decoder", "labels")) else "attention_mask")
        mask = masks.get("attention_mask") if mask is None else mask
        fits = mask is not None and isinstance(row, torch.Tensor) and row.shape[:2] == (1, mask.shape[1])
        text[key] = row[:, mask[place].bool()] if fits else row
    return text
