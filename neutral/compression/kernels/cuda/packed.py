"""The rows of a table as the kernels on a GPU read them: classes of rows that are stored alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from neutral.compression.kernels.part import LANES

CODES, BYTES, HALVES = 0, 1, 2
"""How a number is stored: a code of 1 … 8 bits for one of 2^b levels, a signed byte, or a float16 number."""

COLUMNS = 16
"""Numbers of an entry of `Packed.classes`."""

MOST_BITS = 8
_MOST_LEVELS = 2**MOST_BITS
_LARGEST = 32_768.0  # of what a code stands for, and of its product with a scale: float16 holds twice as much


@dataclass(frozen=True)
class Class:
    """Rows that are stored alike, one after the other.

    `data` is a tensor whose memory holds them from byte `first` on, `stride` bytes a row; `count` is how many they are;
    and `groups` (8,) how many groups of eight numbers have at least 1 … 8 bits.
    """

    data: torch.Tensor
    first: int
    stride: int
    count: int
    groups: Sequence[int]


@dataclass(frozen=True)
class Packed:
    """Rows of one table.

    Attributes
    ----------
    width : int
        Numbers a row.
    classes : tensor (c, COLUMNS), int64
        Of each class: the address of its first row, bytes a row, rows, how many rows other classes have before it, 0,
        and how many groups of a row have at least 8, 7, … 1 bits.
    counts : tuple of int (c,)
        Rows of each class.
    levels : tensor (8, 256), float32
        What codes of 1 … 8 bits stand for.
    widths : int
        The sum of 2^b over the bits that occur.
    kind : int
        CODES, BYTES or HALVES.
    order : tensor (V,), int32, optional
        Which token each row is, class by class, ascending within each; without it row i is token i.
    kinds : tensor (V,), optional
        The class of each token; without it there is one class.
    lengths : tensor (V,), optional
        What each token's row is multiplied with.
    scales : tensor (V, s), optional
        A factor for every `segment` groups of a row.
    held : tuple of tensor
        Those whose addresses are in `classes`.
    """

    width: int
    classes: torch.Tensor
    counts: tuple[int, ...]
    levels: torch.Tensor
    widths: int
    kind: int
    order: torch.Tensor | None
    kinds: torch.Tensor | None
    lengths: torch.Tensor | None
    scales: torch.Tensor | None
    segment: int
    held: tuple[torch.Tensor, ...] = field(repr=False)
    _blocks: dict[int, torch.Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        width: int,
        classes: Sequence[Class],
        *,
        kind: int = CODES,
        levels: Mapping[int, torch.Tensor] | None = None,
        order: torch.Tensor | None = None,
        kinds: torch.Tensor | None = None,
        lengths: torch.Tensor | None = None,
        scales: torch.Tensor | None = None,
        segment: int = 1,
    ) -> Packed | None:
        """Return rows of `classes`, of which those that no token has may be empty; `levels` are by bits.

        None if the kernels can't read them: for levels or scales that float16 can't hold, where they would compute
        something else than the plain code. This waits for the GPU; keep what is returned (`Kept`).
        """
        device = classes[0].data.device
        grid, widths, largest = torch.zeros(MOST_BITS, _MOST_LEVELS, device=device), 0, float(2 ** (MOST_BITS - 1))
        if kind == CODES:
            widths = sum(2**b for b in range(1, MOST_BITS + 1) if any(_bits(each, b) for each in classes))
            for b, values in (levels or {}).items():
                grid[b - 1, : len(values)] = values.detach().float()
            largest = float(grid.abs().max())
        else:
            widths = 2**MOST_BITS
        if kind != HALVES and scales is not None and scales.numel():
            largest *= float(scales.detach().float().abs().max())
        if kind != HALVES and not largest <= _LARGEST:
            return None
        entries, rows = np.zeros((len(classes), COLUMNS), dtype=np.int64), 0
        for entry, each in zip(entries, classes, strict=True):
            entry[:4] = each.data.data_ptr() + each.first, each.stride, each.count, rows
            entry[5 : 5 + MOST_BITS] = list(each.groups)[::-1]
            rows += each.count
        return cls(
            width,
            torch.from_numpy(entries).to(device),
            tuple(each.count for each in classes),
            grid,
            widths,
            kind,
            order,
            kinds,
            lengths,
            scales,
            segment,
            tuple(each.data for each in classes),
        )

    @cached_property
    def rows(self) -> int:
        """V."""
        return sum(self.counts)

    @property
    def groups(self) -> int:
        """Groups of eight numbers a row; the last may reach beyond it."""
        return -(-self.width // LANES)

    def blocks(self, size: int) -> torch.Tensor:
        """Return the class and the first row of blocks of at most `size` rows, int32 (n, 2); kept once made."""
        if size not in self._blocks:
            pairs = [
                np.stack([np.full(-(-count // size), number), np.arange(0, count, size)], axis=1)
                for number, count in enumerate(self.counts)
            ]
            table = torch.from_numpy(np.concatenate(pairs).astype(np.int32))
            self._blocks[size] = table.to(self.classes.device)
        return self._blocks[size]


def _bits(rows: Class, bits: int) -> bool:
    """Whether any number of the rows has exactly so many bits."""
    beyond = rows.groups[bits] if bits < MOST_BITS else 0
    return rows.count > 0 and rows.groups[bits - 1] > beyond


class Kept:
    """What was made of a table's tensors, until these are others.

    A model may be moved, copied or loaded anew, and addresses change with it: so this looks at every tensor.
    """

    def __init__(self) -> None:
        self._key: tuple | None = None
        self._made: object = None

    def get(self, tensors: Mapping[str, torch.Tensor], make):
        """Return `make(tensors)`, made now if the tensors are not those of the last call."""
        key = tuple((name, tensor.data_ptr(), tensor.dtype, tensor.shape) for name, tensor in tensors.items())
        if key != self._key:
            self._made, self._key = make(tensors), key
        return self._made

    def __deepcopy__(self, _memo: dict) -> Kept:
        return Kept()

    def __reduce__(self) -> tuple:
        return Kept, ()
