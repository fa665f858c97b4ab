"""The shell contract: what goes where, and the exit codes."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from neutral import cli, maskfiles
from neutral.cli.overlap import MEASURES
from neutral.masks import Mask
from neutral.study import Study

SHAPES = {
    f"bert.encoder.layer.{layer}.{part}.weight": shape
    for layer in range(2)
    for part, shape in {"attention.self.query": (8, 8), "intermediate.dense": (16, 8)}.items()
}


@pytest.fixture
def files(tmp_path, in_process):
    generator = np.random.default_rng(0)
    paths = []
    for code in ("en", "fr", "zh"):
        tensors = {
            f"module.{name}_mask": torch.from_numpy((generator.random(shape) < 0.5).astype("float32"))
            for name, shape in SHAPES.items()
        }
        paths.append(tmp_path / f"{code}.pt")
        torch.save(tensors, paths[-1])
    return [str(path) for path in paths]


def run(capsys, *arguments):
    code = cli.main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_overlap_as_csv_is_one_row_a_group_and_pair(capsys, files):
    code, out, err = run(capsys, "overlap", *files, "--by", "layer", "--format", "csv")
    assert (code, err) == (0, "")
    table = pd.read_csv(io.StringIO(out))
    assert list(table.columns) == ["group", "source", "target", "value"]
    assert table.group.unique().tolist() == ["encoder 0", "encoder 1"]
    assert len(table) == 2 * 3
    masks = [maskfiles.read(file) for file in files]
    first = "bert.encoder.layer.0"
    a, b = ({n: t for n, t in m.to_arrays().items() if n.startswith(first)} for m in masks[:2])
    expected = sum((a[n] & b[n]).sum() for n in a) / sum((a[n] | b[n]).sum() for n in a)
    assert table.value[0] == pytest.approx(expected)


@pytest.mark.long
@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_comes_as_json(capsys, files, measure):
    code, out, _ = run(capsys, "overlap", *files, "--measure", measure, "--format", "json")
    assert code == 0
    assert {row["source"] for row in json.loads(out)} == {"en", "fr"}


def test_sparsity_and_info_name_masks_by_language(capsys, files):
    _, out, _ = run(capsys, "sparsity", *files, "--by", "component", "--format", "csv")
    assert set(pd.read_csv(io.StringIO(out)).group) == {"query", "up"}
    _, out, _ = run(capsys, "masks", "info", *files, "--format", "json")
    rows = json.loads(out)
    assert [row["says"] for row in rows] == ["language en", "language fr", "language zh"]
    assert rows[0]["weights"] == sum(np.prod(shape) for shape in SHAPES.values())


@pytest.mark.long
def test_converted_masks_are_the_same_masks(capsys, files, tmp_path):
    code, out, _ = run(capsys, "masks", "convert", *files, "-o", str(tmp_path / "packed"))
    assert code == 0
    for file, packed in zip(files, out.split(), strict=True):
        assert maskfiles.read(packed) == maskfiles.read(file)


def test_the_users_mistakes_end_in_one_line_and_code_2(capsys, files, tmp_path):
    other = tmp_path / "other.safetensors"
    maskfiles.write(Mask.random({"encoder.layer.0.output.dense.weight": (4, 4)}, 0.5, 0), other)
    (tmp_path / "empty.pt").write_bytes(b"")
    for arguments, word in (
        (["overlap", files[0]], "two masks or more"),
        (["overlap", files[0], str(other)], "masks of different models"),
        (["masks", "info", str(tmp_path / "empty.pt")], "empty.pt"),
        (["masks", "info", str(tmp_path / "missing.pt")], "missing.pt"),
        (["masks", "convert", files[0], files[0], "-o", str(tmp_path)], "two files would become"),
        (["masks", "convert", str(other), "-o", str(tmp_path)], "written over itself"),
        (["study", "show", str(tmp_path)], "is not a study"),
        (["find", "--model", str(tmp_path), "--text", str(tmp_path), "--study", str(tmp_path / "s")], str(tmp_path)),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, ""), arguments
        assert word in err
        assert err.count("\n") == 1


def test_an_unknown_option_is_code_2_too(capsys):
    code, out, err = run(capsys, "overlap", "--by", "mood", "x")
    assert (code, out) == (2, "")
    assert "mood" in err
    assert err.count("\n") == 1


def test_find_writes_a_study_and_nothing_on_standard_output(capfd, tmp_path):
    model = tiny.saved(tmp_path / "model")
    code = cli.main(
        f"find --model {model} --text {tiny.SENTENCES} --languages en,sw --study {tmp_path / 'study'} "
        "--sparsity 0.2 --step 0.2 --steps 2 --batch 2 --length 32 --held-out-blocks 2 --device cpu".split()
    )
    out, err = capfd.readouterr()
    assert (code, out) == (0, "")
    assert "2 of 2 units" in err
    assert len(Study(tmp_path / "study").table("score")) == 4
    assert cli.main(["study", "show", str(tmp_path / "study")]) == 0
    assert "languages: en, sw" in capfd.readouterr().out
    assert cli.main(["study", "scores", str(tmp_path / "study"), "--format", "json"]) == 0
    rows = json.loads(capfd.readouterr().out)
    assert [row["target"] for row in rows] == ["en", "en", "sw", "sw"]
    assert all(row["metric"] == "perplexity" and 0 <= row["accuracy"] < 1 < row["value"] for row in rows)


def test_bad_numbers_are_refused_in_one_line(capsys):
    code, _, err = run(capsys, *["find", "--model", "m", "--text", "t", "--study", "s", "--sparsity", "half"])
    assert code == 2
    assert "half" in err
