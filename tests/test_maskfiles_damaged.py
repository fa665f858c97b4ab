"""Files cut off, damaged, or claiming what they do not hold: masks, or refused in one line."""

import random
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from maskbytes import (
    FORMS,
    MASK,
    npy_header,
    npz_bytes,
    plain_header,
    problem,
    repacked,
    safetensors_bytes,
    torch_bytes,
    with_claim,
    zip_bytes,
)

from neutral import maskfiles
from neutral.errors import FileError
from neutral.maskfiles import Limits


@pytest.mark.parametrize("name", FORMS)
def test_files_cut_off_anywhere_are_refused(in_process, name):
    data = FORMS[name]
    assert maskfiles.read_bytes(name, data) == MASK
    for end in {
        1,
        4,
        9,
        30,
        120,
        len(data) // 3,
        len(data) // 2,
        len(data) - 30,
        len(data) - 4,
        len(data) - 1,
    }:
        problem(name, data[:end])


@pytest.mark.parametrize("name", FORMS)
def test_damaged_files_are_masks_or_refused_but_never_a_fault(in_process, name):
    dice = random.Random(0)
    refused = 0
    for _ in range(60):
        data = bytearray(FORMS[name])
        # half of the damage where the headers are
        for _ in range(dice.choice((1, 3, 20))):
            place = dice.randrange(len(data)) if dice.random() < 0.5 else -dice.randrange(1, 600)
            data[place if dice.random() < 0.5 else dice.randrange(600)] = dice.randrange(256)
        try:
            maskfiles.read_bytes(name, bytes(data))
        except FileError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (struct.pack("<Q", 10**9) + b'{"a":1}', "claims a header of 1,000,000,000 bytes"),
        (struct.pack("<Q", 2**47) + b'{"a":1}', "claims a header"),
        (safetensors_bytes(b'{"w":'), "header is not JSON"),
        (safetensors_bytes(b'{"w":' * 100_000), "header is not JSON"),
        (safetensors_bytes(b'{"w":' + b"9" * 10_000 + b"}"), "header is not JSON"),
        (safetensors_bytes(b"{}"), "holds no tensors"),
        (safetensors_bytes({"w": 1}), "tensor w has no dtype"),
        (
            safetensors_bytes(plain_header(shape=(10**6, 10**6)), bytes(4)),
            "tensor w claims 1000000×1000000 U8",
        ),
        (safetensors_bytes(plain_header(shape=(2, 1e300)), bytes(4)), "tensor w has an impossible"),
        (safetensors_bytes(plain_header(shape=(-2, -2)), bytes(4)), "tensor w has an impossible"),
        (safetensors_bytes(plain_header(place=(0, 10**12)), bytes(4)), "tensor w lies outside the file"),
        (safetensors_bytes(plain_header(place=(4, 0)), bytes(4)), "tensor w lies outside the file"),
        (safetensors_bytes(plain_header(), bytes(5)), "its tensors take"),
        (safetensors_bytes(plain_header("a") | plain_header("b"), bytes(4)), "tensor b overlaps another"),
        (safetensors_bytes(plain_header("a", place=(1, 5)), bytes(5)), "leaves a gap"),
        (safetensors_bytes(plain_header(dtype="F8_E4M3"), bytes(4)), "tensor w is F8_E4M3"),
        (safetensors_bytes(b'{"w":{"dtype":"U8"},"w":{"dtype":"U8"}}'), "tensor w is in it twice"),
        (safetensors_bytes(plain_header("w\n"), bytes(4)), "no weight's name"),
        (safetensors_bytes({"__metadata__": {"a": 1}}), "metadata are damaged"),
    ],
)
def test_lying_safetensors_are_refused(data, said):
    assert said in problem("en.safetensors", data)


def packed_bytes(data: bytes = b"\xf0", shape: str = '{"w":[2,2]}', version: str = "1", header: str = "{}") -> bytes:
    metadata = {"format": "neutral-mask", "version": version, "header": header, "shapes": shape}
    return safetensors_bytes({"__metadata__": metadata} | plain_header(shape=[len(data)], place=(0, len(data))), data)


def test_lying_packed_files_are_refused():
    assert maskfiles.read_bytes("a.safetensors", packed_bytes()).kept == 4
    for data, said in (
        (packed_bytes(b"\xf1"), "tensor w: the padding bits"),
        (packed_bytes(shape='{"w":[3,3]}'), "tensor w claims 3×3 weights"),
        (packed_bytes(shape='{"w":[1000000,1000000]}'), "tensor w claims"),
        (packed_bytes(shape='{"w":[-1,-1]}'), "impossible shape"),
        (packed_bytes(shape='{"v":[2,2]}'), "name other tensors"),
        (packed_bytes(shape="[1]"), "metadata are damaged"),
        (packed_bytes(header="[" * 100_000), "metadata are damaged"),
        (packed_bytes(header='{"language":["en"]}'), "header is damaged"),
        (packed_bytes(version="2"), "version '2'"),
    ):
        assert said in problem("en.safetensors", data)


ZEROS = zip_bytes({"w.npy": npy_header((10**7,)) + bytes(10**7)}, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        # an array's header that claims more than its member has
        (zip_bytes({"w.npy": npy_header((10**6, 10**6)) + b"\1"}), "tensor w claims 1000000×1000000 bool"),
        (zip_bytes({"w.npy": npy_header((-1,)) + b"\1"}), "impossible shape"),
        (zip_bytes({"w.npy": b"\x93NUMPY\1\0\xff\xff{"}), "array w is damaged"),
        (zip_bytes({"w.npy": b"\x93NUMPY\3\0\2\0{}"}), "array w is damaged"),
        (zip_bytes({"w.npy": b""}), "array w is damaged"),
        # a directory that claims more than the file has
        (with_claim(npz_bytes(w=np.eye(3)), "w.npy", size=2**31), "can't unpack to"),
        (with_claim(npz_bytes(w=np.eye(3)), "w.npy", packed=2**31), "more than the file holds"),
        (
            with_claim(zip_bytes({"w.npy": b"12"}), "w.npy", size=2**31),
            "claims 2,147,483,648 bytes, but holds 2",
        ),
        (with_claim(zip_bytes({"v.npy": b"1" * 99, "w.npy": b"1" * 99}), "w.npy", at=0), "overlaps another"),
        # the same name twice, other ways of packing
        (zip_bytes({"w.npy": npy_header((1,)) + b"\1", "v.npy": b""}).replace(b"v.npy", b"w.npy"), "twice"),
        (zip_bytes({"w.npy": bytes(99)}, zipfile.ZIP_LZMA), "a way that NumPy never uses"),
    ],
)
def test_lying_npz_are_refused(data, said):
    assert said in problem("en.npz", data)


def test_an_npz_that_unpacks_to_absurd_sizes_is_refused_before_it_takes_memory():
    assert len(ZEROS) < 20_000
    tracemalloc.start()
    try:
        assert "claims 1e+07 weights" in problem("en.npz", ZEROS, Limits(weights=10**6))
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


def test_a_slow_npz_is_stopped():
    assert "took longer" in problem("en.npz", ZEROS, Limits(seconds=0))


def test_a_zip_directory_of_absurd_size_is_refused_unread():
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60_000, 60_000, 60_000 * 46, 30, 0)
    assert "60,000 members" in problem("en.npz", b"PK\3\4" + bytes(60_000 * 46 + 26) + end)


SAVED = torch_bytes({"a.weight_mask": torch.ones(9, 2), "b.weight_mask": torch.ones(2, 2)})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (with_claim(SAVED, "archive/data/0", size=2**31, packed=2**31), "more than the file holds"),
        (with_claim(SAVED, "archive/data/0", size=2**31), "but holds 72"),
        (with_claim(SAVED, "archive/data/1", at=0), "overlaps another"),
        (repacked(SAVED, data_pkl=bytes(17 * 2**20)), "its data.pkl of 17,825,792 bytes"),
        (
            zip_bytes({"a/data.pkl": bytes(10**6)}, zipfile.ZIP_DEFLATED),
            "is packed, which torch.save never does",
        ),
        (zip_bytes({"a/data.pkl": b"garbage"}), "damaged"),
    ],
)
def test_lying_torch_zips_are_refused(in_process, data, said):
    assert said in problem("en.pt", data)


def test_a_pickle_that_claims_more_than_its_storage_holds_is_refused(in_process):
    # 9 × 2 floats are 72 bytes: K\x12 is their number, K\x09 the rows
    for old, new in ((b"K\x12", b"K\x7f"), (b"K\x09K\x02", b"K\x7fK\x7f")):
        for legacy in (False, True):
            data = torch_bytes({"a.weight_mask": torch.ones(9, 2), "b.weight_mask": torch.ones(2, 2)}, legacy=legacy)
            assert data.count(old) == 1
            problem("en.pt", data.replace(old, new))
