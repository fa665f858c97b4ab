"""What the decoder of an encoder-decoder reads: a text one place to the right, after the decoder's first token."""

from __future__ import annotations

import torch
from torch import nn
from transformers import PreTrainedModel

from neutral.errors import NeutralError
from neutral.tasks.base import IGNORED

GREEDY = {
    "do_sample": False,
    "num_beams": 1,
    "min_length": 0,
    "min_new_tokens": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "bad_words_ids": None,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "repetition_penalty": 1.0,
}
"""Arguments of `generate` that write the likeliest tokens and nothing else.

Checkpoints for translation and summaries come with others: a first token that is forced (mBART, NLLB), a least length.
"""


def first_token(model: PreTrainedModel, text: torch.Tensor) -> int:
    """Return the id with which a decoder begins: what the configuration says, else what the model itself would take.

    `text` (N,) is a text that it is to write: mBART without a setting begins with the last token of that. Raises
    `NeutralError` for a model that says nothing of it.
    """
    for config in (model.config, model.generation_config):
        start = getattr(config, "decoder_start_token_id", None)
        if start is not None:
            return int(start)
    own = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    try:
        if own is not None:
            return int(own(labels=text[None])[0, 0])
        return int(model.config.bos_token_id)
    except (AttributeError, TypeError, ValueError) as error:  # there is none
        raise NeutralError(
            f"{type(model).__name__}: its configuration does not say with which token the decoder begins "
            "(decoder_start_token_id)"
        ) from error


def shifted_right(texts: torch.Tensor, first: int, padding: int) -> torch.Tensor:
    """Return texts (B, N) moved one place to the right, after the token `first`; `IGNORED` becomes `padding`.

    >>> shifted_right(torch.tensor([[7, 8, 1], [9, 1, IGNORED]]), first=0, padding=0)
    tensor([[0, 7, 8],
            [0, 9, 1]])
    """
    moved = nn.functional.pad(texts[:, :-1], (1, 0), value=first)
    return moved.masked_fill(moved == IGNORED, padding)
