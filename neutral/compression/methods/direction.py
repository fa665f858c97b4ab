"""`direction`: the table of rank k whose rows turn least, by reweighted principal components.

Bałazy et al. (2021, arXiv 2106.08181) train an auto-encoder for it; this module finds it from eigenvectors, with a
bound on how far from the best it can be.

Of all tables of rank k, a projection P of rank k turns the rows least: with unit rows u and shares w (they sum to 1)
its mean cosine is Σ w‖Pu‖, and no other table whose rows lie in the same subspace has more. Now Σ w √(uᵀQu) is concave
over the matrices 0 ≼ Q ≼ I of trace k, whose corners are the projections (Fan 1949). A round of the conditional
gradient (Frank & Wolfe 1956; steps 2/(t + 2) as in Jaggi 2013) needs only the k leading eigenvectors of
Σ w u uᵀ/√(uᵀQu): these are weighted principal components, in which rows that are badly kept count more. The tangent
bounds what any projection can reach, ½ (Σ w √(uᵀQu) + the sum of the k largest eigenvalues), so every fit knows how far
from the best it can be. Rows of k numbers and an offset lie in k + 1 dimensions: k + 1 eigenvalues bound them.

With an offset b orthogonal to the subspace (what the bias of an affine decoder can do), x̂ = b + s·Px. For s = 1 the
same reweighting and a fixed point for b follow from the derivatives of Σ w cos(x, x̂). The rounds start from the better
of two offsets: what the subspace leaves of the mean row, or the mean row's own direction, which the subspace then goes
without.

Sums over rows run in blocks of float32 and are added up in float64; the eigenvectors are computed in float64 too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from neutral.compression.budget import Budget
from neutral.compression.methods.lowrank import LowRank, stored
from neutral.compression.rows import NOTHING, Rows, leading
from neutral.errors import NeutralError
from neutral.ties import SINGLE

LENGTHS = ("keep", "project", "free")
ROUNDS = 6
FREE = 3  # how many times longer or shorter a row may become where its length is free
_FLOOR = 1e-4  # least uᵀQu that a row counts with: its weight is finite, and the bound holds at any tangent point
_SMALLEST = 1e-30


class Direction(LowRank):
    """The table of rank k whose rows turn least.

    Its settings are `lengths` and three numbers of the factors before any rounding to float16: `cosine`, the mean
    cosine distance; `bound`, below which no table of that rank can have it; and `affine_bound`, below which none with
    an offset can have it, however trained.
    """

    method = "direction"


def fit_direction(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    rounds: int = ROUNDS,
    tolerance: float = 1e-4,
    offset: bool = True,
    lengths: str = "keep",
    device: torch.device | str | None = None,
    rows: Rows | None = None,
) -> Direction:
    """Find factors of a token table with the least mean cosine distance between its rows and the rebuilt ones.

    Parameters
    ----------
    matrix : tensor (V, d)
        The full table.
    budget : Budget
        It decides the rank, and whether there is room for an offset.
    weights : tensor (V,), optional
        How much each row counts in the mean.
    seed : int
        Changes nothing: nothing is random.
    rounds : int
        Most rounds for the subspace, each a weighted principal component analysis, and most for the offset after them.
    tolerance : float
        The rounds for the subspace end once the mean cosine distance is this near to the least that is possible, those
        for the offset with a round that gains no more than this.
    offset : bool
        Whether to try an offset; it is used where the budget has room for it and it helps by more than rounding.
    lengths : str
        Lengths of the rebuilt rows. "keep": those of the rows (unless the offset is longer). "project": those of the
        projections, which have less squared error and are shorter. "free": those of the smallest cosine distance that
        an offset allows, up to three times longer or shorter.
    device : device, optional
        Where the sums run; by default where the matrix is.
    rows : Rows, optional
        Those of this matrix, weights and device, if they were measured before: what they keep is not computed again.

    Returns
    -------
    Direction
        The table; its settings say how far from the best it can be.

    Raises
    ------
    NeutralError
        For a ratio that leaves no rank, where no row counts, and for other `lengths` or `rounds`.
    """
    if lengths not in LENGTHS:
        raise NeutralError(f"lengths={lengths!r}: there are {', '.join(LENGTHS)}")
    if rounds < 1:
        raise NeutralError(f"rounds={rounds}: 1 or more")
    rank = budget.rank
    rows = rows or Rows.of(matrix, weights, device)
    subspace, shift = reweighted(rows, rank, rounds=rounds, tolerance=tolerance), None
    cosine = subspace.cosine
    if offset and budget.has_offset and rank < budget.width:
        candidate, candidate_cosine = shifted(rows, subspace, rounds=rounds, tolerance=tolerance, lengths=lengths)
        if candidate.square and candidate_cosine > cosine + SINGLE:
            shift, cosine = candidate, candidate_cosine
    best = shift or subspace
    latents = rows.times(best.basis)
    seen = torch.linalg.vector_norm(latents, dim=1).square_()
    latents.mul_(stretch(rows, seen, shift, lengths).unsqueeze(1))
    tensors = {"latents": latents, "decoder": best.basis.T} | ({"offset": shift.offset} if shift else {})
    facts = {"cosine": 1 - cosine, "bound": 1 - subspace.bound, "affine_bound": 1 - subspace.affine_bound}
    return Direction(matrix.shape, stored(budget, **tensors), {"lengths": lengths, **facts})


@dataclass(frozen=True)
class Subspace:
    """The subspace that the rows are projected on, with its mean cosine and the bounds of any other."""

    basis: torch.Tensor  # (d, k), orthonormal columns
    wider: torch.Tensor  # (d, k + 1), or (d, d): the basis and the next best column
    seen: torch.Tensor  # (V,) ‖Wᵀx‖²
    cosine: float  # mean cosine between rows and their projections
    bound: float  # no table of rank k has a larger mean cosine than this
    affine_bound: float  # and none with an offset has a larger one than this


@dataclass(frozen=True)
class Shifted:
    """A subspace and a vector orthogonal to it, which is added to every projected row."""

    basis: torch.Tensor  # (d, k), orthonormal columns
    seen: torch.Tensor  # (V,) ‖Wᵀx‖²
    offset: torch.Tensor  # (d,)
    along: torch.Tensor  # (V,) its product with every row
    square: float  # its squared length; 0 for an offset that would be rounding

    @classmethod
    def of(
        cls,
        rows: Rows,
        basis: torch.Tensor,
        offset: torch.Tensor,
        *,
        seen: torch.Tensor | None = None,
        both: torch.Tensor | None = None,
    ) -> Shifted:
        """Measure the rows along `basis` (d, k) and along `offset`, float64 (d,).

        Not along the basis where `seen` is known, or `both`: what is seen of every row (V,) in basis and offset.
        """
        offset = rows.or_zero(offset)
        offset32, square = offset.float(), float(offset.square().sum())
        along = rows.times(offset32.unsqueeze(1)).squeeze(1)
        if seen is None and both is not None and square:
            seen = (both - along.square() / square).clamp(min=0)
        return cls(basis, rows.seen(basis) if seen is None else seen, offset32, along, square)


def reweighted(rows: Rows, k: int, *, rounds: int, tolerance: float) -> Subspace:
    """Return the best subspace of k dimensions of `rounds` rounds, fewer once it is within `tolerance` of the bound.

    A round costs V·d² for the covariance and V·d·k for the projections.
    """
    inverse = rows.inverse
    square = inverse.square()
    columns = min(k + 1, rows.matrix.shape[1])
    wider = rows.directions[:, :columns].contiguous()
    seen = rows.seen_first(k)
    best = rows.mean(seen.sqrt() * inverse), wider, seen
    bounds = torch.ones(2, dtype=torch.float64)
    relaxed = seen * square  # uᵀQu, where Q is an average of projections
    for step in range(rounds):
        roots = relaxed.clamp(min=_FLOOR).sqrt()
        wider, values = leading(rows.gram(rows.shares * square / roots), columns)
        sums = torch.stack([values[:k].sum(), values.sum()])
        bounds = bounds.minimum((rows.mean(roots) + sums) / 2)
        seen = rows.seen(wider[:, :k])
        cosine = rows.mean(seen.sqrt() * inverse)
        if cosine > best[0] + SINGLE:
            best = cosine, wider, seen
        if bounds[0] - best[0] <= tolerance:
            break
        relaxed += 2 / (step + 2) * (seen * square - relaxed)
    cosine, wider, seen = best
    return Subspace(wider[:, :k].contiguous(), wider, seen, cosine, *bounds.tolist())


def shifted(rows: Rows, subspace: Subspace, *, rounds: int, tolerance: float, lengths: str) -> tuple[Shifted, float]:
    """Return the best subspace and offset of `rounds` rounds from the better start, and their mean cosine.

    A round that gains `tolerance` or less is the last. `lengths` says how rows will be rebuilt (see `stretch`); a round
    is made for projections, so "free" has none. The first of two that are equal but for rounding is the better one.
    """
    mean = rows.or_zero(rows.sum(rows.shares))
    more = rows.times(subspace.wider[:, subspace.basis.shape[1] :]).square().sum(dim=1)
    starts = [
        Shifted.of(rows, subspace.basis, _apart(mean, subspace.basis), seen=subspace.seen),
        Shifted.of(rows, *along(mean, subspace.wider), both=subspace.seen + more),
    ]
    (current, cosine), (second, second_cosine) = ((start, rows.mean(cosines(rows, start, lengths))) for start in starts)
    best = (second, second_cosine) if second_cosine > cosine + SINGLE else (current, cosine)
    current = best[0]
    for _ in range(0 if lengths == "free" else rounds):
        current = _turned(rows, current)
        cosine = rows.mean(cosines(rows, current, lengths))
        gain = cosine - best[1]
        if gain > SINGLE:
            best = current, cosine
        if gain <= tolerance:
            break
    return best


def cosines(rows: Rows, shift: Shifted, lengths: str) -> torch.Tensor:
    """Return cos(x, x̂) of every row, (V,), for rows rebuilt as `stretch` says; 0 where one of them is zero."""
    factor = stretch(rows, shift.seen, shift, lengths)
    rebuilt = (factor.square() * shift.seen + shift.square).sqrt()
    return torch.where(rebuilt > 0, (shift.along + factor * shift.seen) / rebuilt, 0.0) * rows.inverse


def stretch(rows: Rows, seen: torch.Tensor, shift: Shifted | None, lengths: str) -> torch.Tensor:
    """Return s of x̂ = b + s·Px for every row, (V,), where b is the offset of `shift`, or zero.

    "project": 1. "keep": x̂ is as long as x; 0 for a row that is shorter than b. "free": the cosine is largest, where x̂
    is a multiple of the projection on P and b together; but x̂ is at most `FREE` times as long or as short as x. Without
    an offset any s gives the same cosine, and "free" is "keep".
    """
    if lengths == "project":
        return torch.ones_like(seen)
    squares = rows.lengths.square()
    if shift is None or lengths == "keep":
        return _reaching(squares, shift, seen)
    best = torch.where(shift.along > 0, shift.square / shift.along, torch.inf)
    return best.clamp(_reaching(squares / FREE**2, shift, seen), _reaching(squares * FREE**2, shift, seen))


def _reaching(squares: torch.Tensor, shift: Shifted | None, seen: torch.Tensor) -> torch.Tensor:
    """Return the s that give x̂ the squared lengths (V,); 0 where b is too long, and where the projection is zero."""
    room = squares - (shift.square if shift else 0.0)
    return torch.where(seen > NOTHING**2 * squares, (room.clamp(min=0) / seen).sqrt(), 0.0)


def along(mean: torch.Tensor, wider: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the subspace `wider` (d, k + 1) without the mean row, (d, k), and the mean row within it, (d,)."""
    wider = wider.double()
    inside = wider.T @ mean  # (k + 1,)
    complement = torch.linalg.qr(inside.unsqueeze(1), mode="complete")[0][:, 1:]  # orthogonal to it, (k + 1, k)
    return (wider @ complement).float(), wider @ inside


def _turned(rows: Rows, shift: Shifted) -> Shifted:
    """Return the next subspace and offset by the derivatives of Σ w cos(x, b + Px)."""
    norms = (shift.seen + shift.square).clamp(min=_SMALLEST).sqrt()  # ‖x̂‖
    plain = rows.shares * rows.inverse / norms
    pulled = plain * (shift.along + shift.seen) / norms.square()
    outside = _without(rows.gram((plain - pulled / 2).clamp(min=0)), shift.offset.double())
    basis, _ = leading(outside, shift.basis.shape[1])
    divisor = float(pulled.cpu().double().sum())
    offset = _apart(rows.sum(plain), basis)
    is_offset = divisor > NOTHING * float(plain.cpu().double().sum())
    return Shifted.of(rows, basis, offset / divisor if is_offset else 0 * offset)


def _without(covariance: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Return (d, d) with the direction of `vector` (d,) projected out on both sides."""
    unit = torch.nn.functional.normalize(vector, dim=0)
    half = covariance - torch.outer(unit, unit @ covariance)
    return half - torch.outer(half @ unit, unit)


def _apart(vector: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Return the part of `vector` (d,) that is orthogonal to `basis` (d, k)."""
    basis = basis.double()
    return vector - basis @ (basis.T @ vector)
