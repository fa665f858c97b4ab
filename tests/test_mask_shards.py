"""Masks in several files: an index, its folder, or all of them in a batch are one mask; a shard alone is refused."""

import json

import numpy as np
import pytest
import torch
from maskbytes import torch_bytes, zip_bytes

from neutral import cli, maskfiles
from neutral.errors import FileError
from neutral.masks import Mask

TENSORS = {
    f"layer.{i}.{part}.weight": torch.from_numpy((np.random.default_rng(i).random((4, 6)) < 0.5).astype("f4"))
    for i, part in enumerate(("query", "key", "value", "output"))
}
MASK = Mask.from_tensors(TENSORS)


def sharded(kind, tensors=TENSORS):
    """Name -> bytes of two shards and their index."""
    from safetensors.torch import save

    stem, saved = ("model", save) if kind == "safetensors" else ("pytorch_model", torch_bytes)
    names = list(tensors)
    files = {f"{stem}-0000{i + 1}-of-00002.{kind}": names[2 * i : 2 * i + 2] for i in range(2)}
    index = {"metadata": {}, "weight_map": {name: file for file, its in files.items() for name in its}}
    data = {file: saved({name: tensors[name] for name in its}) for file, its in files.items()}
    return data | {f"{stem}.{kind}.index.json": json.dumps(index).encode()}


@pytest.fixture(params=["safetensors", "bin"])
def files(request, tmp_path, in_process):
    folder = tmp_path / "swa"
    folder.mkdir()
    for name, data in sharded(request.param).items():
        (folder / name).write_bytes(data)
    return folder


def test_an_index_its_folder_and_all_its_files_are_one_mask(files, tmp_path, capsys):
    index = next(files.glob("*.index.json"))
    for given in ([index], [files], sorted(files.iterdir()), [tmp_path]):
        (one,) = maskfiles.readings(given)
        assert (one.name, one.mask, one.language_from) == ("swa", MASK, "folder"), given
    assert maskfiles.read(index) == maskfiles.read(files) == MASK
    assert cli.main(["masks", "convert", str(files), "-o", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out" / "swa.safetensors")


def test_a_shard_alone_is_refused_and_names_its_index(files, capsys):
    shard = next(files.glob("*-00001-of-00002.*"))
    index = next(files.glob("*.index.json"))
    assert cli.main(["masks", "info", str(shard)]) == 2
    assert f"is one of 2 shards of a file, not all of it; give its index, {index}" in capsys.readouterr().err
    with pytest.raises(FileError, match="is one of 2 shards"):
        maskfiles.read(shard)
    index.unlink()
    (one,) = maskfiles.readings([shard])
    assert "give the others too, with their index" in one.problem


def test_a_shard_that_is_missing_is_named(files):
    next(files.glob("*-00002-of-00002.*")).unlink()
    (one, *_) = maskfiles.readings([next(files.glob("*.index.json"))])
    assert ", which is not beside it" in one.problem
    assert "-00002-of-00002" in one.problem


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_uploads_of_all_files_and_archives_of_them_are_one_mask(in_process, kind):
    files = sharded(kind)
    (one,) = maskfiles.read_uploads(list(files.items()))
    assert one.mask == MASK
    (one,) = maskfiles.read_uploads(
        [("all.zip", zip_bytes({f"runs/swa/{name}": data for name, data in files.items()}))]
    )
    assert (one.name, one.mask) == ("swa", MASK)
    parts = {name: data for name, data in files.items() if not name.endswith(".json")}
    found = maskfiles.read_uploads([*parts.items(), ("all.zip", zip_bytes(parts))])
    assert ["is one of 2 shards" in one.problem for one in found] == [True] * 4


def test_shards_of_a_pruned_model_and_of_a_prune_checkpoint_are_chosen_as_one(in_process):
    orig = {name.replace(".weight", ".weight_orig"): torch.ones(4, 6) for name in TENSORS}
    masks = {name.replace(".weight", ".weight_mask"): mask for name, mask in TENSORS.items()}
    tensors = dict(list(masks.items())[:2]) | orig | dict(list(masks.items())[2:])
    (one,) = maskfiles.read_uploads(list(sharded("bin", dict(list(tensors.items())[:4])).items()))
    assert one.mask == Mask.from_tensors(dict(list(TENSORS.items())[:2])), "one shard holds masks, the other weights"
    weights = {f"model.layers.{i}.up_proj.weight": torch.ones(4, 6) for i in range(4)}
    weights["model.layers.3.up_proj.weight"][0] = 0
    (one,) = maskfiles.read_uploads(list(sharded("safetensors", weights).items()), from_zeros=True)
    assert (one.mask.size, one.mask.kept) == (96, 90), "three matrices without a zero, and one with six"


@pytest.mark.parametrize(
    "index",
    [
        b"no json",
        b"[]",
        b'{"weight_map": {}}',
        b'{"weight_map": {"w": "../../etc/passwd"}}',
        b'{"weight_map": {"w": 3}}',
        b'{"weight_map": {"w": "/dev/zero"}}',
    ],
)
def test_an_index_that_is_none_or_names_files_elsewhere_is_refused(index, tmp_path):
    (tmp_path / "model.safetensors.index.json").write_bytes(index)
    for found in (
        maskfiles.read_uploads([("model.safetensors.index.json", index)]),
        maskfiles.readings([tmp_path / "model.safetensors.index.json"]),
    ):
        assert len(found) == 1
        assert "index" in found[0].problem or "not beside it" in found[0].problem


def test_a_folder_of_masks_gives_all_of_them_and_one_without_says_so(tmp_path):
    for code in ("en", "swa"):
        (tmp_path / "masks" / code).mkdir(parents=True)
        np.savez(tmp_path / "masks" / code / "mask.npz", w=np.eye(4))
    (tmp_path / "masks" / "notes.txt").write_text("what they are")
    assert list(maskfiles.read_all([tmp_path / "masks"])) == ["en", "swa"]
    (tmp_path / "empty").mkdir()
    (one,) = maskfiles.readings([tmp_path / "empty"])
    assert "is a directory without mask files" in one.problem
