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
_MANY = 12  # vectors for which rows are unpacked before
_UNPACKED = (1, 4)  # that meet a row at once then
_TYPES = (torch.float32, torch.bfloat16, torch.float16)


def fits(hidden: torch.Tensor) -> bool:
    """Whether vectors can be multiplied here: on a processor, in float32 or less, with no gradient to give."""
    wants_gradient = torch.is_grad_enabled() and hidden.requires_grad
    return hidden.device.type == "cpu" and hidden.dtype in _TYPES and not wants_gradient


def logits(
    parts: Sequence[Part],
    hidden: torch.Tensor,
    lengths: torch.Tensor,
    base: torch.Tensor | None = None,
    inner: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return lengths · (rows · hidden + inner) + base.

    Parameters
    ----------
    parts : sequence of Part
        Every row of the table, once; the ids of each ascend.
    hidden : tensor (…, d)
        The vectors, for which `fits` holds.
    lengths : tensor (V,)
        What each row is multiplied with.
    base, inner : tensor (…,), optional
        What is added to all logits of a vector, and to all before rows have their lengths.

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
    out = torch.empty(len(flat), len(lengths))
    if len(flat):
        added = [torch.zeros(()) if each is None else each.detach().float() for each in (inner, base)]
        added = [each.expand(hidden.shape[:-1]).reshape(-1).contiguous() for each in added]
        readable = [piece for part in parts for piece in part.readable()]
        _multiply(readable, flat, threads.alone(lengths), added, out)
    return out.reshape(*hidden.shape[:-1], len(lengths))


def rows(parts: Sequence[Part], lengths: torch.Tensor, width: int) -> torch.Tensor:
    """Return lengths (n,) · the rows of `parts`, whose ids are the places that they take: float32 (n, d)."""
    lengths = threads.alone(lengths)
    groups = max(-(-width // LANES), *(part.groups for part in parts), 0)
    out = torch.empty(len(lengths), groups * LANES)
    threads.share(_rebuilding([piece for part in parts for piece in part.readable()], lengths, out))
    return out[:, :width]


def _multiply(
    parts: list[Part], hidden: torch.Tensor, lengths: torch.Tensor, added: list[torch.Tensor], out: torch.Tensor
) -> None:
    """Fill `out` (B, V) by loops that decode rows in registers, or to memory where many vectors meet them."""
    groups = max(-(-hidden.shape[1] // LANES), *(part.groups for part in parts))
    plans = [_plan(part, len(hidden)) for part in parts]
    tiles = {vectors: _tiles(hidden, vectors, groups) for vectors, _ in plans}

    def tasks() -> Iterator[Callable[[], None]]:
        for part, (vectors, unpacked) in zip(parts, plans, strict=True):
            run = _compiled("products", part.kind, part.scales is not None, vectors, unpacked)
            call = _calling(run, part, lengths, out.data_ptr())
            call = _with_space(call, part.groups) if unpacked else partial(call, 0)
            vector = (tiles[vectors].data_ptr(), 4 * LANES * groups, len(out), *(each.data_ptr() for each in added))
            yield from (partial(call, *span, *vector, 4 * out.shape[1]) for span in _spans(len(part.ids)))

    threads.share(tasks())


def _plan(part: Part, count: int) -> tuple[int, bool]:
    """Return how many of `count` vectors meet a row at once, and whether rows are unpacked before they do."""
    unpacked = part.book is not None or count >= _MANY
    sizes = _UNPACKED if unpacked else _VECTORS
    return next((size for size in sizes if size >= count), sizes[-1]), unpacked


def _rebuilding(parts: list[Part], lengths: torch.Tensor, out: torch.Tensor) -> Iterator[Callable[[], None]]:
    """Yield tasks that rebuild the rows of parts in `out`."""
    for part in parts:
        run = _compiled("rows", part.kind, part.scales is not None)
        call = _calling(run, part, lengths, out.data_ptr())
        yield from (partial(call, 4 * out.shape[1], *span) for span in _spans(len(part.ids)))


def _calling(run: Callable[..., None], part: Part, lengths: torch.Tensor, out: int) -> Callable[..., None]:
    """Return `run` with all it has to know of a part; to be called with its last argument, the rows, and the others."""
    ids, table = part.ids.contiguous(), part.table
    scales = None if part.scales is None else part.scales.contiguous()
    places = None if part.book is None else part.book.places
    layout = torch.tensor(part.layout + ([] if places is None else [places.data_ptr()]), dtype=torch.int64)
    held = ids, table, scales, places, layout, part.data, lengths  # an address keeps nothing alive

    def call(last: int, first: int, stop: int, *others: int) -> None:
        ids, table, scales, _, layout, data, lengths = held
        stored = (part.groups, -(-part.segment // LANES), layout.data_ptr(), table.data_ptr())
        factors = (0 if scales is None else scales.data_ptr(), lengths.data_ptr())
        run(data.data_ptr(), part.stride, first, stop, *stored, *factors, ids.data_ptr(), out, *others, last)

    return call


def _with_space(call: Callable[..., None], groups: int) -> Callable[..., None]:
    """Return `call` with memory of its own for a block of rows, each time; zeros, for what no row fills is read."""
    from neutral.compression.kernels.loops import BLOCK

    def run(*others: int) -> None:
        space = torch.zeros(BLOCK * groups * LANES)
        call(space.data_ptr(), *others)

    return run


def _spans(count: int) -> Iterator[tuple[int, int]]:
    return ((first, min(first + _ROWS, count)) for first in range(0, count, _ROWS))


def _tiles(hidden: torch.Tensor, vectors: int, groups: int) -> torch.Tensor:
    """Return vectors (B, d), with zeros after them, in tiles (⌈B / vectors⌉, groups, vectors, 8)."""
    count, width = hidden.shape
    tiles = -(-count // vectors)
    padded = F.pad(hidden, (0, groups * LANES - width, 0, tiles * vectors - count))
    return padded.reshape(tiles, vectors, groups, LANES).transpose(1, 2).contiguous()


@cache
def _compiled(loop: str, kind: str, scaled: bool, vectors: int = 0, unpacked: bool = False) -> Callable[..., None]:
    from neutral.compression.kernels import loops, machine  # LLVM: a tenth of a second, for those who need it

    options = {"scaled": scaled, "permutes": machine.has_permutations()}
    if loop == "rows":
        return machine.compiled(loops.rows(kind, **options))
    return machine.compiled(loops.products(kind, vectors, unpacked=unpacked, **options))
