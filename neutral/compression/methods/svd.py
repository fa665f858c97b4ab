"""`svd`: the table of rank k that is nearest in squared error (Eckart & Young 1936), the paper's baseline.

The paper's own is not exact: it is scikit-learn's `TruncatedSVD`, which finds the subspace by random projections and a
few power iterations (Halko, Martinsson & Tropp 2011). How many iterations is chosen by perplexity, among 1 to 28 in
the paper's scripts. Given `iterations`, `fit_svd` does the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from neutral.compression.budget import Budget
from neutral.compression.methods.lowrank import LowRank, stored
from neutral.compression.rows import Rows
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.ties import SINGLE


class SVD(LowRank):
    """The table of rank k that is nearest in squared error, or nearly; settings["iterations"] says by how many."""

    method = "svd"


def fit_svd(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    iterations: Sequence[int] = (),
    select: Callable[[Table], float] | None = None,
    device: torch.device | str | None = None,
    rows: Rows | None = None,
) -> SVD:
    """Cut the singular value decomposition of a token table to the rank that the budget allows.

    Parameters
    ----------
    matrix : tensor (V, d)
        The full table. V may be large: the exact right singular vectors are eigenvectors of the d × d Gram matrix.
    budget : Budget
        It decides the rank.
    weights : tensor (V,), optional
        How much each row counts.
    seed : int
        Seed of the random projections; it changes nothing without `iterations`.
    iterations : sequence of int
        Numbers of power iterations of the randomized decomposition that are tried; none: the exact one.
    select : Table -> float, optional
        Called with the table of each number of iterations; the table of the lowest value is returned, the first of
        those that are equal but for rounding. Without it, the one of most iterations.
    device : device, optional
        Where the sums run; by default where the matrix is. The randomized decomposition runs on the CPU.
    rows : Rows, optional
        Those of this matrix, weights and device, if they were measured before: what they keep is not computed again.

    Returns
    -------
    SVD
        Its settings name the number of `iterations`, if it is a randomized one.

    Raises
    ------
    NeutralError
        For a ratio that leaves no rank, where no row counts, and for less than one iteration.

    References
    ----------
    Halko, Martinsson & Tropp (2011), arXiv 0909.4061; Bałazy et al. (2021), arXiv 2106.08181, as the baseline.
    """
    rank = budget.rank
    rows = rows or Rows.of(matrix, weights, device)
    if iterations:
        return _randomized(rows, budget, seed, sorted(set(iterations)), select, weighted=weights is not None)
    basis = rows.axes[:, :rank].contiguous()
    return SVD(matrix.shape, stored(budget, latents=rows.times(basis), decoder=basis.T))


def _randomized(
    rows: Rows,
    budget: Budget,
    seed: int,
    iterations: list[int],
    select: Callable[[Table], float] | None,
    *,
    weighted: bool,
) -> SVD:
    """Return the table of the number of iterations that `select` likes best."""
    from sklearn.decomposition import TruncatedSVD  # importing it takes a second

    if iterations[0] < 1:
        raise NeutralError(f"iterations={iterations[0]}: 1 or more")
    scaled = rows.matrix * rows.shares.sqrt().unsqueeze(1) if weighted else rows.matrix
    numbers = scaled.cpu().numpy()
    best: tuple[float, SVD] | None = None
    for count in iterations if select is not None else iterations[-1:]:
        fitted = TruncatedSVD(budget.rank, n_iter=count, random_state=seed).fit(numbers)
        decoder = torch.from_numpy(fitted.components_)  # (k, d), orthonormal rows
        tensors = stored(budget, latents=rows.times(decoder.T), decoder=decoder)
        table = SVD(rows.matrix.shape, tensors, {"iterations": count})
        score = select(table) if select is not None else math.inf
        if best is None or (score < best[0] and not math.isclose(score, best[0], rel_tol=SINGLE)):
            best = score, table
    return best[1]
