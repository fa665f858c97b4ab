"""`--dry-run` of every long command: what is left, what it reads and writes, time, memory, room; it writes nothing."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import tiny
import torch

from neutral.cli import main
from neutral.recipes import Recipe
from neutral.runs import timing
from neutral.runs.compression import worker
from neutral.runs.plans import CompressionPlan
from neutral.study import Study

KEYS = {
    *("command", "summary", "model", "data", "units", "each", "seconds", "timed", "memory", "study_bytes", "notes"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, text, parallel sentences and a study of masks."""
    folder = tmp_path_factory.mktemp("dry")
    tiny.saved(folder / "bert")
    (folder / "text").mkdir()
    for code, lines in tiny.text(("en", "sw", "de", "fr")).train.items():
        (folder / "text" / f"{code}.txt").write_text("\n".join(lines[:40]) + "\n", encoding="utf-8")
    assert main([*command("find", folder), "--quiet"]) == 0
    return folder


def command(name, folder, study="study"):
    common = ["--model", str(folder / "bert"), "--text", str(folder / "text"), "--length", "32", "--device", "cpu"]
    own = {
        "find": ["find", *common, "--method", "wanda", "--sparsity", "0.5"],
        "transfer": ["transfer", *common, "--method", "wanda", "--masks", str(folder / "study"), "--steps", "2"],
        "compress": ["compress", *common, "--methods", "svd,int8", "--ratios", "1.5"],
        "retrieve": [
            "retrieve",
            *common[:2],
            "--sentences",
            str(folder / "text"),
            "--method",
            "wanda",
            "--device",
            "cpu",
        ],
        "typology": ["typology", "--permutations", "19", "--methods", "wanda"],
        "pretrain": ["pretrain", *common[2:], "--vocabulary", "300", "--steps", "3", "--layers", "1", "--width", "16"],
    }
    return [*own[name], "--out" if name == "pretrain" else "--study", str(folder / study)]


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


NEW = ("find", "transfer", "compress", "pretrain")


LONG = [pytest.param(name, marks=pytest.mark.long) for name in ("transfer", "retrieve", "typology", "pretrain")]


@pytest.mark.parametrize("name", ["find", "compress", *LONG])
def test_a_dry_run_says_all_that_is_promised_and_writes_nothing(name, folder, capsys):
    before = files(folder)
    capsys.readouterr()
    study = "new" if name in NEW else "study"
    assert main([*command(name, folder, study), "--dry-run", "json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert files(folder) == before
    assert set(told) == KEYS
    assert told["command"] == name
    units = told["units"]
    assert units["total"] == units["done"] + units["left"]
    assert len(told["each"]) == units["left"] > 0
    assert all(one["seconds"] > 0 and one["reads"] and one["writes"] for one in told["each"])
    assert told["seconds"] == pytest.approx(sum(one["seconds"] for one in told["each"]))
    assert told["timed"]
    assert told["memory"] > 10_000_000
    assert told["study_bytes"] > 0
    if name in ("find", "transfer", "compress"):
        assert told["data"]["en"]["read"] > 0
        assert told["model"]["class"] == "BertForMaskedLM"


def test_a_dry_run_of_typology_says_what_is_read_of_the_model_and_the_text(folder, capsys):
    more = ["--model", str(folder / "bert"), "--text", str(folder / "text")]
    assert main([*command("typology", folder), *more, "--dry-run", "json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {code: each["read"] for code, each in told["data"].items()} == dict.fromkeys(("de", "en", "fr", "sw"), 40)
    assert told["model"]["class"] == "BertForMaskedLM"


def test_what_is_done_is_not_left_and_the_text_says_it_in_lines(folder, capsys):
    assert main([*command("find", folder), "--seeds", "0,1", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("4 units to do of 8, about ") for line in lines)
    assert any("BertForMaskedLM, encoder" in line for line in lines)
    assert main([*command("find", folder), "--dry-run"]) == 0
    assert "0 units to do of 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--length", "16"], "was made with length = 32, not 16"), (["--blocks", "3"], "made with text_blocks 64, not 3")],
)
def test_a_dry_run_refuses_what_the_run_refuses_in_the_same_line(more, said, folder, capsys):
    before = files(folder)
    words = [*command("find", folder), *more, "--quiet"]
    lines = []
    for dry in ([], ["--dry-run"]):
        assert main([*words, *dry]) == 2
        lines.append(capsys.readouterr().err.splitlines()[-1])
    assert lines[0] == lines[1]
    assert said in lines[0]
    assert files(folder) == before


def test_the_model_facts_are_those_of_model_show(folder, capsys):
    assert main(["model", "show", str(folder / "bert"), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown.pop("compressible")) == {"token table"}  # no matter of what is pruned
    assert main([*command("find", folder), "--dry-run", "json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == shown


def test_the_room_on_the_disk_is_about_what_the_study_takes(folder, capsys):
    assert main([*command("find", folder, "room"), "--dry-run", "json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)["study_bytes"]
    masks = sum(path.stat().st_size for path in Study(folder / "study").path.rglob("*.safetensors"))
    assert masks / 3 < told < 30 * masks


def test_a_dry_run_knows_a_check_of_masks_that_are_not_found_yet(folder, capsys):
    asked = [*command("find", folder, "unfound"), "--functional", "0.5", "--languages", "en,sw"]
    capsys.readouterr()
    assert main([*asked, "--dry-run", "json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["unit"] for one in told["each"] if "check" in one["unit"]][-2:] == [
        "functional check en 50%",
        "functional check sw 50%",
    ]
    assert all(one["seconds"] > 0 for one in told["each"])
    assert "not in the time: to start, to load model and text" in told["notes"][0]


@pytest.mark.parametrize("tokens", [300, 5000, 8192, 250_000])
def test_of_a_fit_only_the_part_that_grows_with_the_tokens_is_taken_times(tokens, monkeypatch):
    def part(rows):
        taken = torch.zeros(min(rows, tokens), 1)
        return SimpleNamespace(matrix=taken, fit=lambda trial, plan: 8 + len(taken) / 4096)

    monkeypatch.setattr(worker, "seconds_of", lambda act: act())
    bench = SimpleNamespace(part=part, planned=SimpleNamespace(vocabulary=tokens))
    fitter = worker.Fitter.__new__(worker.Fitter)
    fitter.plan, fitter.bench = CompressionPlan(model="", text=""), bench
    assert fitter._fitting(None) == pytest.approx(8 + tokens / 4096)


@pytest.mark.parametrize(("seconds", "steps"), [(5.0, [1]), (0.5, [1, 4])])
def test_a_long_step_is_timed_once_and_short_ones_again(monkeypatch, seconds, steps):
    clock, done = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    @dataclass
    class Search:
        recipe: Recipe
        held_out: list = field(default_factory=lambda: [0] * 160)
        curve: object = None

        def trained(self, mask):
            done.append(self.recipe.steps)
            clock[0] += self.recipe.steps * seconds + 0.1

        def evaluate(self):
            clock[0] += 0.1

        def rewind(self):
            done.append("rewound")

    step, evaluation = timing.training(Search(Recipe(steps=1000)))
    assert done == [*steps, "rewound"]
    assert (step, evaluation) == (pytest.approx(seconds), pytest.approx(1.0))
