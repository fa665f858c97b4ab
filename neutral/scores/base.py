"""The type of scores: a number for every weight, in its shape and on its device."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from neutral.models import experts

Weights = Mapping[str, torch.Tensor]


class Scores(dict[str, torch.Tensor]):
    """Weight name -> float32 tensor, and which weights are stored as (inputs, outputs).

    Attributes
    ----------
    transposed : frozenset of str
        Names of the weights whose output rows are the columns of the tensor, as in the `Conv1D` of GPT-2; `nn.Linear`
        stores (outputs, inputs). Cuts within rows and input norms need to know.
    tokens : weight name -> int
        Of Wanda, how many tokens each expert's matrix saw.
    """

    def __init__(
        self, items: Any = (), *, transposed: Collection[str] = (), tokens: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(items)
        self.transposed, self.tokens = frozenset(transposed), dict(tokens or {})


def transposed(model: nn.Module) -> frozenset[str]:
    """Return the names of the weights that the model stores as (inputs, outputs)."""
    names = (name for name, module in model.named_modules() if isinstance(module, Conv1D))
    layers = {f"{name}.weight" if name else "weight" for name in names}
    return frozenset(layers | {name for name, part in experts.slices(model).items() if part.transposed})
