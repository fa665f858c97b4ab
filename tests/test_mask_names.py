"""Files that are all called mask.pt: their masks are called by their folders, on the disk and in zip archives."""

import io
import itertools
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from maskbytes import torch_bytes

from neutral import cli, maskfiles
from neutral.errors import FileError
from neutral.maskfiles import Limits
from neutral.masks import Mask
from neutral.members import by_folder, speaker

NAME = "bert.encoder.layer.0.output.dense.weight"


def tensors(seed):
    return {f"{NAME}_mask": torch.from_numpy((np.random.default_rng(seed).random((4, 6)) < 0.5).astype("float32"))}


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["en", "fr"], ["en", "fr"]),
        (["en/seed1", "fr/seed1"], ["en", "fr"]),
        (["a/en/seed1", "a/en/seed2", "a/fr/seed1"], ["en/seed1", "en/seed2", "fr"]),
        (["LT_en_57/r5", "LT_fr_57/r5"], ["en", "fr"]),
        (["en", "fr/seed1"], ["en", "fr"]),
        (["mlm/en", "ner/fr"], ["en", "fr"]),
        (["mlm/en", "ner/en"], ["mlm", "ner"]),
        (["run-1", "run-2"], ["1", "2"]),
        (["1/2", "2/1"], ["1", "2"]),
        (["en/de", "de/en"], ["en_de", "de_en"]),
        (["tr/seed1", "tr/seed2", "fi/seed1"], ["tr/seed1", "tr/seed2", "fi"]),
        (["x_en_1", "x_en_2"], ["en/1", "en/2"]),
        (["", "en"], ["mask", "en"]),
        (["x/en", "x/en"], ["mask", "mask 2"]),
        (["فارسی", "عربی"], ["فارسی", "عربی"]),
        (["LT_en_57", "LT_it_57"], ["en", "it"]),
        (["LT_x_1", "LT_y_2"], ["x", "y"]),
        (["no_dropout", "dropout"], ["no_dropout", "dropout"]),
        (["id", "it", "no"], ["id", "it", "no"]),
        (["srp-Cyrl/1", "srp-Latn/1"], ["srp-Cyrl", "srp-Latn"]),
        (["x_pt-BR_1", "x_pt-PT_1", "x_fin_1"], ["pt-BR", "pt-PT", "fin"]),
    ],
)
def test_the_folder_that_tells_files_apart_is_the_name(folders, names):
    for root in ("", "/data/runs/"):
        assert by_folder([f"{root}{folder}/mask.pt".lstrip("/" if not root else "") for folder in folders]) == names
    assert [speaker(name) for name in names if "/" in name] == [name.split("/")[0] for name in names if "/" in name]


def npz_bytes(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "runs" / folder / "mask.npz" for folder in ("en/seed1", "fr/seed1", "fr/seed2")]
    for seed, path in enumerate(paths):
        path.parent.mkdir(parents=True)
        path.write_bytes(npz_bytes({k: v.numpy() for k, v in tensors(seed).items()}))
    return paths


def test_every_command_calls_masks_by_their_folders(files, tmp_path, capsys):
    names = ["en", "fr/seed1", "fr/seed2"]
    assert list(maskfiles.read_all(files)) == names
    arguments = list(map(str, files))
    assert cli.main(["overlap", *arguments, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["source"], row["target"]) for row in rows] == list(itertools.combinations(names, 2))
    assert cli.main(["sparsity", *arguments, "--format", "json"]) == 0
    assert [row["mask"] for row in json.loads(capsys.readouterr().out)] == names
    assert cli.main(["masks", "info", *arguments, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["file"], row["name"], row["says"]) for row in rows] == [
        (path, name, f"language {name[:2]}") for path, name in zip(arguments, names, strict=True)
    ]
    assert cli.main(["masks", "convert", *arguments, "-o", str(tmp_path / "packed")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.split()]
    assert [path.name for path in written] == ["en.safetensors", "fr-seed1.safetensors", "fr-seed2.safetensors"]
    assert [maskfiles.read(path).header["language"] for path in written] == ["en", "fr", "fr"]


def test_a_file_with_a_name_of_its_own_keeps_it(files, tmp_path):
    other = tmp_path / "de" / "mlm-sw.npz"
    other.parent.mkdir()
    other.write_bytes(files[0].read_bytes())
    assert list(maskfiles.read_all([*files[:2], other])) == ["en", "fr", "sw"]
    lone = tmp_path / "lone" / "en" / "mask.npz"
    lone.parent.mkdir(parents=True)
    lone.write_bytes(files[0].read_bytes())
    assert maskfiles.read(lone).named == "en"
    assert list(maskfiles.read_all([lone])) == ["en"]


def zipped(members, packing=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_an_archive_gives_its_masks_by_their_folders_and_passes_over_the_rest(tmp_path, in_process):
    members = {f"runs/{code}/mask.pt": torch_bytes(tensors(i)) for i, code in enumerate(("en", "fr", "ur"))}
    rest = {"runs/README.txt": b"what", "__MACOSX/runs/en/._mask.pt": b"what", "runs/.hidden/mask.pt": b"what"}
    data = zipped(members | rest)
    (tmp_path / "all.zip").write_bytes(data)
    masks = maskfiles.read_all([tmp_path / "all.zip"])
    assert list(masks) == ["en", "fr", "ur"]
    for seed, mask in enumerate(masks.values()):
        assert mask == Mask.from_tensors(tensors(seed))
    readings = maskfiles.read_uploads([("all.zip", zipped(members | {"runs/sw/mask.pt": b"no mask"}))])
    assert [(reading.name, reading.file) for reading in readings[:3]] == [
        (code, f"all.zip/runs/{code}/mask.pt") for code in masks
    ]
    assert readings[3].mask is None
    assert "all.zip/runs/sw/mask.pt: is text" in readings[3].problem
    (tmp_path / "bad.zip").write_bytes(zipped(members | {"runs/sw/mask.pt": b"no mask"}))
    with pytest.raises(FileError, match=r"runs/sw/mask\.pt: is text"):
        maskfiles.read_all([tmp_path / "bad.zip"])
    with pytest.raises(FileError, match="zip archive of mask files, not one"):
        maskfiles.read(tmp_path / "all.zip")


def test_an_archive_of_windows_is_read_by_its_folders_too(in_process):
    data = zipped({f"runs\\{code}\\mask.pt": torch_bytes(tensors(0)) for code in ("fi", "ta")})
    assert [each.name for each in maskfiles.read_uploads([("all.zip", data)])] == ["fi", "ta"]


def test_an_archive_made_from_another_folder_is_read_as_any_other(in_process):
    """`zip all.zip ../runs/*/mask.pt` keeps the dots; nothing is ever written under a member's name."""
    data = zipped({f"../runs/{code}/mask.pt": torch_bytes(tensors(0)) for code in ("fi", "ta")})
    readings = maskfiles.read_uploads([("all.zip", data)])
    assert [(each.name, each.problem) for each in readings] == [("fi", ""), ("ta", "")]


def test_archives_that_claim_too_much_or_are_damaged_are_refused_in_one_line(tmp_path):
    one = zipped({"en/mask.npz": npz_bytes({NAME: np.eye(4)})})
    spoilt = bytearray(one)
    spoilt[60] ^= 255
    small = Limits(unpacked=2000)
    for data, limits, said in (
        (zipped({"a.zip/en/mask.pt": zipped({"fr/mask.pt": b"x"})}), Limits(), "is an archive in an archive"),
        (zipped({"en/mask.pt": bytes(4000)}), small, "unpacks to 4,000 bytes"),
        (zipped({f"{i}/mask.pt": bytes(1900) for i in range(10)}), small, "unpacks to 19,000 bytes"),
        (zipped({f"{i}/mask.pt": b"" for i in range(301)}), Limits(), "holds 301 mask files"),
        (bytes(spoilt), Limits(), "damaged"),
        (zipped({"en/mask.pt": b""}), Limits(), "is empty"),
    ):
        (reading,) = maskfiles.read_uploads([("all.zip", data)], limits)
        assert said in reading.problem
        assert "\n" not in reading.problem
