"""Sums of table entries over the codes of a row (the asymmetric distances of Jégou et al. 2011): no row is rebuilt."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch

from neutral.compression.kernels import threads
from neutral.compression.kernels.part import Part
from neutral.compression.packing import places

_ROWS = 4096  # a task's


def sums(part: Part, widths: np.ndarray, table: torch.Tensor) -> torch.Tensor:
    """Return, for each row, the sum of the entries that its codes name: float32 (n,).

    `widths` (m,) are the bits of the codes of a row, packed as by `packing.pack`; `table` (Σ 2^width,) float32 holds
    the entries of the first code, then those of the second, and so on. The same bits for any number of threads.
    """
    first_byte, shift = places(widths)
    entries = 1 << widths
    columns = [
        torch.from_numpy(column.astype(np.int32))
        for column in (first_byte, shift.astype(np.int64) + 8, entries - 1, np.cumsum(entries) - entries)
    ]
    run, out = _compiled(), torch.empty(len(part.ids))
    done, table = 0, table.contiguous()
    for piece in part.readable():
        count = len(piece.ids)
        after = (*(column.data_ptr() for column in columns), table.data_ptr(), out[done:].data_ptr())
        threads.share(
            partial(run, piece.data.data_ptr(), piece.stride, start, min(start + _ROWS, count), len(widths), *after)
            for start in range(0, count, _ROWS)
        )
        done += count
    return out


@cache
def _compiled() -> Callable[..., None]:
    from neutral.compression.kernels import loops, machine  # LLVM: a tenth of a second, for those who need it

    return machine.compiled(loops.lookups())
