"""One command that finds masks and tests what goes with their overlap."""

import json

import pytest
import tiny
from conftest import ROOT

from neutral.cli import main
from neutral.errors import NeutralError
from neutral.runs import search
from neutral.runs.plans.search import SearchPlan

CODES = ("en", "fr", "ru", "sw")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny.saved(tmp_path_factory.mktemp("bert"), languages=CODES))


def plan(model, *languages, **options):
    asked = {"length": 16, "blocks": 2, "held_out": 2, "typology": True} | options
    return SearchPlan(model, "mlm", languages, "wanda", (0.3, 0.6), **asked)


def found(asked, folder, read=CODES):
    return search.find(asked, tiny.text(read), folder, device="cpu", quiet=True)


@pytest.mark.long
def test_tests_are_those_that_typology_makes_of_the_same_study(model, tmp_path):
    study = found(plan(model, *CODES), tmp_path / "once")
    made = study.table("association")
    assert set(made["sparsity"]) == {0.6}, "of the sparsity that is nearest to half"
    assert {"size", "occurrences", "syntactic"} <= set(made["distance"])
    assert study.has("mixed")
    assert study.has("recovery")
    rows = (study.path / "results.jsonl").read_bytes()
    text = ["--model", model, "--text", str(ROOT / "data/sentences")]
    assert main(["typology", "--study", str(study.path), "--sparsity", "0.6", "--quiet"]) == 0
    assert (study.path / "results.jsonl").read_bytes() == rows, "there is nothing left for it"
    apart = found(plan(model, *CODES, typology=False), tmp_path / "apart")
    assert not apart.has("association")
    assert main(["typology", "--study", str(apart.path), "--sparsity", "0.6", *text, "--quiet"]) == 0
    columns = ["distance", "scheme", "controls", "measure", "by", "group"]
    alike = [set(table[columns].itertuples(index=False, name=None)) for table in (made, apart.table("association"))]
    assert alike[0] == alike[1]


@pytest.mark.long
def test_a_run_of_more_languages_than_were_read_leaves_vocabulary_out_and_says_so(model, tmp_path, capsys):
    found(plan(model, "en", "fr", typology=False), tmp_path, ("en", "fr"))
    asked = plan(model, *CODES[1:], "de")
    study = search.find(asked, tiny.text((*CODES[1:], "de")), tmp_path, device="cpu")
    assert "no tests of vocabulary and text: the text of en is not among what was read" in capsys.readouterr().err
    assert not set(study.table("association")["distance"]) & {"size", "occurrences"}


def test_too_few_languages_are_refused_before_any_work(model, tmp_path, capsys):
    with pytest.raises(NeutralError, match=r"^--typology: 2 languages; an association takes at least 4$"):
        found(plan(model, "en", "sw"), tmp_path / "study")
    assert not (tmp_path / "study").exists()
    text = ["--text", str(ROOT / "data/sentences"), "--languages", "en,sw", "--method", "wanda", "--typology"]
    for dry in ([], ["--dry-run"]):
        assert main(["find", "--model", model, *text, "--study", str(tmp_path / "study"), *dry]) == 2
        assert "--typology: 2 languages" in capsys.readouterr().err


def test_a_dry_run_says_that_tests_follow(model, tmp_path, capsys):
    text = ["--text", str(ROOT / "data/sentences"), "--method", "wanda", "--typology", "--languages", ",".join(CODES)]
    assert main(["find", "--model", model, *text, "--study", str(tmp_path / "study"), "--dry-run", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"].endswith(
        "then the tests of typology: scored without training"
    )
    assert not (tmp_path / "study").exists()
