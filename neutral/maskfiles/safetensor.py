"""Safetensors: the container, checked; this project's packed masks in it, and plain 0/1 tensors.

The format: 8 bytes of header length (little-endian), a JSON header of name -> dtype, shape and place, then
the tensors' bytes without gaps (https://huggingface.co/docs/safetensors). A packed mask is one uint8 vector a
tensor (`masks.Mask.bits`) with `format`, `version`, `shapes` and `header` in the JSON metadata.

Tensors are read piece by piece rather than mapped: a mapped file that someone cuts off meanwhile ends the
process (SIGBUS), a read one ends in an error.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from neutral.errors import NeutralError
from neutral.maskfiles.choosing import check_name, check_weights, collect_all
from neutral.maskfiles.source import MaskFile
from neutral.maskfiles.values import BFLOAT16, Clock, Entry, Kept, Limits, Parts, by, is_shape, pack
from neutral.masks import Mask, packed_length

FORMAT, VERSION = "neutral-mask", 1

# A parsed JSON header takes up to 30 times its size; 10,000 tensors need 2 MB.
_LONGEST_HEADER = 16 * 2**20
_NOT_KEPT = ("file", "stem", "notes")  # where a mask was read from, and how, is not part of it
# What a language's name never has: it would be a picture, a link or HTML where names are shown as Markdown.
_NO_NAME = re.compile(r"[\[<]|://")
_LONGEST_VALUE = 1000

_DTYPES: dict[str, np.dtype | str] = {
    "BOOL": np.dtype("u1"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "BF16": BFLOAT16,
    **{f"{kind}{bits}": np.dtype(f"<{kind.lower()}{bits // 8}") for kind in "FIU" for bits in (16, 32, 64)},
}
_BITS = {"BOOL": 8, "BF16": 16, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "C64": 64, "F4": 4}


@dataclass(frozen=True)
class _Tensor:
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int  # in the file
    end: int


def read(source: MaskFile, limits: Limits, *, zeros: bool = False) -> list[Parts]:
    """Read a packed mask, or plain tensors: zeros and ones, or weights whose `zeros` are the mask. Raises `FileError`.

    The tensors of shards, one file each, are one mask.
    """
    clock, entries = Clock(source, limits), []
    with ExitStack() as opened:
        for one in source.files:
            file = opened.enter_context(one.open())
            tensors, metadata = _header(one, file)
            if metadata.get("format") == FORMAT:
                if source.shards:
                    raise one.error("is a whole mask of its own, and the index calls it a shard")
                return [_packed(source, file, tensors, metadata, limits)]
            entries += [_entry(file, tensor, clock) for tensor in tensors]
        return collect_all(source, entries, limits, zeros=zeros)


def write_packed(mask: Mask, file: BinaryIO) -> None:
    """Write a mask in this project's form; the same mask gives the same bytes.

    Raises `NeutralError` if the header holds what JSON can't.
    """
    header = {key: value for key, value in mask.header.items() if key not in _NOT_KEPT and value is not None}
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "header": _json(header),
        "shapes": _json({name: list(shape) for name, shape in mask.shapes.items()}, sort=False),
    }
    sizes = [(name, "U8", [packed.size], packed.size) for name, packed in mask.bits.items()]
    _write(file, sizes, (packed.data for packed in mask.bits.values()), metadata)


def write_plain(mask: Mask, file: BinaryIO) -> None:
    """Write a mask as float32 zeros and ones, one tensor in memory at a time."""
    sizes = [(name, "F32", list(shape), 4 * math.prod(shape)) for name, shape in mask.shapes.items()]
    contents = (mask.array(name).astype("<f4").reshape(-1).data for name in mask.names)
    _write(file, sizes, contents, {"format": "pt"})


def _write(
    file: BinaryIO,
    tensors: list[tuple[str, str, list[int], int]],
    contents: Iterable[memoryview],
    metadata: dict[str, str],
) -> None:
    """Write a container: (name, dtype, shape, bytes) for each tensor, then the contents in the same order."""
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = _json(header, sort=False).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors begin at a multiple of 8
    file.write(len(text).to_bytes(8, "little") + text)
    for content in contents:
        if content.nbytes:
            file.write(content)


def _json(value: Any, *, sort: bool = True) -> str:
    try:
        # numpy's numbers know their Python value
        return json.dumps(value, sort_keys=sort, separators=(",", ":"), default=lambda number: number.item())
    except (TypeError, ValueError, AttributeError) as error:
        raise NeutralError(f"a mask's header holds text and numbers only; got {value!r}") from error


def _header(source: MaskFile, file: BinaryIO) -> tuple[list[_Tensor], dict[str, str]]:
    """Return the tensors by place, and the metadata; every claim holds against the file's size."""
    length = int.from_bytes(file.read(8), "little")
    if length > source.size - 8:
        raise source.error(f"claims a header of {length:,} bytes, but holds {source.size - 8:,}: cut off, or damaged")
    if length > _LONGEST_HEADER:
        raise source.error(f"claims a header of {length:,} bytes; more than {_LONGEST_HEADER:,} are not read")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_once)
    except _TwiceError as error:
        raise source.error(f"tensor {error} is in it twice") from None
    except Exception:  # of any type
        raise source.error("its header is not JSON: cut off, or damaged") from None
    if not isinstance(header, dict):
        raise source.error("its header is not a table of tensors")
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise source.error("its metadata are damaged")
    tensors = [_tensor(source, name, claim, 8 + length) for name, claim in header.items()]
    end = 8 + length
    for tensor in sorted(tensors, key=lambda t: (t.begin, t.end)):
        if tensor.begin != end:
            raise source.error(f"tensor {tensor.name} overlaps another, or leaves a gap: the header is damaged")
        end = tensor.end
    if end != source.size:
        raise source.error(f"its tensors take {end:,} bytes, but it holds {source.size:,}: cut off, or damaged")
    return tensors, metadata


def _tensor(source: MaskFile, name: str, claim: Any, base: int) -> _Tensor:
    check_name(source, name)
    try:
        dtype, shape, (begin, end) = claim["dtype"], tuple(claim["shape"]), claim["data_offsets"]
    except Exception:  # of any type
        raise source.error(f"tensor {name} has no dtype, shape and place: the header is damaged") from None
    places = all(type(n) is int and 0 <= n < 2**63 for n in (begin, end))
    if not isinstance(dtype, str) or not is_shape(shape) or not places:
        raise source.error(f"tensor {name} has an impossible dtype, shape or place: the header is damaged")
    if not begin <= end <= source.size - base:
        raise source.error(f"tensor {name} lies outside the file: cut off, or damaged")
    known = _DTYPES.get(dtype)
    bits = _BITS.get(dtype) or (8 * known.itemsize if known is not None else 0)
    if bits and (math.prod(shape) * bits + 7) // 8 != end - begin:
        raise source.error(f"tensor {name} claims {by(shape)} {dtype}, which its {end - begin:,} bytes do not hold")
    return _Tensor(name, dtype, shape, base + begin, base + end)


def _entry(file: BinaryIO, tensor: _Tensor, clock: Clock) -> Entry:
    dtype = _DTYPES.get(tensor.dtype)
    problem = None if dtype is not None else f"is {tensor.dtype}; save masks as bool or float32"
    whole = tensor.dtype != "BOOL" and isinstance(dtype, np.dtype) and dtype.kind in "iu"
    return Entry(tensor.name, tensor.shape, partial(_pack, file, tensor, dtype, clock), problem, whole)


def _pack(file: BinaryIO, tensor: _Tensor, dtype: np.dtype | str, clock: Clock, kept: Kept) -> np.ndarray:
    file.seek(tensor.begin)
    return pack(file, dtype, math.prod(tensor.shape), clock, kept)


def _packed(
    source: MaskFile, file: BinaryIO, tensors: list[_Tensor], metadata: dict[str, str], limits: Limits
) -> Parts:
    version = metadata.get("version", "")
    if version != str(VERSION):
        raise source.error(f"has version {version[:20]!r} of the packed form; this program reads {VERSION}")
    try:
        shapes = json.loads(metadata["shapes"], object_pairs_hook=_once)
        shapes = {name: tuple(shape) for name, shape in shapes.items()}
        header = json.loads(metadata["header"])
    except Exception:  # of any type
        raise source.error("its metadata are damaged") from None
    if set(shapes) != {tensor.name for tensor in tensors}:
        raise source.error("its metadata name other tensors than it holds")
    if not isinstance(header, dict) or not all(_plain(value) for value in header.values()):
        raise source.error("its header is damaged")
    language = str(header.get("language") or "")
    if not language.isprintable() or _NO_NAME.search(language):
        raise source.error(f"its header names {language[:60]!r} as the language, which is no language's name")
    for tensor in tensors:
        shape = shapes[tensor.name]
        if not is_shape(shape):
            raise source.error(f"tensor {tensor.name} has an impossible shape")
        if tensor.dtype != "U8" or packed_length(shape) != tensor.end - tensor.begin:
            raise source.error(f"tensor {tensor.name} claims {by(shape)} weights, which its bits do not hold")
    if not tensors:
        raise source.error("holds no tensors")
    check_weights(source, shapes.values(), limits)
    if not any(map(math.prod, shapes.values())):
        raise source.error("holds no weights at all")
    bits, named = {}, {tensor.name: tensor for tensor in tensors}
    for name in shapes:  # the order that the mask was written in
        tensor = named[name]
        file.seek(tensor.begin)
        bits[name] = np.frombuffer(bytearray(file.read(tensor.end - tensor.begin)), np.uint8)
    return Parts(bits, shapes, {k: v for k, v in header.items() if k not in _NOT_KEPT})


def _plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_VALUE
    return value is None or isinstance(value, (bool, int, float))


class _TwiceError(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object whose keys must differ: the last of two would silently win."""
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        raise _TwiceError(next(key for key, _ in pairs if key in seen or seen.add(key)))
    return table
