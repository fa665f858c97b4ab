"""`int8`: one byte a number, and a float16 scale for every group of them (`compression.rounding`)."""

from __future__ import annotations

import torch

from neutral.compression.budget import Budget
from neutral.compression.rounding import Rounded, fit_rounded


class Int8(Rounded):
    """One byte a number."""

    method, bits, group = "int8", 8, None


def fit_int8(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    group: int | None = None,
) -> Int8:
    """Round `matrix` (V, d) to 8 bits with a float16 scale for every `group` numbers of a row, or for the row (None).

    More numbers share a scale where the ratio needs it. Nothing is random and rows are rounded one by one: `weights`
    and `seed` change nothing. Raises `NeutralError` for a ratio by parameters or above the one that 8 bits reach, and
    for numbers that no float16 scale can hold.
    """
    return fit_rounded(Int8, matrix, budget, group)
