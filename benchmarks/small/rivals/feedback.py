"""Integers of a few bits with error feedback: GPTQ (Frantar, Ashkboos, Hoefler, Alistarh 2022, arXiv 2210.17323).

The numbers of a row are rounded one after the other, and what rounding one costs is taken off from those to come, by
the inverse of the Hessian H: for an output layer the second moment of the vectors that enter it. GPTQ's grid has a
scale a group and one number of bits; here the rows that are used most get a bit more than the others, so that every
byte is used and 1.6 bits a number are reached at all, with 1 and 2 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import torch

from benchmarks.small.rivals.problem import Fitted, Problem, unreachable

_SPANS = (1.0, 0.85, 0.7, 0.6, 0.5, 0.42, 0.35, 0.29, 0.24)  # of the largest number of a group: which scale errs least
_BLOCK = 32768
_MOST = 8


def choose(vocabulary: int, width: int, room: int) -> tuple[int, int, int]:
    """Return numbers a group, bits of a row, and how many rows have a bit more.

    The group is the smallest of a few whose scales take less than an eighth of a bit a number.
    """
    sizes = [size for size in (32, 64, 128, 192, 256, 320, 384, 640) if size <= width] + [width]
    group = next((size for size in sizes if 16 * ceil(width / size) / width <= 0.13), width)
    if 8 * room / (vocabulary * width) < 2.5:
        group = width  # there is no room for more than a scale a row
    scales = 2 * ceil(width / group)
    sizes = [vocabulary * (ceil(width * bits / 8) + scales) + 2 * width + ceil(vocabulary / 8) for bits in range(10)]
    if sizes[1] > room:
        raise unreachable("GPTQ", 4 * vocabulary * width, sizes[1])
    bits = max(bits for bits in range(1, _MOST + 1) if sizes[bits] <= room)
    more = (room - sizes[bits]) // (ceil(width * (bits + 1) / 8) - ceil(width * bits / 8))
    return group, bits, int(min(more, vocabulary)) if bits < _MOST else 0


def fit(problem: Problem, *, feedback: bool = True) -> Fitted:
    """Round the table; without `feedback` each number to the nearest."""
    vocabulary, width = problem.matrix.shape
    group, bits, more = choose(vocabulary, width, problem.bytes)
    wider = torch.zeros(vocabulary, dtype=torch.bool, device=problem.device)
    wider[problem.weights.argsort(descending=True, stable=True)[:more]] = True
    # Upper triangular U with UᵀU = H⁻¹: its rows say how an error spreads over the numbers that follow.
    spread = torch.linalg.cholesky(torch.linalg.inv(problem.guarded.double()), upper=True).float()
    codes, scales = [], torch.empty(vocabulary, ceil(width / group), dtype=torch.float16, device=problem.device)
    for width_of, rows in ((bits, ~wider), (bits + 1, wider)):
        parts = []
        for ids in rows.nonzero()[:, 0].split(_BLOCK):
            part, scales[ids] = _round(problem.matrix[ids] - problem.offset.float(), spread, width_of, group, feedback)
            parts.append(part)
        codes.append((torch.cat(parts) if parts else rows.new_zeros(0, width, dtype=torch.uint8), width_of))
    packed = torch.zeros(ceil(vocabulary / 8), dtype=torch.uint8, device=problem.device)
    places = wider.nonzero()[:, 0]
    packed.index_add_(0, places // 8, (1 << (7 - places % 8)).to(torch.uint8))

    def decode(stored: list[torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        ids = torch.arange(vocabulary, device=tensors["wider"].device)
        which = (tensors["wider"][ids // 8] >> (7 - ids % 8)) & 1
        rebuilt = torch.empty(vocabulary, width, device=ids.device)
        for plus, part in enumerate(stored):
            of = ids[which == plus]
            scale = tensors["scales"][of].float().repeat_interleave(group, dim=1)[:, :width]
            rebuilt[of] = _levels(part.float(), bits + plus) * scale
        return rebuilt + tensors["offset"].float()

    tensors = {"scales": scales, "offset": problem.offset, "wider": packed}
    share = more / vocabulary
    return Fitted(codes, tensors, decode, f"{bits} bits, {share:.0%} of the rows {bits + 1}; groups of {group}")


def _levels(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Return the levels of codes in steps of the scale: -½ and ½ at one bit, -1½ … 1½ at two."""
    return codes - (2**bits - 1) / 2


def _nearest(numbers: torch.Tensor, scale: torch.Tensor, bits: int) -> torch.Tensor:
    return (numbers / scale + (2**bits - 1) / 2).round().clamp(0, 2**bits - 1)


def _scale(numbers: torch.Tensor, importance: torch.Tensor, bits: int) -> torch.Tensor:
    """Return the scale of each row's group (n, 1), as stored, with which rounding to the nearest errs least."""
    top = numbers.abs().amax(dim=1, keepdim=True).clamp(min=1e-6) / (2**bits / 2 - 0.5)
    best, least = top, torch.full_like(top, float("inf"))
    for span in _SPANS:
        scale = (top * span).half().float().clamp(min=6e-8)
        rounded = _levels(_nearest(numbers, scale, bits), bits) * scale
        error = ((rounded - numbers).square() * importance).sum(dim=1, keepdim=True)
        best, least = torch.where(error < least, scale, best), torch.minimum(error, least)
    return best


def _round(
    rows: torch.Tensor, spread: torch.Tensor, bits: int, group: int, feedback: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return codes (n, d) and scales (n, groups) of rows (n, d)."""
    rows, width = rows.clone(), rows.shape[1]
    codes = torch.empty(rows.shape, dtype=torch.uint8, device=rows.device)
    scales = []
    importance = spread.diagonal().square().reciprocal()
    for start in range(0, width, group):
        end = min(start + group, width)
        scale = _scale(rows[:, start:end], importance[start:end], bits)
        scales.append(scale)
        for first in range(start, end, 64):  # later columns hear of a block's errors at once
            last = min(first + 64, end)
            errors = torch.zeros(len(rows), last - first, device=rows.device)
            for j in range(first, last):
                code = _nearest(rows[:, j : j + 1], scale, bits)
                codes[:, j] = code[:, 0].to(torch.uint8)
                if feedback:
                    off = (rows[:, j : j + 1] - _levels(code, bits) * scale) / spread[j, j]
                    rows[:, j:last] -= off * spread[j, j:last]
                    errors[:, j - first] = off[:, 0]
            if feedback:
                rows[:, last:] -= errors @ spread[first:last, last:]
    return codes, torch.cat(scales, dim=1).half()
