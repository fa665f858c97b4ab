"""Opening pickles in the child process: torch's two formats and bare ones, without their tensors' numbers.

`torch.load(weights_only=True)` builds the dict of tensors without their numbers, on the `meta` device. The
numbers are then read from the file one tensor at a time, at places that are checked against the zip directory. In
torch's legacy format (before 1.6) the places are noted while torch believes that it reads the numbers. NumPy's arrays
have their numbers in the pickle; `arrays` reads those without NumPy's help.
"""

from __future__ import annotations

import bisect
import pickle
import re
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from neutral.maskfiles import arrays, zips
from neutral.maskfiles.source import MaskFile, kind
from neutral.maskfiles.tensors import Locate
from neutral.maskfiles.values import BadValueError

if TYPE_CHECKING:
    import torch

# torch.save writes some 200 bytes of pickle for each tensor; only NumPy's arrays have their numbers in it.
_LARGEST_PICKLE = 16 * 2**20
_HEAD = 2**16


def load(source: MaskFile, file: BinaryIO, limit: Callable[[int], None]) -> tuple[Any, Locate]:
    """Return what is pickled in a file, and where its tensors' numbers are.

    `limit` is called with the bytes that reading may take before anything is unpickled. Raises `FileError`.
    """
    import torch

    form = kind(source)
    if form == "zip":
        with zips.opened(source, file) as archive:
            members = zips.places(source, file, archive)
        largest = 0
        for begin, member in members.items():
            if member.filename.endswith("/byteorder") and _at(file, begin, member.file_size) == b"big":
                raise source.error("was saved on a big-endian machine, which is not supported")
            if member.filename.endswith("/data.pkl"):
                largest = member.file_size
                if largest > _LARGEST_PICKLE and b"numpy" not in _at(file, begin, largest):
                    raise source.error(f"its data.pkl of {largest:,} bytes describes no mask")
        # An array's bytes are text in the pickle, then a piece of it, then bytes.
        limit(max(member.file_size for member in members.values()) + 4 * largest)
        file.seek(0)
        with torch.serialization.safe_globals([(stand_in, name) for name, stand_in in arrays.STAND_INS.items()]):
            loaded = _load(source, lambda: torch.load(file, map_location="meta", weights_only=True))
        return loaded, partial(_place_in_zip, {begin: member.file_size for begin, member in members.items()})
    if form == "pickle":
        limit(4 * source.size)
        return _load(source, lambda: arrays.load(file)), _nowhere
    noting = _Noting(file, source.size)
    limit(source.size)  # torch asks for all of it at once, though the memory is never touched
    with torch.serialization.safe_globals([(stand_in, name) for name, stand_in in arrays.STAND_INS.items()]):
        return _load(source, lambda: torch.load(noting, map_location="cpu", weights_only=True)), noting.place


def _at(file: BinaryIO, begin: int, size: int) -> bytes:
    file.seek(begin)
    return file.read(min(size, _HEAD))


def _nowhere(tensor: torch.Tensor) -> tuple[int, int]:
    raise BadValueError("has no numbers in the file")


def _load(source: MaskFile, load: Callable[[], Any]) -> Any:
    """Call torch.load, and turn every failure but a lack of memory into a `FileError`."""
    try:
        return load()
    except pickle.UnpicklingError as error:
        requested = re.search(r"GLOBAL (\S+)", str(error))
        if requested and requested[1].startswith("torch._utils._rebuild"):
            raise source.error("holds torch's tensors in a bare pickle; save them with torch.save") from None
        if requested:
            raise source.error(
                f"holds more than tensors: it asks for {requested[1]}, which could run code and was not run "
                "(save the dict of masks alone)"
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
