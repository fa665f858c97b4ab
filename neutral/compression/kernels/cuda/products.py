"""Calls of the kernels: for one vector by sums in registers, for more by the GPU's matrix units."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec

import numpy as np
import torch

from neutral.compression.kernels.cuda.packed import Packed
from neutral.compression.kernels.part import LANES
from neutral.compression.packing import places
from neutral.errors import NeutralError

FEW = 32
"""Vectors up to which `sums` are worth it."""

_ONE = {"ROWS": 64, "GROUPS": 16, "num_warps": 4}
_REBUILT = {"GROUPS": 32, "num_warps": 1}
_SUMS = {"ROWS": 64, "CODES": 16, "num_warps": 4}
_MANY = {"ROWS": 64, "GROUPS": 16, "num_warps": 4, "num_stages": 1}
_VECTORS = (16, 32, 64, 128)  # a program's
_TYPES = (torch.float32, torch.bfloat16, torch.float16)
_OLDEST = (8, 0)  # compute capability: bfloat16 in hardware


def fits(hidden: torch.Tensor) -> bool:
    """Whether vectors can be multiplied here: on a GPU by CUDA, in float32 or less, with no gradient to give."""
    if hidden.device.type != "cuda" or hidden.dtype not in _TYPES or torch.compiler.is_compiling():
        return False
    return not (torch.is_grad_enabled() and hidden.requires_grad) and _works(hidden.device.index)


def logits(
    packed: Packed, hidden: torch.Tensor, *, base: torch.Tensor | None = None, kind: torch.dtype = torch.float32
) -> torch.Tensor:
    """Return lengths · (rows · hidden) + base.

    Parameters
    ----------
    packed : Packed
        The rows of V tokens.
    hidden : tensor (…, d)
        The vectors, for which `fits` holds; strided as they may be.
    base : tensor (…,), optional
        What is added to all logits of a vector.
    kind : dtype
        Of what is returned. Numbers are added up in float32; in all but a float32 result, several vectors are rounded
        to float16 first.

    Returns
    -------
    tensor (…, V)
        The same bits in every call; those of one vector alone differ from those among others by rounding.

    Raises
    ------
    NeutralError
        For vectors of another width.
    """
    if hidden.shape[-1] != packed.width:
        raise NeutralError(f"the table's rows have {packed.width} numbers, the vectors {hidden.shape[-1]}")
    flat = hidden.detach().reshape(-1, packed.width)
    base = None if base is None else base.detach().expand(hidden.shape[:-1]).reshape(-1)
    out = torch.empty(len(flat), packed.rows, dtype=kind, device=flat.device)
    if out.numel():
        with _on(flat.device):
            (_one if len(flat) == 1 else _many)(packed, flat, base, out)
    return out.reshape(*hidden.shape[:-1], packed.rows)


def rows(packed: Packed, ids: torch.Tensor) -> torch.Tensor:
    """Return lengths · the rows `ids` (n,): float32 (n, d); NaN for an id that is no token's."""
    out = torch.zeros(len(ids), packed.width, device=ids.device)
    if out.numel():
        stored = (packed.classes, packed.order, packed.levels, packed.lengths, packed.scales, packed.width)
        with _on(ids.device):
            _programs().rebuilt[(len(ids),)](
                out,
                ids,
                packed.kinds,
                *stored,
                *_segments(packed),
                packed.rows,
                ids.stride(0),
                **_facts(packed),
                **_REBUILT,
            )
    return out


def sums(
    codes: torch.Tensor,
    widths: np.ndarray,
    table: torch.Tensor,
    *,
    base: torch.Tensor | None = None,
    factors: torch.Tensor | None = None,
    kind: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Return factors · (sums of the entries that codes name + base), (b, V).

    Parameters
    ----------
    codes : tensor (V, bytes), uint8
        Packed as by `packing.pack`, of `widths` (m,) bits.
    table : tensor (b, Σ 2^width), float32
        For each vector the entries of the first code, then those of the second, and so on.
    base : tensor (b,), optional
    factors : tensor (V,), float32, optional
    kind : dtype
        Of what is returned.
    """
    codes, table = codes.contiguous(), table.contiguous()
    out = torch.empty(len(table), len(codes), dtype=kind, device=table.device)
    if out.numel():
        grid = -(-len(codes) // _SUMS["ROWS"]), len(table)
        with _on(table.device):
            _programs().sums[grid](
                out, codes, _places(tuple(widths.tolist()), table.device), table, factors, base,
                len(codes), len(widths), codes.shape[1], table.shape[1], out.stride(0), **_SUMS,
            )  # fmt: skip
    return out


def _one(packed: Packed, hidden: torch.Tensor, base: torch.Tensor | None, out: torch.Tensor) -> None:
    """Fill `out` (b, V); every vector reads the table anew."""
    blocks = packed.blocks(_ONE["ROWS"])
    steps = hidden.stride(0), hidden.stride(1), 0 if base is None else base.stride(0), out.stride(0)
    _programs().products_of_one[(len(blocks), len(hidden))](
        out, hidden, base, blocks, *_stored(packed), *_segments(packed), *steps, **_facts(packed), **_ONE
    )


def _many(packed: Packed, hidden: torch.Tensor, base: torch.Tensor | None, out: torch.Tensor) -> None:
    """Fill `out` (b, V); vectors are made float16 in the layout in which the programs read them."""
    count, blocks = len(hidden), packed.blocks(_MANY["ROWS"])
    vectors = next((size for size in _VECTORS if size >= count), _VECTORS[-1])
    columns = -(-count // vectors)
    pitch, padded = columns * vectors, packed.groups + _MANY["GROUPS"]
    halved = out.dtype != torch.float32
    parts = torch.empty(1 if halved else 2, LANES, padded, pitch, dtype=torch.float16, device=hidden.device)
    factors = torch.empty(pitch, device=hidden.device)
    size = 1 << (padded * LANES - 1).bit_length()
    _programs().split[(pitch,)](
        parts, factors, hidden, packed.width, count, hidden.stride(0), hidden.stride(1), padded, pitch,
        SIZE=size, HALVED=halved, num_warps=4 if size <= 4096 else 8,
    )  # fmt: skip
    steps = count, columns, padded, pitch, 0 if base is None else base.stride(0), out.stride(0)
    _programs().products_of_many[(len(blocks) * columns,)](
        out, parts, factors, base, blocks, *_stored(packed), *_segments(packed), *steps,
        VECTORS=vectors, HALVED=halved, **_facts(packed), **_MANY,
    )  # fmt: skip


def _stored(packed: Packed) -> tuple:
    return packed.classes, packed.order, packed.levels, packed.lengths, packed.scales, packed.width


def _segments(packed: Packed) -> tuple[int, int]:
    """Return groups that share a scale, and scales a row."""
    return packed.segment, 1 if packed.scales is None else packed.scales.shape[1]


def _facts(packed: Packed) -> dict[str, object]:
    return {"WIDTHS": packed.widths, "KIND": packed.kind, "WHOLE": packed.width % LANES == 0}


@cache
def _places(widths: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return where codes of `widths` are in a row and in a table of their entries: see `programs.sums`."""
    bits = np.array(widths, dtype=np.int64)
    byte, shift = places(bits)
    entries = 1 << bits
    table = np.stack([byte, shift.astype(np.int64), entries - 1, np.cumsum(entries) - entries])
    return torch.from_numpy(table.astype(np.int32)).to(device)


def _on(device: torch.device) -> AbstractContextManager:
    """Make a GPU the one that kernels run on; Triton asks torch for its stream."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@cache
def _programs():
    from neutral.compression.kernels.cuda import programs  # Triton: only where it is used, and there

    return programs


@cache
def _works(index: int) -> bool:
    """Whether kernels run on a GPU: tried once on two numbers, since Triton needs a compiler and a recent GPU."""
    if find_spec("triton") is None or torch.version.hip or torch.cuda.get_device_capability(index) < _OLDEST:
        return False
    try:
        return _tried(torch.device("cuda", index))
    except Exception as error:  # whatever it is that Triton lacks here, the plain code does without
        reason = str(error).split("\n")[0] or type(error).__name__
        warnings.warn(f"Triton does not work here, so compressed tables are slow on this GPU: {reason}", stacklevel=2)
        return False


def _tried(device: torch.device) -> bool:
    """Whether two numbers come back split as they should."""
    numbers = torch.tensor([[3.0, -1e-3]], device=device)
    parts = torch.empty(2, LANES, 2, 16, dtype=torch.float16, device=device)
    factors = torch.empty(16, device=device)
    with _on(device):
        _programs().split[(16,)](parts, factors, numbers, 2, 1, 2, 1, 2, 16, SIZE=16, HALVED=False, num_warps=1)
    return torch.allclose(parts.float().sum(0)[:2, 0, 0] * factors[0], numbers[0], rtol=1e-5)
