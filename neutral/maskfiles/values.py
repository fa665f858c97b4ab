"""From stored numbers to packed bits, a piece at a time; which tensors of a file are its mask."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from neutral.maskfiles.source import MaskFile, shown

# Values read at once: a few MB at most whatever the type, a multiple of 8 so that pieces end on whole bytes.
_PIECE = 2**19
_LONGEST_NAME = 500

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
    """The parts of a mask that was read: packed bits and shapes by name, and a header."""

    bits: dict[str, np.ndarray]
    shapes: dict[str, tuple[int, ...]]
    header: dict[str, Any] = field(default_factory=dict)


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
        Returns the bits; raises `BadValueError`.
    problem : str or None
        Why the tensor can't be read, in words that go on after "tensor NAME"; it matters only if the tensor is chosen.
    """

    name: str
    shape: tuple[int, ...]
    pack: Callable[[], np.ndarray]
    problem: str | None = None


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


def pack(file: BinaryIO, dtype: np.dtype | str, size: int, clock: Clock) -> np.ndarray:
    """Read `size` values from the file's position on and return their bits, (ceil(size / 8),) uint8.

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
        packed = np.packbits(ones(np.frombuffer(piece, stored), dtype))
        bits[start // 8 : start // 8 + packed.size] = packed
    return bits


def stored_as(dtype: np.dtype | str) -> np.dtype:
    """Return the numpy dtype that holds a value's bytes."""
    return np.dtype("<u2") if dtype == BFLOAT16 else dtype


def ones(values: np.ndarray, dtype: np.dtype | str) -> np.ndarray:
    """Return which values of an array of zeros and ones, stored as `dtype`, are one.

    Raises `BadValueError` naming another value (NaN included).
    """
    if dtype == BFLOAT16:  # the upper half of a float32
        values = (values.astype(np.uint32) << 16).view(np.float32)
    are_ones = values == 1
    if np.count_nonzero(are_ones) + np.count_nonzero(values == 0) != values.size:
        other = values[~are_ones & (values != 0)].flat[0]
        raise BadValueError(f"holds {other:g}, and a mask holds only 0 and 1")
    return are_ones


def reordered(bits: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return bits stored with the first index running fastest (Fortran's order) in C order."""
    array = np.unpackbits(bits, count=math.prod(shape)).reshape(shape[::-1]).T
    return np.packbits(np.ascontiguousarray(array))


def collect(source: MaskFile, entries: Sequence[Entry], limits: Limits) -> Parts:
    """Choose the tensors that are the mask (see the package) and pack them one after the other.

    Raises `FileError`, naming a tensor that can't be part of a mask, and for no tensors or too many weights.
    """
    for entry in entries:
        check_name(source, entry.name)
    if repeated := next((n for n, count in Counter(e.name for e in entries).items() if count > 1), None):
        raise source.error(f"tensor {repeated} is in it twice")
    named = [entry for entry in entries if entry.name.endswith("_mask")]
    chosen = named or [entry for entry in entries if entry.shape]
    if not chosen:
        raise source.error("holds no tensors that could be masks" if entries else "holds no tensors")
    # A bias beside masks is no mistake; a file of nothing but vectors is taken as it is.
    lenient = not named and any(len(entry.shape) > 1 for entry in chosen)
    check_weights(source, (entry.shape for entry in chosen), limits)
    for entry in chosen:
        if entry.problem:
            raise source.error(f"tensor {entry.name} {entry.problem}")
    bits, shapes = {}, {}
    for entry in chosen:
        try:
            bits[entry.name] = entry.pack()
        except BadValueError as error:
            if lenient and len(entry.shape) < 2:
                continue
            hint = "" if named else _hint(entry.name)
            raise source.error(f"tensor {entry.name} {error}{hint}") from None
        except CutOffError:
            raise source.error(f"tensor {entry.name} is cut off: the file ends before it does") from None
        shapes[entry.name] = entry.shape
    return Parts(bits, shapes)


def check_name(source: MaskFile, name: str) -> None:
    """Raise `FileError` for a name that is no weight's: it would go on into tables and other files."""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise source.error(f"a tensor is called {shown(name, 60)!r}, which is no weight's name")


def check_weights(source: MaskFile, shapes: Iterator[tuple[int, ...]], limits: Limits) -> None:
    """Raise `FileError` if there are more weights than one mask may have."""
    if (total := sum(math.prod(shape) for shape in shapes)) > limits.weights:
        raise source.error(f"claims {total:.2g} weights; a file may hold {limits.weights:.2g}")


def by(shape: Sequence[int]) -> str:
    """Return a shape as text."""
    return "×".join(map(str, shape)) or "()"


def _hint(name: str) -> str:
    return " (a model's weights, not its mask?)" if name.endswith(("weight", "bias")) else ""


def _fill(file: BinaryIO, buffer: memoryview) -> None:
    filled = 0
    while filled < len(buffer):
        count = file.readinto(buffer[filled:])
        if not count:
            raise CutOffError
        filled += count
