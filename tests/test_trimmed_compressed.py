"""`trim --compress`: one folder, trimmed and compressed, and what both cost each language beside the full model."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from neutral import cli, corpora, models
from neutral.compression import exports, trimmed
from neutral.compression.placement import embedding
from neutral.compression.retokenization import Retokenized
from neutral.tasks import LanguageModelling

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    for code in ("en", "sw"):
        lines = corpora.load("data/sentences", [code]).train[code][:60]
        (folder / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


def run(model, text, out, *more):
    own = ["trim", "--model", model, "--text", text, "--languages", "en,sw", "--out", out, "--format", "json", *more]
    return cli.main([*map(str, own)])


def test_a_trimmed_and_compressed_folder_says_what_both_cost_and_is_the_model_that_was_scored(
    made, text, tmp_path, capsys
):
    source, out = made("gemma3_text"), tmp_path / "small"
    assert run(source, text, out, "--compress", "mixed", "--ratio", "4") == 0
    told = capsys.readouterr()
    rows = {row["language"]: row for row in json.loads(told.out)}
    keep = json.loads((out / trimmed.FILE).read_text())["keep"]
    written = json.loads((out / exports.FILE).read_text())
    assert written["table"] == written["claimed"] <= len(keep) * 64  # 4 bytes a number, by 4
    assert f"trimmed to {len(keep)} of 600 tokens" in told.err
    assert f"{out}: neutral, " in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
    small, full = AutoModelForCausalLM.from_pretrained(out).eval(), models.load_model(source, "clm").eval()
    table = embedding_table(small)
    assert (table.method, table.shape) == ("mixed", (len(keep), 64))
    assert table.ratio("bytes") >= 4
    rebuilt = torch.nn.functional.cosine_similarity(table.matrix(), embedding(full).weight[keep], dim=1)
    assert rebuilt.mean() > 0.99
    task = LanguageModelling("clm", models.load_tokenizer(source), length=128)
    again = Retokenized(task, models.load_tokenizer(out), keep)
    card = (out / "README.md").read_text()
    for code, lines in corpora.load(text, ["en", "sw"]).held_out.items():
        blocks = task.blocks(lines)[:32]
        cost = np.exp(again.evaluate(small, blocks).loss - task.evaluate(full, blocks).loss)
        assert rows[code]["compressed"] == pytest.approx(cost, rel=1e-4)
        assert f"| {rows[code]['trimmed']:.3f} | {rows[code]['compressed']:.3f} |" in card
    assert f"trimmed from 600 to {len(keep)} tokens" in card
    assert "import neutral" in card
    tokens = AutoTokenizer.from_pretrained(out)(["The"], return_tensors="pt")
    assert small.generate(**tokens, max_new_tokens=3, do_sample=False).shape[1] > tokens["input_ids"].shape[1]
    assert run(source, text, out, "--compress", "mixed") == 2
    assert "is there already" in capsys.readouterr().err


def embedding_table(model):
    return model.get_input_embeddings().table()


@pytest.mark.parametrize(
    ("name", "auto", "form", "method"),
    [
        ("gemma4_text", AutoModelForCausalLM, "neutral", "int4"),  # which has two tables
        ("deberta-v2-lm-head", AutoModelForMaskedLM, "plain", "int8"),
        ("gemma3_text", None, "compressed-tensors", "int4"),
    ],
)
def test_each_form_and_the_tables_of_each_kind_of_model(name, auto, form, method, made, text, tmp_path, capsys):
    out = tmp_path / "small"
    assert run(made(name), text, out, "--compress", method, "--ratio", "1", "--as", form) == 0
    capsys.readouterr()
    written = json.loads((out / exports.FILE).read_text())
    assert (written["form"], written["method"]) == (form, method)
    rows = len(json.loads((out / trimmed.FILE).read_text())["keep"])
    assert {part["shape"][0] for part in written["tables"]} == {rows}
    assert len(written["tables"]) == (2 if name == "gemma4_text" else 1)
    if auto:
        with torch.no_grad():
            found = auto.from_pretrained(out)(torch.tensor([[1, 5, 6, 7]])).logits
        assert found.shape == (1, 4, rows)
        assert found.isfinite().all()
    else:
        config = json.loads((out / "config.json").read_text())["quantization_config"]
        assert config["quant_method"] == "compressed-tensors"


@pytest.mark.parametrize(
    ("name", "more", "complaint"),
    [
        ("gemma3_text", ("--ratio", "5"), "--ratio 5.0: says how the table is compressed; give --compress METHOD too"),
        ("gemma3_text", ("--as", "plain"), "--as plain: says how the table is compressed"),
        ("gemma3_text", ("--compress", "zip"), "--methods zip: unknown"),
        ("gemma3_text", ("--compress", "autoencoder"), "--compress autoencoder: one method that needs no training"),
        ("gemma3_text", ("--compress", "mixed", "--ratio", "0.5"), "--ratio 0.5: a number of 1 or more"),
        ("gemma3_text", ("--compress", "mixed", "--ratio", "500"), "leaves less than a bit a number"),
        ("gemma3_text", ("--compress", "pq", "--as", "compressed-tensors"), "holds int8 and int4 only, not pq"),
        ("t5", ("--compress", "int8"), "has no head of language modelling that tells what a table costs"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(name, more, complaint, made, text, tmp_path, capsys):
    assert run(made(name), text, tmp_path / "small", "--quiet", *more) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
