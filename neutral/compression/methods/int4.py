"""`int4`: two numbers a byte, and a float16 scale for every group of them (`compression.rounding`)."""

from __future__ import annotations

import torch

from neutral.compression.budget import Budget
from neutral.compression.rounding import Rounded, fit_rounded


class Int4(Rounded):
    """Two numbers a byte."""

    method, bits, group = "int4", 4, 64


def fit_int4(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    group: int | None = Int4.group,
) -> Int4:
    """Round `matrix` (V, d) to 4 bits with a float16 scale for every `group` numbers of a row, or for the row (None).

    All else is as in `fit_int8`.
    """
    return fit_rounded(Int4, matrix, budget, group)
