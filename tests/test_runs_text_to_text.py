"""Encoder-decoders in studies: stacks are pruned apart unless told otherwise, and the wording is a setting."""

from dataclasses import replace

import pytest
import tiny

from neutral.cli import main
from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.runs import scopes, search, transfer
from neutral.runs.engines.local import loaded
from neutral.runs.plans.search import SearchPlan
from neutral.runs.plans.transfer import Run, TransferPlan
from neutral.runs.units import Unit
from neutral.study import Study
from neutral.tasks import data
from neutral.tasks.wording import Wording
from neutral.transfer.sources import MaskSource

UNTRAINED = Recipe(steps=0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny.saved(tmp_path_factory.mktemp("mt5"), "mt5"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return data.load("nli", tiny.labelled(tmp_path_factory.mktemp("labelled") / "nli", "nli", lines=12), ["en", "sw"])


@pytest.fixture
def plan(model):
    return SearchPlan(model, "nli", ("en",), "magnitude", (0.4,), recipe=UNTRAINED, length=32)


def find(plan, corpus, path):
    return search.find(plan, corpus, path, device="cpu", quiet=True)


def by_stack(mask):
    return {row.group: pytest.approx(row.value, abs=1e-3) for row in mask.sparsity("stack").itertuples()}


APART = {"encoder": 0.4, "decoder": 0.4}


def test_the_stacks_of_an_encoder_decoder_are_pruned_apart_unless_another_scope_is_asked(plan, corpus, tmp_path):
    usual = find(plan, corpus, tmp_path / "usual")
    assert usual.settings("nli", "magnitude")["scope"] == "stack"
    assert by_stack(usual.mask("nli", "magnitude", 0.4, 0, "en")) == APART
    asked = find(replace(plan, scope="global"), corpus, tmp_path / "asked")
    assert asked.settings("nli", "magnitude")["scope"] == "global"
    assert by_stack(asked.mask("nli", "magnitude", 0.4, 0, "en")) != APART


def test_other_models_are_cut_as_a_whole(tmp_path):
    assert scopes.used("", tiny.saved(tmp_path), (tmp_path, "nli", "magnitude")) == "global"


def test_a_study_made_with_another_scope_goes_on_with_it_and_refuses_a_third(plan, corpus, tmp_path):
    find(replace(plan, scope="global"), corpus, tmp_path)
    rows = (tmp_path / "results.jsonl").read_text()
    study = find(replace(plan, languages=("en", "sw")), corpus, tmp_path)
    assert (tmp_path / "results.jsonl").read_text().startswith(rows)
    assert study.settings("nli", "magnitude")["scope"] == "global"
    assert by_stack(study.mask("nli", "magnitude", 0.4, 0, "sw")) != APART
    with pytest.raises(NeutralError, match="made with scope global, not stack"):
        find(replace(plan, scope="stack"), corpus, tmp_path)


@pytest.mark.parametrize("scope", ["", "global"])
def test_a_transfer_cuts_its_controls_as_the_masks_were_cut(scope, plan, corpus, tmp_path):
    masks = find(replace(plan, scope=scope), corpus, tmp_path / "masks").path
    moved = TransferPlan(plan.model, "nli", ("en",), ("en",), (0.4,), recipe=UNTRAINED, length=32)
    work = transfer.Transfers(moved, corpus, masks, device="cpu", quiet=True)
    control, own = (
        work.here("cpu").mask(run, loaded(work, Unit((), "", asked=run)))
        for run in (Run(MaskSource(name), "en", 0.4, 1) for name in ("pretrained", "en"))
    )
    assert (by_stack(control) == APART) == (scope == "")
    assert control == own, "no training moved its weights"
    folder = tmp_path / "moved"
    moved = replace(moved, baselines=("pretrained",))
    study = transfer.transfer(moved, corpus, folder, masks=masks, device="cpu", quiet=True)
    used = scope or "stack"
    assert study.settings("nli", "transfer nli")["scope"] == used
    other = {"stack": "global", "global": "stack"}[used]
    with pytest.raises(NeutralError, match=f"made with scope {used}, not {other}"):
        transfer.transfer(replace(moved, scope=other), corpus, folder, masks=masks, device="cpu", quiet=True)


def test_a_study_writes_another_wording_than_the_usual_and_refuses_a_third(plan, corpus, tmp_path):
    assert not {"prompt", "answer"} & set(find(plan, corpus, tmp_path / "usual").settings("nli", "magnitude"))
    paper = replace(plan, wording=Wording("paper", "generated"))
    with pytest.raises(NeutralError, match="made with prompt mt5, not paper"):
        find(paper, corpus, tmp_path / "usual")
    settings = find(paper, corpus, tmp_path / "paper").settings("nli", "magnitude")
    assert (settings["prompt"], settings["answer"]) == ("paper", "generated")
    find(paper, corpus, tmp_path / "paper")
    with pytest.raises(NeutralError, match="made with answer generated, not likeliest"):
        find(replace(plan, wording=Wording("paper")), corpus, tmp_path / "paper")


def test_the_commands_take_a_wording_and_refuse_it_elsewhere(model, corpus, tmp_path, capsys):
    common = ["--task", "nli", "--text", corpus.name, "--steps", "0", "--length", "32", "--quiet", "--sparsity", "0.4"]
    common += ["--prompt", "paper", "--answer", "generated"]
    study = ["--study", str(tmp_path / "study")]
    found = ["find", *common, *study, "--model", model, "--step", "0.4", "--languages", "en", "--device", "cpu"]
    assert main(found) == 0
    moved = ["transfer", *common, *study, "--model", model, "--targets", "en", "--baselines", "", "--device", "cpu"]
    assert main(moved) == 0
    settings = Study(tmp_path / "study").settings("nli", "transfer nli")
    assert (settings["scope"], settings["prompt"], settings["answer"]) == ("stack", "paper", "generated")
    bert = str(tiny.saved(tmp_path / "bert"))
    given = ["find", *common, "--study", str(tmp_path / "other"), "--model", bert, "--languages", "en"]
    assert main([*given, "--device", "cpu"]) == 2
    assert "--prompt, --answer: for nli on an encoder-decoder" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("task", "kind"), [("mlm", "bert"), pytest.param("clm", "gpt2", marks=pytest.mark.long)])
def test_a_ticket_for_several_languages_is_found_and_moved_on_text(task, kind, tmp_path):
    model, text = str(tiny.saved(tmp_path / kind, kind)), data.load(task, tiny.SENTENCES, ["en", "en+sw", "de"])
    plan = SearchPlan(model, task, ("en", "en+sw"), "magnitude", (0.4,), recipe=Recipe(1, 2), length=32, held_out=4)
    found = search.find(plan, text, tmp_path / "study", device="cpu", quiet=True)
    assert found.counts(task, "magnitude", 0.4).members == ("en", "en+sw")
    common = {"recipe": Recipe(1, 2), "length": 32, "held_out": 4, "baselines": ()}
    moved = TransferPlan(model, task, ("en", "en+sw"), ("de",), (0.4,), **common)
    rows = transfer.transfer(moved, text, found.path, device="cpu", quiet=True).table("transfer")
    assert dict(zip(rows["source"], rows["metric"], strict=True)) == {"en": "perplexity", "en+sw": "perplexity"}
