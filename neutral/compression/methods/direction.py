"""`direction`: the table of rank k whose rows turn least, by reweighted principal components.

Bałazy et al. (2021, arXiv 2106.08181) train an auto-encoder for it; here the answer comes from eigenvectors, with a
bound on how far from the best it can be.

Of all tables of rank k, a projection P of rank k turns the rows least: with unit rows u and shares w (they sum to 1)
its mean cosine is Σ w‖Pu‖, and no other table whose rows lie in the same subspace has more. Now Σ w √(uᵀQu) is concave
over the matrices 0 ≼ Q ≼ I of trace k, whose corners are the projections (Fan 1949). The conditional gradient
(Frank & Wolfe 1956; steps 2/(t + 2) as in Jaggi 2013) needs, a round, only the k leading eigenvectors of
Σ w u uᵀ/√(uᵀQu): weighted principal components, in which rows that are badly kept count more. The tangent bounds what
any projection can reach, ½ (Σ w √(uᵀQu) + the sum of the k largest eigenvalues), so every fit knows how far from the
best it can be. Rows of k numbers and an offset lie in k + 1 dimensions: k + 1 eigenvalues bound them.

With an offset b orthogonal to the subspace (what the bias of an affine decoder can do), x̂ = b + s·Px. For s = 1 the
same reweighting and a fixed point for b follow from the derivatives of Σ w cos(x, x̂). There are two places to start:
b is what the subspace leaves of the mean row, or the mean row's own direction, which the subspace then goes without.

Sums over rows run in blocks of float32 and are added up in float64, where the eigenvectors are found too.
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
FREE = 3  # times longer or shorter that a row may become where its length is free
_FLOOR = 1e-4  # least uᵀQu that a row counts with: its weight is finite, and the bound holds at any tangent point
_SMALLEST = 1e-30


class Direction(LowRank):
    """The table of rank k whose rows turn least.

    Settings: `lengths`; and, of the factors before any rounding to float16, `cosine`, the mean cosine distance,
    `bound`, below which it cannot be for any table of that rank, and `affine_bound`, below which it cannot be for
    any with an offset, however trained.
    """

    method = "direction"


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


@dataclass(frozen=True)
class Subspace:
    """What the rows are projected on, and what is known about it."""

    basis: torch.Tensor  # (d, k), orthonormal columns
    wider: torch.Tensor  # (d, k + 1), or (d, d): the basis and the next best column
    seen: torch.Tensor  # (V,) ‖Wᵀx‖²
    cosine: float  # mean cosine between rows and their projections
    bound: float  # no table of rank k has a larger mean cosine
    affine_bound: float  # nor has one with an offset than this


@dataclass(frozen=True)
class Shifted:
    """A subspace and a vector orthogonal to it, which is added to every projected row."""

    basis: torch.Tensor  # (d, k), orthonormal columns
    seen: torch.Tensor  # (V,) ‖Wᵀx‖²
    offset: torch.Tensor  # (d,)
    along: torch.Tensor  # (V,) its product with every row
    square: float  # its squared length; 0 for an offset that would be rounding

    @classmethod
    def of(cls, rows: Rows, basis: torch.Tensor, offset: torch.Tensor, seen: torch.Tensor | None = None) -> Shifted:
        """Measure the rows along `basis` (d, k), unless `seen` is known, and along `offset`, float64 (d,)."""
        offset = rows.or_zero(offset)
        single = offset.float()
        along = rows.times(single.unsqueeze(1)).squeeze(1)
        seen = rows.seen(basis) if seen is None else seen
        return cls(basis, seen, single, along, float(offset.square().sum()))


def reweighted(rows: Rows, k: int, *, rounds: int, tolerance: float) -> Subspace:
    """Return the best subspace of k dimensions found in `rounds` rounds, or once it is within `tolerance` of the bound.

    A round costs V·d² for the covariance and V·d·k for the projections.
    """
    inverse = rows.inverse
    square = inverse.square()
    more = min(k + 1, rows.matrix.shape[1])
    wider, _ = leading(rows.gram(rows.shares * square), more)
    seen = rows.seen(wider[:, :k])
    best = rows.mean(seen.sqrt() * inverse), wider, seen
    bounds = torch.ones(2, dtype=torch.float64)
    relaxed = seen * square  # uᵀQu, where Q is an average of projections
    for step in range(rounds):
        roots = relaxed.clamp(min=_FLOOR).sqrt()
        wider, values = leading(rows.gram(rows.shares * square / roots), more)
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


def shifted(rows: Rows, found: Subspace, *, rounds: int, tolerance: float, lengths: str) -> tuple[Shifted, float]:
    """Return the best subspace and offset of `rounds` rounds from the better start, and their mean cosine.

    It ends early with a round that gains `tolerance` or less. `lengths` is how rows will be rebuilt (see `stretch`);
    a round is made for projections, so there is none for "free". Of two that are equal but for rounding the first is
    the best.
    """
    mean = rows.or_zero(rows.sum(rows.shares))
    starts = [
        Shifted.of(rows, found.basis, _apart(mean, found.basis), found.seen),
        Shifted.of(rows, *along(mean, found.wider)),
    ]
    (now, cosine), (other, reached) = ((start, rows.mean(cosines(rows, start, lengths))) for start in starts)
    best = (other, reached) if reached > cosine + SINGLE else (now, cosine)
    now = best[0]
    for _ in range(0 if lengths == "free" else rounds):
        now = _turned(rows, now)
        cosine = rows.mean(cosines(rows, now, lengths))
        gain = cosine - best[1]
        if gain > SINGLE:
            best = now, cosine
        if gain <= tolerance:
            break
    return best


def cosines(rows: Rows, found: Shifted, lengths: str) -> torch.Tensor:
    """Return cos(x, x̂) of every row, (V,), for rows rebuilt as `stretch` says; 0 where one of them is zero."""
    factor = stretch(rows, found.seen, found, lengths)
    rebuilt = (factor.square() * found.seen + found.square).sqrt()
    return torch.where(rebuilt > 0, (found.along + factor * found.seen) / rebuilt, 0.0) * rows.inverse


def stretch(rows: Rows, seen: torch.Tensor, added: Shifted | None, lengths: str) -> torch.Tensor:
    """Return s of x̂ = b + s·Px for every row, (V,), where b is the offset of `added`, or zero.

    "project": 1. "keep": so that x̂ is as long as x; 0 for a row that is shorter than b. "free": so that the cosine is
    largest, which is where x̂ is the projection on P and b together, times something; but x̂ is at most `FREE` times
    as long or as short as x. Without an offset any s gives the same cosine, and "free" is "keep".
    """
    if lengths == "project":
        return torch.ones_like(seen)
    room = rows.lengths.square()
    if added is None or lengths == "keep":
        return _reaching(room, added, seen)
    wanted = torch.where(added.along > 0, added.square / added.along, torch.inf)
    return wanted.clamp(_reaching(room / FREE**2, added, seen), _reaching(room * FREE**2, added, seen))


def _reaching(squares: torch.Tensor, added: Shifted | None, seen: torch.Tensor) -> torch.Tensor:
    """Return s for which x̂ has the squared lengths (V,); 0 where b is too long, and where the projection is zero."""
    room = squares - (added.square if added else 0.0)
    return torch.where(seen > NOTHING**2 * squares, (room.clamp(min=0) / seen).sqrt(), 0.0)


def along(mean: torch.Tensor, wider: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is left of the subspace `wider` (d, k + 1) without the mean row, and the mean row within it."""
    wider = wider.double()
    inside = wider.T @ mean  # (k + 1,)
    others = torch.linalg.qr(inside.unsqueeze(1), mode="complete")[0][:, 1:]  # orthogonal to it, (k + 1, k)
    return (wider @ others).float(), wider @ inside


def _turned(rows: Rows, now: Shifted) -> Shifted:
    """Return the next subspace and offset by the derivatives of Σ w cos(x, b + Px)."""
    n = (now.seen + now.square).clamp(min=_SMALLEST).sqrt()  # ‖x̂‖
    plain = rows.shares * rows.inverse / n
    pulled = plain * (now.along + now.seen) / n.square()
    apart = _without(rows.gram((plain - pulled / 2).clamp(min=0)), now.offset.double())
    basis, _ = leading(apart, now.basis.shape[1])
    divisor = float(pulled.cpu().double().sum())
    offset = _apart(rows.sum(plain), basis)
    some = divisor > NOTHING * float(plain.cpu().double().sum())
    return Shifted.of(rows, basis, offset / divisor if some else 0 * offset)


def _without(covariance: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Return (d, d) with the direction of `vector` (d,) projected out on both sides."""
    unit = torch.nn.functional.normalize(vector, dim=0)
    half = covariance - torch.outer(unit, unit @ covariance)
    return half - torch.outer(half @ unit, unit)


def _apart(vector: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Return the part of `vector` (d,) that is orthogonal to `basis` (d, k)."""
    basis = basis.double()
    return vector - basis @ (basis.T @ vector)
