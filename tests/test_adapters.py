"""Models with parts of their own for each language read each text with the right ones."""

import architectures
import numpy as np
import pytest
import tiny
import torch
import transformers

from neutral import models, pretraining, scores
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.inside.states import states
from neutral.models import adapters
from neutral.recipes import Recipe
from neutral.runs.compression.bench import Bench
from neutral.runs.inside import represent
from neutral.runs.plans.compression import CompressionPlan
from neutral.runs.plans.inside import InsidePlan
from neutral.runs.plans.search import SearchPlan
from neutral.runs.search import find
from neutral.runs.subject import subject
from neutral.search import controls, one_shot
from neutral.search.calibration import alternating
from neutral.tasks import LanguageModelling

pytestmark = pytest.mark.numeric

OWN = {"en": "en_XX", "sw": "sw_KE"}  # language -> the adapter that transformers is told


@pytest.fixture(autouse=True)
def _full_precision(monkeypatch):
    """XMOD cannot run under a bfloat16 autocast."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """X-MOD with adapters en_XX, which reads other languages too, and sw_KE."""
    path = tmp_path_factory.mktemp("xmod")
    architectures.make("xmod", path)
    return path


@pytest.fixture
def model(folder):
    return models.load_model(folder, "mlm").eval()


@pytest.fixture(scope="module")
def corpus():
    return tiny.text(("en", "sw", "fr"), lines=16)


@pytest.fixture(scope="module")
def expected(folder, corpus):
    """Language -> the full model's loss on its held-out text, transformers told which adapter to take."""
    model = models.load_model(folder, "mlm").eval()
    task = LanguageModelling("mlm", models.load_tokenizer(folder), length=32)
    losses = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            patch.setattr(torch.cpu, name, lambda: False)
        for code in corpus.languages:
            model.set_default_language(OWN.get(code, "en_XX"))
            losses[code] = task.evaluate(model, task.blocks(corpus.held_out[code])[:3]).loss
    return losses


def batch():
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 300, (3, 16), generator=draw)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@pytest.mark.parametrize("head", ["mlm", "classification", "tagging", "base"])
def test_a_language_is_read_with_its_own_adapter_under_every_head(folder, head):
    model, ids = models.load_model(folder, head).eval(), batch()
    with torch.no_grad():
        for code, number in (("en", 0), ("sw_KE", 1), ("sw", 1), ("en", 0)):
            adapters.speak(model, code)
            assert torch.equal(model(**ids)[0], model(**ids, lang_ids=torch.full((3,), number))[0])
        adapters.speak(model, "sw")
        given = model(**ids, lang_ids=torch.zeros(3).long())[0]  # whoever passes numbers is obeyed
        assert torch.equal(given, model(**ids, lang_ids=torch.tensor([0, 0, 0]))[0])
        assert not torch.equal(given, model(**ids)[0])
    assert model.config.default_language == "en_XX", "so that what is saved is as it was"


def test_xlm_adds_the_embedding_of_the_language(tmp_path):
    model, ids = architectures.make("xlm", tmp_path).eval(), batch()
    assert "not name its languages (lang2id)" in adapters.prepare(model, ["en"])[0]
    with torch.no_grad():
        plain = model(**ids).logits
        adapters.speak(model, "en")
        assert torch.equal(model(**ids).logits, plain)
        model.config.lang2id = {"en": 0, "fr": 1}
        assert adapters.prepare(model, ["en", "fr"]) == []
        for number, code in enumerate(("en", "fr")):
            adapters.speak(model, code)
            own = model(**ids, langs=torch.full((3, 16), number)).logits
            assert torch.equal(model(**ids).logits, own)
            assert not torch.equal(own, plain)
    with pytest.raises(NeutralError, match="XLMWithLMHeadModel: has nothing for sw, and no default; it has en, fr"):
        adapters.speak(model, "sw")


def test_a_model_without_parts_for_languages_is_left_alone():
    model = tiny.model("bert")
    adapters.speak(model, "en+sw")
    adapters.require_one(model, ["en", "sw"])
    assert adapters.prepare(model, ["en", "xx"]) == []
    assert not model.base_model._forward_pre_hooks


def test_a_language_without_an_adapter_is_read_by_the_default_which_is_said_or_refused(model):
    assert adapters.prepare(model, ["sw", "fr", "fa"]) == [
        "XmodForMaskedLM has no adapter for fr, fa: its default, en_XX, reads them (it has en_XX, sw_KE)"
    ]
    with pytest.raises(NeutralError, match="parts of its own, and these batches would mix en, sw; take one"):
        adapters.prepare(model, ["en", "en+sw"])
    model.config.default_language = None
    assert adapters.prepare(model, ["en", "sw"]) == []
    with pytest.raises(NeutralError, match="has nothing for fr, and no default; it has en_XX, sw_KE"):
        adapters.prepare(model, ["en", "fr"])
    with pytest.raises(NeutralError, match="an unknown language"):
        adapters.speak(model, "")


def test_find_scores_and_checks_each_language_with_its_adapter(folder, corpus, expected, tmp_path, capsys):
    plan = SearchPlan(
        *(str(folder), "mlm", ("en", "sw", "fr"), "wanda", (0.5,)),
        recipe=Recipe(steps=0, batch_size=2),
        length=32,
        held_out=3,
        blocks=4,
        functional=(0.5,),
    )
    study = find(plan, corpus, tmp_path, device="cpu", quiet=True)
    full = [row for row in study.rows("score") if row["method"] == "full"]
    assert {row["language"]: row["loss"] for row in full} == pytest.approx(expected)
    checked = [row for row in study.rows("functional") if row["source"] == "full"]
    assert {row["target"]: row["loss"] for row in checked} == pytest.approx(expected)
    assert sum("XmodForMaskedLM has no adapter for fr" in note for note in study.info["notes"]) == 1


def test_training_and_norms_are_those_of_the_languages_adapter(folder, corpus):
    """After a step only the language's own adapter has moved, and only it has inputs."""
    work = subject(str(folder), "mlm", corpus, ["en", "sw"], length=32, held_out=3, device="cpu")
    norms = {}
    for code in ("sw", "en"):
        search = work.search(code, Recipe(steps=1, batch_size=2, rate=1e-2), seed=0)
        search.trained(None)
        moved = {name for name in search.weights if not torch.equal(search.weights[name], search.origin[name])}
        told = {name.split("adapter_modules.")[1].split(".")[0] for name in moved if "adapter" in name}
        assert told == {OWN[code]}
        search.rewind()
        norms[code] = one_shot._norms(search, alternating(search.train_items[:2]))[""]
        plain = models.load_model(folder, "mlm")
        plain.set_default_language(OWN[code])
        own = scores.input_norms(plain, models.prunable(plain), search.batches(search.train_items[:2], 2, [0]))
        other = scores.input_norms(plain, models.prunable(plain), search.batches(search.train_items[:2], 2, [1]))
        for name, norm in scores.join(own, other).items():
            assert torch.equal(norms[code][name], norm)
            assert bool(norm.any()) == ("adapter" not in name or OWN[code] in name)
    list(controls.functional(search, {"full": None}, {"sw": search.held_out}))
    work.model.eval()
    ids = batch()
    with torch.no_grad():
        assert torch.equal(work.model(**ids).logits, work.model(**ids, lang_ids=torch.zeros(3).long()).logits)


def test_sentences_are_read_with_their_languages_adapter(folder, corpus, tmp_path):
    for code in ("en", "sw"):
        (tmp_path / f"{code}.txt").write_text("\n".join(corpus.train[code][:6]), encoding="utf-8")
    settings = {"recipe": Recipe(steps=0), "length": 32, "held_out": 2}
    find(SearchPlan(str(folder), "mlm", ("en", "sw"), "random", (0.5,), **settings), corpus, tmp_path, device="cpu")
    read = {}

    def kept(model, tokenizer, sentences, **options):
        code = next(code for code in OWN if sentences == corpus.train[code][:6])
        read[code] = states(model, tokenizer, sentences, **options)
        return read[code]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neutral.runs.inside.worker.states", kept)
        represent(InsidePlan(str(folder), sentences=tmp_path, languages=("en", "sw")), tmp_path, device="cpu")
    plain, tokenizer = models.load_model(folder, "mlm"), models.load_tokenizer(folder)
    for code, adapter in OWN.items():
        plain.set_default_language(adapter)
        for layer, values in states(plain, tokenizer, corpus.train[code][:6]).items():
            assert np.array_equal(read[code][layer], values)


def test_tables_are_judged_with_each_languages_adapter(folder, corpus, expected):
    plan = CompressionPlan(
        str(folder), "mlm", ("en", "sw", "fr"), ("svd",), (2.0,), length=32, held_out=3, calibration=2
    )
    bench = Bench(plan, corpus, torch.device("cpu"))
    assert {code: bench.evaluate(code, False).loss for code in plan.languages} == pytest.approx(expected)
    assert "no adapter for fr" in bench.notes[0]
    own = []
    for code, blocks in bench.calibration.items():
        bench.model.set_default_language(OWN.get(code, "en_XX"))
        plain = models.load_model(folder, "mlm").eval()
        plain.set_default_language(OWN.get(code, "en_XX"))
        own.append(bench.tasks[False].evaluate(plain, blocks[:2]).loss)
    assert bench.training_loss(None) == pytest.approx(sum(own) / len(own))


def test_several_languages_are_not_pretrained_together(folder, corpus, tmp_path):
    both = Corpus(corpus.name, *({c: part[c] for c in ("en", "sw")} for part in (corpus.train, corpus.held_out)), {})
    with pytest.raises(NeutralError, match="these batches would mix en, sw"):
        pretraining.pretrain(str(folder), both, tmp_path, size=600, recipe=Recipe(steps=1), device="cpu", quiet=True)


def test_names_of_languages_are_matched_whole_then_by_their_first_part():
    config = transformers.XmodConfig(languages=["zh_CN", "zh_TW", "en_XX"])
    spoken = adapters.tongues(config)
    assert [spoken.name(code) for code in ("zh_TW", "zh", "zh-Hant", "eng", "cmn", "e", "")] == [
        *("zh_TW", "zh_CN", "zh_CN", "en_XX", "zh_CN", None, None)
    ]
