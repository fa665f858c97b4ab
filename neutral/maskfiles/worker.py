"""The child process that opens a torch file and leaves a packed mask (see `pickled`).

    python -m neutral.maskfiles.worker FOLDER

`torch.load(weights_only=True)` builds the dict of tensors without their numbers, on the `meta` device. The
numbers are then read from the file one tensor at a time, at places that are checked against the zip directory. In
torch's legacy format (before 1.6) the places are noted while torch believes that it reads the numbers.
"""

from __future__ import annotations

import bisect
import json
import math
import os
import pickle
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from neutral.errors import FileError, NeutralError
from neutral.maskfiles import safetensor, zips
from neutral.maskfiles.pickled import JOB, PROBLEM, RESULT
from neutral.maskfiles.source import MaskFile, kind
from neutral.maskfiles.values import (
    BFLOAT16,
    BadValueError,
    Clock,
    CutOffError,
    Entry,
    Limits,
    Parts,
    by,
    collect,
    ones,
    pack,
    stored_as,
)
from neutral.masks import Mask

if TYPE_CHECKING:
    import torch

# Beside what torch takes when loaded: the pickle's objects, and a piece of a tensor.
_FLOOR = 512 * 2**20
# torch.save writes some 200 bytes of pickle for each tensor.
_LARGEST_PICKLE = 16 * 2**20

_NUMBERS = {
    **{f"{name}{bits}": np.dtype(f"{name}{bits}") for name in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    "bool": np.dtype("u1"),
    "bfloat16": BFLOAT16,
}
_USUAL_KEYS = ("mask", "masks", "state_dict", "model_state_dict", "model", "module")

Locate = Callable[["torch.Tensor"], tuple[int, int]]
"""Tensor -> where its storage begins in the file, and how many bytes the storage has there."""


def main(folder: Path) -> None:
    """Do the job in `folder`, leaving the mask or a problem there."""
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    source = MaskFile.of_path(job["path"])
    limits = Limits(job["weights"], job["seconds"], job["memory"])
    try:
        parts = _read(source, limits)
        with (folder / RESULT).open("wb") as file:
            safetensor.write_packed(Mask(parts.bits, parts.shapes), file)
        return
    except FileError as error:
        problem = error.problem
    except NeutralError as error:
        problem = f"tensor {error}"
    except MemoryError:
        problem = _TOO_MUCH_MEMORY
    (folder / RESULT).unlink(missing_ok=True)
    (folder / PROBLEM).write_text(json.dumps({"problem": problem}), encoding="utf-8")


def _read(source: MaskFile, limits: Limits) -> Parts:
    import torch

    warnings.simplefilter("ignore")  # they are about protocols, for whoever wrote the file
    clock = Clock(source, limits)
    with source.open() as file:
        if kind(source) == "zip":
            with zips.opened(source, file) as archive:
                members = zips.places(source, file, archive)
            for begin, member in members.items():
                if member.filename.endswith("/byteorder") and _at(file, begin, member.file_size) == b"big":
                    raise source.error("was saved on a big-endian machine, which is not supported")
                if member.filename.endswith("/data.pkl") and member.file_size > _LARGEST_PICKLE:
                    raise source.error(f"its data.pkl of {member.file_size:,} bytes describes no mask")
            _limit(limits, source.size // 8 + max(member.file_size for member in members.values()))
            file.seek(0)
            loaded = _load(source, lambda: torch.load(file, map_location="meta", weights_only=True))
            locate = partial(_place_in_zip, {begin: member.file_size for begin, member in members.items()})
        else:
            noting = _Noting(file, source.size)
            # torch asks for all of it at once, though the memory is never touched.
            _limit(limits, source.size // 8 + source.size)
            loaded = _load(source, lambda: torch.load(noting, map_location="cpu", weights_only=True))
            locate = noting.place
        tensors = _named(source, loaded)
        entries = [_entry(file, name, tensor, locate, clock) for name, tensor in tensors.items()]
        return collect(source, entries, limits)


def _at(file: BinaryIO, begin: int, size: int) -> bytes:
    file.seek(begin)
    return file.read(min(size, 16))


def _load(source: MaskFile, load: Callable[[], Any]) -> Any:
    """Call torch.load, and turn every failure but a lack of memory into a `FileError`."""
    try:
        return load()
    except pickle.UnpicklingError as error:
        if requested := re.search(r"GLOBAL (\S+)", str(error)):
            raise source.error(
                f"holds more than tensors: it asks for {requested[1]}, which could run code and was not run"
            ) from None
        raise source.error(f"holds more than tensors, or is damaged ({_first_line(error)})") from None
    except MemoryError:
        raise
    # On damaged or hostile bytes torch raises errors of many classes (RuntimeError, EOFError, KeyError, TypeError,
    # AssertionError, UnicodeDecodeError … come up), and all of them mean one thing.
    except Exception as error:
        text = _first_line(error)
        if "allocate memory" in text or "not enough memory" in text:
            raise MemoryError from None
        raise source.error(f"is damaged or cut off ({text})") from None


def _first_line(error: Exception) -> str:
    # torch wraps the reason in advice on how to load the file unsafely, which is none for our users
    reason = str(error).rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0].strip()
    return reason.removesuffix(".") or type(error).__name__


def _named(source: MaskFile, loaded: Any) -> dict[str, torch.Tensor]:
    """Return the file's tensors by name: those of its dict, else those of the only inner dict that has tensors."""
    import torch

    if isinstance(loaded, torch.Tensor):
        raise source.error("holds one tensor without a name; a mask is a dict of tensors by weight name")
    if not isinstance(loaded, Mapping):
        raise source.error(f"holds a {type(loaded).__name__}; a mask is a dict of tensors by weight name")
    if not loaded:
        raise source.error("holds an empty dict, so no tensors")

    def tensors(table: Mapping[Any, Any]) -> dict[Any, torch.Tensor]:
        return {name: value for name, value in table.items() if isinstance(value, torch.Tensor)}

    named = tensors(loaded)
    if not named:
        inner = {key: tensors(value) for key, value in loaded.items() if isinstance(value, Mapping)}
        inner = {key: table for key, table in inner.items() if table}
        if len(inner) > 1:
            inner = {key: inner[key] for key in _USUAL_KEYS if key in inner} or inner
            if len(inner) > 1:
                names = ", ".join(map(str, inner))
                raise source.error(f"holds several dicts of tensors ({names}); save the masks alone")
        named = next(iter(inner.values()), {})
    if not named:
        raise source.error("holds a dict, but no tensors in it")
    if wrong := [name for name in named if not isinstance(name, str)]:
        raise source.error(f"calls a tensor {wrong[0]!r}, which is no weight's name")
    return named


def _entry(file: BinaryIO, name: str, tensor: torch.Tensor, locate: Locate, clock: Clock) -> Entry:
    import torch

    shape, nothing = tuple(tensor.shape), lambda: np.empty(0, np.uint8)
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_conj() or tensor.is_neg():
        return Entry(name, shape, nothing, "is not a plain dense tensor; save masks as bool or float32")
    if kind not in _NUMBERS:
        return Entry(name, shape, nothing, f"is {kind}; save masks as bool or float32")
    size = math.prod(shape)
    if size == 0:
        return Entry(name, shape, nothing)
    dtype, item = _NUMBERS[kind], tensor.element_size()
    strides, offset = tensor.stride(), tensor.storage_offset()
    span = 1 + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    try:
        begin, held = locate(tensor)
    except BadValueError as error:
        return Entry(name, shape, nothing, str(error))
    if span < size or (offset + span) * item > held:
        claim = f"claims {by(shape)} values of {item} bytes, more than the {held:,} bytes it holds"
        return Entry(name, shape, nothing, claim)

    def packed() -> np.ndarray:
        file.seek(begin + offset * item)
        if tensor.is_contiguous():
            return pack(file, dtype, size, clock)
        stored = file.read(span * item)
        if len(stored) < span * item:
            raise CutOffError
        view = np.ndarray(shape, stored_as(dtype), stored, 0, [stride * item for stride in strides])
        return np.packbits(ones(np.ascontiguousarray(view), dtype))

    return Entry(name, shape, packed)


def _place_in_zip(members: Mapping[int, int], tensor: torch.Tensor) -> tuple[int, int]:
    storage = tensor.untyped_storage()
    # Where torch expects the storage's bytes; it notes this for tensors without numbers, computed from the
    # sizes that the pickle claims, so a lie shows as a place where no member of that size begins.
    begin, claimed = getattr(storage, "_checkpoint_offset", None), storage.nbytes()
    if begin not in members:
        raise BadValueError("is not where torch.save puts it: damaged, or an archive that was packed anew")
    if members[begin] != claimed:
        raise BadValueError(f"claims {claimed:,} bytes, but the file holds {members[begin]:,} for it")
    return begin, claimed


class _Noting:
    """A file for torch's legacy loader that skips the numbers and notes where they are.

    torch reads pickles with `read` and `readline`, and the numbers with `readinto`, into memory that it has
    reserved but not touched. Instead of filling that memory, its address and the place in the file are noted.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.read, self.readline, self.seek, self.tell = file.read, file.readline, file.seek, file.tell
        self._file, self._size = file, size
        self._pieces: list[tuple[int, int, int]] = []  # address, place in the file, bytes

    def readinto(self, buffer: memoryview) -> int:
        """Note where `buffer` should be filled from; fill it only if it may be a storage's length."""
        place, length = self.tell(), len(buffer)
        if length <= 8:
            # Before each storage torch reads its length, 8 bytes, and compares it.
            count = self._file.readinto(buffer)
        else:
            count = max(0, min(length, self._size - place))
            self.seek(place + count)
        if count:
            self._note(np.frombuffer(buffer, np.uint8).ctypes.data, place, count)
        return count

    def place(self, tensor: torch.Tensor) -> tuple[int, int]:
        """Return where a tensor's storage begins in the file, and its bytes there."""
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        # A view of a storage (torch before 0.4 saved those) begins inside it.
        at = bisect.bisect_right(self._sorted, address, key=itemgetter(0)) - 1
        begin, place, length = self._sorted[at] if at >= 0 else (0, 0, 0)
        skipped = address - begin
        if skipped >= length:
            raise BadValueError("has no numbers in the file: cut off, or damaged")
        return place + skipped, min(length - skipped, storage.nbytes())

    def _note(self, address: int, place: int, count: int) -> None:
        # torch reads a storage that is too long for one call in several: lengthen the piece that ends at `place`.
        if self._pieces:
            begin, first, length = self._pieces[-1]
            if begin + length == address and first + length == place:
                self._pieces[-1] = (begin, first, length + count)
                return
        self._pieces.append((address, place, count))

    @cached_property
    def _sorted(self) -> list[tuple[int, int, int]]:
        """The pieces by address, once torch is done."""
        return sorted(self._pieces)


_TOO_MUCH_MEMORY = "reading it takes more memory than it may: damaged, or made to do so"


def _limit(limits: Limits, needed: int) -> None:
    """Let this process take no more than the limit from here on, if the system can enforce it."""
    try:
        import resource

        now = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    except (ImportError, OSError):  # Windows; macOS
        return
    more = _FLOOR + needed if limits.memory is None else limits.memory
    for what, field in ((resource.RLIMIT_DATA, "VmData"), (resource.RLIMIT_AS, "VmSize")):
        _lower(resource, what, int(now[field].split()[0]) * 1024 + more)
    # So that this process ends even if it outlives its parent.
    _lower(resource, resource.RLIMIT_CPU, math.ceil(limits.time_for(0)) + 60)
    _lower(resource, resource.RLIMIT_CORE, 0)


def _lower(resource: Any, kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, hard))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    # Leave without tearing torch down, which costs time and can fail under the memory limit.
    sys.stdout.flush()
    os._exit(0)
