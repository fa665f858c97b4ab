"""The type of scores: a number for every weight, in its shape and on its device."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

Weights = Mapping[str, nn.Parameter]


class Scores(dict[str, torch.Tensor]):
    """Weight name -> float32 tensor, and which weights are stored as (inputs, outputs).

    Attributes
    ----------
    transposed : frozenset of str
        Names of the weights whose output rows are the columns of the tensor, as in the `Conv1D` of GPT-2; `nn.Linear`
        stores (outputs, inputs). Cuts within rows and input norms need to know.
    """

    def __init__(self, items: Any = (), *, transposed: Collection[str] = ()) -> None:
        super().__init__(items)
        self.transposed = frozenset(transposed)


def transposed(model: nn.Module) -> frozenset[str]:
    """Return the names of the weights that the model stores as (inputs, outputs)."""
    names = (name for name, module in model.named_modules() if isinstance(module, Conv1D))
    return frozenset(f"{name}.weight" if name else "weight" for name in names)
