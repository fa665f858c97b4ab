"""What of a model is compressed, and which other tables and matrices stay as they are."""

from __future__ import annotations

from math import prod

from torch import nn

from neutral.compression.placement import embedding
from neutral.models.inventory import Group, Inventory
from neutral.models.prunable import OUTSIDE, candidates


def inventory(model: nn.Module) -> Inventory:
    """Return the token table as what is taken, and every other parameter of two or more dimensions as what is left.

    What is in the repeated blocks is left as one group; what is outside, as other tables, by name.

    Raises `NeutralError` for a model without an embedding of tokens.
    """
    table = embedding(model).weight
    blocks, others = [], []
    for each in candidates(model):
        if each.weight is not table:
            (others if each.reason == OUTSIDE else blocks).append(each)
    left = [Group(each.name, 1, prod(each.weight.shape), "is not the token table") for each in others]
    if blocks:
        size = sum(prod(each.weight.shape) for each in blocks)
        left.insert(0, Group("the repeated blocks", len(blocks), size, "compress takes the token table only"))
    return Inventory(
        sum(parameter.numel() for parameter in model.parameters()),
        (Group("token table", 1, table.numel()),),
        tuple(left),
    )
