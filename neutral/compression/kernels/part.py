"""Stored rows of one kind, as the compiled loops read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from neutral.compression.packing import places
from neutral.errors import NeutralError

LANES = 8  # numbers decoded at once, as in `lanes`, whose import takes a tenth of a second
WIDTHS = range(1, 9)  # bits of a code of a level
FALLING, VECTORS = "falling", "vectors"
_READ = 16  # bytes read from where eight numbers start, at most
_WIDEST = 16  # bits of a number
_QUAD = 4  # numbers of a vector that are copied at once


@dataclass(frozen=True)
class Book:
    """Codes of sub-vectors, and the vectors that they stand for.

    Attributes
    ----------
    sub : int
        Numbers of a vector.
    widths : array (m,)
        Bits of each code of a row, packed as by `packing.pack`.
    vectors : tensor (entries, n), float32
        n is `sub` or the next multiple of four, with zeros.
    starts : array (m,)
        Which entry is the first that each code chooses from.
    """

    sub: int
    widths: np.ndarray
    vectors: torch.Tensor
    starts: np.ndarray

    @classmethod
    def of(cls, widths: np.ndarray, books: Sequence[tuple[torch.Tensor, int]]) -> Book:
        """Return that of codebooks (entries, sub), each with how many codes of a row use it, one after the other."""
        sub = books[0][0].shape[1]
        vectors = torch.nn.functional.pad(torch.cat([book.float() for book, _ in books]), (0, -sub % _QUAD))
        firsts = np.cumsum([0, *(len(book) for book, _ in books[:-1])])
        return cls(sub, widths, vectors, np.repeat(firsts, [count for _, count in books]))

    @property
    def kind(self) -> str:
        """That of the rows: vectors of so many numbers are copied."""
        return f"{VECTORS}{self.vectors.shape[1]}"

    def fits(self, width: int, stride: int) -> bool:
        """Whether rows of `stride` bytes have all codes, these as many numbers as a row, and all entries are there."""
        inside = (1 << self.widths) + self.starts <= len(self.vectors)
        return len(self.widths) * self.sub >= width and int(self.widths.sum()) <= 8 * stride and bool(inside.all())

    @property
    def places(self) -> torch.Tensor:
        """Where the codes of a row are, int32 (m, 4): see `stretches.Place`."""
        first_byte, shift = places(self.widths)
        columns = [first_byte, shift.astype(np.int64) + 8, (1 << self.widths) - 1, self.starts]
        return torch.from_numpy(np.stack(columns, axis=1).astype(np.int32))


@dataclass(frozen=True)
class Part:
    """Rows that are stored alike.

    Attributes
    ----------
    kind : str
        How a number is stored; "falling", that of a book, or see `lanes.decoder`.
    width : int
        Numbers a row.
    data : tensor (bytes,), uint8
        The rows as stored, one after the other.
    stride : int
        Bytes from row to row.
    ids : tensor (n,), int32
        Which token each row is.
    levels : tensor (2^b,), optional
        What codes stand for. Of "falling": what `levels_of_all` makes.
    scales : tensor (n, s), float16, optional
        A factor for every `segment` numbers of a row.
    segment : int
        A multiple of eight, or the width.
    reach : tuple of 8 int, optional
        Of "falling": how many of a row's first numbers have codes of at least 1 … 8 bits; the others are zero.
        Multiples of eight, or the width.
    book : Book, optional
        What codes of several numbers stand for.

    Raises
    ------
    NeutralError
        For tensors that do not fit together, or are not on the CPU: the loops check nothing.
    """

    kind: str
    width: int
    data: torch.Tensor
    stride: int
    ids: torch.Tensor
    levels: torch.Tensor | None = None
    scales: torch.Tensor | None = None
    segment: int = LANES
    reach: tuple[int, ...] | None = None
    book: Book | None = None

    def __post_init__(self) -> None:
        count, segments = len(self.ids), -(-self.width // self.segment)
        tensors = [self.data, self.ids, self.levels, self.scales]
        sound = (
            all(tensor.device.type == "cpu" for tensor in tensors if tensor is not None)
            and len(self.data) >= count * self.stride
            and (self.stride > 0 or self.groups == 0)
            and self.ids.dtype == torch.int32
            and self._has_levels
            and (self.scales is None or (self.scales.shape, self.scales.dtype) == ((count, segments), torch.float16))
            and (self.reach is None or falls(self.reach, self.width))
            and (self.reach is not None) == (self.kind == FALLING)
            and (self.book is None) == (not self.kind.startswith(VECTORS))
            and (self.book is None or (self.book.kind == self.kind and self.book.fits(self.width, self.stride)))
        )
        if not sound:
            raise NeutralError(f"the tensors of the table's rows ({self.kind}) do not fit together")

    @property
    def _has_levels(self) -> bool:
        if self.kind == FALLING:
            return self.levels is not None and (len(self.levels), self.levels.dtype) == (_ALL_LEVELS, torch.float32)
        return self.levels is None or self.kind == f"levels{(len(self.levels) - 1).bit_length()}"

    @classmethod
    def of(cls, kind: str, width: int, codes: torch.Tensor, ids: torch.Tensor, **options: object) -> Part:
        """Return the rows `codes` (n, …) of any type; they are not copied where they lie one after the other."""
        data = codes.detach().contiguous().view(-1).view(torch.uint8)
        return cls(kind, width, data, codes[:1].nbytes, ids, **options)

    @property
    def groups(self) -> int:
        """Groups of eight numbers a row that are stored; the last may reach beyond it."""
        if self.book is not None:  # with room for what is copied beyond the last vector
            return -(-(len(self.book.widths) * self.book.sub + _QUAD) // LANES)
        return -(-(self.width if self.reach is None else self.reach[0]) // LANES)

    @property
    def table(self) -> torch.Tensor:
        """The levels, or the vectors of a book, float32; levels are repeated to at least eight (`lanes.decoder`)."""
        if self.book is not None:
            return self.book.vectors
        if self.kind == FALLING:
            return self.levels
        return _repeated(torch.zeros(1) if self.levels is None else self.levels)

    @property
    def layout(self) -> list[int]:
        """Where what is in a row, as `stretches.Walk` reads it.

        Of "falling": first group, end and origin of the codes of 8 … 1 bits. Of a book: codes a row, and bytes from
        vector to vector; the address of the codes' places has to follow.
        """
        if self.book is not None:
            return [len(self.book.widths), 4 * self.book.sub]
        told, group, byte = [], 0, 0
        for bits in reversed(WIDTHS) if self.reach is not None else []:
            stop = -(-self.reach[bits - 1] // LANES)
            told += [group, stop, byte - group * bits]
            byte, group = byte + (stop - group) * bits, stop
        return told

    def readable(self) -> Iterator[Part]:
        """Yield the rows in one or two parts: the last are copied where a read would reach beyond the bytes."""
        reach = max(self.groups * _WIDEST, self.stride) + _READ
        inside = min(max((len(self.data) - reach) // self.stride, 0), len(self.ids)) if self.stride else len(self.ids)
        if inside == len(self.ids):
            yield self
            return
        if inside:
            yield self._rows(0, inside)
        last = self._rows(inside, len(self.ids))
        yield replace(last, data=torch.cat([last.data, last.data.new_zeros(reach)]))

    def _rows(self, start: int, stop: int) -> Part:
        scales = None if self.scales is None else self.scales[start:stop]
        return replace(self, data=self.data[start * self.stride :], ids=self.ids[start:stop], scales=scales)


def ids_of_all(count: int) -> torch.Tensor:
    """Return 0 … `count` - 1, int32."""
    return torch.from_numpy(np.arange(count, dtype=np.int32))  # torch would share this out: see `threads.alone`


def falls(reach: Sequence[int], width: int) -> bool:
    """Whether the loops can walk rows of such a reach: see `Part`."""
    whole = all(stop % LANES == 0 or stop == width for stop in reach)
    return whole and len(reach) == len(WIDTHS) and all(a >= b for a, b in pairwise((width, *reach, 0)))


def levels_of_all(levels: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the levels of 1 … 8 bits one after the other, float32, each repeated to at least eight."""
    return torch.cat([_repeated(each) for each in levels])


def _repeated(levels: torch.Tensor) -> torch.Tensor:
    return levels.detach().float().repeat(-(-LANES // len(levels))).contiguous()


_ALL_LEVELS = sum(max(2**bits, LANES) for bits in WIDTHS)
