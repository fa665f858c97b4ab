"""From stored numbers to packed bits, a piece at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np

from neutral.maskfiles.source import MaskFile

# Values read at once: a few MB at most whatever the type, a multiple of 8 so that pieces end on whole bytes.
_PIECE = 2**19

# What the other sizes of a tensor of no values come to, which no file can be held against: thrice `Limits.weights`.
_MOST_PLACES = 2**36

BFLOAT16 = "bfloat16"
"""Stands in for a dtype: numpy has none of this kind."""


@dataclass(frozen=True)
class Limits:
    """What reading one file may take.

    Attributes
    ----------
    weights : int
        Most weights in a mask; 8 of them are a byte of memory.
    seconds : float or None
        Most time; None is a minute, and a second more for every 20 MB of the file.
    memory : int or None
        Bytes that the child process may take for a pickle, beyond Python and torch themselves; None is chosen from
        the file (`pickled`).
    unpacked : int
        Most bytes that one file in a zip archive may unpack to; they are in memory.
    """

    weights: int = 20_000_000_000
    seconds: float | None = None
    memory: int | None = None
    unpacked: int = 2**34

    def time_for(self, size: int) -> float:
        """Return the seconds that a file of `size` bytes may take."""
        return 60 + size / 20e6 if self.seconds is None else self.seconds


UPLOAD = Limits(weights=2_000_000_000, seconds=120, unpacked=2**30)
"""For a stranger's file on a server: 2 billion weights, 250 MB when packed."""


@dataclass(frozen=True)
class Parts:
    """The parts of a mask that was read.

    Attributes
    ----------
    bits, shapes : dict
        Packed bits and shapes by name.
    header : dict
        What the file says of the mask.
    notes : tuple of str
        What was left out or assumed, a clause each.
    renamed : int
        How many names had a wrapper's parts.
    label : str
        What the file calls this one of several masks in it; "" for its only one.
    zeros : bool
        Whether it is what is zero in a model.
    """

    bits: dict[str, np.ndarray]
    shapes: dict[str, tuple[int, ...]]
    header: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    renamed: int = 0
    label: str = ""
    zeros: bool = False


Kept = Callable[[np.ndarray, "np.dtype | str"], np.ndarray]
"""Numbers as they are stored, and their dtype -> bool array of those that are kept: `ones` or `nonzero`."""


@dataclass(frozen=True)
class Entry:
    """A tensor in a file.

    Attributes
    ----------
    name : str
        As the file has it.
    shape : tuple of int
        As the file claims; already checked against the file's size if `problem` is None.
    pack : callable
        Returns the bits of what is `Kept`; raises `BadValueError`.
    problem : str or None
        Why the tensor can't be read, in words that go on after "tensor NAME"; it matters only if the tensor is chosen.
    whole : bool
        Whether its numbers are integers.
    """

    name: str
    shape: tuple[int, ...]
    pack: Callable[[Kept], np.ndarray]
    problem: str | None = None
    whole: bool = False

    def called(self, name: str) -> Entry:
        """Return the tensor under another name."""
        return replace(self, name=name)


class BadValueError(ValueError):
    """A tensor holds what a mask does not; the message goes on after "tensor NAME"."""


class CutOffError(ValueError):
    """The file ends before the tensor does."""


class Clock:
    """Raises `FileError` from `check` once the time for a file is over."""

    def __init__(self, source: MaskFile, limits: Limits) -> None:
        self._source, self._seconds = source, limits.time_for(source.size)
        self._end = time.monotonic() + self._seconds

    def check(self) -> None:
        """Raise `FileError` if the time is over."""
        if time.monotonic() > self._end:
            raise self._source.error(f"took longer to read than the {self._seconds:g} s it may")


def pack(file: BinaryIO, dtype: np.dtype | str, size: int, clock: Clock, kept: Kept) -> np.ndarray:
    """Read `size` values from the file's position on and return the bits of what is kept, (ceil(size / 8),) uint8.

    One piece of the values is in memory at a time. Raises `BadValueError` for a value other than 0 and 1,
    `CutOffError` at the file's end.
    """
    stored = stored_as(dtype)
    buffer = memoryview(bytearray(min(_PIECE, size) * stored.itemsize))
    # Not np.zeros: memory that is never written, because the file ends, is never taken.
    bits = np.empty(-(-size // 8), np.uint8)
    for start in range(0, size, _PIECE):
        clock.check()
        piece = buffer[: min(_PIECE, size - start) * stored.itemsize]
        _fill(file, piece)
        packed = np.packbits(kept(np.frombuffer(piece, stored), dtype))
        bits[start // 8 : start // 8 + packed.size] = packed
    return bits


def stored_as(dtype: np.dtype | str) -> np.dtype:
    """Return the numpy dtype that holds a value's bytes."""
    return np.dtype("<u2") if dtype == BFLOAT16 else dtype


def ones(values: np.ndarray, dtype: np.dtype | str) -> np.ndarray:
    """Return which values of an array of zeros and ones, stored as `dtype`, are one.

    Raises `BadValueError` naming another value (NaN included).
    """
    values = _numbers(values, dtype)
    are_ones = values == 1
    if np.count_nonzero(are_ones) + np.count_nonzero(values == 0) != values.size:
        other = values[~are_ones & (values != 0)].flat[0]
        said = f"{other:g}"
        # 0.9999999 is not 1, and must not be called so
        raise BadValueError(f"holds {other if said in ('0', '1', '-0') else said}, and a mask holds only 0 and 1")
    return are_ones


def nonzero(values: np.ndarray, dtype: np.dtype | str) -> np.ndarray:
    """Return which weights, stored as `dtype`, are not zero. Raises `BadValueError` for NaN, which is no weight."""
    values = _numbers(values, dtype)
    if np.isnan(values).any():
        raise BadValueError("has NaN among its weights: a model that diverged, or a damaged file")
    return values != 0


def _numbers(values: np.ndarray, dtype: np.dtype | str) -> np.ndarray:
    if dtype == BFLOAT16:  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values


def reordered(bits: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return bits stored with the first index running fastest (Fortran's order) in C order."""
    array = np.unpackbits(bits, count=math.prod(shape)).reshape(shape[::-1]).T
    return np.packbits(np.ascontiguousarray(array))


def is_shape(shape: object) -> bool:
    """Whether a claimed shape is one: at most 32 sizes, which a tensor can have even where one of them is 0."""
    if not isinstance(shape, tuple) or len(shape) > 32 or not all(type(n) is int and n >= 0 for n in shape):
        return False
    return math.prod(n or 1 for n in shape) < (_MOST_PLACES if 0 in shape else 2**62)


def by(shape: Sequence[int]) -> str:
    """Return a shape as text."""
    return "×".join(map(str, shape)) or "()"


def _fill(file: BinaryIO, buffer: memoryview) -> None:
    filled = 0
    while filled < len(buffer):
        count = file.readinto(buffer[filled:])
        if not count:
            raise CutOffError
        filled += count
