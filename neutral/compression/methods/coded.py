"""What methods that store a code of a few bits for each number ask of a table."""

from __future__ import annotations

import torch

from neutral.compression.budget import Budget
from neutral.errors import NeutralError


def nonzero_rows(method: str, matrix: torch.Tensor, budget: Budget, metric: torch.Tensor | None) -> torch.Tensor:
    """Return which rows of a table (V, d) are not zero, bool (V,).

    Raises `NeutralError` for a ratio by parameters, a `metric` that is not (d, d), and a table of zeros.
    """
    width = matrix.shape[1]
    if budget.by != "bytes":
        raise NeutralError(f"{method} stores a code for every number, however few bits it takes; give a ratio by bytes")
    if metric is not None and tuple(metric.shape) != (width, width):
        raise NeutralError(f"metric: must be {width} × {width}; got {tuple(metric.shape)}")
    nonzero = ~(matrix == 0).all(dim=1)
    if not nonzero.any():
        raise NeutralError("every row of the token table is zero")
    return nonzero
