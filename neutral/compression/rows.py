"""The rows of a token table, how much each counts, and sums over them that run block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import torch

from neutral.errors import NeutralError

_BLOCK = 8192  # rows at a time
_STRIPES = 6  # of columns; more of them skip more products, and run slower
_SMALLER = 4096  # where several hands take them
_KEPT = 2**24  # numbers of a table whose products with the directions are kept
NOTHING = 1e-6  # a sum of float32 numbers below this share of their sizes is zero but for rounding

T = TypeVar("T")


@dataclass(frozen=True)
class Rows:
    """The rows of a table, their lengths and how much each counts.

    Given `hands`, blocks of rows are computed in its threads, and what serves every rank of a small table is kept.
    """

    matrix: torch.Tensor  # (V, d) float32
    lengths: torch.Tensor  # (V,)
    shares: torch.Tensor  # (V,) sums to 1; 0 for a row of zeros
    device: torch.device  # where the sums run
    hands: Executor | None = None

    @classmethod
    def of(
        cls,
        matrix: torch.Tensor,
        weights: torch.Tensor | None,
        device: torch.device | str | None,
        hands: Executor | None = None,
    ) -> Rows:
        """Measure the rows of `matrix` (V, d), which count by `weights` (V,); `device` None is the matrix's own.

        Raises `NeutralError` when no row counts.
        """
        lengths = torch.linalg.vector_norm(matrix, dim=1)
        counted = (lengths > 0).float() if weights is None else torch.where(lengths > 0, weights, 0.0)
        if not counted.any():
            raise NeutralError("every row of the token table is zero, or weighs nothing")
        shares = counted / float(counted.cpu().double().sum())
        return cls(matrix, lengths, shares, torch.device(device) if device else matrix.device, hands)

    @cached_property
    def axes(self) -> torch.Tensor:
        """All right singular vectors of the rows as each counts, the largest first, float32 (d, d); computed once."""
        return leading(self.gram(self.shares), self.matrix.shape[1])[0]

    @cached_property
    def directions(self) -> torch.Tensor:
        """Those of the rows at length 1, likewise."""
        return leading(self.gram(self.shares * self.inverse.square()), self.matrix.shape[1])[0]

    @property
    def inverse(self) -> torch.Tensor:
        """1 / length, (V,); 0 for a row of zeros."""
        return torch.where(self.lengths > 0, 1 / self.lengths, 0.0)

    @cached_property
    def _products(self) -> torch.Tensor:
        """The rows along their directions, (V, d)."""
        return self.times(self.directions)

    def seen_first(self, k: int) -> torch.Tensor:
        """Return `seen` of the first k directions."""
        if self.hands and self.matrix.numel() <= _KEPT:
            return self._products[:, :k].square().sum(dim=1)
        return self.seen(self.directions[:, :k])

    def each(self, work: Callable[[slice, torch.Tensor], T]) -> Iterable[T]:
        """Return what `work` makes of every block, in order: of its place in the matrix and its rows (n, d)."""
        size = _SMALLER if self.hands else _BLOCK
        spans = [slice(start, min(start + size, len(self.matrix))) for start in range(0, len(self.matrix), size)]
        over = self.hands.map if self.hands else map
        return over(lambda span: work(span, self.matrix[span].to(self.device)), spans)

    def gram(self, factors: torch.Tensor) -> torch.Tensor:
        """Return Σ factor · x xᵀ, float64 (d, d) on the CPU; `factors` (V,) are not negative."""
        width = self.matrix.shape[1]
        total = torch.zeros(width, width, dtype=torch.float64)
        roots = factors.sqrt().to(self.device)
        stripes = list(pairwise(width * i // _STRIPES for i in range(_STRIPES + 1)))

        def products(span: slice, block: torch.Tensor) -> list[torch.Tensor]:
            """Return those on and below the diagonal only, of a symmetric matrix."""
            scaled = block * roots[span].unsqueeze(1)
            return [(scaled[:, start:].T @ scaled[:, start:stop]).cpu().double() for start, stop in stripes]

        for parts in self.each(products):
            for (start, stop), part in zip(stripes, parts, strict=True):
                total[start:, start:stop] += part
        return total.tril() + total.tril(-1).T

    def sum(self, factors: torch.Tensor) -> torch.Tensor:
        """Return Σ factor · x, float64 (d,) on the CPU."""
        parts = self.each(lambda span, block: (factors[span].to(self.device) @ block).cpu().double())
        return torch.stack(list(parts)).sum(dim=0)

    def times(self, basis: torch.Tensor) -> torch.Tensor:
        """Return the matrix times `basis` (d, k), float32 (V, k) where the matrix is."""
        products = torch.empty(len(self.matrix), basis.shape[1], device=self.matrix.device)
        basis = basis.to(self.device)
        for _ in self.each(lambda span, block: products[span].copy_(block @ basis)):
            pass
        return products

    def seen(self, basis: torch.Tensor) -> torch.Tensor:
        """Return ‖Wᵀx‖² of every row, (V,), for an orthonormal basis W (d, k), without ever holding (V, k)."""
        basis = basis.to(self.device)
        parts = self.each(lambda span, block: (block @ basis).square_().sum(dim=1).to(self.lengths.device))
        return torch.cat(list(parts))

    def mean(self, values: torch.Tensor) -> float:
        """Return Σ share · value."""
        return float((self.shares.cpu().double() * values.cpu().double()).sum())

    def or_zero(self, offset: torch.Tensor) -> torch.Tensor:
        """Return `offset` (d,), or zeros where it is so short beside the rows that it may be rounding."""
        return offset if float(offset.norm()) > NOTHING * self.mean(self.lengths) else torch.zeros_like(offset)


def leading(covariance: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the k leading eigenvectors of (d, d), float32 (d, k), and their eigenvalues (k,); the largest first."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors[:, -k:].flip(1).float().contiguous(), values[-k:].flip(0)
