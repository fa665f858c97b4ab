"""Files that are no masks: nothing in them is run, a child has limits, and one line says what they are."""

import io
import json
import os
import pickle
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from maskbytes import npy_header, npz_bytes, plain_header, problem, repacked, safetensors_bytes, torch_bytes, zip_bytes

from neutral import maskfiles
from neutral.errors import FileError
from neutral.maskfiles import Limits, pickled

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


def test_what_a_bare_pickle_and_a_pickled_array_ask_for_is_not_run(tmp_path):
    target = tmp_path / "written"
    assert "asks for posix.mkdir, which could run code" in problem("en.pt", pickle.dumps({"w": Payload(target)}))
    array = np.empty(1, object)
    array[0] = Payload(target)
    assert "was not opened" in problem("en.npz", npz_bytes(w=array))
    assert not target.exists()


def test_code_in_a_pickle_whose_child_leaves_a_pickle_is_no_way_in(tmp_path, monkeypatch):
    target = tmp_path / "written"

    def do(self, job, seconds: float) -> str:
        (Path(job["folder"]) / pickled.MASK.format(0)).write_bytes(pickle.dumps(Payload(target)))
        about = {"notes": [], "renamed": 0, "label": ""}
        (Path(job["folder"]) / pickled.ANSWER).write_text(json.dumps({"masks": [about]}))
        return ""

    monkeypatch.setattr(pickled.Child, "_do", do)
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
        ({"masks": {"w": torch.ones(2)}, "best_mask": {"w": torch.ones(2)}}, "several dicts of tensors"),
        ({"w\nx": torch.ones(2, 2)}, "no weight's name"),
        ({"w_mask": torch.ones(2, 2, 2).to_sparse(2)}, "tensor w_mask is a sparse tensor of blocks"),
        ({"w_mask": torch.ones(2, 2).to_sparse_bsr((1, 2))}, "tensor w_mask is torch.sparse_bsr"),
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
