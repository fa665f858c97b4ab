"""Logits and rows from what is stored: shares rows out over threads, and calls the loops compiled for their kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import torch
from torch.nn import functional as F

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
        Every row of the table, once; the ids of each ascend.
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
    flat = hidden.detach().reshape(-1, hidden.shape[-1]).float()
    lengths = lengths.detach().float().contiguous()
    base = base.detach().float().expand(hidden.shape[:-1]).reshape(-1).contiguous()
    out = torch.empty(len(flat), len(lengths))
    readable = [piece for part in parts for piece in part.readable()]
    if len(flat):
        _multiply(readable, flat, lengths, base, out)
    return out.reshape(*hidden.shape[:-1], len(lengths))


def rows(parts: Sequence[Part], lengths: torch.Tensor, width: int) -> torch.Tensor:
    """Return lengths (n,) · the rows of `parts`, whose ids are the places that they take: float32 (n, d)."""
    lengths = lengths.detach().float().contiguous()
    out = torch.empty(len(lengths), -(-width // LANES) * LANES)
    threads.share(_rebuilding([piece for part in parts for piece in part.readable()], lengths, out))
    return out[:, :width]


def _multiply(
    parts: list[Part], hidden: torch.Tensor, lengths: torch.Tensor, base: torch.Tensor, out: torch.Tensor
) -> None:
    """Fill `out` (B, V) by the loops that decode rows in registers."""
    vectors = next((size for size in _VECTORS if size >= len(hidden)), _VECTORS[-1])
    tiles = _tiles(hidden, vectors)
    after = (tiles.data_ptr(), len(out), base.data_ptr(), 4 * out.shape[1])

    def tasks() -> Iterator[Callable[[], None]]:
        for part in parts:
            run = _compiled("products", part.kind, vectors, part.scales is not None)
            call, last = _calling(run, part, lengths, out.data_ptr()), len(part.ids) - 1
            yield from (partial(call, *span, last, *after) for span in _spans(len(part.ids)))

    threads.share(tasks())


def _rebuilding(parts: list[Part], lengths: torch.Tensor, out: torch.Tensor) -> Iterator[Callable[[], None]]:
    """Yield tasks that rebuild the rows of parts in `out`."""
    for part in parts:
        run = _compiled("rows", part.kind, 0, part.scales is not None)
        call = _calling(run, part, lengths, out.data_ptr())
        yield from (partial(call, *span, 4 * out.shape[1]) for span in _spans(len(part.ids)))


def _calling(run: Callable[..., None], part: Part, lengths: torch.Tensor, out: int) -> Callable[..., None]:
    """Return `run` with all it has to know of a part; to be called with the rows' first and stop, and what is left."""
    ids, table = part.ids.contiguous(), part.table
    scales = None if part.scales is None else part.scales.contiguous()
    held = ids, table, scales, part.data, lengths  # an address keeps nothing alive

    def call(first: int, stop: int, *others: int) -> None:
        ids, table, scales, data, lengths = held
        stored = (part.groups, -(-part.segment // LANES), table.data_ptr(), 0 if scales is None else scales.data_ptr())
        run(data.data_ptr(), part.stride, first, stop, *stored, lengths.data_ptr(), ids.data_ptr(), out, *others)

    return call


def _spans(count: int) -> Iterator[tuple[int, int]]:
    return ((first, min(first + _ROWS, count)) for first in range(0, count, _ROWS))


def _tiles(hidden: torch.Tensor, vectors: int) -> torch.Tensor:
    """Return vectors (B, d), with zeros after them, in tiles (⌈B / vectors⌉, ⌈d / 8⌉, vectors, 8)."""
    count, width = hidden.shape
    groups, tiles = -(-width // LANES), -(-count // vectors)
    padded = F.pad(hidden, (0, groups * LANES - width, 0, tiles * vectors - count))
    return padded.reshape(tiles, vectors, groups, LANES).transpose(1, 2).contiguous()


@cache
def _compiled(loop: str, kind: str, vectors: int, scaled: bool) -> Callable[..., None]:
    from neutral.compression.kernels import loops, machine  # LLVM: a tenth of a second, for those who need it

    options = {"scaled": scaled, "permutes": machine.has_permutations()}
    return machine.compiled(loops.rows(kind, **options) if loop == "rows" else loops.products(kind, vectors, **options))
