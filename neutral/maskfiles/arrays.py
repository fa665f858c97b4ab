"""NumPy's arrays in a pickle, read by a reader that runs nothing: stand-ins take the place of NumPy's own functions.

A stand-in keeps what the pickle hands it. Shape, dtype and number of bytes are checked before an array is made of it.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections import OrderedDict
from typing import Any, BinaryIO

import numpy as np

from neutral.errors import NeutralError
from neutral.maskfiles.source import shown
from neutral.maskfiles.values import Clock, Entry, Kept, by, is_shape, pack, reordered

_DTYPE = re.compile(r"^[biuf][1248]$")


class Dtype:
    """Stands in for `numpy.dtype`."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1:
            self.order = state[1]

    def numpy(self) -> np.dtype | None:
        """Return NumPy's dtype for numbers of at most 8 bytes, else None."""
        if not isinstance(self.code, str) or self.order not in ("=", "<", ">", "|") or not _DTYPE.match(self.code):
            return None
        return np.dtype(f"{self.order.replace('|', '=')}{self.code}")


class Array:
    """Stands in for `numpy.ndarray`."""

    shape: Any = ()
    dtype: Any = None
    fortran: Any = False
    data: Any = b""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) == 5:
            _, self.shape, self.dtype, self.fortran, self.data = state
            self.shape = self.shape if isinstance(self.shape, tuple) else (self.shape,)


def _from_buffer(data: Any = b"", dtype: Any = None, shape: Any = (), order: Any = "C", *_: Any) -> Array:
    array = Array()
    array.__setstate__((1, shape, dtype, order == "F", data if order in ("C", "F") else None))
    return array


def _nothing(*_: Any) -> None:
    """Stands in for what makes NumPy's single numbers, which are no masks."""


def _encoded(text: Any = "", encoding: Any = "latin1") -> bytes:
    """Return the bytes that old protocols write as text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes that are not written as latin1")
    return text.encode("latin1")


def _plain_dict(*_: Any) -> dict[Any, Any]:
    """Stands in for `defaultdict`, which torch.ao's sparsifiers keep their masks in, and for its `dict`."""
    return {}


STAND_INS: dict[str, Any] = {
    "collections.defaultdict": _plain_dict,
    "builtins.dict": _plain_dict,
    "__builtin__.dict": _plain_dict,
    "numpy.ndarray": Array,
    "numpy.dtype": Dtype,
    **{
        f"numpy.{core}.{name}": stand_in
        for core in ("core", "_core")
        for name, stand_in in (
            ("multiarray._reconstruct", Array),
            ("multiarray.scalar", _nothing),
            ("numeric._frombuffer", _from_buffer),
        )
    },
}
"""What a pickle asks for -> what it gets."""

_OTHERS = {"collections.OrderedDict": OrderedDict, "_codecs.encode": _encoded}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        asked = f"{module}.{name}"
        if asked in STAND_INS or asked in _OTHERS:
            return STAND_INS.get(asked) or _OTHERS[asked]
        raise pickle.UnpicklingError(f"GLOBAL {asked}")


def load(file: BinaryIO) -> Any:
    """Read a bare pickle, with stand-ins for arrays. Raises `pickle.UnpicklingError` naming what else it asks for."""
    return _Reader(file).load()


def entry(name: str, array: Array, clock: Clock) -> Entry:
    """Return an array as a tensor of a file. Raises `NeutralError` for a shape that is none."""
    if not is_shape(array.shape):
        raise NeutralError(f"{shown(str(name), 100)} has an impossible shape")
    shape = array.shape
    dtype = array.dtype.numpy() if isinstance(array.dtype, Dtype) else None
    problem = None
    if not isinstance(array.data, (bytes, bytearray)):
        problem = "is no plain array of numbers"
    elif dtype is None:
        problem = "is an array of Python objects or of another kind; save masks as bool or float32"
    elif math.prod(shape) * dtype.itemsize != len(array.data):
        problem = f"claims {by(shape)} {dtype}, which its {len(array.data):,} bytes do not hold"
    if problem:
        return Entry(name, shape, lambda kept: np.empty(0, np.uint8), problem)
    whole = dtype.kind in "iu"
    stored = np.dtype("u1") if dtype.kind == "b" else dtype  # so that a byte of 2 is seen

    def packed(kept: Kept) -> np.ndarray:
        bits = pack(io.BytesIO(array.data), stored, math.prod(shape), clock, kept)
        return reordered(bits, shape) if array.fortran and len(shape) > 1 else bits

    return Entry(name, shape, packed, whole=whole)
