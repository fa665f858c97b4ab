"""Stored rows of one kind, as the compiled loops read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from neutral.errors import NeutralError

LANES = 8  # numbers decoded at once, as in `lanes`, whose import takes a tenth of a second
_READ = 16  # bytes read from where eight numbers start, at most
_WIDEST = 16  # bits of a number


@dataclass(frozen=True)
class Part:
    """Rows that are stored alike.

    Attributes
    ----------
    kind : str
        How a number is stored; see `lanes.decoder`.
    width : int
        Numbers a row.
    data : tensor (bytes,), uint8
        The rows as stored, one after the other.
    stride : int
        Bytes from row to row.
    ids : tensor (n,), int32
        Which token each row is.
    levels : tensor (2^b,), optional
        What codes stand for.
    scales : tensor (n, s), float16, optional
        A factor for every `segment` numbers of a row.
    segment : int
        A multiple of eight, or the width.

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

    def __post_init__(self) -> None:
        count, segments = len(self.ids), -(-self.width // self.segment)
        tensors = [self.data, self.ids, self.levels, self.scales]
        sound = (
            all(tensor.device.type == "cpu" for tensor in tensors if tensor is not None)
            and len(self.data) >= count * self.stride
            and self.ids.dtype == torch.int32
            and (self.levels is None or self.kind == f"levels{(len(self.levels) - 1).bit_length()}")
            and (self.scales is None or (self.scales.shape, self.scales.dtype) == ((count, segments), torch.float16))
        )
        if not sound:
            raise NeutralError(f"the tensors of the table's rows ({self.kind}) do not fit together")

    @classmethod
    def of(cls, kind: str, width: int, codes: torch.Tensor, ids: torch.Tensor, **options: object) -> Part:
        """Return the rows `codes` (n, …) of any type; they are not copied where they lie one after the other."""
        data = codes.detach().contiguous().view(-1).view(torch.uint8)
        return cls(kind, width, data, codes[:1].nbytes, ids, **options)

    @property
    def groups(self) -> int:
        """Groups of eight numbers a row; the last may reach beyond it."""
        return -(-self.width // LANES)

    @property
    def table(self) -> torch.Tensor:
        """The levels in float32, repeated to at least eight: three bits of a code are looked at."""
        levels = torch.zeros(1) if self.levels is None else self.levels.detach().float()
        return levels.repeat(-(-LANES // len(levels))).contiguous()

    def readable(self) -> Iterator[Part]:
        """Yield the rows in one or two parts: the last are copied where a read would reach beyond the bytes."""
        reach = self.groups * _WIDEST + _READ
        inside = min(max((len(self.data) - reach) // self.stride, 0), len(self.ids))
        if inside:
            yield self._rows(0, inside)
        if inside < len(self.ids):
            last = self._rows(inside, len(self.ids))
            yield replace(last, data=torch.cat([last.data, last.data.new_zeros(reach)]))

    def _rows(self, start: int, stop: int) -> Part:
        scales = None if self.scales is None else self.scales[start:stop]
        return replace(self, data=self.data[start * self.stride :], ids=self.ids[start:stop], scales=scales)
