"""`svd`: the table of rank k that is nearest in squared error (Eckart & Young 1936), the paper's baseline."""

from __future__ import annotations

import torch

from neutral.compression.budget import Budget
from neutral.compression.methods.lowrank import LowRank, stored
from neutral.compression.rows import Rows, leading


class SVD(LowRank):
    """The table of rank k that is nearest in squared error."""

    method = "svd"


def fit_svd(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> SVD:
    """Cut the singular value decomposition of `matrix` (V, d) to the rank that the budget allows.

    The right singular vectors are the eigenvectors of the d × d Gram matrix, so V may be large. Rows count by `weights`
    (V,). The sums run on `device`, or where the matrix is. Nothing is random: `seed` changes nothing.

    Raises `NeutralError` for a ratio that leaves no rank, and where no row counts.
    """
    rank = budget.rank
    rows = Rows.of(matrix, weights, device)
    basis, _ = leading(rows.gram(rows.shares), rank)
    return SVD(matrix.shape, stored(budget, latents=rows.times(basis), decoder=basis.T))
