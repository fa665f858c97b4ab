"""What decides results is written down: a run that differs in it is refused with its name, or does it anew."""

import json
import shutil
from dataclasses import fields, replace

import pytest
import tiny
import torch
from tokenizers import normalizers, pre_tokenizers, processors
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertForPreTraining, ByT5Tokenizer, CanineTokenizer

from neutral import hashes, maskfiles, models, options
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.recipes import Recipe
from neutral.runs import compression, finetuning, inside, search, transfer, typology
from neutral.runs.execution import Execution
from neutral.runs.plans import compression as compression_plan
from neutral.runs.plans import search as search_plan
from neutral.runs.plans import transfer as transfer_plan
from neutral.runs.plans import typology as typology_plan
from neutral.runs.plans.compression import CompressionPlan, Trial
from neutral.runs.plans.finetuning import FinetuningPlan
from neutral.runs.plans.inside import InsidePlan, RepresentPlan, RetrievePlan
from neutral.runs.plans.pretraining import PretrainPlan
from neutral.runs.plans.search import SearchPlan
from neutral.runs.plans.transfer import TransferPlan
from neutral.runs.plans.typology import TypologyPlan
from neutral.runs.records import begin
from neutral.study import Study
from neutral.tasks import making
from neutral.tasks.wording import Wording

SEARCH = SearchPlan("model", "mlm", ("en",), "magnitude", (0.2, 0.4), recipe=Recipe(steps=3))
TRANSFER = TransferPlan("model", "mlm", ("en", "sw", "fr"), ("en",), baselines=("core",))
COMPRESSION = CompressionPlan("model", "mlm", ("en",), ("svd:randomized",), (2.0,))

CHANGES = {
    SearchPlan: {
        "sparsities": {"sparsities": (0.4,)},
        "scope": {"scope": "row"},
        "wording": {"wording": Wording("paper")},
        "labels": {"labels": (("a", "b"),)},
        "only": {"only": "encoder"},
        "recipe": {"recipe": Recipe(steps=4)},
        "blocks": {"method": "wanda", "blocks": 3},
        "lines": {"method": "wanda", "lines": 4},
        "held_out_lines": {"held_out_lines": 3},
        "held_out": {"held_out": 3},
        "passes": {"passes": 3},
    },
    TransferPlan: {
        "sources": {"sources": ("en", "sw")},
        "mask_seed": {"mask_seed": 3},
        "scope": {"scope": "row"},
        "wording": {"wording": Wording("paper")},
        "labels": {"labels": (("a", "b"),)},
        "recipe": {"recipe": Recipe(steps=4)},
        "held_out": {"held_out": 3},
        "passes": {"passes": 3},
    },
    TypologyPlan: {"permutations": {"permutations": 99}, "seed": {"seed": 3}},
    RetrievePlan: {},
    RepresentPlan: {},
    CompressionPlan: {
        "languages": {"languages": ("sw",)},
        "epochs": {"epochs": 3},
        "iterations": {"iterations": (1, 3)},
        "held_out": {"held_out": 3},
        "lines": {"lines": 3},
        "calibration": {"calibration": 3},
        "neighbours": {"neighbours": 3},
    },
    FinetuningPlan: {},
}
"""Plan -> field that a study's settings are made of -> what else would be compared: a plan with this is refused."""

ELSEWHERE = {
    SearchPlan: {
        "examples": "the run adds it as it is used",
        "step": "the sparsities are made of it",
        "functional_blocks": "of a functional check only, which may come later",
    },
    TransferPlan: {"examples": "the run adds it as it is used"},
    CompressionPlan: {
        "autoencoder": "the methods' names are made of it",
        "tables": "the run writes which there are, of a model that has several",
    },
}
"""Fields that are written down by what is made of them."""

KEYS = {
    SearchPlan: search.KEY,
    TransferPlan: transfer.KEY,
    TypologyPlan: typology.KEY,
    RetrievePlan: inside.KEY,
    RepresentPlan: inside.KEY,
    CompressionPlan: (*compression.KEY, *compression.PARTS),
    FinetuningPlan: finetuning.RUN,
}
"""Plan -> the fields that tell its results apart."""

PLANS = {
    SearchPlan: (SEARCH, search_plan.settings),
    TransferPlan: (TRANSFER, transfer_plan.settings),
    CompressionPlan: (COMPRESSION, compression_plan.settings),
    TypologyPlan: (TypologyPlan(), typology_plan.settings),
}
CASES = [(plan, field, change) for plan, each in CHANGES.items() for field, change in each.items()]


@pytest.mark.parametrize("plan", CHANGES, ids=lambda plan: plan.__name__)
def test_every_field_of_a_plan_is_known_to_decide_or_to_be_harmless(plan):
    decides = options.decisions(plan)
    assert all(decides.values()), [name for name, each in decides.items() if not each]
    assert {each.name or name for name, each in decides.items() if each.how == "key"} <= set(KEYS[plan])
    made_of = {name for name, each in decides.items() if each.how in ("setting", "computed")}
    assert made_of == set(CHANGES[plan]) | set(ELSEWHERE.get(plan, ()))
    assert all(each.name for each in decides.values() if each.how == "harmless"), "a reason is named"


def test_every_field_of_pretraining_and_of_the_execution_says_whether_it_decides():
    assert {each.how for each in options.decisions(PretrainPlan).values()} == {"computed", "hashed"}
    assert {each.how for each in options.decisions(Execution).values()} == {"harmless"}


def test_every_field_of_a_recipe_and_of_a_table_is_written():
    changed = {"schedule": "whole", "examples": "fresh", "head": "keep", "precision": "float32"}
    base = Recipe(schedule="round", examples="same", head="rewind")
    for field in {field.name for field in fields(Recipe)} - {"seed"}:  # the results' own
        other = replace(base, **{field: changed.get(field) or getattr(base, field) / 2 + 2 ** -(field == "warmup")})
        assert other.written() != base.written(), field
    assert {field.name for field in fields(Trial)} - {"rank"} == set(compression.KEY)  # which is in the ratio


@pytest.mark.parametrize(("plan", "field", "change"), CASES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_another_setting_is_refused_by_name(tmp_path, plan, field, change):
    base, settings = PLANS[plan]
    base = replace(base, method=change.get("method", base.method)) if hasattr(base, "method") else base

    def info(plan):
        return {"task": "mlm", "text": {"hashes": {}}, "settings": {"one": settings(plan)}}

    begin(tmp_path, info(base), fixed=())
    begin(tmp_path, info(base), fixed=(), grows=("sparsities",))
    with pytest.raises(
        NeutralError, match=r"were made with \w+ |cut in other rounds, from 20% and not from 0% \(--step"
    ):
        begin(tmp_path, info(replace(base, **change)), fixed=(), grows=("sparsities",))


def test_a_search_goes_on_to_more_rounds_but_not_by_others(tmp_path):
    def go(*sparsities, schedule="round"):
        plan = replace(SEARCH, sparsities=sparsities, recipe=Recipe(steps=3, schedule=schedule))
        info = {"task": "mlm", "text": {"hashes": {}}, "settings": {"magnitude": search_plan.settings(plan)}}
        begin(tmp_path / schedule, info, fixed=(), grows=("sparsities",))

    for schedule in ("round", "whole"):
        go(0.1, 0.2, 0.25, schedule=schedule)
        go(0.1, 0.2, 0.3, 0.4, schedule=schedule)
        go(0.1, schedule=schedule)
    with pytest.raises(NeutralError, match=r"at 20% were cut in other rounds, from 10% and not from 0% \(--step"):
        go(0.2, 0.4)
    go(0.15, 0.35)
    with pytest.raises(NeutralError, match="rounds_in_all 10, not 3"):
        go(0.35, schedule="whole")
    old = json.loads((tmp_path / "round" / "study.json").read_text())
    old["settings"]["magnitude"] = {"sparsities": [0.1, 0.2, 0.3, 0.4], "recipe": {}}
    (tmp_path / "round" / "study.json").write_text(json.dumps(old))
    with pytest.raises(NeutralError, match="at 20% were cut in other rounds, from 10% and"):
        go(0.2, 0.4)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("models") / "bert", languages=("en", "sw", "fr"))


def drawn(model, **changed):
    """A plan whose masks take no training."""
    return replace(
        SearchPlan(str(model), "mlm", ("en", "sw", "fr"), "random", (0.5,), length=32, held_out=2), **changed
    )


UNTRAINED = Recipe(steps=0)


def find(plan, folder):
    return search.find(replace(plan, recipe=UNTRAINED), tiny.text(plan.languages), folder, device="cpu", quiet=True)


@pytest.fixture(scope="module")
def first(model, tmp_path_factory):
    return find(drawn(model), tmp_path_factory.mktemp("first") / "study")


@pytest.fixture
def study(first, tmp_path):
    return Study(shutil.copytree(first.path, tmp_path / "study"))


def copied(model, folder, **changed):
    """The model with something else in a parameter, or None in place of a name."""
    network = AutoModelForMaskedLM.from_pretrained(shutil.copytree(model, folder))
    with torch.no_grad():
        for name, value in changed.items():
            network.get_parameter(name.replace("__", ".")).view(-1)[0] = value
    network.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bert__embeddings__word_embeddings__weight", "other embeddings, norms or biases"),
        ("bert__embeddings__LayerNorm__bias", "other embeddings, norms or biases"),
        ("bert__encoder__layer__1__output__dense__bias", "other embeddings, norms or biases"),
        ("bert__encoder__layer__0__output__dense__weight", "other weights"),
        ("cls__predictions__transform__dense__weight", "random results were made with head"),
    ],
)
def test_another_weight_is_refused_wherever_it_is(study, model, tmp_path, name, said):
    other = copied(model, tmp_path / "bert", **{name: 3.0})
    with pytest.raises(NeutralError, match=f"made with {said}|{said}"):
        find(drawn(other), study.path)
    if "cls" not in name:  # states know no head
        plan = InsidePlan(str(other), languages=("en", "sw"))
        with pytest.raises(NeutralError, match=f"was made with {said}"):
            inside.retrieve(plan, study.path, device="cpu", quiet=True)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "gpt2"])
def test_the_hash_of_a_models_base_is_one_under_every_head(tmp_path, kind):
    folder = tiny.saved(tmp_path / kind, kind)

    def hashed(head, **options):
        loaded = models.load(folder, head, **options)
        pruned = {name: w for name, w in models.prunable(loaded.model).items() if name not in loaded.new}
        return hashes.beside(loaded.model, pruned, loaded.new)

    base, head = hashed("clm" if kind == "gpt2" else "mlm")
    assert (head is None) == (kind == "gpt2")  # its head is its token table
    assert hashed("tagging", labels=("a", "b")) == (base, None)
    assert hashed("classification", labels=("a", "b")) == (base, None)


def test_fine_tuning_notices_another_pooler(model, tmp_path):
    task = making.make("nli", AutoTokenizer.from_pretrained(model), labels=("yes", "no"), length=32)
    study = Study.create(tmp_path / "study", {})
    config = AutoModelForMaskedLM.from_pretrained(model).config
    for seed in (0, 1):
        torch.manual_seed(seed)
        BertForPreTraining(config).save_pretrained(shutil.copytree(model, tmp_path / str(seed)))
    finetuning.work.remember_head(study, tmp_path / "0", "cola", task)
    finetuning.work.remember_head(study, tmp_path / "0", "cola", task)
    with pytest.raises(NeutralError, match="the model's head or pooler, finetune cola is not what"):
        finetuning.work.remember_head(study, tmp_path / "1", "cola", task)


def test_another_tokenizer_is_refused_by_every_command(study, model, tmp_path):
    other = shutil.copytree(model, tmp_path / "bert")
    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.save_pretrained(other)
    with pytest.raises(NeutralError, match="was made with another tokenizer of bert"):
        find(drawn(other), study.path)
    with pytest.raises(NeutralError, match="was made with another tokenizer of bert"):
        inside.represent(InsidePlan(str(other)), study.path, device="cpu", quiet=True)
    plan = TransferPlan(str(other), "mlm", ("en",), ("en",), method="random", length=32, recipe=Recipe(steps=1))
    with pytest.raises(NeutralError, match="was made with another tokenizer of bert"):
        transfer.transfer(plan, tiny.text(), study.path, device="cpu", quiet=True)


def test_the_hash_of_a_tokenizer_tells_all_that_decides_ids(model):
    def hashed(change=lambda _: None):
        tokenizer = AutoTokenizer.from_pretrained(model)
        change(tokenizer)
        return hashes.tokenizer(tokenizer)

    def set_part(name, value):
        return lambda tokenizer: setattr(tokenizer.backend_tokenizer, name, value)

    plain = hashed()
    assert hashed(lambda tokenizer: tokenizer(["a b"], padding=True, truncation=True, max_length=4)) == plain
    others = [
        set_part("normalizer", normalizers.Lowercase()),
        set_part("pre_tokenizer", pre_tokenizers.WhitespaceSplit()),
        set_part("post_processor", processors.TemplateProcessing("$A", special_tokens=[])),
        lambda tokenizer: tokenizer.add_tokens(["mine"]),
        lambda tokenizer: setattr(tokenizer, "mask_token", "[UNK]"),
        lambda tokenizer: setattr(tokenizer, "padding_side", "left"),
        lambda tokenizer: setattr(tokenizer, "model_max_length", 7),
    ]
    assert len({plain, *map(hashed, others)}) == len(others) + 1


@pytest.mark.long
def test_the_hash_of_a_tokenizer_in_python_tells_its_class_vocabulary_and_settings():
    kinds = [ByT5Tokenizer(), ByT5Tokenizer(extra_ids=3), CanineTokenizer()]
    assert len(set(map(hashes.tokenizer, kinds))) == 3
    assert hashes.tokenizer(ByT5Tokenizer()) == hashes.tokenizer(kinds[0])


def test_a_mask_that_was_changed_is_refused_by_whatever_reads_it(study, model, tmp_path):
    path = study.mask_path("mlm", "random", 0.5, 0, "en")
    mask = maskfiles.read(path)
    maskfiles.write(Mask.random(mask, 0.5, 9), path)
    said = "the mask .*mlm_random_0.50_s0_en is not what its results were made with"
    with pytest.raises(NeutralError, match=said):
        find(drawn(model, controls=("shuffled",)), study.path)
    plan = InsidePlan(str(model), ("each",), "random", languages=("en", "sw"))
    with pytest.raises(NeutralError, match=said):
        inside.retrieve(plan, study.path, device="cpu", quiet=True)
    plan = TransferPlan(str(model), "mlm", ("en",), ("en",), method="random", length=32, recipe=Recipe(steps=1))
    for folder in (study.path, tmp_path / "other"):
        with pytest.raises(NeutralError, match=said):
            transfer.transfer(plan, tiny.text(), folder, masks=study.path, device="cpu", quiet=True)
    assert not (tmp_path / "other").exists()


def test_a_file_of_a_mask_is_held_against_the_mask_that_was_read_under_its_name(study, model, tmp_path):
    other = tmp_path / "en.safetensors"
    maskfiles.write(Mask.random(study.mask("mlm", "random", 0.5, 0, "en"), 0.5, 9), other)
    plan = InsidePlan(str(model), ("core",), "random", files=(str(other),), languages=("en", "sw"))
    with pytest.raises(NeutralError, match=r"the mask mlm_random_0\.50_s0_en is not what"):
        inside.retrieve(plan, study.path, device="cpu", quiet=True)
    kept = replace(plan, method="mine")
    inside.retrieve(kept, study.path, device="cpu", quiet=True)
    more = tmp_path / "sw.safetensors"
    shutil.copy(study.mask_path("mlm", "random", 0.5, 0, "sw"), more)
    with pytest.raises(NeutralError, match=r"the mask mlm_mine_0\.50_s0_core is not what"):
        inside.retrieve(replace(kept, files=(str(other), str(more))), study.path, device="cpu", quiet=True)


def test_methods_share_the_full_networks_score_only_if_it_is_one(study, model):
    with pytest.raises(NeutralError, match="random results were made with passes 1, not 2, and have the scores of the"):
        find(drawn(model, method="fisher", passes=2), study.path)


def test_an_older_study_does_not_say_and_goes_on_saying_it(study, model):
    info = json.loads((study.path / "study.json").read_text())
    said = {name: info.pop(name) for name in ("rest", "tokenizer", "masks", "config")}
    head = info["settings"]["random"].pop("head")
    trained_on = info["text"].pop("trained_on")
    (study.path / "study.json").write_text(json.dumps(info))
    info = find(drawn(model, controls=("shuffled",)), study.path).info
    assert {name: info[name] for name in said} == said
    assert (info["settings"]["random"]["head"], info["text"]["trained_on"]) == (head, trained_on)


def test_counts_tests_and_tokens_that_were_changed_are_refused(tmp_path):
    import numpy as np
    import synthetic

    study = synthetic.encoder_study(tmp_path / "study", layers=1, seeds=(0,))
    few = {"measures": ("jaccard",), "by": ("all",), "controls": (), "regressed": ()}
    plan = TypologyPlan(("magnitude",), permutations=19, **few)
    tokens = {code: np.arange(1, 6) + n for n, code in enumerate(study.info["languages"])}
    typology.explain(study, plan, counts=tokens, quiet=True)
    typology.explain(study, plan, counts=tokens, quiet=True)
    with pytest.raises(NeutralError, match="its tests were made with --seed 0, not 1; use that, or another --study"):
        typology.explain(study, replace(plan, seed=1), quiet=True)
    del study.info["tests"]  # as in older studies
    with pytest.raises(NeutralError, match="its tests were made with --permutations 19, not 29"):
        typology.explain(study, replace(plan, permutations=29), quiet=True)
    changed = {**tokens, "sw": tokens["sw"][::-1].copy()}
    with pytest.raises(NeutralError, match=r"the tokens \(--model, --text\) of sw is not what"):
        typology.explain(study, plan, counts=changed, quiet=True)
    path = study.counts_path("mlm", "magnitude", 0.5, 0, "languages")
    shutil.copy(study.counts_path("mlm", "magnitude", 0.5, 0, "beyond"), path)
    with pytest.raises(NeutralError, match=r"the counts mlm_magnitude_0\.50_s0_languages is not what"):
        typology.explain(study, plan, quiet=True)
