"""Tensors of torch's files, dense and sparse, as tensors of a mask file: where their numbers are, and their bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from neutral.maskfiles.values import (
    BFLOAT16,
    BadValueError,
    Clock,
    CutOffError,
    Entry,
    Kept,
    by,
    is_shape,
    pack,
    stored_as,
)

if TYPE_CHECKING:
    import torch

_NUMBERS = {
    **{f"{name}{bits}": np.dtype(f"{name}{bits}") for name in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    "bool": np.dtype("u1"),
    "bfloat16": BFLOAT16,
}
# Sparse masks are taken up to this size in places, eight bytes each.
_MOST_KEPT = 2**28

Locate = Callable[["torch.Tensor"], tuple[int, int]]
"""Tensor -> where its storage begins in the file, and how many bytes the storage has there."""


def entry(file: BinaryIO, name: str, tensor: torch.Tensor, locate: Locate, clock: Clock) -> Entry:
    """Return a torch tensor, whose numbers are still in the file, as a tensor of a mask file."""
    import torch

    shape, kind = tuple(tensor.shape), _kind(tensor)
    whole = kind.startswith(("int", "uint"))

    def refused(problem: str) -> Entry:
        return Entry(name, shape, lambda kept: np.empty(0, np.uint8), problem, whole)

    if kind not in _NUMBERS:
        return refused(f"is {kind}; save masks as bool or float32")
    if tensor.is_quantized or tensor.is_conj() or tensor.is_neg() or not is_shape(shape):
        return refused("is not a plain tensor of numbers; save masks as bool or float32")
    if tensor.layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc):
        return Entry(name, shape, lambda kept: _sparse(file, tensor, locate, clock, kept), whole=whole)
    if tensor.layout != torch.strided:
        return refused(f"is {tensor.layout}; save masks dense, or sparse as COO or CSR")
    size = math.prod(shape)
    if size == 0:
        return Entry(name, shape, lambda kept: np.empty(0, np.uint8), whole=whole)
    try:
        begin = _begin(tensor, locate)
    except BadValueError as error:
        return refused(str(error))

    def packed(kept: Kept) -> np.ndarray:
        file.seek(begin)
        if tensor.is_contiguous():
            return pack(file, _NUMBERS[kind], size, clock, kept)
        return np.packbits(kept(np.ascontiguousarray(_view(file, tensor)), _NUMBERS[kind]))

    return Entry(name, shape, packed, whole=whole)


def _kind(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _span(tensor: torch.Tensor) -> int:
    return 1 + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _begin(tensor: torch.Tensor, locate: Locate) -> int:
    """Return where a dense tensor's numbers begin. Raises `BadValueError` if it claims more than the file holds."""
    begin, held = locate(tensor)
    item, offset = tensor.element_size(), tensor.storage_offset()
    if _span(tensor) < tensor.numel() or (offset + _span(tensor)) * item > held:
        raise BadValueError(f"claims {by(tensor.shape)} values of {item} bytes, more than the {held:,} bytes it holds")
    return begin + offset * item


def _view(file: BinaryIO, tensor: torch.Tensor) -> np.ndarray:
    """Read a dense tensor's numbers, whole, from the file's position on."""
    item = tensor.element_size()
    stored = file.read(_span(tensor) * item)
    if len(stored) < _span(tensor) * item:
        raise CutOffError
    strides = [stride * item for stride in tensor.stride()]
    return np.ndarray(tuple(tensor.shape), stored_as(_NUMBERS[_kind(tensor)]), stored, 0, strides)


def _numbers(file: BinaryIO, tensor: torch.Tensor, locate: Locate) -> np.ndarray:
    if tensor.numel() == 0:
        return np.empty(tuple(tensor.shape), stored_as(_NUMBERS[_kind(tensor)]))
    file.seek(_begin(tensor, locate))
    return _view(file, tensor)


def _sparse(file: BinaryIO, tensor: torch.Tensor, locate: Locate, clock: Clock, kept: Kept) -> np.ndarray:
    """Return the bits of a sparse tensor: those of its values that are kept, at their places, and zeros elsewhere."""
    import torch

    coo = tensor.layout == torch.sparse_coo
    values = tensor._values() if coo else tensor.values()
    shape = tuple(tensor.shape)
    if values.ndim != 1 or len(values) > min(_MOST_KEPT, math.prod(shape)):
        raise BadValueError("is a sparse tensor of blocks, or of more values than places; save masks dense")
    numbers = _numbers(file, values, locate)
    clock.check()
    if coo:
        places = _numbers(file, tensor._indices(), locate).astype(np.int64, copy=False)
    else:
        ends, inner = (
            (tensor.crow_indices(), tensor.col_indices())
            if tensor.layout == torch.sparse_csr
            else (tensor.ccol_indices(), tensor.row_indices())
        )
        outer = _spread(_numbers(file, ends, locate), len(numbers))
        places = np.stack([outer, _numbers(file, inner, locate).astype(np.int64, copy=False)])
        if tensor.layout == torch.sparse_csc:
            places = places[::-1]
    limits = np.array(shape)[:, None]
    if places.shape != (len(shape), len(numbers)) or (places < 0).any() or (places >= limits).any():
        raise BadValueError("has values outside of its shape: damaged")
    flat = np.ravel_multi_index(tuple(places), shape) if len(numbers) else np.empty(0, np.int64)
    if len(np.unique(flat)) < len(flat):
        raise BadValueError("has two values at one place; call coalesce() before it is saved")
    array = np.zeros(math.prod(shape), bool)
    array[flat] = kept(numbers, _NUMBERS[_kind(values)])
    return np.packbits(array)


def _spread(ends: np.ndarray, count: int) -> np.ndarray:
    """Return the row of every value from the places where rows begin and end. Raises `BadValueError`."""
    steps = np.diff(ends.astype(np.int64))
    if ends.ndim != 1 or not len(ends) or ends[0] != 0 or ends[-1] != count or (steps < 0).any():
        raise BadValueError("has rows that do not fit its values: damaged, or a batch of matrices")
    return np.repeat(np.arange(len(steps)), steps)
