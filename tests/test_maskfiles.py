"""Mask files: every form comes back bit for bit, and nothing bad gets further than one line."""

import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils import prune

from neutral import maskfiles, overlap
from neutral.errors import FileError, MismatchError, NeutralError
from neutral.maskfiles import Limits, pickled, worker
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


@pytest.fixture
def in_process(monkeypatch):
    """Do the child's work here, without its limits: a start of the child takes a second."""

    def run(source, folder: Path, seconds: float) -> int:
        worker.main(folder)
        return 0

    monkeypatch.setattr(worker, "_limit", lambda *_: None)
    monkeypatch.setattr(pickled, "_run", run)


def problem(name: str, data: bytes, limits: Limits | None = None) -> str:
    """The one line that refuses a file."""
    with pytest.raises(FileError) as caught:
        maskfiles.read_bytes(name, data, limits)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    return message.removeprefix(f"{name}: ")


# ---- every form comes back


def test_packed_files_keep_bits_order_and_header(tmp_path):
    mask = a_mask(language="sw", model="bert", sparsity=np.float64(0.5), seed=np.int64(3))
    maskfiles.write(mask, tmp_path / "new folder" / "a.safetensors")
    read = maskfiles.read(tmp_path / "new folder" / "a.safetensors")
    assert read == mask
    assert read.names == mask.names
    expected = {
        "language": "sw",
        "model": "bert",
        "sparsity": 0.5,
        "seed": 3,
        "file": "a.safetensors",
        "stem": "a",
    }
    assert read.header == expected
    assert os.listdir(tmp_path / "new folder") == ["a.safetensors"]


def test_packed_files_are_deterministic_and_safetensors_for_others(tmp_path):
    from safetensors.numpy import load_file

    for name in ("a.safetensors", "b.safetensors"):
        maskfiles.write(maskfiles.read_bytes("a", maskfiles.to_bytes(MASK)), tmp_path / name)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    loaded = load_file(tmp_path / "a.safetensors")
    assert all(np.array_equal(loaded[name], MASK.bits[name]) for name in MASK.names)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_the_papers_mask_pt_is_read_in_a_child(tmp_path, legacy):
    tensors = {f"module.{name}_mask": torch.from_numpy(MASK.array(name)).float() for name in MASK.names}
    (tmp_path / "mask_en.pt").write_bytes(torch_bytes(tensors, legacy=legacy))
    read = maskfiles.read(tmp_path / "mask_en.pt")
    assert read == MASK
    assert read.header == {"language": "en", "file": "mask_en.pt", "stem": "mask_en"}


def test_a_prune_checkpoint_gives_its_masks_only(in_process):
    model = torch.nn.ModuleDict({"query": torch.nn.Linear(6, 5), "norm": torch.nn.LayerNorm(5)})
    prune.random_unstructured(model["query"], "weight", 0.4)
    expected = Mask.from_tensors({"query.weight": model["query"].weight_mask})
    for checkpoint in (model.state_dict(), {"epoch": 3, "state_dict": model.state_dict()}):
        assert maskfiles.read_bytes("a.bin", torch_bytes(checkpoint)) == expected
    assert expected.sparsity() == pytest.approx(0.4)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_every_layout_and_type_torch_saves_is_read(in_process, legacy):
    g = torch.Generator().manual_seed(1)
    base = (torch.rand(12, 10, generator=g) < 0.5).float()
    tensors = {
        "a": base,
        "b": base[3:],  # shares a's numbers
        "c": base.t(),
        "d": base[::2, 1:9:3],
        "e": torch.nn.Parameter(base.clone()),
        "f": torch.zeros(0, 5),
        "g": base.bfloat16().t(),
        **{str(t): base.to(t) for t in (torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64)},
        "h": base.bfloat16(),
        "i": torch.ones(2),
        "j": (torch.rand(3, 4, 5, generator=g) < 0.5).permute(2, 0, 1),
    }
    tensors = {f"layer.{name}.weight_mask": tensor for name, tensor in tensors.items()}
    assert maskfiles.read_bytes("a.pt", torch_bytes(tensors, legacy=legacy)) == Mask.from_tensors(tensors)


@pytest.mark.parametrize("name", ["x.pt", "x.npz", "x.safetensors"])
def test_exports_are_read_by_their_own_libraries_and_here(tmp_path, name, in_process):
    from safetensors.torch import load_file

    mask = Mask.from_tensors({**MASK.to_arrays(), "v.weight": np.eye(1, 9)[0], "z.weight": np.ones((0, 2))})
    maskfiles.export(mask, tmp_path / name)
    loaded = {".pt": torch.load, ".npz": np.load, ".safetensors": load_file}[Path(name).suffix](tmp_path / name)
    if name == "x.pt":
        assert all(key.endswith("weight_mask") and t.dtype == torch.float32 for key, t in loaded.items())
    assert Mask.from_tensors(dict(loaded.items())) == mask
    assert maskfiles.read(tmp_path / name) == mask
    style = {"x.pt": "torch", "x.npz": "numpy", "x.safetensors": "safetensors"}[name]
    assert maskfiles.read_bytes(name, memoryview(maskfiles.to_bytes(mask, style))) == mask


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32, np.float64, ">f4"])
def test_npz_of_any_type_and_order_is_read(dtype):
    arrays = {f"layer.{i}.weight": MASK.array(name).astype(dtype) for i, name in enumerate(MASK.names)}
    arrays["layer.9.weight"] = np.asfortranarray(arrays["layer.0.weight"])
    arrays["layer.8.weight"] = np.asfortranarray(np.arange(60).reshape(3, 4, 5) % 7 == 0)
    assert maskfiles.read_bytes("a.npz", npz_bytes(**arrays)) == Mask.from_tensors(arrays)


@pytest.mark.parametrize("dtype", [torch.bool, torch.bfloat16, torch.float16, torch.int8])
def test_plain_safetensors_of_any_type_are_read(dtype):
    from safetensors.torch import save

    tensors = {name: tensor.to(dtype) for name, tensor in MASK.to_tensors().items()}
    assert maskfiles.read_bytes("a.safetensors", save(tensors)) == MASK


def test_biases_beside_masks_are_passed_over_but_vectors_alone_are_masks():
    matrix, bias = np.eye(3), np.array([0.1, 0.2])
    assert maskfiles.read_bytes("a.npz", npz_bytes(w=matrix, b=bias)).names == ("w",)
    assert maskfiles.read_bytes("a.npz", npz_bytes(b=np.array([0, 1]))).names == ("b",)
    assert "tensor b holds 0.1" in problem("a.npz", npz_bytes(b=bias))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *[("en.pt", "en"), ("mask_en.pt", "en"), ("en_mask.pt", "en"), ("mlm-en-0.5.safetensors", "en")],
        *[("mbert.zh.pt", "zh"), ("some/where/SW.npz", "sw"), ("en_mask_en.pt", "en"), ("mask.pt", None)],
        *[("mask_en_de.pt", None), ("french.pt", None), ("mask.en", None)],
    ],
)
def test_a_language_is_guessed_only_where_the_name_says_one(name, code):
    assert maskfiles.guess_language(name) == code


def test_a_language_in_the_file_beats_its_name():
    data = maskfiles.to_bytes(a_mask(language="sw"))
    assert maskfiles.read_bytes("en.safetensors", data).header["language"] == "sw"
    assert maskfiles.read_bytes("en.safetensors", maskfiles.to_bytes(MASK)).header["language"] == "en"


def test_masks_of_different_models_do_not_compare():
    other = maskfiles.read_bytes("fr.npz", npz_bytes(**{QUERY: np.ones((33, 18))}))
    with pytest.raises(MismatchError, match=QUERY):
        overlap.count([maskfiles.read_bytes("en.safetensors", maskfiles.to_bytes(MASK)), other])


def test_importing_loads_neither_torch_nor_streamlit():
    code = "import sys, neutral.maskfiles; print({'torch', 'streamlit'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


# ---- nothing is run


class Payload:
    """Pickles to a call that would write a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_code_in_a_pickle_is_named_and_not_run(tmp_path, legacy):
    target = tmp_path / "written"
    data = torch_bytes({"a.weight_mask": torch.ones(2, 2), "x": Payload(target)}, legacy=legacy)
    assert "asks for" in (message := problem("en.pt", data))
    assert "mkdir" in message
    assert not target.exists()


def test_a_bare_pickle_and_a_pickled_array_are_not_opened(tmp_path):
    target = tmp_path / "written"
    assert "was not opened" in problem("en.pt", pickle.dumps({"w": Payload(target)}))
    array = np.empty(1, object)
    array[0] = Payload(target)
    assert "was not opened" in problem("en.npz", npz_bytes(w=array))
    assert not target.exists()


def test_code_in_a_pickle_whose_child_leaves_a_pickle_is_no_way_in(tmp_path, monkeypatch):
    target = tmp_path / "written"

    def run(source, folder: Path, seconds: float) -> int:
        (folder / pickled.RESULT).write_bytes(pickle.dumps(Payload(target)))
        return 0

    monkeypatch.setattr(pickled, "_run", run)
    problem("en.pt", torch_bytes({"a.weight_mask": torch.ones(2, 2)}))
    assert not target.exists()


# ---- the child's limits


def test_a_child_out_of_time_is_stopped():
    data = torch_bytes({"a.weight_mask": torch.ones(2, 2)})
    assert "took longer to read than the 0.05 s" in problem("en.pt", data, Limits(seconds=0.05))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory limit is Linux's")
def test_a_small_file_that_asks_for_much_memory_is_refused_by_the_limit():
    ten_gigabytes = b"\x8a\x05" + (10**10).to_bytes(5, "little")
    hostile = b"\x80\x02c__builtin__\nbytearray\n" + ten_gigabytes + b"\x85R."
    data = repacked(torch_bytes({"a.weight_mask": torch.ones(2, 2)}), data_pkl=hostile)
    assert "more memory than it may" in problem("en.pt", data)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory limit is Linux's")
def test_a_tensor_above_the_memory_limit_is_refused():
    data = torch_bytes({"a.weight_mask": torch.ones(4000, 4000, dtype=torch.bool).t()})
    assert "more memory than it may" in problem("en.pt", data, Limits(memory=8 * 2**20))


def test_a_child_that_is_killed_or_fails_is_reported(monkeypatch):
    data = torch_bytes({"a.weight_mask": torch.ones(2, 2)})
    monkeypatch.setattr(pickled, "_COMMAND", ("-c", "import os; os.kill(os.getpid(), 9)"))
    assert "signal 9" in problem("en.pt", data)
    monkeypatch.setattr(pickled, "_COMMAND", ("-c", "raise ImportError('no torch here')"))
    assert "ImportError: no torch here" in problem("en.pt", data)


def test_temporary_files_are_gone_afterwards(tmp_path, monkeypatch, in_process):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    maskfiles.read_bytes("en.pt", torch_bytes({"a.weight_mask": torch.ones(2, 2)}))
    problem("en.pt", torch_bytes({"a.weight_mask": torch.full((2, 2), 3)}))
    assert os.listdir(tmp_path) == []


# ---- not a mask


def test_missing_empty_and_strange_paths_are_refused(tmp_path):
    (tmp_path / "empty.pt").touch()
    os.mkfifo(tmp_path / "pipe.pt")
    for name, reason in (
        *[("none.pt", "no such file"), ("", "is a directory"), ("empty.pt", "is empty")],
        *[("pipe.pt", "not an ordinary file"), ("a\0b.pt", "could not be opened")],
    ):
        with pytest.raises(FileError, match=reason):
            maskfiles.read(tmp_path / name)
    assert problem("x.pt", b"") == "is empty"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image"),
        (b"%PDF-1.7\n", "a PDF document"),
        ("en,fr\n0.5,0.5 – größer\n".encode() * 50, "text"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (random.Random(0).randbytes(500), "of an unknown kind"),
        (bytes(3000), "of an unknown kind"),
        (b"PK\x05\x06" + bytes(18), "an empty zip archive"),
        (zip_bytes({"a.txt": b"hello"}), "neither torch.save's nor NumPy's"),
        (zip_bytes({"a/constants.pkl": b"", "a/data.pkl": b""}), "a TorchScript program"),
        (zip_bytes({"[Content_Types].xml": b""}), "an Office document"),
    ],
)
def test_files_of_another_kind_are_called_what_they_are(data, said):
    for name in ("en.pt", "en.npz", "en"):
        assert said in problem(name, data)


def test_a_single_array_says_how_to_keep_names():
    buffer = io.BytesIO()
    np.save(buffer, np.eye(3))
    assert "numpy.savez" in problem("en.npz", buffer.getvalue())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "an empty dict"),
        ({"a": 1, "b": {"c": "d"}}, "no tensors"),
        ([torch.ones(2, 2)], "holds a list"),
        (torch.ones(2, 2), "without a name"),
        ({0: torch.ones(2, 2)}, "0, which is no weight's name"),
        ({"a": {"w": torch.ones(2)}, "b": {"w": torch.ones(2)}}, "several dicts of tensors"),
        ({"w\nx": torch.ones(2, 2)}, "no weight's name"),
        ({"w_mask": torch.ones(2, 2).to_sparse()}, "tensor w_mask is not a plain dense tensor"),
        ({"w_mask": torch.ones(2, 2, dtype=torch.complex64)}, "tensor w_mask is complex64"),
        ({"w_mask": torch.ones(1).expand(10**6, 10**3)}, "tensor w_mask claims 1000000×1000 values"),
        ({"w_mask": torch.ones(2, 2), "module.w_mask": torch.ones(2, 2)}, "two tensors for the weight w"),
        ({"w.weight": torch.full((2, 2), 0.5)}, "tensor w.weight holds 0.5, and a mask holds only 0 and 1"),
        ({"w_mask": torch.tensor([[1.0, float("nan")]])}, "tensor w_mask holds nan"),
        ({"w_mask": torch.tensor([[1, -1]])}, "tensor w_mask holds -1"),
        ({"w_mask": torch.tensor([1e30]).bfloat16()}, "tensor w_mask holds 1.00026e+30"),
    ],
)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_torch_files_that_hold_no_mask_are_refused(in_process, value, said, legacy):
    assert said in problem("en.pt", torch_bytes(value, legacy=legacy))


def test_values_other_than_0_and_1_are_refused_in_every_form():
    from safetensors.numpy import save

    for bad in (2.0, -1.0, 0.5, float("nan"), float("inf")):
        array = np.ones((50, 40), np.float32)
        array[31, 7] = bad
        for name, data in (("en.npz", npz_bytes(w=array)), ("en.safetensors", save({"w": array}))):
            assert f"tensor w holds {bad:g}" in problem(name, data)
    assert "holds 7" in problem("en.safetensors", safetensors_bytes(plain_header(dtype="BOOL"), b"\1\0\1\7"))
    assert "holds 7" in problem("en.npz", zip_bytes({"w.npy": npy_header((4,)) + b"\1\0\1\7"}))
    assert "is <U1" in problem("en.npz", npz_bytes(w=np.array([["a"]])))
    assert "is complex64" in problem("en.npz", npz_bytes(w=np.ones((2, 2), np.complex64)))


# ---- cut off, damaged, lying

FORMS = {
    "packed.safetensors": maskfiles.to_bytes(MASK),
    "plain.safetensors": maskfiles.to_bytes(MASK, "safetensors"),
    "x.npz": maskfiles.to_bytes(MASK, "numpy"),
    "zip.pt": maskfiles.to_bytes(MASK, "torch"),
    "legacy.pt": torch_bytes({f"{n}_mask": t.float() for n, t in MASK.to_tensors().items()}, legacy=True),
}


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


# ---- memory


@pytest.mark.parametrize("name", FORMS)
def test_reading_holds_pieces_not_tensors(tmp_path, name, in_process):
    # 8 tensors of 8 MB as float32, 2 MB in all when packed
    mask = Mask.random({f"layer.{i}.weight": (1024, 2048) for i in range(8)}, 0.5, 0)
    tensors = {f"{n}_mask": t.float() for n, t in mask.to_tensors().items()}
    path = tmp_path / name
    if name == "legacy.pt":
        torch.save(tensors, path, _use_new_zipfile_serialization=False)
    elif name == "packed.safetensors":
        maskfiles.write(mask, path)
    else:
        maskfiles.export(mask, path)
    del tensors
    tracemalloc.start()
    try:
        assert maskfiles.read(path) == mask
        assert tracemalloc.get_traced_memory()[1] < 12e6
    finally:
        tracemalloc.stop()


# ---- writing


def test_a_failed_write_leaves_what_was_there(tmp_path):
    maskfiles.write(MASK, tmp_path / "a.safetensors")
    before = (tmp_path / "a.safetensors").read_bytes()
    with pytest.raises(NeutralError, match="text and numbers"):
        maskfiles.write(a_mask(model=object()), tmp_path / "a.safetensors")
    assert os.listdir(tmp_path) == ["a.safetensors"]
    assert (tmp_path / "a.safetensors").read_bytes() == before
    with pytest.raises(FileError, match="could not be written"):
        maskfiles.write(MASK, tmp_path / "a.safetensors" / "b.safetensors")
    with pytest.raises(NeutralError, match="unknown style"):
        maskfiles.export(MASK, tmp_path / "a.xyz")
