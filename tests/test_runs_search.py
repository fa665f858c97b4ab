"""Finding masks into a study: what is written, what resumes, what is refused."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch

from neutral import overlap, recipes
from neutral.errors import MemoryLimitError, NeutralError
from neutral.runs import kept, search
from neutral.runs.engines import Local, carry_out
from neutral.runs.plans.search import SearchPlan
from neutral.search.search import Search
from neutral.study import Study
from neutral.training import Recipe

ROOT = Path(__file__).parent.parent
RECIPE = Recipe(steps=3, batch_size=2, rate=1e-2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def plan(folder):
    return SearchPlan(str(folder), "mlm", ("en", "sw"), "magnitude", (0.2, 0.4), recipe=RECIPE, length=32)


def find(plan, path):
    return search.find(plan, tiny.text(), path, device="cpu", quiet=True)


def contents(study):
    masks = {row.path.name: row.path.read_bytes() for row in study.masks_index().itertuples()}
    counts = {row.path.name: row.path.read_bytes() for row in study.counts_index().itertuples()}
    return sorted((study.path / "results.jsonl").read_text().splitlines()), masks, counts


def test_tickets_scores_counts_and_controls_are_written(plan, tmp_path):
    study = find(replace(plan, seeds=(0, 1), controls=("pretrained", "shuffled"), functional=(0.4,)), tmp_path)
    scores = study.table("score")
    assert len(scores) == 2 * 2 * 3  # languages × seeds × (full, 0.2, 0.4)
    assert set(scores.method) == {"full", "magnitude"}
    assert (scores.value > 1).all()
    index = study.counts_index()
    assert set(index.kind) == {"languages", "seeds", "pretrained", "beyond", "shuffled"}
    masks = [study.mask("mlm", "magnitude", 0.4, 0, code) for code in ("en", "sw")]
    assert masks[0].sparsity() == pytest.approx(0.4, abs=1e-3)
    stored = study.counts("mlm", "magnitude", 0.4)
    assert stored.jaccard().equals(overlap.count(masks).jaccard())
    assert study.counts("mlm", "magnitude", 0.4, 0, "seeds").members == ("en/0", "en/1", "sw/0", "sw/1")
    reference = study.counts("mlm", "magnitude", 0.4, 0, "pretrained")
    assert reference.members == ("en", "sw", "pretrained")
    assert reference.jaccard()[["source", "target"]].to_numpy().tolist() == [["en", "pretrained"], ["sw", "pretrained"]]
    within = study.counts("mlm", "magnitude", 0.4, 0, "seeds").jaccard()
    assert within[["source", "target"]].to_numpy().tolist() == [["en/0", "en/1"], ["sw/0", "sw/1"]]
    beyond = study.counts("mlm", "magnitude", 0.4, 0, "beyond")
    assert (beyond.kept <= stored.sizes[:, None]).all()
    checked = study.table("functional")
    assert set(checked.source) == {"full", "pretrained", "random", "en", "sw"}
    assert len(checked) == 10
    assert study.info["prunable"] == masks[0].size


def test_a_search_whose_model_is_let_go_before_it_begins_stores_the_same_rows(plan, tmp_path):
    """Workers elsewhere have the model; what is said of each language's text does not hang on where it is."""
    alone = find(plan, tmp_path / "alone")
    work = search.Finder(plan, tiny.text(), tmp_path / "freed", device="cpu", quiet=True)
    work.free()
    carry_out(work, Local("cpu"), quiet=True)
    assert len(alone.table("text")) == 2
    assert contents(work.study) == contents(alone)


def test_a_finished_study_is_not_done_again(plan, tmp_path):
    before = contents(find(plan, tmp_path))
    began = (tmp_path / "results.jsonl").stat().st_mtime_ns
    assert contents(find(plan, tmp_path)) == before
    assert (tmp_path / "results.jsonl").stat().st_mtime_ns == began


def test_counted_masks_that_are_not_kept_go_and_are_not_found_again(plan, tmp_path):
    kept = replace(plan, keep=(0.4,))
    study = find(kept, tmp_path)
    assert study.masks_index().sparsity.tolist() == [0.4, 0.4]
    before = contents(study)
    assert contents(find(kept, tmp_path)) == before


@pytest.mark.long
def test_a_finished_study_gets_the_controls_that_are_asked_for_later(plan, tmp_path):
    every = ("pretrained", "shuffled")
    at_once = contents(find(replace(plan, controls=every), tmp_path / "once"))
    find(plan, tmp_path / "later")
    assert contents(find(replace(plan, controls=every), tmp_path / "later")) == at_once
    dropped = replace(plan, keep=())
    find(dropped, tmp_path / "dropped")
    assert find(replace(dropped, controls=every), tmp_path / "dropped").counts_index().kind.unique() == ["languages"]


@pytest.mark.long
def test_a_study_goes_on_to_a_higher_sparsity_and_to_more_languages(plan, tmp_path):
    whole = find(replace(plan, sparsities=(0.2, 0.4, 0.6)), tmp_path / "whole")
    find(replace(plan, languages=("en",), title="In parts"), tmp_path / "parts")
    assert find(plan, tmp_path / "parts").info["title"] == "In parts"
    parts = find(replace(plan, sparsities=(0.2, 0.4, 0.6)), tmp_path / "parts")
    assert contents(parts) == contents(whole)


@pytest.mark.parametrize("method", ["random", pytest.param("change", marks=pytest.mark.long), "fisher", "wanda"])
def test_one_shot_methods_fill_a_study(plan, tmp_path, method):
    study = find(replace(plan, method=method, blocks=4, halves=method == "wanda"), tmp_path)
    table = study.table("score")
    assert len(table) == 6
    assert set(table.variant) == {"untrained" if method == "wanda" else "trained"}
    kinds = {"languages", "halves"} if method == "wanda" else {"languages"}
    assert set(study.counts_index().kind) == kinds


def test_random_masks_of_languages_overlap_by_chance(plan, tmp_path):
    counts = find(replace(plan, method="random"), tmp_path).counts("mlm", "random", 0.4)
    assert counts.jaccard().value[0] == pytest.approx(counts.chance().value[0], abs=0.03)


def test_a_causal_model_is_pruned_too(tmp_path):
    model = tiny.saved(tmp_path / "model", "llama")
    plan = SearchPlan(str(model), "clm", ("en", "sw"), "wanda", (0.5,), length=32, halves=True, functional=(0.5,))
    study = find(plan, tmp_path / "study")
    assert set(study.table("score").task) == {"clm"}
    assert study.counts("clm", "wanda", 0.5).sparsity("layer").group.unique().tolist() == ["decoder 0", "decoder 1"]


def test_other_text_model_or_settings_are_refused(plan, tmp_path):
    find(plan, tmp_path / "study")
    other = tiny.text(lines=70)
    other.hashes["en"] = "changed"
    with pytest.raises(NeutralError, match="the text of en is not what"):
        search.find(plan, other, tmp_path / "study", device="cpu", quiet=True)
    with pytest.raises(NeutralError, match="were made with recipe"):
        find(replace(plan, recipe=replace(RECIPE, steps=4)), tmp_path / "study")
    tiny.model("bert", 400, seed=5, pad_token_id=0).save_pretrained(tmp_path / "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "model" / name).write_bytes((Path(plan.model) / name).read_bytes())
    with pytest.raises(NeutralError, match="was made with other weights"):
        find(replace(plan, model=str(tmp_path / "model")), tmp_path / "study")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "guess"}, "--method guess"),
        ({"task": "seq2seq"}, "--task seq2seq"),
        ({"sparsities": (1.0,)}, "--sparsity"),
        ({"functional": (0.9,)}, "--functional 0.9"),
        ({"controls": ("none",)}, "--controls none"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(plan, tmp_path, change, words):
    with pytest.raises(NeutralError, match=words):
        find(replace(plan, **change), tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.long
def test_a_stopped_search_goes_on_with_the_head_it_had(plan, tmp_path, monkeypatch):
    """By the paper's recipe a round also depends on the head that the one before has left."""
    paper = replace(plan, sparsities=(0.2, 0.4, 0.6), recipe=recipes.named("paper", steps=3, batch_size=2, rate=1e-2))
    whole = contents(find(paper, tmp_path / "whole"))
    monkeypatch.setattr(kept.Kept, "score", fails_after(4, kept.Kept.score))
    for _ in range(3):
        with contextlib.suppress(InterruptedError):
            find(paper, tmp_path / "stopped")
    assert contents(find(paper, tmp_path / "stopped")) == whole
    own = contents(find(replace(plan, sparsities=(0.2, 0.4, 0.6)), tmp_path / "own"))
    assert own[1]["mlm_magnitude_0.20_s0_en.safetensors"] != whole[1]["mlm_magnitude_0.20_s0_en.safetensors"]
    with pytest.raises(NeutralError, match="its magnitude results were made with recipe"):
        find(replace(plan, sparsities=(0.2, 0.4, 0.6)), tmp_path / "whole")


def fails_after(count, function):
    """Return a function that stops its first calls after every `count`-th."""
    calls = itertools.count(1)

    def failing(*arguments, **options):
        call = next(calls)
        if call % count == 0 and call < 3 * count:
            raise InterruptedError
        return function(*arguments, **options)

    return failing


@pytest.mark.long
def test_a_run_killed_in_any_round_ends_like_an_uninterrupted_one(folder, tmp_path):
    """SIGKILL after the first, second, … result; then the same command again until it is done."""
    text = tmp_path / "text"
    text.mkdir()
    for code, lines in tiny.text().train.items():
        (text / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")

    def command(study):
        options = "--sparsity 0.4 --step 0.2 --steps 40 --batch 2 --length 32 --rate 0.01 --controls pretrained"
        return [
            *(sys.executable, "-m", "neutral", "find", "--model", folder, "--text", text, "--study", study),
            *options.split(),
            *("--device", "cpu", "--quiet"),
        ]

    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command(tmp_path / "whole"), cwd=ROOT, env=environment, check=True)
    results, kills = tmp_path / "killed" / "results.jsonl", 0
    for seen in (1, 3, 5):
        process = subprocess.Popen(command(tmp_path / "killed"), cwd=ROOT, env=environment)
        while process.poll() is None and _lines(results) < seen:
            time.sleep(0.01)
        if process.poll() is None:
            time.sleep(0.02)
            os.kill(process.pid, signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
    assert kills >= 2, "the runs were too quick to be killed"
    subprocess.run(command(tmp_path / "killed"), cwd=ROOT, env=environment, check=True)
    whole, killed = Study(tmp_path / "whole"), Study(tmp_path / "killed")
    assert contents(killed) == contents(whole)
    assert results.read_bytes() == (tmp_path / "whole" / "results.jsonl").read_bytes()
    assert all(json.loads(line) for line in results.read_text().splitlines())


def _lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.long
def test_a_device_out_of_memory_ends_in_one_line_with_nothing_lost(plan, tmp_path, monkeypatch):
    whole = contents(find(plan, tmp_path / "whole"))
    rounds = iter(range(9))
    evaluate = Search.evaluate

    def short(search):
        if next(rounds) == 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return evaluate(search)

    monkeypatch.setattr(Search, "evaluate", short)
    with pytest.raises(MemoryLimitError, match="ran out of memory; lower --batch or --length"):
        find(plan, tmp_path / "short")
    monkeypatch.undo()
    assert len(Study(tmp_path / "short").table("score")) == 4
    assert contents(find(plan, tmp_path / "short")) == whole


@pytest.mark.gpu
def test_a_gpu_finds_nearly_the_masks_of_the_processor(plan, tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device; torch finds none here")
    here = find(replace(plan, method="wanda"), tmp_path / "cpu")
    there = search.find(replace(plan, method="wanda"), tiny.text(), tmp_path / "gpu", device="cuda", quiet=True)
    masks = [study.mask("mlm", "wanda", 0.4, 0, "en") for study in (here, there)]
    assert overlap.count(masks, ["cpu", "gpu"]).jaccard().value[0] > 0.95


def test_a_refused_search_leaves_no_study(plan, tmp_path):
    short = replace(tiny.text(), train={code: ["It rained."] for code in ("en", "sw")})
    wanted = replace(plan, method="wanda", halves=True)
    with pytest.raises(NeutralError, match="no two halves"):
        search.find(wanted, short, tmp_path / "study", device="cpu", quiet=True)
    assert not list(tmp_path.iterdir())


def test_languages_that_are_added_alone_are_compared_with_those_that_are_there(plan, tmp_path):
    """A run reads the text of its own languages; the masks of the others are in the study."""
    plan = replace(plan, controls=("pretrained",), functional=(0.4,))
    find(replace(plan, languages=("en",)), tmp_path)
    study = find(replace(plan, languages=("sw",)), tmp_path)
    assert list(study.counts("mlm", plan.method, 0.4, kind="pretrained").members) == ["en", "sw", "pretrained"]
    checked = study.table("functional")
    assert set(checked[checked.target == "sw"].source) == {"full", "pretrained", "random", "en", "sw"}
    study = find(plan, tmp_path)
    assert len(study.table("functional")) == 10
    for row in study.masks_index().itertuples():
        row.path.unlink()
    assert len(find(plan, tmp_path).table("functional")) == 10
    with pytest.raises(NeutralError, match=r"--functional 0\.2: .* keeps none of its masks"):
        find(replace(plan, functional=(0.2,)), tmp_path)
