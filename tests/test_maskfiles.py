"""Mask files: every form comes back bit for bit, in little memory, and a failed write loses nothing."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from maskbytes import FORMS, MASK, QUERY, a_mask, npz_bytes, problem, torch_bytes
from torch.nn.utils import prune

from neutral import maskfiles, overlap
from neutral.errors import MismatchError, NeutralError, StorageError
from neutral.masks import Mask


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
        "j": (torch.rand(3, 4, 5, generator=g) < 0.5).permute(2, 0, 1),
    }
    tensors = {f"layer.{name}.weight_mask": tensor for name, tensor in tensors.items()}
    assert maskfiles.read_bytes("a.pt", torch_bytes(tensors, legacy=legacy)) == Mask.from_tensors(tensors)


@pytest.mark.parametrize("name", ["x.pt", "x.npz", "x.safetensors"])
def test_exports_are_read_by_their_own_libraries_and_here(tmp_path, name, in_process):
    from safetensors.torch import load_file

    mask = Mask.from_tensors({**MASK.to_arrays(), "v.weight": np.eye(1, 9), "z.weight": np.ones((0, 2))})
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


def test_vectors_beside_masks_are_left_out_and_said_but_vectors_alone_are_masks():
    matrix, bias = np.eye(3), np.array([0.1, 0.2])
    for vector in (bias, np.ones(2)):
        mask = maskfiles.read_bytes("a.npz", npz_bytes(w=matrix, b=vector))
        assert mask.names == ("w",)
        assert mask.header["notes"] == "left out vectors, as of biases and norms: b"
    assert maskfiles.read_bytes("a.npz", npz_bytes(b=np.array([0, 1]))).names == ("b",)
    assert "tensor b holds 0.1" in problem("a.npz", npz_bytes(b=bias))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *[("en.pt", "en"), ("mask_en.pt", "en"), ("en_mask.pt", "en"), ("mlm-en-0.5.safetensors", "en")],
        *[("mbert.zh.pt", "zh"), ("some/where/SW.npz", "SW"), ("en_mask_en.pt", "en"), ("mask.pt", None)],
        *[("mask_en_de.pt", None), ("french.pt", None), ("mask.en", "en")],
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


def test_a_failed_write_leaves_what_was_there(tmp_path):
    maskfiles.write(MASK, tmp_path / "a.safetensors")
    before = (tmp_path / "a.safetensors").read_bytes()
    with pytest.raises(NeutralError, match="text and numbers"):
        maskfiles.write(a_mask(model=object()), tmp_path / "a.safetensors")
    assert os.listdir(tmp_path) == ["a.safetensors"]
    assert (tmp_path / "a.safetensors").read_bytes() == before
    with pytest.raises(StorageError, match="a file, and a folder must be there"):
        maskfiles.write(MASK, tmp_path / "a.safetensors" / "b.safetensors")
    with pytest.raises(NeutralError, match="unknown style"):
        maskfiles.export(MASK, tmp_path / "a.xyz")
