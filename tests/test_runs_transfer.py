"""Transfer into a study: what is run, what resumes after a kill, what is refused."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from neutral import models
from neutral.cli import main
from neutral.errors import MemoryLimitError, NeutralError
from neutral.masks import Mask
from neutral.metrics import METRICS
from neutral.runs.engines.local import loaded
from neutral.runs.plans.search import SearchPlan
from neutral.runs.plans.transfer import Run, TransferPlan
from neutral.runs.search import find
from neutral.runs.subject import subject
from neutral.runs.transfer import Transfers, pending, transfer
from neutral.runs.units import Unit
from neutral.search import controls
from neutral.search.search import Search
from neutral.study import Study
from neutral.tasks import data
from neutral.training import Recipe
from neutral.transfer import baselines, results
from neutral.transfer.sources import MaskSource

ROOT = Path(__file__).parent.parent
RECIPE = Recipe(steps=3, batch_size=2, rate=1e-2, examples="same")  # so a ticket can be trained as it was found
CODES = ("en", "sw", "de")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tiny.saved(tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def corpus():
    return tiny.text(CODES)


@pytest.fixture(scope="module")
def found(folder, corpus, tmp_path_factory):
    """A study with the tickets of three languages at 20 and 40 %."""
    plan = SearchPlan(folder, "mlm", CODES, "magnitude", (0.2, 0.4), recipe=RECIPE, length=32)
    return find(plan, corpus, tmp_path_factory.mktemp("found"), device="cpu", quiet=True)


@pytest.fixture
def plan(folder):
    return TransferPlan(folder, "mlm", CODES, ("en", "sw"), (0.4,), seeds=(0,), recipe=RECIPE, length=32)


@pytest.fixture(scope="module")
def done(folder, corpus, found, tmp_path_factory):
    """A finished study with every kind of source on two targets."""
    every = ("full", "random", "pretrained", "core", "union", "vote", "thinned", "reinitialised")
    common = {"seeds": (0,), "recipe": RECIPE, "length": 32, "baselines": every, "thinned": (0.2,)}
    plan = TransferPlan(folder, "mlm", CODES, ("en", "sw"), (0.4,), **common)
    study = transfer(plan, corpus, tmp_path_factory.mktemp("done"), masks=found.path, device="cpu", quiet=True)
    return plan, study


def run(plan, corpus, path, found, **options):
    return transfer(plan, corpus, path, masks=found.path, device="cpu", quiet=True, **options)


def mask_of(plan, corpus, folder, run):
    """The mask that a worker makes for a run."""
    work = Transfers(plan, corpus, folder, device="cpu", quiet=True)
    return work.here("cpu").mask(run, loaded(work, Unit((), "", asked=run)))


def values(study):
    table = study.table("transfer")
    return {(r.source, r.target, r.sparsity, r.seed): r.value for r in table.itertuples()}


def test_every_mask_is_trained_from_the_pretrained_weights_on_every_target(done, corpus, found):
    plan, study = done
    cells = values(study)
    sources = {*CODES, "random", "pretrained", "core", "union", "vote", "thinned 0.2", "reinitialised"}
    assert set(cells) == {(s, t, 0.4, 0) for s in sources for t in ("en", "sw")} | {
        ("full", t, 0.0, 0) for t in ("en", "sw")
    }
    loaded = subject(plan.model, "mlm", corpus, plan.targets, length=32, device="cpu")
    search = Search(loaded.model, loaded.task, loaded.train["sw"], loaded.held_out["sw"], RECIPE)
    mask = found.mask("mlm", "magnitude", 0.4, 0, "en")
    assert cells["en", "sw", 0.4, 0] == search.trained(mask).value, "the runner does what the library does"
    search.rewind(mask)
    row = next(r for r in study.rows("transfer") if (r["source"], r["target"]) == ("en", "sw"))
    assert row["untrained"] == search.evaluate().value
    sums = np.array(row["parts"]).sum(axis=1)
    assert METRICS["perplexity"].value(sums) == pytest.approx(row["value"], rel=1e-4)


def test_reinitialised_is_the_own_mask_on_weights_drawn_as_the_architecture_draws_them(done, corpus, found):
    plan, study = done
    loaded = subject(plan.model, "mlm", corpus, plan.targets, length=32, device="cpu")
    mask = found.mask("mlm", "magnitude", 0.4, 0, "sw")
    torch.manual_seed(0)
    drawn = type(loaded.model)(loaded.model.config)
    search = Search(drawn, loaded.task, loaded.train["sw"], loaded.held_out["sw"], RECIPE)
    row = next(r for r in study.rows("transfer") if (r["source"], r["target"]) == ("reinitialised", "sw"))
    search.rewind(mask)
    assert row["untrained"] == search.evaluate().value
    assert row["value"] == search.trained(mask).value
    weights, again, other = (baselines.reinitialised(loaded.model, seed) for seed in (0, 0, 1))
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    for name, weight in models.prunable(loaded.model).items():
        assert not torch.equal(weights[name], other[name])
        assert not torch.equal(other[name], loaded.origin[name])
        assert weights[name].std() == pytest.approx(loaded.model.config.initializer_range, rel=0.25)
        assert torch.equal(weight, loaded.origin[name]), "the model itself is untouched"


def test_the_own_ticket_scores_as_it_did_when_it_was_found(done, found):
    table = found.table("score")
    own = table[(table.language == "en") & (table.sparsity == 0.4)].value.item()
    assert values(done[1])["en", "en", 0.4, 0] == own


@pytest.mark.long
def test_masks_of_another_seed_are_taken_where_asked(plan, corpus, tmp_path):
    asked = SearchPlan(plan.model, "mlm", ("en",), "magnitude", (0.4,), seeds=(0, 1), recipe=RECIPE, length=32)
    both = find(asked, corpus, tmp_path / "found", device="cpu", quiet=True)
    plan = replace(plan, sources=("en",), targets=("sw",), baselines=(), mask_seed=1)
    study = run(plan, corpus, tmp_path / "study", both)
    plan = replace(plan, targets=("en",), baselines=("reseeded",), reseeded=(1,), mask_seed=0)
    beside = run(plan, corpus, tmp_path / "beside", both)
    loaded = subject(plan.model, "mlm", corpus, ("en", "sw"), length=32, device="cpu")

    def scores(target):
        data = loaded.train[target], loaded.held_out[target]
        search = Search(loaded.model, loaded.task, *data, RECIPE, origin=loaded.origin)
        return [search.trained(both.mask("mlm", "magnitude", 0.4, seed, "en")).value for seed in (0, 1)]

    first, second = scores("sw")
    assert values(study)["en", "sw", 0.4, 0] == second != first
    first, second = scores("en")
    assert values(beside) == {("en", "en", 0.4, 0): first, ("reseeded 1", "en", 0.4, 0): second}


def test_baselines_have_the_sparsity_of_a_single_mask(plan, corpus, found):
    masks = [found.mask("mlm", "magnitude", 0.4, 0, code) for code in CODES]
    origin = subject(plan.model, "mlm", corpus, ("en",), length=32, device="cpu").origin
    for made in (
        baselines.core(masks, origin, 0.4),
        baselines.union(masks, origin, 0.4),
        baselines.vote(masks, origin, 0.4),
        baselines.thinned(found.mask("mlm", "magnitude", 0.2, 0, "en"), 0.4, 0),
        controls.pretrained(origin, masks[0].names, 0.4),
    ):
        assert made.sparsity() == pytest.approx(0.4, abs=1e-4)


def test_the_core_keeps_what_all_keep_and_the_union_nothing_else(folder, corpus, found):
    masks = [found.mask("mlm", "magnitude", 0.4, 0, code) for code in CODES]
    origin = subject(folder, "mlm", corpus, ("en",), length=32, device="cpu").origin
    shared, anyone = masks[0] & masks[1] & masks[2], masks[0] | masks[1] | masks[2]
    core, union = baselines.core(masks, origin, 0.4), baselines.union(masks, origin, 0.4)
    assert (core & shared) == shared
    assert (union & ~anyone).kept == 0
    filled = (core & ~shared).to_tensors()
    left = (~core & ~shared).to_tensors()
    low = min(float(origin[n].abs()[keep].min()) for n, keep in filled.items() if keep.any())
    high = max(float(origin[n].abs()[out].max()) for n, out in left.items() if out.any())
    assert low >= high, "filled up by the largest pretrained weights"
    gone = (anyone & ~union).to_tensors()
    assert max(float(origin[n].abs()[o].max()) for n, o in gone.items() if o.any()) <= min(
        float(origin[n].abs()[k].min()) for n, k in union.to_tensors().items() if k.any()
    )


def test_a_vote_keeps_what_more_masks_keep_and_among_equals_the_largest(folder, corpus, found):
    masks = [found.mask("mlm", "magnitude", 0.4, 0, code) for code in CODES]
    origin = subject(folder, "mlm", corpus, ("en",), length=32, device="cpu").origin
    vote = baselines.vote(masks, origin, 0.4).to_tensors()
    tensors = [mask.to_tensors() for mask in masks]
    rank = [(sum(t[name] for t in tensors).flatten(), origin[name].abs().flatten()) for name in vote]
    votes, size = (torch.cat(parts) for parts in zip(*rank, strict=True))
    keep = torch.cat([vote[name].flatten() for name in vote]).bool()
    plain = sorted(zip(votes.tolist(), size.tolist(), strict=True), reverse=True)[: int(keep.sum())]
    assert sorted(zip(votes[keep].tolist(), size[keep].tolist(), strict=True), reverse=True) == plain


def test_a_thinned_ticket_lies_within_the_ticket(found):
    ticket = found.mask("mlm", "magnitude", 0.2, 0, "en")
    one, other = (baselines.thinned(ticket, 0.4, seed) for seed in (0, 1))
    assert (one & ticket) == one
    assert one != other
    with pytest.raises(NeutralError, match="cannot be thinned"):
        baselines.thinned(found.mask("mlm", "magnitude", 0.4, 0, "en"), 0.2, 0)


def test_what_is_done_is_not_done_again(done, corpus, found):
    plan, study = done
    before = (study.path / "results.jsonl").read_bytes()
    assert pending(plan, study.path, found.path) == []
    run(plan, corpus, study.path, found)
    assert (study.path / "results.jsonl").read_bytes() == before
    left = pending(replace(plan, sparsities=(0.2, 0.4), baselines=("full",)), study.path, found.path)
    assert {r.sparsity for r in left} == {0.2}, "the full model is not run again for another sparsity"


@pytest.mark.long
def test_a_killed_run_goes_on_where_it_was(folder, found, tmp_path):
    text, study = tmp_path / "text", tmp_path / "study"
    text.mkdir()
    for code, lines in tiny.text(CODES).train.items():
        (text / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "neutral", "transfer", "--model", folder, "--text", str(text), "--quiet"),
        *("--masks", str(found.path), "--study", str(study), "--sparsity", "0.4", "--length", "32"),
        *("--steps", "3", "--batch", "2", "--rate", "1e-2", "--device", "cpu", "--baselines", "full"),
        *("--targets", "en,sw", "--sources", "en,sw,de"),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = study / "results.jsonl"
    for _ in range(600):
        if results.is_file() and results.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = [line for line in results.read_bytes().split(b"\n")[:-1] if line]
    assert 2 <= len(done) < 8
    assert main([*command[3:], "--dry-run"]) == 0
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = results.read_bytes().split(b"\n")[:-1]
    assert lines[: len(done)] == done, "what was finished stays"
    assert len(values(Study(study))) == len(lines) == 8  # (3 sources + full) × 2 targets


def test_a_dry_run_says_how_many_and_writes_nothing(folder, found, tmp_path, capsys):
    text = tmp_path / "text"
    text.mkdir()
    (text / "en.txt").write_text("\n".join(tiny.text(("en",)).train["en"]), encoding="utf-8")
    told = main(
        [
            *("transfer", "--model", folder, "--text", str(text), "--masks", str(found.path), "--steps", "2"),
            *("--study", str(tmp_path / "study"), "--sparsity", "0.2,0.4", "--length", "32", "--dry-run"),
            *("--sources", "en,sw", "--device", "cpu"),
        ]
    )
    said = capsys.readouterr().out
    assert told == 0
    assert "7 runs to do of 7, about " in said  # full once, then (en, sw, random) at two sparsities
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sparsities": (0.9,)}, "no such mask; find it with"),
        ({"baselines": ("best",)}, "--baselines best: unknown"),
        ({"sparsities": (1.5,)}, "--sparsity"),
        ({"sources": ("en", "sw"), "baselines": ("core",)}, "at least two sources"),
        ({"baselines": ("thinned",), "thinned": (0.4,)}, "--thinned 0.4"),
        ({"baselines": ("thinned",)}, "say which tickets to start from"),
        ({"baselines": ("reseeded",)}, "say under which seeds"),
        ({"baselines": ("reseeded",), "reseeded": (0,)}, "--reseeded 0: that is --mask-seed"),
        ({"baselines": ("reseeded",), "reseeded": (3,)}, "no such mask; find it with .* --seeds 3"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_before_anything_is_written(plan, corpus, found, tmp_path, change, said):
    with pytest.raises(NeutralError, match=said):
        run(replace(plan, **change), corpus, tmp_path / "study", found)
    assert not (tmp_path / "study").exists()


def test_other_settings_are_refused_in_the_same_study(plan, corpus, found, tmp_path):
    run(replace(plan, targets=("en",), sources=("en",)), corpus, tmp_path, found)
    with pytest.raises(NeutralError, match="recipe"):
        run(replace(plan, recipe=replace(RECIPE, steps=4)), corpus, tmp_path, found)
    assert models.prunable(models.load_model(plan.model))  # nothing was done to the model's folder
    assert isinstance(found.mask("mlm", "magnitude", 0.4, 0, "en"), Mask)


@pytest.mark.long
def test_labelled_data_and_masks_of_another_task_transfer_too(folder, found, tmp_path):
    """Masks found on language modelling, trained as taggers: across tasks, with a new head from the seed."""
    for code in ("en", "sw"):
        (tmp_path / "ner" / code).mkdir(parents=True)
        for split in ("train", "validation"):
            lines = "".join(f"the O\nword{i} O\nName{i % 3} B-PER\n\n" for i in range(12))
            (tmp_path / "ner" / code / f"{split}.conll").write_text(lines, encoding="utf-8")
    told = main(
        [
            *("transfer", "--model", folder, "--task", "ner", "--source-task", "mlm", "--text", str(tmp_path / "ner")),
            *("--masks", str(found.path), "--study", str(tmp_path / "study"), "--sparsity", "0.4", "--length", "32"),
            *("--steps", "2", "--batch", "2", "--device", "cpu", "--baselines", "full,pretrained", "--quiet"),
        ]
    )
    assert told == 0
    table = Study(tmp_path / "study").table("transfer")
    assert len(table) == 8  # (2 masks + 2 baselines) × 2 targets
    assert set(table.metric) == {"f1"}
    assert set(table.source_task) == {"mlm"}
    assert table.untrained.isna().all() if "untrained" in table else True


@pytest.mark.long
@pytest.mark.parametrize(("task", "kind"), [("ner", "bert"), ("nli", "bert"), ("nli", "mt5")])
def test_the_commands_find_and_transfer_masks_on_labelled_data(task, kind, tmp_path):
    model, text = tiny.saved(tmp_path / kind, kind), tiny.labelled(tmp_path / task, task, CODES)
    common = ["--task", task, "--model", str(model), "--text", str(text), "--study", str(tmp_path / "study")]
    common += ["--sparsity", "0.4", "--steps", "1", "--batch", "2", "--length", "32", "--quiet"]
    assert main(["find", *common, "--step", "0.4", "--languages", "en,sw,de,en+sw", "--device", "cpu"]) == 0
    given = ["--sources", "en,sw,de,en+sw", "--targets", "en,sw", "--baselines", "full,random,core", "--device", "cpu"]
    assert main(["transfer", *common, *given]) == 0
    table = Study(tmp_path / "study").table("transfer")
    expected = {(s, t) for t in ("en", "sw") for s in ("en", "sw", "de", "en+sw", "full", "random", "core")}
    assert set(zip(table["source"], table["target"], strict=True)) == expected
    assert set(table["metric"]) == {"f1" if task == "ner" else "accuracy"}
    assert table["value"].between(0, 1).all()
    plan = TransferPlan(str(model), task, ("en", "sw", "de", "en+sw"), ("en",), (0.4,))
    core = mask_of(plan, data.load(task, text), tmp_path / "study", Run(MaskSource("core"), "en", 0.4, 0))
    study = Study(tmp_path / "study")
    masks = [study.mask(task, "magnitude", 0.4, 0, code) for code in ("sw", "de")]
    assert (masks[0] & masks[1]) & core == masks[0] & masks[1], (
        "neither the target nor a mixture with it is in its core"
    )
    assert len(results.bootstrap(results.select(table, task, 0.4))) == len(expected) - 2  # all but the own masks


def test_a_device_without_memory_is_said_in_a_line(plan, corpus, found, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Search, "trained", full)
    with pytest.raises(MemoryLimitError, match="lower --batch or --length"):
        run(plan, corpus, tmp_path, found)


@pytest.mark.parametrize("name", ["pretrained", "core", "union", "vote"])
def test_matrices_that_are_stored_the_other_way_round_are_cut_by_output_rows(name, gpt2):
    plan, corpus, found = gpt2
    mask = mask_of(plan, corpus, found.path, Run(MaskSource(name), "en", 0.5, 0))
    for kept in mask.to_arrays().values():  # (inputs, outputs)
        assert (kept.sum(axis=0) == len(kept) / 2).all()


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """A plan for a GPT-2, whose Wanda masks of three languages are there."""
    model = str(tiny.saved(tmp_path_factory.mktemp("gpt2"), "gpt2", languages=CODES))
    corpus = tiny.text(CODES)
    asked = SearchPlan(model, "clm", CODES, "wanda", (0.5,), recipe=RECIPE, length=32)
    found = find(asked, corpus, tmp_path_factory.mktemp("masks"), device="cpu", quiet=True)
    common = {"method": "wanda", "seeds": (0,), "recipe": RECIPE, "length": 32}
    return TransferPlan(model, "clm", CODES, ("en",), (0.5,), **common), corpus, found


def test_masks_that_do_not_fit_leave_no_study(plan, corpus, found, folder, tmp_path):
    tokenizer = models.load_tokenizer(folder)
    tokenizer.save_pretrained(tmp_path / "model")
    config = models.configuration(folder)
    config.num_hidden_layers = 1
    type(models.load_model(folder))(config).save_pretrained(tmp_path / "model")
    shallow = replace(plan, model=str(tmp_path / "model"))
    with pytest.raises(NeutralError, match=r"encoder.layer.1.*: the mask has it, the model does not"):
        transfer(shallow, corpus, tmp_path / "study", masks=found.path, device="cpu", quiet=True)
    assert not (tmp_path / "study").exists()


def test_a_mixture_on_a_model_with_parts_for_each_language_is_refused(plan, corpus, found, tmp_path):
    import architectures

    architectures.make("xmod", tmp_path / "xmod")
    mixed = replace(plan, model=str(tmp_path / "xmod"), targets=("en+sw",))
    with pytest.raises(NeutralError, match=r"--targets en\+sw: .* name single languages"):
        transfer(mixed, corpus, tmp_path / "study", masks=found.path, device="cpu", quiet=True)
