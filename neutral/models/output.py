"""Where a model uses its token table besides looking up rows: heads that multiply with it, and further tables."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel
from transformers.models.deberta.modeling_deberta import DebertaLMPredictionHead
from transformers.models.deberta_v2.modeling_deberta_v2 import DebertaV2LMPredictionHead

MULTIPLIERS = (DebertaLMPredictionHead, DebertaV2LMPredictionHead)
"""Heads that get the embedding itself and multiply with its matrix; they have no output layer of their own."""


def multiplier(model: nn.Module) -> nn.Module | None:
    """Return the head of a model that multiplies with the matrix of its embedding (`MULTIPLIERS`); None if it has none.

    What it multiplies is the output of its `LayerNorm`, and its `bias` (V,) is added. `get_output_embeddings` of such
    models returns the dense layer before that.
    """
    return next((module for module in model.modules() if isinstance(module, MULTIPLIERS)), None)


def further_tables(model: PreTrainedModel) -> dict[str, nn.Embedding]:
    """Return name -> embedding of tokens beside the model's token table: those of Gemma 3n and 4 for all layers."""
    table = model.get_input_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding)
        and module.weight is not table.weight
        and (name.endswith("per_layer") or module.num_embeddings == table.num_embeddings)
        and "position" not in name
    }


def per_layer(model: PreTrainedModel) -> tuple[str, nn.Embedding, int] | None:
    """Return name, table and layers L of a model's embeddings for all layers, V × (L · width); None where it has none.

    Gemma 3n and 4: every layer gets a vector of the token's own from it, the columns of its number.
    """
    width = getattr(model.config.get_text_config(), "hidden_size_per_layer_input", None)
    for name, table in further_tables(model).items() if width else ():
        if name.endswith("per_layer") and table.embedding_dim % width == 0:
            return name, table, table.embedding_dim // width
    return None
