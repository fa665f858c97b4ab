"""Which weights can be pruned: the 2-D weights of linear layers inside the repeated blocks, and a BERT pooler.

They are found by walking the model, so a new architecture needs no table.
"""

from __future__ import annotations

from torch import nn
from transformers.pytorch_utils import Conv1D

from neutral import labels
from neutral.errors import NeutralError


def prunable(model: nn.Module, only: str = "") -> dict[str, nn.Parameter]:
    """Return name -> 2-D weight of every linear layer in the repeated blocks, and of a pooler.

    Weights shared between layers (ALBERT) appear once. `only` takes those of one stack: encoder | decoder.

    Raises `NeutralError` if there are none.
    """
    blocks = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, nn.ModuleList))
    weights: dict[str, nn.Parameter] = {}
    seen: set[int] = set()
    for name, module in model.named_modules():
        inside = name.startswith(blocks) or name.endswith("pooler.dense")
        if inside and isinstance(module, (nn.Linear, Conv1D)) and id(module.weight) not in seen:
            seen.add(id(module.weight))
            weights[f"{name}.weight"] = module.weight
    if not weights:
        raise NeutralError(f"{type(model).__name__}: no linear layers in repeated blocks, so nothing to prune")
    if only:
        weights = {name: weight for name, weight in weights.items() if labels.label(name).stack == only}
        if not weights:
            raise NeutralError(f"--only {only}: {type(model).__name__} has no linear layers there")
    return weights
