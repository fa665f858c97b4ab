"""What can be done with fitted tables: plain model folders, and fine-tuning, from the shell."""

import json

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from transformers import AutoModelForMaskedLM

from neutral import cli
from neutral.compression import checkpoint, exports
from neutral.study import Study


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    for code, lines in tiny.text().train.items():
        (folder / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder, draw = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name, size in (("train", 64), ("validation", 16)):
        labels = draw.integers(0, 2, size)
        texts = [("rain was old", "bread by night")[label] for label in labels]
        pd.DataFrame({"text": texts, "label": labels}).to_csv(folder / f"{name}.csv", index=False)
    return folder


def run(model, text, study, *more):
    options = ["--model", model, "--text", text, "--study", study, "--methods", "svd,int8", "--ratios", "2"]
    options += ["--by", "parameters", "--length", 32, "--held-out-blocks", 2, "--device", "cpu", "--quiet", *more]
    return cli.main(["compress", *map(str, options)])


def test_compress_exports_and_fine_tunes(model, text, data, tmp_path, capsys):
    more = ("--export", tmp_path / "plain", "--finetune", data, "--finetune-steps", 3, "--finetune-seeds", "0,1")
    assert run(model, text, tmp_path / "study", *more) == 0
    assert capsys.readouterr().out == ""
    study = Study(tmp_path / "study")
    tuned = study.table("finetune")
    assert len(tuned) == 3 * 2  # (full, svd, int8) × seeds
    assert set(tuned.steps) == {3}
    assert tuned.value.between(0, 1).all()
    (plain,) = (tmp_path / "plain").glob("svd*")
    rebuilt = AutoModelForMaskedLM.from_pretrained(plain).get_input_embeddings().weight
    assert torch.linalg.matrix_rank(rebuilt) == study.table("table").set_index("method").loc["svd", "rank"]
    before = (study.path / "results.jsonl").read_bytes()
    assert run(model, text, tmp_path / "study", *more) == 0
    assert (study.path / "results.jsonl").read_bytes() == before


def test_an_export_says_its_sizes_and_its_card_the_perplexities_of_the_study(model, text, tmp_path, capsys):
    out = tmp_path / "out"
    loud = [
        *("--model", model, "--text", text, "--study", tmp_path / "study", "--methods", "int8,int4", "--by", "bytes"),
        *("--length", 32, "--held-out-blocks", 2, "--device", "cpu", "--export", out, "--as", "neutral"),
    ]
    assert cli.main(["compress", *map(str, loud)]) == 0
    said = capsys.readouterr().err
    study = Study(tmp_path / "study")
    for method in ("int8", "int4"):
        (folder,) = out.glob(f"{method}*")
        written = json.loads((folder / exports.FILE).read_text())
        claimed = int(study.table("table").set_index("method").loc[method, "bytes"])
        assert written["table"] == written["claimed"] == claimed
        assert f"{folder}: neutral, {written['weights'] / 1e6:,.1f} MB of weights instead of" in said
        scores = study.table("perplexity").query("method in ('full', @method) and where in ('full', 'both')")
        nats = scores.pivot_table(index="language", columns="method", values="loss")
        for code, factor in np.exp(nats[method] - nats["full"]).items():
            assert written["origin"]["perplexity"][code] == pytest.approx(factor)
            assert f"| {factor:.3f} |" in (folder / "README.md").read_text()
    AutoModelForMaskedLM.from_pretrained(folder)
    assert not checkpoint.is_model(folder)
    assert run(folder, text, tmp_path / "more") == 2
    assert "holds a compressed table already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--export", "out", "--as", "compressed-tensors"), "holds int8 and int4 only, not svd"),
        (("--export", ".", "--methods", "int8", "--as", "gguf"), "argument --as: invalid choice"),
        (("--as", "neutral"), "--as neutral: says what --export DIR writes"),
        (("--finetune", "./nothing-here"), "nothing-here"),
        (("--methods", "pca"), "--methods pca"),
        (("--ratios", "9999"), "leaves no rank"),
        (("--where", "output"), "--where output"),
    ],
)
def test_a_mistake_is_one_line(model, text, tmp_path, capsys, more, complaint):
    assert run(model, text, tmp_path / "study", *more) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
