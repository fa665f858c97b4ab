"""A mask in every form of file, and what bad files are made of."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest
import torch

from neutral import maskfiles
from neutral.errors import FileError
from neutral.maskfiles import Limits
from neutral.masks import Mask

QUERY = "bert.encoder.layer.7.attention.self.query.weight"
POOLER = "bert.pooler.dense.weight"


def a_mask(**header) -> Mask:
    random_bits = np.random.default_rng(0)
    shapes = {QUERY: (33, 17), "bert.encoder.layer.10.output.dense.weight": (5, 3), POOLER: (8, 24)}
    return Mask.from_tensors({name: random_bits.random(shape) < 0.5 for name, shape in shapes.items()}, **header)


MASK = a_mask()


def torch_bytes(value: object, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def npz_bytes(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def safetensors_bytes(header: dict | bytes, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def plain_header(name: str = "w", dtype: str = "U8", shape=(2, 2), place=(0, 4)) -> dict:
    return {name: {"dtype": dtype, "shape": list(shape), "data_offsets": list(place)}}


def zip_bytes(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def repacked(data: bytes, **changed: bytes) -> bytes:
    """A torch zip with members replaced (by the last part of their name)."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return zip_bytes(
        {name: changed.get(name.rpartition("/")[2].replace(".", "_"), old) for name, old in members.items()}
    )


def with_claim(
    data: bytes, name: str, *, size: int | None = None, packed: int | None = None, at: int | None = None
) -> bytes:
    """A zip whose directory claims something else of one member."""
    data = bytearray(data)
    place = data.rfind(name.encode()) - 46  # the directory comes last
    assert data[place : place + 4] == b"PK\x01\x02"
    for offset, value in ((20, packed), (24, size), (42, at)):
        if value is not None:
            data[place + offset : place + offset + 4] = struct.pack("<L", value)
    return bytes(data)


def npy_header(shape, descr: str = "|b1") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def problem(name: str, data: bytes, limits: Limits | None = None) -> str:
    """The one line that refuses a file."""
    with pytest.raises(FileError) as caught:
        maskfiles.read_bytes(name, data, limits)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    return message.removeprefix(f"{name}: ")


FORMS = {
    "packed.safetensors": maskfiles.to_bytes(MASK),
    "plain.safetensors": maskfiles.to_bytes(MASK, "safetensors"),
    "x.npz": maskfiles.to_bytes(MASK, "numpy"),
    "zip.pt": maskfiles.to_bytes(MASK, "torch"),
    "legacy.pt": torch_bytes({f"{n}_mask": t.float() for n, t in MASK.to_tensors().items()}, legacy=True),
}
