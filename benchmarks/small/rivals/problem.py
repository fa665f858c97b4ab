"""What a rival is asked, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil

import torch

from neutral.errors import NeutralError


@dataclass(frozen=True)
class Problem:
    """Write `matrix` (V, d) in `bytes`, so that Σ weights_i · e_iᵀ metric e_i of the rows' errors is small.

    All tensors are on one device; `weights` (V,) are positive, `metric` (d, d) is a second moment.
    """

    matrix: torch.Tensor
    weights: torch.Tensor
    metric: torch.Tensor
    bytes: int
    seed: int = 0
    damping: float = 0.01

    @property
    def device(self) -> torch.device:
        """Where all is."""
        return self.matrix.device

    @cached_property
    def draw(self) -> torch.Generator:
        """Random numbers of the seed."""
        return torch.Generator(self.device).manual_seed(self.seed)

    @cached_property
    def offset(self) -> torch.Tensor:
        """The weighted mean row as it is stored, float16 (d,): a kindness to the rivals, which have none."""
        return (self.matrix * (self.weights / self.weights.sum()).unsqueeze(1)).sum(dim=0).half()

    @cached_property
    def guarded(self) -> torch.Tensor:
        """The metric with trace d and a little of the identity, float32 (d, d)."""
        width = self.matrix.shape[1]
        scaled = self.metric.double() / self.metric.double().trace() * width
        return (scaled + self.damping * torch.eye(width, dtype=torch.float64, device=self.device)).float()

    def cost(self, rebuilt: torch.Tensor) -> float:
        """Return the mean of weights_i · e_iᵀ metric e_i."""
        total = 0.0
        for span in torch.arange(len(self.matrix), device=self.device).split(16384):
            error = self.matrix[span] - rebuilt[span]
            total += float((((error @ self.guarded) * error).sum(dim=1) * self.weights[span]).sum())
        return total / float(self.weights.sum())

    def rows(self, count: int, shares: torch.Tensor) -> torch.Tensor:
        """Draw ids of rows in proportion to `shares` (V,): by a search in their sums."""
        sums = shares.double().cumsum(0)
        at = torch.rand(count, generator=self.draw, device=self.device, dtype=torch.float64) * sums[-1]
        return torch.searchsorted(sums, at).clamp(max=len(shares) - 1)


@dataclass(frozen=True)
class Fitted:
    """What a rival stores: `codes`, each (rows of codes, bits of a code), packed row by row; and other `tensors`.

    `decode` rebuilds the table (V, d) from these alone.
    """

    codes: list[tuple[torch.Tensor, int]]
    tensors: Mapping[str, torch.Tensor]
    decode: Callable[[list[torch.Tensor], Mapping[str, torch.Tensor]], torch.Tensor]
    words: str = field(default="")  # how the bytes were spent

    @property
    def bytes(self) -> int:
        """Every stored byte."""
        packed = sum(len(codes) * ceil(codes.shape[1] * bits / 8) for codes, bits in self.codes)
        return packed + sum(tensor.nbytes for tensor in self.tensors.values())

    def matrix(self) -> torch.Tensor:
        """Return the rebuilt table, float32 (V, d)."""
        return self.decode([codes for codes, _ in self.codes], self.tensors)


def unreachable(name: str, full: int, least: float) -> NeutralError:
    """Return the error of a rival that cannot be so small; its largest ratio to `full` bytes is said."""
    return NeutralError(f"{name}: not reachable; at most {full / least:.1f} times smaller")
