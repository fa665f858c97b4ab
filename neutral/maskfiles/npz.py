"""NumPy's `.npz`: 0/1 arrays by name in a zip archive, packed while they are unpacked.

Pickled arrays (dtype object) are refused, never loaded. A member's header must fit the size in the directory, and
that size must be in reach of the method of packing (`zips`), so a false claim takes no memory.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from neutral.errors import FileError, described
from neutral.maskfiles import zips
from neutral.maskfiles.choosing import collect_all
from neutral.maskfiles.source import MaskFile
from neutral.maskfiles.values import (
    BadValueError,
    Clock,
    CutOffError,
    Entry,
    Kept,
    Limits,
    Parts,
    by,
    is_shape,
    pack,
    reordered,
)
from neutral.masks import Mask

# The date of every member, so that the same mask gives the same bytes: the first that a zip can hold.
_DATE = (1980, 1, 1, 0, 0, 0)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read(source: MaskFile, limits: Limits, *, zeros: bool = False) -> list[Parts]:
    """Read an archive of 0/1 arrays, or of weights whose `zeros` are the mask. Raises `FileError`."""
    clock = Clock(source, limits)
    with source.open() as file, zips.opened(source, file) as archive:
        members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
        entries = []
        for member in members:
            clock.check()
            entries.append(_entry(source, archive, member, clock))
        return collect_all(source, entries, limits, zeros=zeros)


def write(mask: Mask, file: BinaryIO) -> None:
    """Write a mask as bool arrays, one unpacked at a time; `numpy.load` reads it."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in mask.names:
            member = zipfile.ZipInfo(f"{name}.npy", _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as packed:
                npy.write_array(packed, mask.array(name), allow_pickle=False)


def _entry(source: MaskFile, archive: zipfile.ZipFile, member: zipfile.ZipInfo, clock: Clock) -> Entry:
    name = member.filename.removesuffix(".npy")
    try:
        with archive.open(member) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's parser has some on what is in a header
            version = npy.read_magic(stream)
            if version not in _HEADERS:
                raise ValueError(f"version {version} of the array format")
            # max_header_size keeps hostile headers from Python's parser
            shape, fortran, dtype = _HEADERS[version](stream, max_header_size=10_000)
            begin = stream.tell()
    except Exception as error:  # NumPy's reader hands the header to Python's parser, which raises what it likes
        raise source.error(f"array {name} is damaged or cut off ({described(error)})") from None
    if not is_shape(shape):
        raise source.error(f"array {name} has an impossible shape")
    problem = None
    if dtype.hasobject:
        problem = "is a pickled array of Python objects, which could run code and was not opened"
    elif dtype.kind not in "biuf" or dtype.itemsize > 8:
        problem = f"is {dtype}; save masks as bool or float32"
    elif begin + math.prod(shape) * dtype.itemsize != member.file_size:
        raise source.error(
            f"tensor {name} claims {by(shape)} {dtype}, which its {member.file_size:,} bytes do not hold"
        )
    whole = dtype.kind in "iu"
    if dtype.kind == "b":
        dtype = np.dtype("u1")  # so that a byte of 2 is seen
    packed = partial(_pack, source, archive, member, begin, shape, fortran, dtype, clock)
    return Entry(name, shape, packed, problem, whole)


def _pack(
    source: MaskFile,
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    begin: int,
    shape: tuple[int, ...],
    fortran: bool,
    dtype: np.dtype,
    clock: Clock,
    kept: Kept,
) -> np.ndarray:
    try:
        with archive.open(member) as stream:
            stream.read(begin)
            bits = pack(stream, dtype, math.prod(shape), clock, kept)
            if stream.read(1):  # also makes zipfile compare the checksum
                raise zipfile.BadZipFile("more bytes than it claims")
    except EOFError:
        raise CutOffError from None
    except (FileError, BadValueError, CutOffError, MemoryError):
        raise
    except Exception as error:  # of any type: what zipfile and the ways of packing raise is nobody's promise
        name = member.filename.removesuffix(".npy")
        raise source.error(f"tensor {name} is damaged ({described(error)})") from None
    return reordered(bits, shape) if fortran and len(shape) > 1 else bits
