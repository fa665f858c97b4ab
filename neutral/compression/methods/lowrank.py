"""Tables of two factors: V × k numbers, one row a token, times a k × d decoder.

`svd` keeps the rows' distances, `direction` their directions: Bałazy et al. (2021, arXiv 2106.08181) train an
auto-encoder for the latter; `subspace` finds the answer from eigenvectors, and says how far from the best it can be.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from neutral.compression.budget import Budget
from neutral.compression.methods.subspace import Rows, leading, reweighted, shifted, stretch
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.ties import SINGLE

LENGTHS = ("keep", "project", "free")


class LowRank(Table):
    """Rank-k factors.

    Tensors: `latents` (V, k), `decoder` (k, d) and, where there is one, `offset` (d,); float32 in a table made to a
    ratio by parameters, float16 in one by bytes.
    """

    parts = ("latents", "decoder", "offset")
    optional = ("offset",)
    trainable = parts

    @property
    def rank(self) -> int:
        """How many numbers a token has."""
        return self.tensors["decoder"].shape[0]

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Table.decode`."""
        rows = tensors["latents"][ids].float() @ tensors["decoder"].float()
        return rows + tensors["offset"].float() if "offset" in tensors else rows

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`; k·(V + d) products a vector instead of V·d."""
        latents, decoder = (tensors[name].to(hidden.dtype) for name in ("latents", "decoder"))
        found = hidden @ decoder.T @ latents.T
        return found + (hidden @ tensors["offset"].to(hidden.dtype)).unsqueeze(-1) if "offset" in tensors else found


class SVD(LowRank):
    """The table of rank k that is nearest in squared error."""

    method = "svd"


class Direction(LowRank):
    """The table of rank k whose rows turn least.

    Settings: `lengths`; and, of the factors before any rounding to float16, `cosine`, the mean cosine distance,
    `bound`, below which it cannot be for any table of that rank, and `affine_bound`, below which it cannot be for
    any with an offset, however trained.
    """

    method = "direction"


def fit_svd(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> SVD:
    """Cut the singular value decomposition of `matrix` (V, d) to the rank that the budget allows.

    Rows count by `weights`. The right singular vectors are the eigenvectors of the d × d Gram matrix, so V may be
    large. The sums run on `device`, where the matrix is if None. Nothing is random: `seed` changes nothing.

    Raises `NeutralError` for a ratio that leaves no rank, and where no row counts.
    """
    rank = budget.rank
    rows = Rows.of(matrix, weights, device)
    basis, _ = leading(rows.gram(rows.shares), rank)
    return SVD(matrix.shape, stored(budget, latents=rows.times(basis), decoder=basis.T))


def fit_direction(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    rounds: int = 6,
    tolerance: float = 1e-4,
    offset: bool = True,
    lengths: str = "keep",
    device: torch.device | str | None = None,
) -> Direction:
    """Find factors of `matrix` (V, d) with the least mean cosine distance, over tokens that count by `weights`.

    A round is a weighted principal component analysis; there are at most `rounds`, fewer once the mean cosine
    distance is within `tolerance` of the least that is possible. Then come at most as many for the `offset`, fewer
    once one gains `tolerance` or less; it is used where the budget has room for it and it helps by more than rounding.

    `lengths` is what rebuilt rows are like. "keep": as long as the rows (unless the offset is longer). "project":
    projections, which have less squared error and are shorter. "free": as long as gives the smallest cosine distance
    that an offset allows, up to three times longer or shorter.

    The sums run on `device`, where the matrix is if None. Nothing is random: `seed` changes nothing.

    Raises `NeutralError` for a ratio that leaves no rank, where no row counts, and for other `lengths` or `rounds`.
    """
    if lengths not in LENGTHS:
        raise NeutralError(f"lengths={lengths!r}: there are {', '.join(LENGTHS)}")
    if rounds < 1:
        raise NeutralError(f"rounds={rounds}: 1 or more")
    rank = budget.rank
    rows = Rows.of(matrix, weights, device)
    found, added = reweighted(rows, rank, rounds=rounds, tolerance=tolerance), None
    cosine = found.cosine
    if offset and budget.has_offset and rank < budget.width:
        other, reached = shifted(rows, found, rounds=rounds, tolerance=tolerance, lengths=lengths)
        if other.square and reached > cosine + SINGLE:
            added, cosine = other, reached
    best = added or found
    latents = rows.times(best.basis).mul_(stretch(rows, best.seen, added, lengths).unsqueeze(1))
    tensors = {"latents": latents, "decoder": best.basis.T} | ({"offset": added.offset} if added else {})
    facts = {"cosine": 1 - cosine, "bound": 1 - found.bound, "affine_bound": 1 - found.affine_bound}
    return Direction(matrix.shape, stored(budget, **tensors), {"lengths": lengths, **facts})


def stored(budget: Budget, **tensors: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the factors as a table keeps them: on one device, float32 by parameters and float16 by bytes.

    Raises `NeutralError` for numbers that float16 cannot hold.
    """
    place = tensors["latents"].device
    tensors = {name: tensor.to(place) for name, tensor in tensors.items()}
    if budget.by == "parameters":
        return tensors
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    if not all(torch.isfinite(half).all() for half in halves.values()):
        raise NeutralError("numbers in the token table are too large for float16 factors; give the ratio by parameters")
    return halves
