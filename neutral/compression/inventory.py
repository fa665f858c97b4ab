"""What of a model is compressed, and which other tables and matrices stay as they are."""

from __future__ import annotations

from math import prod

from torch import nn

from neutral.compression import TABLES
from neutral.compression.layout import Layout
from neutral.compression.placement import looked_up
from neutral.models.inventory import Group, Inventory
from neutral.models.prunable import OUTSIDE, candidates

TOLD = {TABLES[0]: "token table", TABLES[1]: "embeddings for all layers"}
"""What the tables that are compressed are called."""


def inventory(model: nn.Module, tables: str = TABLES[-1]) -> Inventory:
    """Return some tables (`TABLES`) as what is taken, and other parameters of two or more dimensions as what is left.

    What is in the repeated blocks is left as one group; what is outside, as other tables, by name.

    Raises `NeutralError` for a model without an embedding of tokens, or without the table that is asked for.
    """
    taken = {name: layer.weight for name, layer in looked_up(model, Layout.of(model, tables).tables).items()}
    blocks, others = [], []
    for each in candidates(model):
        if not any(each.weight is table for table in taken.values()):
            (others if each.reason == OUTSIDE else blocks).append(each)
    told = " or the ".join(TOLD[name] for name in taken)
    left = [Group(each.name, 1, prod(each.weight.shape), f"is not the {told}") for each in others]
    if blocks:
        size = sum(prod(each.weight.shape) for each in blocks)
        reason = f"compress takes the {' and the '.join(TOLD[name] for name in taken)} only"
        left.insert(0, Group("the repeated blocks", len(blocks), size, reason))
    return Inventory(
        sum(parameter.numel() for parameter in model.parameters()),
        tuple(Group(TOLD[name], 1, table.numel()) for name, table in taken.items()),
        tuple(left),
    )
