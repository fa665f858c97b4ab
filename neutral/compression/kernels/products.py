"""Logits of stored rows: shares rows out over threads, and calls the loop that is compiled for their kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import torch

from neutral.compression.kernels import threads
from neutral.compression.kernels.part import LANES, Part
from neutral.errors import NeutralError

_ROWS = 4096  # a task's
_VECTORS = (1, 4, 8)  # that meet a row at once
_TYPES = (torch.float32, torch.bfloat16, torch.float16)


def fits(hidden: torch.Tensor) -> bool:
    """Whether vectors can be multiplied here: on a processor, in float32 or less, with no gradient to give."""
    wants_gradient = torch.is_grad_enabled() and hidden.requires_grad
    return hidden.device.type == "cpu" and hidden.dtype in _TYPES and not wants_gradient


def logits(parts: Sequence[Part], hidden: torch.Tensor, lengths: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """Return lengths · (rows · hidden) + base.

    Parameters
    ----------
    parts : sequence of Part
        Every row of the table, once.
    hidden : tensor (…, d)
        The vectors, for which `fits` holds.
    lengths : tensor (V,)
        What each row is multiplied with.
    base : tensor (…,)
        What is added to all logits of a vector.

    Returns
    -------
    tensor (…, V), float32
        Added up in float32; the same bits for any number of threads, and of vectors.

    Raises
    ------
    NeutralError
        For parts of another width or number of rows.
    """
    if {part.width for part in parts} != {hidden.shape[-1]} or sum(len(part.ids) for part in parts) != len(lengths):
        raise NeutralError("the table's rows are not as many, or not as wide, as they should be")
    flat = hidden.detach().reshape(-1, hidden.shape[-1])
    count = len(flat)
    vectors = next((size for size in _VECTORS if size >= count), _VECTORS[-1])
    padded = flat.new_zeros(-(-count // vectors) * vectors, -(-flat.shape[1] // LANES) * LANES, dtype=torch.float32)
    padded[:count, : flat.shape[1]] = flat
    out = torch.empty(count, len(lengths))
    lengths = lengths.detach().float().contiguous()
    base = base.detach().float().expand(hidden.shape[:-1]).reshape(-1).contiguous()
    if count:
        readable = [piece for part in parts for piece in part.readable()]
        threads.share(_tasks(readable, vectors, padded, lengths, base, out))
    return out.reshape(*hidden.shape[:-1], len(lengths))


def _tasks(
    parts: list[Part],
    vectors: int,
    hidden: torch.Tensor,
    lengths: torch.Tensor,
    base: torch.Tensor,
    out: torch.Tensor,
) -> Iterator[Callable[[], None]]:
    """Yield calls of the compiled loops that fill `out` (B, V)."""
    for part in parts:
        multiply = _compiled(part.kind, vectors, part.scales is not None)
        ids, table = part.ids.contiguous(), part.table
        scales = None if part.scales is None else part.scales.contiguous()
        before = (part.data.data_ptr(), part.stride)
        after = (
            len(ids) - 1,
            part.groups,
            -(-part.segment // LANES),
            hidden.data_ptr(),
            4 * hidden.shape[1],
            len(out),
            table.data_ptr(),
            0 if scales is None else scales.data_ptr(),
            lengths.data_ptr(),
            base.data_ptr(),
            ids.data_ptr(),
            out.data_ptr(),
            4 * out.shape[1],
        )
        held = (ids, table, scales)  # until the last task is done, as addresses hold nothing
        for first in range(0, len(ids), _ROWS):
            yield partial(_call, held, multiply, *before, first, min(first + _ROWS, len(ids)), *after)


def _call(held: tuple, multiply: Callable[..., None], *arguments: int) -> None:
    multiply(*arguments)


@cache
def _compiled(kind: str, vectors: int, scaled: bool) -> Callable[..., None]:
    from neutral.compression.kernels import loops, machine  # LLVM: a tenth of a second, for those who need it

    return machine.compiled(loops.products(kind, vectors, scaled=scaled, permutes=machine.has_permutations()))
