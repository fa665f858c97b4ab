"""Finding masks on every task: labelled data, mixtures, new heads, encoder-decoders."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from neutral import corpora
from neutral.cli import main
from neutral.errors import MismatchError, NeutralError
from neutral.masks import Mask
from neutral.models import prunable
from neutral.runs import inside, search
from neutral.runs.plans.inside import InsidePlan
from neutral.runs.plans.search import SearchPlan
from neutral.runs.subject import subject
from neutral.search.search import Search
from neutral.study import Study
from neutral.tasks import data
from neutral.training import Recipe

RECIPE = Recipe(steps=2, batch_size=2, rate=1e-2)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return {kind: tiny.saved(tmp_path_factory.mktemp(kind), kind) for kind in ("bert", "mt5")}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    return {task: tiny.labelled(folder / task, task) for task in ("ner", "nli")}


@pytest.fixture
def plan(models):
    return SearchPlan(str(models["bert"]), "ner", ("en", "sw"), "magnitude", (0.2, 0.4), recipe=RECIPE, length=32)


def loaded(plan, source, **options):
    corpus = data.load(plan.task, source, plan.languages)
    return subject(plan.model, plan.task, corpus, plan.languages, length=32, device="cpu", **options)


def find(plan, source, path):
    return search.find(plan, data.load(plan.task, source, plan.languages), path, device="cpu", quiet=True)


@pytest.mark.long
@pytest.mark.parametrize(("task", "kind"), [("ner", "bert"), ("nli", "bert"), ("nli", "mt5")])
def test_the_command_finds_masks_on_labelled_data(task, kind, models, labelled, tmp_path):
    options = "--sparsity 0.4 --step 0.4 --steps 1 --batch 2 --length 32 --languages en,en+sw --device cpu --quiet"
    for method in ("magnitude", "wanda", "random"):
        given = ["find", "--task", task, "--model", str(models[kind]), "--text", str(labelled[task])]
        assert main([*given, "--study", str(tmp_path), "--method", method, *options.split()]) == 0
    study = Study(tmp_path)
    scores = study.table("score")
    assert set(scores.metric) == {"f1" if task == "ner" else "accuracy"}
    assert set(scores.task) == {task}
    assert set(scores.variant) == {"trained"}, "a new head would score nothing"
    assert scores.value.between(0, 1).all()
    assert len(scores) == 2 * (1 + 1 + 1 + 1)  # languages × (full, ticket, wanda, random)
    assert study.info["settings"]["magnitude"]["examples"] == len(loaded_train(labelled[task], task))
    for method in ("magnitude", "wanda", "random"):
        mask = study.mask(task, method, 0.4, 0, "en+sw")
        assert mask.sparsity() == pytest.approx(0.4, abs=2e-2)
        assert study.counts(task, method, 0.4).members == ("en", "en+sw")


def test_a_study_holds_several_tasks_and_refuses_other_text_or_settings_of_each(plan, labelled, tmp_path):
    plan = replace(plan, languages=("en",), sparsities=(0.4,))
    first = find(replace(plan, task="nli"), labelled["nli"], tmp_path).info
    study = find(plan, labelled["ner"], tmp_path)
    assert study.info["task"] == "nli"
    assert study.info["settings"] == first["settings"]
    assert study.info["text"] == first["text"]
    assert set(study.info["tasks"]["ner"]) == {"text", "settings"}
    assert set(study.table("score").task) == {"nli", "ner"}
    before = (tmp_path / "results.jsonl").read_text()
    find(plan, labelled["ner"], tmp_path)
    assert (tmp_path / "results.jsonl").read_text() == before
    with pytest.raises(NeutralError, match="its magnitude results were made with recipe"):
        find(replace(plan, recipe=replace(RECIPE, steps=3)), labelled["ner"], tmp_path)
    corpus = data.load("ner", labelled["ner"], plan.languages)
    corpus.hashes["en"] = "another"
    with pytest.raises(NeutralError, match="the text of en is not what"):
        search.find(plan, corpus, tmp_path, device="cpu", quiet=True)


def loaded_train(source, task):
    return data.load(task, source, ["en"]).train["en"]


def test_a_finished_study_goes_on_with_more_languages_and_refuses_other_numbers(plan, labelled, tmp_path):
    plan = replace(plan, sparsities=(0.4,))
    find(replace(plan, languages=("en",)), labelled["ner"], tmp_path)
    before = (tmp_path / "results.jsonl").read_text()
    find(plan, labelled["ner"], tmp_path)
    after = (tmp_path / "results.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 2 * len(before.splitlines())
    with pytest.raises(NeutralError, match="were made with examples 40, not 10"):
        find(replace(plan, examples=10), labelled["ner"], tmp_path)
    with pytest.raises(NeutralError, match="were made with only unset, not encoder"):
        find(replace(plan, only="encoder"), labelled["ner"], tmp_path)


def test_every_language_has_as_many_examples(plan, labelled, tmp_path):
    source = tmp_path / "ner"
    for code, count in (("en", 30), ("sw", 12), ("fa", 20)):
        (source / code).mkdir(parents=True)
        rows = [f"the O\nand O\nword{i} B-CAP" for i in range(count)]
        for name in ("train", "validation"):
            (source / code / f"{name}.conll").write_text("\n\n".join(rows), encoding="utf-8")
    plan = replace(plan, languages=("en", "en+fa+sw"))
    found = loaded(plan, source)
    assert {code: len(items) for code, items in found.train.items()} == {"en": 12, "en+fa+sw": 12}
    assert found.examples == 12
    assert {code: len(items) for code, items in found.held_out.items()} == {"en": 30, "en+fa+sw": 12}
    assert len(loaded(plan, source, examples=5).train["en+fa+sw"]) == 5
    with pytest.raises(NeutralError, match="--train-examples 13: sw has 12 training examples only"):
        loaded(plan, source, examples=13)


@pytest.mark.parametrize("task", ["mlm", "nli"])
def test_a_mixture_is_equal_parts_at_the_size_of_a_single_language(plan, labelled, task):
    plan = replace(plan, task=task, languages=("en", "sw", "en+sw"))
    found = loaded(plan, tiny.SENTENCES if task == "mlm" else labelled[task])

    def places(code, items):
        return [i for item in items for i, other in enumerate(found.train[code]) if same(item, other)]

    def same(one, other):
        return np.array_equal(one, other) if task == "mlm" else one == other

    mixed = found.train["en+sw"]
    total = min(len(found.train["en"]), len(found.train["sw"]))
    assert len(mixed) == total
    english, swahili = places("en", mixed), places("sw", mixed)
    assert abs(len(english) - len(swahili)) <= 1
    assert len(english) + len(swahili) == total
    assert not set(english) & set(swahili), "no line comes in two languages"
    for half in (mixed[::2], mixed[1::2]):
        assert places("en", half)
        assert places("sw", half)


def test_examples_are_drawn_alike_in_languages_of_one_size_and_not_by_class(plan, tmp_path):
    for code in ("en", "sw"):
        (tmp_path / code).mkdir()
        rows = [f"the {i}\tand {i}\t{'yes' if i < 50 else 'no'}" for i in range(100)]
        for name in ("train", "validation"):
            (tmp_path / code / f"{name}.tsv").write_text("\n".join(["premise\thypothesis\tlabel", *rows]))
    found = loaded(replace(plan, task="nli"), tmp_path, examples=20)
    assert found.train["en"] == found.train["sw"]
    assert 5 <= sum(example.label for example in found.train["en"]) <= 15


def test_the_new_head_is_drawn_from_the_seed(plan, labelled):
    found = loaded(replace(plan, task="nli"), labelled["nli"], seed=3)
    assert found.new == {"classifier.weight", "classifier.bias", "bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    first = dict(found.start(3))
    other = dict(found.start(4))
    changed = {name for name in first if not torch.equal(first[name], other[name])}
    assert changed == {name for name in found.new if name.endswith("weight")}  # biases start at 0
    assert all(torch.equal(first[name], each) for name, each in found.start(3).items())
    again = loaded(replace(plan, task="nli"), labelled["nli"], seed=4)
    assert all(torch.equal(other[name], each) for name, each in again.origin.items())


def test_a_seed_has_its_own_head_wherever_the_search_begins(plan, labelled, tmp_path):
    """Two seeds one after the other give the masks and scores that each gives alone."""
    plan = replace(plan, task="nli", languages=("sw",), sparsities=(0.4,))
    both = find(replace(plan, seeds=(0, 1)), labelled["nli"], tmp_path / "both")
    alone = find(replace(plan, seeds=(1,)), labelled["nli"], tmp_path / "alone")
    assert both.mask("nli", "magnitude", 0.4, 1, "sw") == alone.mask("nli", "magnitude", 0.4, 1, "sw")
    rows = [json.loads(line) for line in (tmp_path / "both" / "results.jsonl").read_text().splitlines()]
    assert [row for row in rows if row.get("seed") == 1] == list(alone.rows("score"))
    assert both.info["weights"] == alone.info["weights"], "a head that is drawn is no part of what was loaded"
    assert both.info["layers"] == 2


def test_the_mask_of_another_task_serves_but_for_its_pooler(plan, labelled):
    inference = loaded(replace(plan, task="nli"), labelled["nli"])
    shapes = {name: w.shape for name, w in prunable(inference.model).items()}
    mask = Mask.random(shapes, 0.5, 0)
    tagging = loaded(plan, labelled["ner"])
    search = Search(tagging.model, tagging.task, tagging.train["en"], tagging.held_out["en"], RECIPE)
    keep = search.rewind(mask)
    assert shapes.keys() - keep.keys() == {"bert.pooler.dense.weight"}
    assert all(torch.equal(search.weights[name] != 0, keep[name].bool()) for name in keep)
    with pytest.raises(MismatchError, match=r"other.layer.0.*the mask has it"):
        search.rewind(Mask.random({"other.layer.0.attention.self.query.weight": (2, 2)}, 0.5, 0))


@pytest.mark.parametrize("only", ["encoder", "decoder"])
def test_the_command_prunes_one_stack(only, models, labelled, tmp_path):
    given = ["find", "--task", "nli", "--model", str(models["mt5"]), "--text", str(labelled["nli"]), "--quiet"]
    options = f"--method random --sparsity 0.5 --steps 0 --length 32 --device cpu --only {only}"
    assert main([*given, "--study", str(tmp_path), *options.split()]) == 0
    study = Study(tmp_path)
    assert study.counts("nli", "random", 0.5).sparsity("stack").group.unique().tolist() == [only]
    assert study.info["prunable"] == study.mask("nli", "random", 0.5, 0, "en").size


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"functional": (0.4,)}, "--functional: for mlm and clm"),
        ({"only": "middle"}, "--only middle"),
        ({"examples": 0}, "--train-examples 0: at least 1"),
        ({"task": "mlm", "examples": 5}, "--train-examples: for labelled tasks"),
        ({"only": "decoder"}, "--only decoder: BertForTokenClassification has no linear layers there"),
    ],
)
def test_what_cannot_be_done_is_said(plan, labelled, tmp_path, change, words):
    corpus = data.load("ner", labelled["ner"], ["en", "sw"])
    with pytest.raises(NeutralError, match=words):
        search.find(replace(plan, **change), corpus, tmp_path / "study", device="cpu", quiet=True)
    assert not (tmp_path / "study").exists()


def test_text_without_labels_is_refused_for_a_labelled_task(plan, tmp_path):
    with pytest.raises(NeutralError, match="--task ner: takes labelled data, and this text has no labels"):
        search.find(plan, tiny.text(), tmp_path, device="cpu", quiet=True)


def test_the_task_of_an_encoder_decoder_must_be_said(models, tmp_path, capsys):
    given = ["find", "--model", str(models["mt5"]), "--text", str(tiny.SENTENCES), "--study", str(tmp_path / "s")]
    assert main(given) == 2
    assert "use --task nli" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("task", "kind", "only"), [("ner", "bert", ""), ("nli", "bert", ""), ("nli", "mt5", "encoder")]
)
def test_a_study_that_begins_with_labelled_data_is_looked_into(task, kind, only, models, labelled, tmp_path):
    """Its head is its task's, not one of that name; what was pruned of it is what the pretrained mask is of."""
    common = {"method": "wanda", "sparsities": (0.5,), "recipe": RECIPE, "length": 32, "only": only}
    asked = SearchPlan(str(models[kind]), task, ("en", "sw"), **common)
    study = find(asked, labelled[task], tmp_path / "study")
    text = tmp_path / "sentences"
    text.mkdir()
    for code in ("en", "sw"):
        lines = corpora.read_lines(tiny.SENTENCES / f"{code}.txt")[:8]
        (text / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    looked = InsidePlan(
        str(models[kind]), ("full", "each", "core", "random", "pretrained"), method="wanda", sentences=text
    )
    inside.retrieve(looked, study.path, device="cpu", quiet=True)
    inside.represent(looked, study.path, device="cpu", quiet=True)
    for rows in (study.table("retrieval"), study.table("representation")):
        assert set(rows["mask"]) == {"full", "en", "sw", "core", "random", "pretrained"}
    work = inside.Inside(inside.RETRIEVAL, looked, study.path, device="cpu", quiet=True)
    masks = work.masks | {"pretrained": work.here("cpu").control("pretrained")}
    masks["random"] = work.here("cpu").control("random")
    assert masks["pretrained"].shapes == masks["en"].shapes == masks["random"].shapes
    rows = {name: masks[name].sparsity("tensor")["value"] for name in ("pretrained", "en")}
    assert (rows["pretrained"] == rows["en"]).all(), "both are cut row by row"


def test_a_scope_of_an_older_study_is_read_and_gone_on_with(models, labelled, tmp_path):
    asked = SearchPlan(
        str(models["mt5"]), "nli", ("en",), "wanda", (0.5,), recipe=RECIPE, length=32, scope="stack", only="encoder"
    )
    study = find(asked, labelled["nli"], tmp_path)
    settings = study.info["settings"]["wanda"]
    assert (settings["scope"], settings["only"]) == ("row", "encoder")
    older = {name: value for name, value in settings.items() if name != "only"} | {"scope": "row (encoder only)"}
    info = study.info | {"settings": {"wanda": older}}
    (tmp_path / "study.json").write_text(json.dumps(info))
    assert Study(tmp_path).settings("nli", "wanda") == settings
    with pytest.raises(NeutralError, match="were made with only encoder, not unset"):
        find(replace(asked, only=""), labelled["nli"], tmp_path)
    with pytest.raises(NeutralError, match="were made with only encoder, not decoder"):
        find(replace(asked, only="decoder"), labelled["nli"], tmp_path)
    rows = (tmp_path / "results.jsonl").read_text()
    assert find(asked, labelled["nli"], tmp_path).settings("nli", "wanda") == settings
    assert (tmp_path / "results.jsonl").read_text() == rows, "nothing was done again"
