"""Group sharing: Aggregate Semantic Grouping (Kavin R V and Goyal 2025, arXiv 2509.17737).

A row is cut into segments; k-means over all tokens' segments at one place finds the "concepts" that tokens share there,
and a token is the list of its concepts. That is product quantization with a codebook a place. The paper then trains the
whole model, and goes to a 200th of the numbers; here nothing is trained, and there is room for shorter segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import torch
from torch.nn import functional as F

from benchmarks.small.rivals.kmeans import kmeans, nearest
from benchmarks.small.rivals.problem import Fitted, Problem, unreachable

_POINTS = 64  # rows a concept that k-means sees
_GAIN = 0.03  # bits a number that a code of twice the bits is worth, as longer vectors pack better


def choose(vocabulary: int, width: int, room: int) -> tuple[int, int]:
    """Return numbers a segment and bits a code that spend most of `room` bytes."""
    best, least = None, float("inf")
    for sub in range(1, min(width, 24) + 1):
        for bits in range(1, 13):
            cells = ceil(width / sub)
            size = vocabulary * ceil(cells * bits / 8) + 2 * 2**bits * cells * sub + 2 * width
            least = min(least, size)
            value = cells * bits / width + _GAIN * torch.tensor(float(bits)).log2().item()
            if size <= room and 2**bits <= vocabulary and (best is None or value > best[0]):
                best = value, sub, bits
    if best is None:
        raise unreachable("ASG", 4 * vocabulary * width, least)
    return best[1:]


def fit(problem: Problem) -> Fitted:
    """Find the concepts and each token's."""
    vocabulary, width = problem.matrix.shape
    sub, bits = choose(vocabulary, width, problem.bytes)
    sample = problem.rows(min(vocabulary, _POINTS * 2**bits), problem.weights)
    books, codes = [], []
    for first in range(0, width, 8 * sub):  # eight places at a time
        place = slice(first, min(first + 8 * sub, width))
        points = _cut(problem.matrix[:, place] - problem.offset[place].float(), sub)
        books.append(kmeans(points[:, sample], 2**bits, problem.draw).half())
        codes.append(nearest(points, books[-1].float()).T)

    def decode(stored: list[torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        places = torch.arange(stored[0].shape[1], device=stored[0].device)
        rows = [tensors["books"][places, part.long()].flatten(1)[:, :width] for part in stored[0].split(8192)]
        return torch.cat(rows).float() + tensors["offset"].float()

    tensors = {"books": torch.cat(books), "offset": problem.offset}
    return Fitted([(torch.cat(codes, dim=1).short(), bits)], tensors, decode, f"{sub} numbers a code of {bits} bits")


def _cut(columns: torch.Tensor, sub: int) -> torch.Tensor:
    """Return columns (V, n) as segments (⌈n / sub⌉, V, sub), zeros beyond."""
    padded = F.pad(columns, (0, -columns.shape[1] % sub))
    return padded.reshape(len(columns), -1, sub).transpose(0, 1).contiguous()
