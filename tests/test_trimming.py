import json

import pytest
import tiny
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from neutral.compression import trimming
from neutral.errors import NeutralError

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
KINDS = ("wordpiece", "unigram", "bpe", "bytes", "fallback")


def every_line():
    return [line for rows in tiny.text(("en", "sw", "ru"), 150).train.values() for line in rows]


def fast(backend):
    names = dict(zip(("pad", "bos", "eos", "unk"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{k}_token": v for k, v in names.items()})


def full_tokenizer(kind):
    """A tokenizer of each family; "fallback" is as Gemma's: BPE over ▁, unknown characters as <0x..> bytes."""
    common = {"special_tokens": SPECIAL, "show_progress": False}
    if kind == "wordpiece":
        backend, trainer = (
            Tokenizer(models.WordPiece(unk_token="<unk>")),
            trainers.WordPieceTrainer(vocab_size=1500, **common),
        )
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
    elif kind == "unigram":
        backend, trainer = (
            Tokenizer(models.Unigram()),
            trainers.UnigramTrainer(vocab_size=1500, unk_token="<unk>", **common),
        )
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
    elif kind == "bytes":
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        backend = Tokenizer(models.BPE())
        trainer = trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet, **common)
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    else:
        suffix = {"end_of_word_suffix": "</w>"} if kind == "suffix" else {}
        backend = Tokenizer(models.BPE(unk_token="<unk>", **suffix))
        trainer = trainers.BpeTrainer(vocab_size=1500, **suffix, **common)
        backend.pre_tokenizer = pre_tokenizers.Whitespace() if suffix else pre_tokenizers.Metaspace()
    backend.train_from_iterator(every_line(), trainer)
    if kind == "fallback":
        state = json.loads(backend.to_str())
        vocabulary = state["model"]["vocab"]
        for byte in range(256):
            vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
        state["model"] |= {"byte_fallback": True, "fuse_unk": True}
        backend = Tokenizer.from_str(json.dumps(state | {"pre_tokenizer": None}))
        backend.normalizer = normalizers.Replace(" ", "▁")
        backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return fast(backend)


def trimmed_model(kind, lines, size=None, model="bert", **options):
    full = full_tokenizer(kind)
    network = tiny.model(model, len(full), pad_token_id=0, **options)
    before = network.get_input_embeddings().weight.detach().clone()
    return full, network, before, trimming.trim(network, full, lines, size)


@pytest.mark.parametrize("kind", [*KINDS, "suffix"])
def test_the_text_reads_as_before_piece_by_piece_and_row_by_row(kind):
    lines = {"en": tiny.text(("en",), 80).train["en"]}
    full, network, before, trimmed = trimmed_model(kind, lines)
    assert len(trimmed.keep) == trimmed.after == len(trimmed.tokenizer) < len(full) == trimmed.before
    assert trimmed.ratio == len(full) / trimmed.after
    table = network.get_input_embeddings().weight
    assert torch.equal(table, before[torch.tensor(trimmed.keep)])
    for line in lines["en"]:
        old, new = full(line)["input_ids"], trimmed.tokenizer(line)["input_ids"]
        assert [trimmed.keep[i] for i in new] == old
        assert trimmed.tokenizer.tokenize(line) == full.tokenize(line)


@pytest.mark.parametrize("kind", ["bpe", "bytes", "fallback", "suffix"])
def test_of_bpe_every_kept_piece_can_still_be_reached(kind):
    full, _, _, trimmed = trimmed_model(kind, tiny.text(("en", "sw"), 60).train, 700)
    assert trimmed.after == 700
    reached = 0
    for piece in trimmed.tokenizer.get_vocab():
        text = full.backend_tokenizer.model.tokenize(piece.removesuffix("</w>"))
        if piece not in SPECIAL and [token.value for token in text] == [piece]:
            again = trimmed.tokenizer.backend_tokenizer.model.tokenize(piece.removesuffix("</w>"))
            assert [token.value for token in again] == [piece]
            reached += 1
    assert reached > 200


@pytest.mark.parametrize("kind", ["bytes", "fallback"])
def test_bytes_stay_so_that_any_word_can_be_spelled(kind):
    full, _, _, trimmed = trimmed_model(kind, {"en": ["the end"]})
    for word in ("Straße", "кошка", "猫"):
        ids = trimmed.tokenizer(word)["input_ids"]
        assert trimmed.tokenizer.unk_token_id not in ids
        assert trimmed.tokenizer.decode(ids) == full.decode(full(word)["input_ids"]) == word


def test_a_size_keeps_what_the_text_needs_most():
    full, _, _, trimmed = trimmed_model("unigram", tiny.text().train, 300)
    assert trimmed.after == 300
    kept = set(trimmed.tokenizer.get_vocab())
    assert {*SPECIAL, *full.tokenize("the")} <= kept
    with pytest.raises(NeutralError, match="5 pieces are too few"):
        trimmed_model("unigram", tiny.text().train, 5)


def test_a_text_with_no_known_token_is_an_error_and_leaves_the_model():
    full = full_tokenizer("wordpiece")
    network = tiny.model("bert", len(full))
    for lines in ({"zh": ["猫猫猫"]}, {"en": []}):
        with pytest.raises(NeutralError, match="holds no token that this model knows"):
            trimming.trim(network, full, lines)
    assert network.get_input_embeddings().weight.shape[0] == len(full)


@pytest.mark.parametrize("model", ["gpt2", "llama", "mt5", "xlm-roberta"])
def test_output_layers_and_special_ids_follow(model):
    options = {"tie_word_embeddings": False} if model == "llama" else {}
    lines = {"en": tiny.text(("en",), 40).train["en"]}
    full = full_tokenizer("unigram")
    network = tiny.model(model, len(full), pad_token_id=0, bos_token_id=1, eos_token_id=2, **options)
    special = full.convert_tokens_to_ids("<unk>") if model != "mt5" else full.convert_tokens_to_ids("▁the")
    network.config.decoder_start_token_id = special
    head = network.get_output_embeddings().weight.detach().clone()
    trimmed = trimming.trim(network, full, lines)
    assert torch.equal(network.get_output_embeddings().weight, head[torch.tensor(trimmed.keep)])
    assert trimmed.keep[network.config.decoder_start_token_id] == special
    assert network.config.vocab_size == trimmed.after
    ids = trimmed.tokenizer(lines["en"][0], return_tensors="pt")["input_ids"]
    extra = {"decoder_input_ids": ids} if model == "mt5" else {}
    assert network(input_ids=ids, **extra).logits.shape == (*ids.shape, trimmed.after)


def test_logits_of_the_kept_tokens_do_not_change():
    lines = {"en": tiny.text(("en",), 40).train["en"]}
    full = full_tokenizer("bpe")
    network = tiny.model("bert", len(full), pad_token_id=0).eval()
    line = lines["en"][3]
    with torch.no_grad():
        before = network(input_ids=torch.tensor([full(line)["input_ids"]])).logits
        trimmed = trimming.trim(network, full, lines)
        after = network.eval()(input_ids=torch.tensor([trimmed.tokenizer(line)["input_ids"]])).logits
    assert torch.allclose(after, before[..., torch.tensor(trimmed.keep)], atol=1e-6)


def test_a_token_beyond_the_models_table_goes():
    full = full_tokenizer("unigram")
    rows = len(full)
    full.add_special_tokens({"additional_special_tokens": ["<image>"]})
    trimmed = trimming.trim(tiny.model("bert", rows, pad_token_id=0), full, {"en": ["the end"]})
    assert trimmed.before == rows
    assert "<image>" not in trimmed.tokenizer.get_vocab()
    assert len(trimmed.tokenizer) == trimmed.after
