import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForMaskedLM

from neutral import models, pretraining
from neutral.errors import NeutralError
from neutral.training import Recipe

SHAPE = pretraining.Shape(layers=1, width=16, heads=2, feed_forward=32)


def test_a_model_from_nothing_learns_and_is_saved_with_its_card(tmp_path):
    recipe = Recipe(steps=60, batch_size=8, rate=1e-2)
    scores = pretraining.pretrain(
        None,
        tiny.text(lines=200),
        tmp_path,
        size=400,
        recipe=recipe,
        length=32,
        shape=SHAPE,
        device="cpu",
        quiet=True,
    )
    assert set(scores) == {"en", "sw"}
    assert all(ours.value < 350 and ours.count == unigram.count for ours, unigram in scores.values())
    card = (tmp_path / "README.md").read_text()
    assert f"| en English | {scores['en'][0].value:.1f} |" in card
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(tmp_path), models.load_tokenizer(tmp_path)
    assert str(model.dtype) == "torch.float16"
    assert model.config.vocab_size == len(tokenizer) <= 400


def test_from_an_encoder_the_vocabulary_is_trimmed(tmp_path):
    source = tiny.saved(tmp_path / "source", size=500)
    out = tmp_path / "out"
    pretraining.pretrain(
        str(source),
        tiny.text(),
        out,
        size=300,
        recipe=Recipe(steps=2, batch_size=2),
        length=32,
        device="cpu",
        quiet=True,
    )
    assert len(models.load_tokenizer(out)) == 300
    assert models.load_model(out).config.hidden_dropout_prob == 0


def test_an_encoder_without_a_head_gets_one_and_what_is_drawn_is_said(tmp_path, capsys):
    source = tiny.saved(tmp_path / "source", size=500)
    AutoModel.from_pretrained(source).save_pretrained(source)
    with pytest.raises(NeutralError, match="has no language-model head"):
        models.load(source, "mlm")
    options = {"size": 300, "recipe": Recipe(steps=2, batch_size=2), "length": 32, "device": "cpu"}
    for out in ("one", "other"):
        pretraining.pretrain(str(source), tiny.text(), tmp_path / out, **options)
    assert "neutral: new weights, drawn from seed 0: cls.predictions.bias, " in capsys.readouterr().err
    assert models.load(tmp_path / "one", "mlm", tokenizer=models.load_tokenizer(tmp_path / "one")).new == frozenset()
    one, other = (AutoModelForMaskedLM.from_pretrained(tmp_path / out).state_dict() for out in ("one", "other"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_is_no_whole_encoder_is_no_start(tmp_path):
    source = tiny.saved(tmp_path / "source", size=500)
    rest = {name: t for name, t in load_file(source / "model.safetensors").items() if "layer.1." not in name}
    save_file(rest, source / "model.safetensors", {"format": "pt"})
    options = {"size": 300, "recipe": Recipe(steps=1), "device": "cpu", "quiet": True}
    with pytest.raises(NeutralError, match="lacks 16 of the 44 weights"):
        pretraining.pretrain(str(source), tiny.text(), tmp_path / "out", **options)
    decoder = tiny.saved(tmp_path / "decoder", "llama")
    with pytest.raises(NeutralError, match=r"--from .*decoder: is no encoder"):
        pretraining.pretrain(str(decoder), tiny.text(), tmp_path / "other", **options)


def test_a_refused_run_leaves_nothing(tmp_path):
    for wrong, message in (
        ({"length": 2}, "--length 2: leaves no text"),
        ({"length": 513}, "--length 513: a model made from nothing has 512 positions"),
        ({"mask_share": 0.0}, "--mask-share 0: a share"),
    ):
        chosen = {"size": 300, "recipe": Recipe(steps=1), "shape": SHAPE, "device": "cpu", "quiet": True} | wrong
        with pytest.raises(NeutralError, match=message):
            pretraining.pretrain(None, tiny.text(), tmp_path / "out", **chosen)
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_cannot_be_masked_is_refused_by_what_it_lacks(tmp_path):
    import architectures

    def refused(name):
        chosen = {"size": 300, "recipe": Recipe(steps=1), "device": "cpu", "quiet": True}
        with pytest.raises(NeutralError) as error:
            pretraining.pretrain(str(tmp_path / name), tiny.text(), tmp_path / "out", **chosen)
        assert "--task" not in str(error.value)
        return str(error.value)

    architectures.make("canine", tmp_path / "canine")
    assert refused("canine").endswith("canine has no masked language model in transformers")
    tokenizer = models.load_tokenizer(tiny.saved(tmp_path / "bert"))
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path / "bert")
    assert "its tokenizer has no mask token" in refused("bert")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["distilbert", "xlm", "eurobert", "modernbert"])
def test_encoders_that_call_dropout_and_tokens_otherwise_are_pretrained_too(name, made, tmp_path):
    recipe = Recipe(steps=1, batch_size=2, rate=1e-3)
    own = {"size": 590, "recipe": recipe, "length": 32, "device": "cpu", "quiet": True}
    pretraining.pretrain(str(made(name)), tiny.text(), tmp_path / "out", **own)
    assert models.natural_task(tmp_path / "out") == "mlm"
