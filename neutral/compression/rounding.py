"""Rounded tables: every number of a row is a small integer times a scale that its group of the row shares.

x̂ = s·q, where q is an integer of 8 or 4 bits, −2^(b−1) … 2^(b−1) − 1, and s a float16 number a group. The scale has a
sign: a group's number of largest magnitude falls on the lower end, which reaches one step farther than the upper. With
4 bits it pays to cut that number short. A few such scales are tried, each is fitted to its codes by least squares, and
the one of least squared error is kept (it takes 6 % off the mean cosine distance of mini-mbert's table). With 8 bits
this changes nothing and is left out. A minimum beside the scale would cost as many bytes as groups of half the length,
which are better.

Rows are rounded one by one, so weights of tokens change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from neutral.compression.budget import Budget
from neutral.compression.kernels import products
from neutral.compression.kernels.cuda import products as cuda
from neutral.compression.kernels.cuda.packed import BYTES, CODES, MOST_BITS, Class, Packed
from neutral.compression.kernels.part import LANES, Part, ids_of_all
from neutral.compression.packing import pack, unpack
from neutral.compression.table import Table
from neutral.errors import NeutralError

_CUTS = {8: (1.0,), 4: (1.0, 0.92, 0.84, 0.76, 0.68, 0.60)}  # scales tried, as shares of the one that cuts nothing
_BLOCK = 4096  # rows rounded at a time
_PLACES = 100  # ratios in hundredths


class Rounded(Table):
    """Integers with a scale a group; `settings["group"]` is how many numbers of a row share one.

    `tensors` holds `codes` (V, d) int8, or (V, ⌈d/2⌉) uint8 of two codes each; and `scales` (V, ⌈d/group⌉) float16.
    """

    bits: ClassVar[int]
    group: ClassVar[int | None]  # numbers that share a scale by default; None: all of a row
    parts = ("codes", "scales")

    def decode(self, tensors: dict[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """Return the rows `ids` (n,) as float32 (n, d), rebuilt from `tensors`."""
        if packed := self._on_gpu(tensors, tensors["scales"]):
            return cuda.rows(packed, ids)
        group, width = int(self.settings["group"]), self.shape[1]
        codes = tensors["codes"][ids]
        numbers = (codes if self.bits == 8 else unpack(codes, np.full(width, 4)) - 8).float()
        return numbers * tensors["scales"][ids].float().repeat_interleave(group, dim=1)[:, :width]

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`."""
        if packed := self._on_gpu(tensors, hidden):
            return cuda.logits(packed, hidden, kind=hidden.dtype)
        group, (vocabulary, width) = int(self.settings["group"]), self.shape
        scales = tensors["scales"]
        whole = group == width  # one scale a row, which is its length
        if not products.fits(hidden) or not (whole or (group % LANES == 0 and scales.dtype == torch.float16)):
            return super().logits(tensors, hidden)
        ids = ids_of_all(vocabulary)
        options = {} if whole else {"scales": scales, "segment": group}
        part = Part.of(self.method, width, tensors["codes"], ids, **options)
        lengths = scales.squeeze(1) if whole else torch.ones(()).expand(vocabulary)
        return products.logits([part], hidden, lengths).to(hidden.dtype)

    def packed(self, tensors: Mapping[str, torch.Tensor]) -> Packed | None:
        """See `Codec.packed`; None for groups that share no whole groups of eight numbers."""
        group, (vocabulary, width) = int(self.settings["group"]), self.shape
        codes, scales = tensors["codes"].contiguous(), tensors["scales"].contiguous()
        whole, groups = group == width, -(-width // LANES)
        if not whole and group % LANES:
            return None
        reach = [groups] * self.bits + [0] * (MOST_BITS - self.bits)
        return Packed.of(
            width,
            [Class(codes, 0, codes[:1].nbytes, vocabulary, reach)],
            kind=BYTES if self.bits == MOST_BITS else CODES,
            levels={4: torch.arange(-8, 8)},
            lengths=scales if whole else None,
            scales=None if whole else scales,
            segment=group // LANES or 1,
        )

    @property
    def parameters(self) -> int:
        """How many numbers are stored: V·d codes and the scales."""
        return self.shape[0] * self.shape[1] + self.tensors["scales"].numel()

    @classmethod
    def size(cls, shape: tuple[int, int], group: int) -> int:
        """Return the bytes of a V × d table with a scale for every `group` numbers."""
        vocabulary, width = shape
        return vocabulary * (ceil(width * cls.bits / 8) + 2 * ceil(width / group))

    @classmethod
    def reach(cls, shape: tuple[int, int], *, furthest: bool = False) -> float:
        """Return the method's ratio by bytes on a V × d table with its own groups; `furthest`: with one scale a row.

        It is rounded down to hundredths, so that `fit` accepts it. A higher one costs accuracy.
        """
        vocabulary, width = shape
        group = width if furthest else min(cls.group or width, width)
        return floor(4 * vocabulary * width / cls.size(shape, group) * _PLACES) / _PLACES


def fit_rounded(kind: type[Rounded], matrix: torch.Tensor, budget: Budget, group: int | None) -> Rounded:
    """Round a matrix (V, d) with a scale for every `group` numbers of a row, or for the row (None).

    More numbers share a scale where the ratio needs it. Raises `NeutralError` for a ratio by parameters or above the
    one that the method reaches, and for numbers that no float16 scale can hold.
    """
    group = _group(kind, budget, group)
    largest = float(matrix.abs().max())
    if largest > torch.finfo(torch.float16).max * 2 ** (kind.bits - 1):
        raise NeutralError(
            f"{kind.method}: numbers up to {largest:.3g} in the token table are too large for float16 scales"
        )
    codes, scales = [], []
    for rows in matrix.split(_BLOCK):
        numbers, block_scales = round_groups(_grouped(rows, group), kind.bits)
        numbers = numbers.flatten(1)[:, : budget.width]
        codes.append(numbers.to(torch.int8) if kind.bits == 8 else pack(numbers + 8, np.full(budget.width, 4)))
        scales.append(block_scales)
    tensors = {"codes": torch.cat(codes), "scales": torch.cat(scales)}
    return kind(matrix.shape, tensors, {"group": group})


def _group(kind: type[Rounded], budget: Budget, group: int | None) -> int:
    """Return how many numbers share a scale: `group`, or more of them where the ratio needs it."""
    shape = (budget.vocabulary, budget.width)
    if group is not None and group < 1:
        raise NeutralError(f"{kind.method}: a group has 1 number or more; got {group}")
    if budget.by != "bytes":
        raise NeutralError(
            f"{kind.method} reaches {kind.reach(shape, furthest=True):g} by bytes on this table; it stores as many "
            "numbers as the full one, so give its ratio by bytes"
        )
    group = min(group or budget.width, budget.width)
    while kind.size(shape, group) > budget.bytes:
        if group == budget.width:
            raise NeutralError(
                f"{kind.method} reaches {kind.reach(shape, furthest=True):g} by bytes on this table; got ratio "
                f"{budget.ratio:g}"
            )
        group = min(2 * group, budget.width)
    return group


def _grouped(rows: torch.Tensor, group: int) -> torch.Tensor:
    """Return rows (n, d) as (n, ⌈d/group⌉, group), zeros after the last number; a zero is rounded without error."""
    count = ceil(rows.shape[1] / group)
    return F.pad(rows, (0, count * group - rows.shape[1])).reshape(len(rows), count, group)


def round_groups(groups: torch.Tensor, bits: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return integers as float32 (n, g, m) and their scales, float16 (n, g), of float32 groups (n, g, m).

    A group of zeros gets the scale 0.
    """
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))
    best_codes = least_error = best_scale = None
    for cut in _CUTS[bits]:
        trial_scale = _storable(largest * cut / low)
        codes = _codes(groups, trial_scale, low, high)
        if bits == 4:
            trial_scale = _storable((codes * groups).sum(-1, keepdim=True) / codes.square().sum(-1, keepdim=True))
            codes = _codes(groups, trial_scale, low, high)
        error = (groups - codes * trial_scale).square().sum(-1, keepdim=True)
        if best_codes is None:
            best_codes, least_error, best_scale = codes, error, trial_scale
        else:
            better = error < least_error
            best_codes = torch.where(better, codes, best_codes)
            least_error = torch.where(better, error, least_error)
            best_scale = torch.where(better, trial_scale, best_scale)
    return best_codes, best_scale.squeeze(-1).half()


def _storable(scale: torch.Tensor) -> torch.Tensor:
    """Return the scales rounded to float16, as float32; 0 where there is none (0 / 0)."""
    return scale.nan_to_num(0.0).half().float()


def _codes(groups: torch.Tensor, scale: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Return the nearest integers; 0 under a scale of 0."""
    return (groups / torch.where(scale == 0, torch.inf, scale)).round_().clamp_(low, high)
