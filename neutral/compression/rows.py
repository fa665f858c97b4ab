"""The rows of a token table, how much each counts, and sums over them that run block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch

from neutral.errors import NeutralError

_BLOCK = 8192  # rows at a time
_STRIPES = 6  # of columns; more of them skip more products, and run slower
NOTHING = 1e-6  # a sum of float32 numbers below this share of their sizes is zero but for rounding


@dataclass(frozen=True)
class Rows:
    """The rows of a table, their lengths and how much each counts."""

    matrix: torch.Tensor  # (V, d) float32
    lengths: torch.Tensor  # (V,)
    shares: torch.Tensor  # (V,) sums to 1; 0 for a row of zeros
    device: torch.device  # where the sums run

    @classmethod
    def of(cls, matrix: torch.Tensor, weights: torch.Tensor | None, device: torch.device | str | None) -> Rows:
        """Measure the rows of `matrix` (V, d), which count by `weights` (V,); `device` None is the matrix's own.

        Raises `NeutralError` when no row counts.
        """
        lengths = torch.linalg.vector_norm(matrix, dim=1)
        counted = (lengths > 0).float() if weights is None else torch.where(lengths > 0, weights, 0.0)
        if not counted.any():
            raise NeutralError("every row of the token table is zero, or weighs nothing")
        shares = counted / float(counted.cpu().double().sum())
        return cls(matrix, lengths, shares, torch.device(device) if device else matrix.device)

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

    def blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Give the rows block by block: their place in the matrix, and the block (n, d) on the device."""
        for start in range(0, len(self.matrix), _BLOCK):
            span = slice(start, min(start + _BLOCK, len(self.matrix)))
            yield span, self.matrix[span].to(self.device)

    def gram(self, factors: torch.Tensor) -> torch.Tensor:
        """Return Σ factor · x xᵀ, float64 (d, d) on the CPU; `factors` (V,) are not negative."""
        width = self.matrix.shape[1]
        total = torch.zeros(width, width, dtype=torch.float64)
        roots = factors.sqrt().to(self.device)
        bounds = [width * i // _STRIPES for i in range(_STRIPES + 1)]
        for span, block in self.blocks():
            scaled = block * roots[span].unsqueeze(1)
            for start, stop in pairwise(bounds):  # on and below the diagonal only: a symmetric matrix
                total[start:, start:stop] += (scaled[:, start:].T @ scaled[:, start:stop]).cpu().double()
        return total.tril() + total.tril(-1).T

    def sum(self, factors: torch.Tensor) -> torch.Tensor:
        """Return Σ factor · x, float64 (d,) on the CPU."""
        parts = [(factors[span].to(self.device) @ block).cpu().double() for span, block in self.blocks()]
        return torch.stack(parts).sum(dim=0)

    def times(self, basis: torch.Tensor) -> torch.Tensor:
        """Return the matrix times `basis` (d, k), float32 (V, k) where the matrix is."""
        products = torch.empty(len(self.matrix), basis.shape[1], device=self.matrix.device)
        basis = basis.to(self.device)
        for span, block in self.blocks():
            products[span] = block @ basis
        return products

    def seen(self, basis: torch.Tensor) -> torch.Tensor:
        """Return ‖Wᵀx‖² of every row, (V,), for an orthonormal basis W (d, k), without ever holding (V, k)."""
        squares = torch.empty_like(self.lengths)
        basis = basis.to(self.device)
        for span, block in self.blocks():
            squares[span] = (block @ basis).square_().sum(dim=1).to(squares.device)
        return squares

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
