"""What of a model is pruned or compressed, and what is left and why: every parameter is accounted for."""

import json

import pytest
import tiny
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, BertModel

from neutral import compression, models
from neutral.cli import main
from neutral.compression.inventory import inventory as of_tables
from neutral.models.prunable import BIAS, GATE, KERNEL, OTHER, OUTSIDE, ROUTER, TABLE


def loaded(folder, auto=AutoModelForCausalLM):
    return auto.from_pretrained(folder)


@pytest.mark.parametrize("name", ["gpt_oss", "mamba", "qwen3_next", "gemma3n_text"])
def test_every_matrix_is_taken_or_left_with_a_reason(made, name):
    model = loaded(made(name))
    found = models.inventory(model)
    assert found.parameters == model.num_parameters()
    several = {id(p): p for p in model.parameters() if p.ndim >= 2}
    left = sum(group.weights for group in found.left_out)
    assert found.weights + left == sum(p.numel() for p in several.values())
    assert all(group.reason for group in found.left_out)


def reasons(found):
    return {group.what: group.reason for group in found.left_out}


def test_the_reasons_say_what_a_matrix_does(made):
    mixture = reasons(models.inventory(loaded(made("gpt_oss"))))
    assert mixture["model.layers.*.mlp.router.weight"] == ROUTER
    assert mixture["model.layers.*.mlp.experts.down_proj_bias"] == BIAS
    assert mixture["model.embed_tokens.weight"] == OUTSIDE
    mixer = reasons(models.inventory(loaded(made("mamba"))))
    assert mixer["backbone.layers.*.mixer.conv1d.weight"] == KERNEL
    assert mixer["backbone.layers.*.mixer.A_log"] == OTHER
    gated = reasons(models.inventory(loaded(made("qwen3_next"))))
    assert gated["model.layers.*.mlp.shared_expert_gate.weight"] == GATE


def test_lists_of_bare_layers_are_no_blocks(made):
    left = reasons(models.inventory(loaded(made("gemma3n_text"))))
    assert left["model.altup_projections.*.weight"] == OUTSIDE


def test_one_stack_leaves_the_other_out_and_says_so(made):
    model = loaded(made("t5"), AutoModelForSeq2SeqLM)
    both, one = models.inventory(model), models.inventory(model, "decoder")
    assert one.weights < both.weights
    assert {group.reason for group in one.left_out} == {"not in the decoder", TABLE, OUTSIDE}
    assert sum(g.weights for g in one.left_out) + one.weights == sum(g.weights for g in both.left_out) + both.weights


def test_of_tables_the_token_table_is_taken(made):
    model = loaded(made("gemma3n_text"))
    found = of_tables(model, "tokens")
    assert found.weights == compression.placement.embedding(model).weight.numel()
    assert reasons(found)["model.embed_tokens_per_layer.weight"] == "is not the token table"
    assert found.lines("compresses")[0].startswith("compresses 38,400 weights in 1 matrix, ")
    both = of_tables(model)
    assert [group.what for group in both.taken] == ["token table", "embeddings for all layers"]
    assert "model.embed_tokens_per_layer.weight" not in reasons(both)


def test_the_shell_shows_it_as_a_table_and_as_json(made, capsys):
    assert main(["model", "show", str(made("gpt_oss"))]) == 0
    shown = capsys.readouterr().out
    assert "chooses the experts" in shown
    assert "GptOssForCausalLM, its tables of tokens: can compress 38,400 weights in 1 matrix" in shown
    assert main(["model", "show", str(made("gemma3n_text")), "--format", "json"]) == 0
    tables = {"token table": 38_400, "embeddings for all layers": 38_400}
    assert json.loads(capsys.readouterr().out)["compressible"] == tables
    assert main(["model", "show", str(made("gpt_oss")), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    found = models.inventory(loaded(made("gpt_oss")))
    assert shown["prunable"] == {
        "matrices": found.matrices,
        "weights": found.weights,
        "share": found.share,
        "components": {group.what: group.weights for group in found.taken},
    }
    assert (shown["task"], shown["class"], shown["stack"]) == ("clm", "GptOssForCausalLM", "decoder")
    assert {"name": "model.layers.1.mlp.router.weight", "shape": [4, 64], "reason": ROUTER} in shown["left_out"]
    assert {each["name"] for each in shown["outside"]} == {"model.embed_tokens.weight", "lm_head.weight"}
    assert shown["missing"] == []


def test_what_a_model_lacks_is_shown(tmp_path, capsys):
    BertModel(tiny.model().config).save_pretrained(tmp_path)
    assert main(["model", "show", str(tmp_path), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "cls.predictions.transform.dense.weight" in shown["missing"]
    assert not any(name.startswith("bert.") for name in shown["missing"])


def test_a_model_for_labelled_tasks_only_is_shown_and_that_is_said(made, capsys):
    assert main(["model", "show", str(made("canine")), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["task"] == ""
    assert shown["notes"][0].startswith("for labelled tasks only: ")
    assert shown["prunable"]["components"]["pooler"] == 64 * 64


def test_a_stack_that_a_model_has_not_is_refused(made, capsys):
    assert main(["model", "show", str(made("gpt_oss")), "--only", "encoder"]) == 2
    assert "--only encoder" in capsys.readouterr().err


def test_find_and_compress_say_it_before_they_compute_and_store_it(tmp_path, capsys):
    model, text = tiny.saved(tmp_path / "model"), tmp_path / "text"
    text.mkdir()
    for code, lines in tiny.text().train.items():
        (text / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    common = ["--model", str(model), "--text", str(text), "--languages", "en", "--length", "32"]
    for command, more, verb in (
        ("find", ["--method", "wanda", "--steps", "0", "--blocks", "2", "--held-out-blocks", "1"], "prunes"),
        ("compress", ["--methods", "int8", "--held-out-blocks", "1"], "compresses"),
    ):
        study = tmp_path / command
        assert main([command, *common, *more, "--study", str(study)]) == 0
        said = capsys.readouterr().err
        assert f"neutral: {verb} " in said
        stored = json.loads((study / "study.json").read_text(encoding="utf-8"))["inventory"][
            {"find": "wanda"}.get(command, command)
        ]
        assert f"{stored['weights']:,} weights" in said
        for group in stored["left_out"]:
            assert f"leaves {group['name']}" in said
