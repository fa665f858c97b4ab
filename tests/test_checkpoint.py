"""What is loaded is what the checkpoint has: nothing is drawn, left out or taken for another kind without a word."""

import json

import architectures
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForImageTextToText,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    XLMConfig,
    XLMWithLMHeadModel,
)

from neutral import models
from neutral.errors import NeutralError
from neutral.models import checkpoint, checks, devices, precision

LABELS = ["B-PER", "I-PER", "O"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A tiny BERT with its tokenizer."""
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def folder(bert, tmp_path):
    """A copy of it, to be damaged."""
    for file in bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def changed(folder, change):
    """Rewrite a folder's weights; `change` takes and returns name -> tensor."""
    tensors = change(load_file(folder / "model.safetensors"))
    save_file(
        {name: t.contiguous().clone() for name, t in tensors.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    return folder


def configured(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    return folder


def refused(*given, **options):
    """The line that a load is refused with."""
    with pytest.raises(NeutralError) as error:
        models.load(*given, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def without(*parts):
    return lambda tensors: {name: t for name, t in tensors.items() if not any(part in name for part in parts)}


def test_a_whole_model_has_nothing_new_and_no_notes(bert):
    loaded = models.load(bert, "mlm", tokenizer=models.load_tokenizer(bert), length=128)
    assert (loaded.new, loaded.notes) == (frozenset(), ())


def test_a_language_model_that_lacks_its_head_says_so_and_how_to_get_one(folder):
    said = refused(changed(folder, without("cls.")), "mlm")
    assert "has no language-model head (missing: cls.predictions.bias, " in said
    assert "and 3 more" in said
    assert f"`neutral pretrain --from {folder}`" in said


def test_a_decoder_without_its_head_is_refused_too(tmp_path):
    tiny.model("llama").save_pretrained(tmp_path)
    said = refused(changed(tmp_path, without("lm_head")), "clm")
    assert "has no language-model head (missing: lm_head.weight)" in said
    assert "pretrain" not in said, "it makes masked language models only"


@pytest.mark.parametrize("head", ["mlm", "tagging", "classification", "base"])
def test_a_missing_layer_is_refused_under_every_head(folder, head):
    said = refused(changed(folder, without("layer.1.")), head, **({"num_labels": 3} if head != "base" else {}))
    assert "lacks 16 of the " in said
    assert "encoder.layer.1.attention.self.query.weight" in said
    assert "and 13 more" in said


def test_a_single_missing_matrix_is_named(folder):
    assert "lacks 1 of the 44 weights of BertForMaskedLM: bert.encoder.layer.0.output.dense.weight" in refused(
        changed(folder, without("layer.0.output.dense.weight")), "mlm"
    )


def test_names_under_a_strange_prefix_are_told(folder):
    said = refused(changed(folder, lambda tensors: {f"student.{name}": t for name, t in tensors.items()}), "mlm")
    assert "lacks 44 of the 44 weights" in said
    assert "names in the file that it has no place for: student.bert." in said


def test_another_shape_is_a_missing_weight_and_both_shapes_are_said(folder):
    said = refused(configured(folder, intermediate_size=20), "mlm")
    assert "bert.encoder.layer.0.intermediate.dense.weight (32×16 in the file, not 20×16)" in said


def test_a_new_head_and_its_pooler_are_listed_and_drawn_from_the_seed(bert):
    one, again, other = (models.load(bert, "classification", num_labels=3, seed=seed) for seed in (1, 1, 2))
    assert one.new == {"classifier.weight", "classifier.bias", "bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert one.notes[-1] == f"new weights, drawn from seed 1: {', '.join(sorted(one.new))}"
    weights = [loaded.model.classifier.weight for loaded in (one, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_weights_without_a_place_are_told(folder):
    notes = models.load(configured(folder, num_hidden_layers=1), "mlm").notes
    assert len(notes) == 1
    assert "have no place in BertForMaskedLM are left out: bert.encoder.layer.1." in notes[0]
    assert "and 13 more" in notes[0]


def test_buffers_and_tied_weights_are_not_missing(tmp_path):
    architectures.make("marian", tmp_path / "marian")
    for file, head in ((tmp_path / "marian", "seq2seq"), (tmp_path / "marian", "base")):
        changed(file, without("embed_positions"))  # they are sines
        assert models.load(file, head).new == frozenset()
    for kind, head in (("gpt2", "clm"), ("distilbert", "mlm"), ("mt5", "seq2seq"), ("xlm-roberta", "mlm")):
        tiny.model(kind).save_pretrained(tmp_path / kind)
        assert models.load(tmp_path / kind, head).new == frozenset()


def test_pretraining_may_add_a_head_and_only_that(folder):
    loaded = models.load(changed(folder, without("cls.")), "mlm", new_head=True)
    assert all(name.startswith("cls.predictions.") for name in loaded.new)
    assert "new weights" in loaded.notes[0]
    assert "lacks 16" in refused(changed(folder, without("layer.1.")), "mlm", new_head=True)


def test_a_deberta_head_under_its_older_names_is_the_head(tmp_path):
    """microsoft/mdeberta-v3-base: `lm_predictions.lm_head`, and a configuration that does not tell of it."""
    shape = tiny.SHAPES["bert"] | {"vocab_size": 50, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
    model = DebertaV2ForMaskedLM(DebertaV2Config(**shape, legacy=False)).eval()
    torch.nn.init.normal_(model.lm_predictions.lm_head.bias)
    model.save_pretrained(tmp_path)
    configured(tmp_path, legacy=True)
    loaded = models.load(tmp_path, "mlm")
    ids = torch.arange(5, 25)[None]
    assert (loaded.new, loaded.notes) == (frozenset(), ())
    assert torch.equal(loaded.model(ids).logits, model(ids).logits)


@pytest.mark.parametrize("name", ["gemma3", "gemma4", "mistral3", "qwen3_5"])
def test_of_a_multimodal_model_the_text_model_is_loaded_under_the_names_of_a_text_only_one(name, tmp_path):
    architectures.make(name, tmp_path)
    loaded = models.load(tmp_path, "clm")
    whole = AutoModelForImageTextToText.from_pretrained(tmp_path, dtype=torch.float32)
    ids = torch.arange(6, 46)[None]
    assert torch.equal(loaded.model(input_ids=ids).logits, whole(input_ids=ids).logits)
    assert "only the text model is loaded" in loaded.notes[0]
    assert all(name.startswith(("model.layers.", "model.embed", "model.norm", "model.per_layer", "lm_head"))
               for name, _ in loaded.model.named_parameters())  # fmt: skip
    text = type(loaded.model)(loaded.model.config)
    assert models.prunable(text).keys() == models.prunable(loaded.model).keys()
    assert loaded.model.num_parameters() < whole.num_parameters()
    if name in ("mistral3", "qwen3_5"):  # the only ones with a head for tags
        tags = models.load(tmp_path, "tagging", labels=LABELS)
        assert tags.new == {"score.weight", "score.bias"}
        assert tags.model.score.weight.shape[0] == 3


def test_a_multimodal_model_whose_text_model_has_no_class_of_its_own_loses_its_towers(tmp_path):
    from transformers import AutoConfig

    text = tiny.SHAPES["llama"] | {"vocab_size": 100, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    text["rope_parameters"] = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}
    vision = {"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2}
    config = AutoConfig.for_model("qwen2_vl", text_config=text, vision_config=vision, image_token_id=99)
    whole = AutoModelForImageTextToText.from_config(config).eval()
    whole.save_pretrained(tmp_path)
    loaded = models.load(tmp_path, "clm")
    ids = torch.arange(5, 25)[None]
    assert torch.equal(loaded.model(input_ids=ids).logits, whole(input_ids=ids).logits)
    assert not any("visual" in name for name, _ in loaded.model.named_parameters())
    assert len(models.prunable(loaded.model)) == 14


def test_the_kind_of_a_model_decides_what_it_may_be_asked(bert, tmp_path):
    for kind in ("llama", "mt5"):
        tiny.model(kind).save_pretrained(tmp_path / kind)
    assert "--task clm" in (said := refused(bert, "clm"))
    assert "reads both ways (bert); use --task mlm" in said
    assert "reads forward only (llama); use --task clm" in refused(tmp_path / "llama", "mlm")
    assert "is an encoder-decoder, which has no such task; use --task nli" in refused(tmp_path / "mt5", "mlm")
    assert "is no encoder-decoder but an encoder" in refused(bert, "seq2seq")


def test_xlm_reads_both_ways_whatever_its_class_is_called(tmp_path):
    XLMWithLMHeadModel(XLMConfig(n_words=50, emb_dim=16, n_layers=1, n_heads=2)).save_pretrained(tmp_path)
    assert models.natural_task(tmp_path) == "mlm"
    assert "reads both ways (xlm)" in refused(tmp_path, "clm")
    configured(tmp_path, causal=True)
    assert models.natural_task(tmp_path) == "clm"
    assert models.load(tmp_path, "clm").notes == ()


def test_a_causal_model_that_reads_ahead_is_found_by_trying(tmp_path, monkeypatch):
    """Whatever the configuration says: a later token must not change what is predicted before it."""
    XLMWithLMHeadModel(XLMConfig(n_words=50, emb_dim=16, n_layers=1, n_heads=2)).save_pretrained(tmp_path)
    monkeypatch.setattr(checks, "stack", lambda _: "decoder")
    assert "reads ahead: a later token changes what it predicts before" in refused(tmp_path, "clm")
    for kind in ("gpt2", "llama"):
        tiny.model(kind).save_pretrained(tmp_path / kind)
        assert models.load(tmp_path / kind, "clm").notes == ()


POSITIONS = {  # in a model with max_position_embeddings = 64
    "bert": 64,
    "xlm-roberta": 62,  # two rows lie before and on the padding token's
    "gpt2": 64,
    "opt": 64,  # in a table of 66 rows
    "gptj": 64,  # sines, but no more of them
    "mbart": 64,
    "llama": None,
    "bloom": None,
    "mt5": None,
    "m2m_100": None,  # sines are added as they are needed
}


@pytest.mark.parametrize("kind", POSITIONS)
def test_positions_are_those_that_the_model_can_really_read(kind):
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = tiny.SHAPES.get(kind) or {
        "opt": {"hidden_size": 16, "ffn_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2},
        "gptj": {"n_embd": 16, "n_layer": 1, "n_head": 2, "rotary_dim": 4},
        "bloom": {"hidden_size": 16, "n_layer": 1, "n_head": 2},
    }.get(kind, {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
                 "encoder_attention_heads": 2, "decoder_attention_heads": 2})  # fmt: skip
    most = {"n_positions": 64} if kind in ("gpt2", "gptj") else {"max_position_embeddings": 64}
    config = AutoConfig.for_model(kind, vocab_size=50, pad_token_id=1, **shape, **({} if kind == "mt5" else most))
    heads = {"bert": tiny.AutoModelForMaskedLM, "xlm-roberta": tiny.AutoModelForMaskedLM}
    heads |= dict.fromkeys(("mbart", "m2m_100", "mt5"), tiny.AutoModelForSeq2SeqLM)
    model = heads.get(kind, AutoModelForCausalLM).from_config(config).eval()
    right = POSITIONS[kind]
    assert models.positions(model) == right

    def read(tokens):
        ids = torch.full((1, tokens), 7)
        model(input_ids=ids, **({"decoder_input_ids": ids} if config.is_encoder_decoder else {}))

    with torch.no_grad():
        read(right or 100)
        if right:
            with pytest.raises((IndexError, RuntimeError)):
                read(right + 1)


def test_a_length_above_the_positions_is_refused(bert):
    assert models.load(bert, "mlm", length=512)
    said = f"--length 513: {bert} has 512 positions only; use --length 512 or less"
    assert said in refused(bert, "mlm", length=513)
    models.require_positions(bert, 512)
    with pytest.raises(NeutralError) as error:  # without its weights
        models.require_positions(bert, 513)
    assert str(error.value) == said


def test_a_tokenizer_larger_than_the_table_is_refused(folder):
    rows = len(models.load_tokenizer(folder)) - 10

    def cut(tensors):
        return {name: t[:rows] if len(t) == rows + 10 else t for name, t in tensors.items()}

    changed(configured(folder, vocab_size=rows), cut)
    tokenizer = models.load_tokenizer(folder)
    said = refused(folder, "mlm", tokenizer=tokenizer)
    assert f"its tokenizer has {rows + 10} tokens and the model's table only {rows} rows" in said


def test_a_special_token_that_text_never_holds_may_lack_its_row(tmp_path):
    """Gemma 3's text models have no row for the token of pictures, which their tokenizer has."""
    folder = tiny.saved(tmp_path, "llama")
    tokenizer = models.load_tokenizer(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    assert models.load(folder, "clm", tokenizer=tokenizer)
    tokenizer.add_tokens(["word"])
    assert "rows" in refused(folder, "clm", tokenizer=tokenizer)


def test_a_head_for_the_same_labels_in_another_order_is_put_into_the_tasks_order(bert, tmp_path):
    from transformers import AutoModelForTokenClassification

    names = ["O", "I-PER", "B-PER"]
    theirs = AutoModelForTokenClassification.from_pretrained(
        bert, id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)}
    )
    torch.nn.init.normal_(theirs.classifier.bias)
    theirs.save_pretrained(tmp_path)
    loaded = models.load(tmp_path, "tagging", num_labels=3, labels=LABELS)
    assert (loaded.new, loaded.notes) == (frozenset(), ())
    rows = [names.index(label) for label in LABELS]
    assert torch.equal(loaded.model.classifier.weight, theirs.classifier.weight[rows])
    assert torch.equal(loaded.model.classifier.bias, theirs.classifier.bias[rows])


@pytest.mark.parametrize("names", [["O", "B-LOC", "I-LOC"], ["O", "B-PER"]])
def test_a_head_for_other_labels_is_drawn_anew_and_that_is_told(bert, tmp_path, names):
    from transformers import AutoModelForTokenClassification

    AutoModelForTokenClassification.from_pretrained(bert, id2label=dict(enumerate(names))).save_pretrained(tmp_path)
    one, other = (models.load(tmp_path, "tagging", labels=LABELS, seed=seed) for seed in (0, 1))
    assert one.new == {"classifier.weight", "classifier.bias"}
    assert f"its head is for other labels ({', '.join(names)}); a new one is drawn for B-PER, I-PER, O" in one.notes[0]
    assert one.model.classifier.weight.shape == (3, 16)
    assert not torch.equal(one.model.classifier.weight, other.model.classifier.weight)


def test_a_model_that_cannot_run_in_bfloat16_runs_in_float32_and_that_is_told(tmp_path, monkeypatch):
    for name in ("deberta", "bert"):
        architectures.make(name, tmp_path / name)
    plain = models.load(tmp_path / "deberta", "mlm")
    monkeypatch.setattr(checkpoint, "gains_from_bfloat16", lambda _: True)
    loaded = models.load(tmp_path / "deberta", "mlm")
    assert loaded.notes == (
        "DebertaForMaskedLM cannot run in bfloat16, so it runs in float32, which takes longer here",
    )
    ids = torch.arange(6, 26)[None]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits, states = loaded.model(ids).logits, loaded.model.base_model(ids).last_hidden_state
        assert torch.is_autocast_enabled("cpu"), "what is around a forward keeps its precision"
    with torch.no_grad():
        assert torch.equal(logits, plain.model(ids).logits)
        assert torch.equal(states, plain.model.base_model(ids).last_hidden_state)
    assert models.load(tmp_path / "bert", "mlm").notes == ()


def test_a_failing_forward_leaves_autocast_as_it_was():
    model = tiny.model("bert")
    precision.in_full_precision(model)
    with torch.autocast("cpu", torch.bfloat16):
        with pytest.raises(IndexError):
            model(torch.tensor([[10**6]]))
        assert torch.is_autocast_enabled("cpu")


def test_the_precision_is_tried_only_where_the_device_gains(bert, monkeypatch):
    monkeypatch.setattr(checkpoint, "gains_from_bfloat16", lambda _: False)
    monkeypatch.setattr(precision, "runs_in_bfloat16", lambda *_: pytest.fail("tried"))
    models.load(bert, "mlm")
    assert isinstance(devices.gains_from_bfloat16(torch.device("cpu")), bool)


def test_a_head_that_transformers_does_not_have_is_named(tmp_path):
    architectures.make("gemma4", tmp_path)
    assert "gemma4 has no head for tags (ner, pos) in transformers" in refused(tmp_path, "tagging", num_labels=3)


def spoilt(name, value=float("nan")):
    def change(tensors):
        tensors[name].view(-1)[3] = value
        return tensors

    return change


@pytest.mark.parametrize("head", ["mlm", "classification", "base"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_named_under_every_head(folder, head, value):
    name = "bert.encoder.layer.1.output.LayerNorm.weight"
    said = refused(changed(folder, spoilt(name, value)), head, **({"num_labels": 3} if head != "base" else {}))
    assert "1 of its weights has values that are no numbers (NaN or infinite): " in said
    assert name.removeprefix("bert." if head == "base" else "") in said
    assert "not all of these weights are numbers" in models.look(folder).notes[0]


def test_a_causal_model_with_a_nan_is_not_called_one_that_reads_ahead(tmp_path):
    tiny.model("llama").save_pretrained(tmp_path)
    said = refused(changed(tmp_path, spoilt("model.layers.1.input_layernorm.weight")), "clm")
    assert "no numbers" in said
    assert "ahead" not in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_attention_heads": -2}, "fails on a small text: "),
        ({"type_vocab_size": 2, "layer_norm_eps": float("nan")}, "what it returns for a small text are no numbers"),
    ],
)
def test_a_model_that_cannot_read_a_small_text_is_refused_at_load(folder, settings, said):
    assert said in (line := refused(configured(folder, **settings), "mlm"))
    assert "is its config.json whole and right?" in line


def test_rotary_angles_that_are_no_numbers_are_refused_though_a_short_text_may_not_tell(tmp_path):
    tiny.model("llama").save_pretrained(tmp_path)
    configured(tmp_path, rope_parameters={"rope_type": "default", "rope_theta": 0})
    assert "are no numbers (NaN or infinite), though its weights are" in refused(tmp_path, "clm")


@pytest.mark.parametrize("head", ["mlm", "clm", "seq2seq", "classification", "tagging", "answering", "base"])
def test_every_head_is_tried_once(tmp_path, head, monkeypatch):
    kind = {"clm": "llama", "seq2seq": "mt5"}.get(head, "bert")
    tiny.model(kind).save_pretrained(tmp_path)
    tried = []
    monkeypatch.setattr(
        checkpoint.trying, "trial", lambda model: tried.append(model) or {"input_ids": torch.ones(1, 2)}
    )
    labels = {"labels": LABELS} if head in ("classification", "tagging") else {}
    assert "fails on a small text" in refused(tmp_path, head, **labels)  # ids that are no integers
    assert len(tried) == 1


def test_an_encoder_decoder_and_a_decoder_without_padding_are_tried_with_a_head_for_classes(tmp_path):
    for kind, head in (("mt5", "classification"), ("gpt2", "classification"), ("llama", "classification")):
        tiny.model(kind).save_pretrained(tmp_path / kind)
        assert models.load(tmp_path / kind, head, labels=LABELS).new


def test_a_model_that_reads_ahead_is_told_what_fits_it(tmp_path, monkeypatch):
    XLMWithLMHeadModel(XLMConfig(n_words=50, emb_dim=16, n_layers=1, n_heads=2)).save_pretrained(tmp_path)
    monkeypatch.setattr(checks, "stack", lambda _: "decoder")
    said = refused(tmp_path, "clm")
    assert "what it can do: --task nli, --task ner, --task squad" in said
    assert "mlm" not in said, "which would say: use --task clm"


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("xmod", {"languages": []}, "languages is no list of names"),
        ("xmod", {"default_language": "zz_ZZ"}, "default_language is 'zz_ZZ', and languages has only "),
        ("xlm", {"n_langs": 2, "use_lang_emb": True, "lang2id": {"en": "one"}}, "lang2id does not give every language"),
        ("xlm", {"n_langs": 2, "use_lang_emb": True, "lang2id": {"en": 2}}, "a number from 0 to 1 (n_langs is 2)"),
    ],
)
def test_a_list_of_languages_that_cannot_be_is_refused(tmp_path, name, settings, said):
    architectures.make(name, tmp_path)
    assert f"{tmp_path}/config.json: " in (line := refused(configured(tmp_path, **settings), "mlm"))
    assert said in line


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (
            ("predictions.bias", "decoder.bias"),
            "lacks 1 of the 5 weights of its language-model head: cls.predictions.bias",
        ),
        (("transform",), "lacks 4 of the 5 weights of its language-model head: cls.predictions.transform.dense.weight"),
    ],
)
def test_a_head_that_is_there_in_part_is_not_called_absent(folder, lost, said):
    line = refused(changed(folder, without(*lost)), "mlm")
    assert said in line
    assert f"`neutral pretrain --from {folder}` draws these and trains it" in line


def test_the_text_model_of_blip_2_is_loaded_though_its_configuration_says_nothing_of_ties(tmp_path):
    from neutral.models import texts

    config = tiny.AutoConfig.for_model("blip-2")
    assert not hasattr(config, "tie_word_embeddings")
    own, renamed = texts.alone(config, checkpoint.AutoModelForCausalLM, {})
    assert own.model_type == "opt"
    assert renamed["key_mapping"]
