"""Compression with the randomized svd, with steps written down, and with perplexity line by line."""

from dataclasses import replace

import pytest
import tiny
import torch

from neutral import compression, study
from neutral.compression import steps
from neutral.compression.placement import put_in
from neutral.errors import NeutralError
from neutral.runs import compression as runs
from neutral.runs.compression.bench import Bench
from neutral.runs.plans.compression import CompressionPlan, settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


def planned(folder, *methods, **options):
    sizes = {"by": ("parameters",), "length": 32, "held_out": 3, "calibration": 2, "neighbours": 20}
    return CompressionPlan(str(folder), "mlm", ("en", "sw"), methods, (3.0,), **(sizes | options))


def compress(plan, path):
    return runs.compress(plan, tiny.text(), path, device="cpu", quiet=True)


@pytest.fixture(scope="module")
def followed(folder, tmp_path_factory):
    """A study of three methods with their steps, of two seeds, in blocks and line by line."""
    plan = planned(
        folder,
        *("svd:randomized", "autoencoder", "direction"),
        epochs=3,
        iterations=(1, 2, 5),
        follow=True,
        seeds=(0, 1),
        where=("input",),
        perplexity=("blocks", "lines"),
    )
    return plan, compress(plan, tmp_path_factory.mktemp("followed"))


def test_every_step_of_every_fit_has_a_row_and_one_of_each_is_kept(followed):
    _, written = followed
    rows = written.table("step")
    fits = rows[rows["method"] != "full"]
    assert len(rows) == len(fits) + 1
    counts = fits.groupby(["method", "seed"])["step"].apply(list).to_dict()
    assert counts == {
        ("svd", 0): [1, 2, 5],
        ("svd", 1): [1, 2, 5],
        ("autoencoder", 0): [1, 2, 3],
        ("autoencoder", 1): [1, 2, 3],
        ("direction", 0): [1, 2, 3, 4, 5, 6],
    }
    assert (fits.groupby(["method", "seed"])["chosen"].sum() == 1).all()
    for _, fit in fits[fits["unit"] != "rounds"].groupby(["method", "seed"]):
        kept = fit[fit["chosen"].astype(bool)].iloc[0]
        assert kept["training"] <= fit["training"].min() + 1e-5
    assert fits[(fits["method"] == "direction") & (fits["step"] == 6)]["chosen"].all()
    assert len(steps.curves(rows)) == len(fits)


def test_the_step_that_was_kept_is_the_table_that_is_scored(followed):
    _, written = followed
    tables, rows, scores = (written.table(kind) for kind in ("table", "step", "perplexity"))
    for _, table in tables.iterrows():
        same = (rows["method"] == table["method"]) & (rows["seed"] == table["seed"])
        (kept,) = rows[same & (rows["chosen"] == True)].to_dict("records")  # noqa: E712 (the full model's is missing)
        assert kept["cosine"] == pytest.approx(table["cosine"], abs=1e-6)
        if table["method"] == "svd":
            assert kept["step"] == table["iterations"]
        whole = scores[(scores["method"] == table["method"]) & (scores["seed"] == table["seed"]) & ~scores["words"]]
        assert kept["losses"] == pytest.approx(whole.set_index("language")["loss"].to_dict(), abs=1e-5)


def test_lines_are_rows_of_their_own_that_say_so(followed, folder):
    _, written = followed
    scores = written.table("perplexity")
    assert (scores["scoring"] == "lines").sum() == scores["scoring"].isna().sum() == 2 + 5 * 2
    assert scores[scores["scoring"] == "lines"]["words"].all()
    bench = Bench(planned(folder, "svd", perplexity=("lines",)), tiny.text(), torch.device("cpu"))
    score = bench.by_line.evaluate(bench.model, bench.by_line.items(tiny.text().held_out["en"], 3 * 32))
    full = scores[(scores["method"] == "full") & (scores["scoring"] == "lines") & (scores["language"] == "en")]
    assert full["loss"].iloc[0] == pytest.approx(score.loss, rel=1e-6)


def test_the_same_command_again_adds_nothing(followed):
    plan, written = followed
    before = (written.path / "results.jsonl").read_bytes()
    compress(plan, written.path)
    assert (written.path / "results.jsonl").read_bytes() == before


def test_steps_and_lines_are_added_to_a_study_that_was_made_without(folder, tmp_path):
    plan = planned(folder, "autoencoder", "svd", epochs=2, where=("input",))
    before = compress(plan, tmp_path)
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert before.table("step").empty
    after = compress(replace(plan, follow=True, perplexity=("lines",)), tmp_path)
    assert (tmp_path / "results.jsonl").read_text().splitlines()[: len(lines)] == lines
    assert after.table("step")["step"].dropna().tolist() == [1, 2]
    assert len(after.table("table")) == len(before.table("table")) == 2
    assert (after.table("perplexity")["scoring"] == "lines").sum() == 3 * 2


def test_one_number_of_iterations_is_in_the_name_and_several_are_a_setting(folder, tmp_path):
    plan = planned(folder, "svd:randomized", iterations=(2,))
    assert [trial.variant for trial in plan.trials()] == ["randomized-2"]
    assert "iterations" not in settings(plan)
    table = compress(plan, tmp_path).table("table").iloc[0]
    assert (table["variant"], table["iterations"]) == ("randomized-2", 2)
    several = replace(plan, iterations=(5, 1))
    assert compress(several, tmp_path).info["settings"]["compress"]["iterations"] == [1, 5]
    with pytest.raises(NeutralError, match=r"made with iterations \[1, 5\]"):
        compress(replace(plan, iterations=(1, 9)), tmp_path)
    compress(replace(plan, methods=("svd",)), tmp_path)  # others do not ask for iterations


def test_a_seed_is_that_of_the_fit(folder, tmp_path):
    plan = planned(folder, "svd:randomized", "svd", iterations=(1,), seeds=(0, 7), keep=True)
    assert [(trial.variant, trial.seed) for trial in plan.trials()] == [
        *(("randomized-1", 0), ("", 0), ("randomized-1", 7))
    ]
    written = compress(plan, tmp_path)
    names = {file.name for file in (tmp_path / "tables").iterdir()}
    assert "svd_randomized-1_parameters_3_uniform_s7.safetensors" in names
    bench = Bench(plan, tiny.text(), torch.device("cpu"))
    table = compression.fit(bench.matrix, "svd", 3.0, iterations=(1,), seed=7)
    kept = compression.load(tmp_path / "tables" / "svd_randomized-1_parameters_3_uniform_s7.safetensors")
    assert torch.equal(kept.matrix(), table.matrix())
    with put_in(bench.model, table, "input"):
        loss = bench.evaluate("en", False).loss
    scores = written.table("perplexity")
    row = scores[(scores["seed"] == 7) & (scores["where"] == "input") & (scores["language"] == "en")].iloc[0]
    assert row["loss"] == pytest.approx(loss, rel=1e-6)
    assert study.Study(tmp_path).table("table")["seed"].tolist() == [0, 0, 7]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"perplexity": ("words",)}, "--perplexity words"),
        ({"perplexity": ("lines",), "trim": True}, "--perplexity lines"),
        ({"perplexity": ("lines",), "task": "clm"}, "--perplexity lines"),
        ({"iterations": (0, 2)}, "--iterations"),
        ({"iterations": ()}, "--iterations"),
        ({"methods": ("svd:fast",)}, "svd:randomized"),
        ({"methods": ("svd", "int8"), "follow": True}, "--follow"),
        ({"iterations": (5,), "follow": True}, "--follow"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(folder, tmp_path, change, complaint):
    with pytest.raises(NeutralError, match=complaint) as raised:
        compress(replace(planned(folder, "svd:randomized"), **change), tmp_path)
    assert "\n" not in str(raised.value)
