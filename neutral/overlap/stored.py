"""A file of overlap counts: safetensors that is small, and what must be in it before it is used.

Numbers are of the smallest unsigned type that holds the largest. The pairs' numbers are most of a file, and deflated:
of all of them the lowest bytes, then the next, because the high bytes of neighbours are alike. Files that were written
before have squares of pairs, `both`, in place of `kept` and `shared`.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neutral.errors import FileError, NeutralError, is_one_line, reading
from neutral.files import write_whole
from neutral.memory import amount, memory
from neutral.overlap import pairs as of_pairs

if TYPE_CHECKING:
    from neutral.overlap.counts import Counts

_FORMAT = "neutral_counts"
_ARRAYS = ("sizes", "kept", "shared", "exactly", "pairs")
_ARRAYS_BEFORE = ("sizes", "both", "exactly")
_LONGEST_NAME, _LONGEST_VALUE = 500, 1000  # characters
_MOST_WEIGHTS = 2**53  # sums over tensors and masks stay within 64 bits
_BYTES_A_NAME = 60
_BYTES_A_PAIR = 40  # in memory, of every pair's number in every tensor, while it is read and checked


def write(counts: Counts, path: str | Path) -> None:
    """Write counts; the file appears whole or not at all."""
    from safetensors.numpy import save

    arrays = {"sizes": _smallest(counts.sizes), "kept": _smallest(counts.kept), "shared": _deflated(counts.shared)}
    if counts.exactly is not None:
        arrays["exactly"] = _smallest(counts.exactly)
    if not counts.is_whole:
        arrays["pairs"] = _smallest(counts.counted)
    about = {"members": counts.members, "tensors": counts.tensors, "header": counts.header}
    write_whole(path, save(arrays, metadata={_FORMAT: json.dumps(about, ensure_ascii=False)}))


def size(tensors: int, members: int, pairs: int, *, exactly: bool = True) -> int:
    """Return about how many bytes a file of counts takes, of weight matrices of a usual size.

    A number is of four bytes; of the pairs' half is left when they are deflated.
    """
    numbers = 1 + members + exactly * (members + 1)
    return tensors * (4 * numbers + 2 * pairs + _BYTES_A_NAME)


def is_in(path: str | Path) -> bool:
    """Whether a file is one of counts."""
    from safetensors import safe_open

    try:
        with reading(path, "safetensors"), safe_open(str(path), framework="numpy") as file:
            return _FORMAT in (file.metadata() or {})
    except FileError:
        return False


def read(path: str | Path) -> dict[str, Any]:
    """Return the fields of the `Counts` in a file, which `require_possible` has to see.

    Raises `NeutralError`, and whatever a damaged file makes a library raise.
    """
    from safetensors import safe_open

    with safe_open(str(path), framework="numpy") as file:
        about = json.loads((file.metadata() or {})[_FORMAT])
        there = set(file.keys())
        known = _ARRAYS_BEFORE if "both" in there else _ARRAYS
        if unknown := sorted(there.difference(known)):
            raise NeutralError(f"has {unknown[0][:60]!r} beside {', '.join(known)}, which no version writes")
        arrays = {name: file.get_tensor(name) for name in known if name in there}
    members, tensors = _names(about, "members"), _names(about, "tensors")
    fields = {"members": members, "tensors": tensors, "header": _header(about), "exactly": None}
    t, n = len(tensors), len(members)
    if "both" in arrays:
        return {**fields, **_of_squares(arrays, t, n)}
    fields |= {name: _whole(name, array) for name, array in arrays.items() if name not in ("shared", "pairs")}
    _require_room(t * (n * (n - 1) // 2 if "pairs" not in arrays else len(arrays["pairs"])))
    counted = _whole("pairs", arrays["pairs"]) if "pairs" in arrays else of_pairs.every(n)
    return {**fields, "counted": counted, "shared": _inflated(arrays["shared"], (t, len(counted)))}


def _of_squares(arrays: dict[str, np.ndarray], t: int, n: int) -> dict[str, np.ndarray]:
    """Return the arrays of counts from those of a file with squares. Raises `NeutralError` for other shapes."""
    for name, shape in {"sizes": (t,), "both": (t, n, n), "exactly": (t, n + 1)}.items():
        array = arrays.get(name)
        if array is not None and (array.shape != shape or array.dtype != np.int64):
            raise NeutralError(f"counts of {n} masks in {t} tensors need {name} as int64 of shape {shape}")
    both = arrays.pop("both")
    if not (both == both.transpose(0, 2, 1)).all():
        raise NeutralError("has counts that are not the same both ways")
    i, j = of_pairs.every(n).T
    return {**arrays, "kept": both[:, range(n), range(n)], "shared": both[:, i, j]}


def _smallest(numbers: np.ndarray) -> np.ndarray:
    """Return numbers from 0 on in the smallest unsigned type that holds the largest."""
    return np.ascontiguousarray(numbers, dtype=np.min_scalar_type(numbers.max(initial=0)))


def _whole(name: str, array: np.ndarray) -> np.ndarray:
    """Return whole numbers as int64. Raises `NeutralError` for others."""
    if array.dtype.kind not in "iu":
        raise NeutralError(f"its {name} are {array.dtype}, and no whole numbers")
    return array.astype(np.int64)


def _deflated(numbers: np.ndarray) -> np.ndarray:
    """Return numbers as deflated bytes, uint8: the lowest of all, then the next, as many as the smallest type has."""
    small = _smallest(numbers)
    by_place = small.astype(small.dtype.newbyteorder("<")).reshape(-1, 1).view(np.uint8).T  # (bytes, numbers)
    return np.frombuffer(zlib.compress(by_place.tobytes()), dtype=np.uint8)


def _inflated(packed: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return what `_deflated` packed, as int64 of a shape. Raises `NeutralError` for what does not come to it."""
    size = shape[0] * shape[1]
    stream = zlib.decompressobj()
    if packed.dtype != np.uint8:
        raise NeutralError(f"its shared are {packed.dtype}, and no bytes")
    data = stream.decompress(packed.tobytes(), 8 * size + 1)
    width = len(data) // max(1, size)
    if not stream.eof or stream.unused_data or len(data) != width * size or (size and width not in (1, 2, 4, 8)):
        raise NeutralError(f"its shared do not come to the numbers of {shape[1]} pairs in {shape[0]} tensors")
    if not size:
        return np.zeros(shape, dtype=np.int64)
    by_place = np.frombuffer(data, dtype=np.uint8).reshape(width, size)
    return np.ascontiguousarray(by_place.T).view(f"<u{width}").astype(np.int64).reshape(shape)


def _require_room(numbers: int) -> None:
    """Raise `NeutralError` when there is no memory for so many numbers: a short file can claim any number of them."""
    left = memory()
    if left is not None and numbers * _BYTES_A_PAIR > left.left:
        raise NeutralError(f"its {numbers:,} numbers of pairs take more memory than the {amount(left.left)} left")


def _names(about: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return the names of members or tensors. Raises `NeutralError` for what is no list of different names."""
    listed = about[key]
    if not isinstance(listed, list):
        raise NeutralError(f"its {key} are no list of names")
    for place, name in enumerate(listed, 1):
        if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or not is_one_line(name):
            raise NeutralError(f"{key}, entry {place}: {str(name)[:60]!r} is no name of one line")
    if len(set(listed)) < len(listed):
        raise NeutralError(f"two of its {key} have one name")
    return tuple(listed)


def _header(about: dict[str, Any]) -> dict[str, Any]:
    """Return what all masks say alike. Raises `NeutralError` for more than texts, numbers and truth values."""
    entries = about["header"]
    if not isinstance(entries, dict):
        raise NeutralError("its header is no table")
    for key, value in entries.items():
        is_text = isinstance(value, str) and len(value) <= _LONGEST_VALUE and is_one_line(value)
        if not is_one_line(key) or not (is_text or value is None or isinstance(value, (bool, int, float))):
            raise NeutralError(f"{key[:60]} in its header is no number and no text of one line")
    return entries


def require_possible(counts: Counts) -> None:
    """Raise `NeutralError` naming the first tensor whose counts no masks can have."""
    sizes, kept, shared = counts.sizes, counts.kept, counts.shared
    _require((sizes >= 0) & (sizes <= _MOST_WEIGHTS), counts, "has a size that no tensor has")
    if sum(map(int, sizes)) > _MOST_WEIGHTS:
        raise NeutralError("its tensors have more weights than can be counted")
    inside = (kept >= 0) & (kept <= sizes[:, None])
    _require(inside.all(1), counts, "has counts below 0, or above its size")
    one, other = _of_the_two(counts)
    _require((shared >= 0).all(1), counts, "has a pair that shares less than nothing")
    _require((shared <= np.minimum(one, other)).all(1), counts, "has a pair that shares more than one of them keeps")
    fewest = one + other - sizes[:, None]
    _require((shared >= fewest).all(1), counts, "has a pair that keeps more than the tensor has")
    if counts.exactly is None:
        return
    exactly, numbers = counts.exactly, np.arange(len(counts.members) + 1)
    inside = (exactly >= 0) & (exactly <= sizes[:, None])
    _require(inside.all(1), counts, "has weights kept by exactly k masks below 0, or above its size")
    _require(exactly.sum(1) == sizes, counts, "has weights kept by exactly k masks that do not add up to its size")
    _require(exactly @ numbers == kept.sum(1), counts, "has weights kept by exactly k masks that its masks do not keep")


def _of_the_two(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Return what the first and the second mask of each pair keep. Raises `NeutralError` for pairs of no two masks."""
    n, (i, j) = len(counts.members), counts.counted.T
    if not ((i >= 0) & (i < j) & (j < n)).all() or not (np.diff(i * n + j) > 0).all():
        raise NeutralError(f"its pairs are not of two of its {n} masks each, in order, and each pair once")
    return counts.kept[:, i], counts.kept[:, j]


def _require(holds: np.ndarray, counts: Counts, problem: str) -> None:
    """Raise `NeutralError` naming the first tensor for which it does not hold."""
    if not holds.all():
        raise NeutralError(f"tensor {counts.tensors[int(np.argmin(holds))]} {problem}")
