import pytest
import tiny
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from neutral import vocabulary
from neutral.errors import NeutralError


def tokenizer_of(kind):
    lines = [line for rows in tiny.text(lines=200).train.values() for line in rows]
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    if kind == "unigram":
        backend = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(
            vocab_size=600, special_tokens=special, unk_token="<unk>", show_progress=False
        )
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
    elif kind == "bpe":
        backend = Tokenizer(models.BPE(unk_token="<unk>"))
        trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False)
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
    else:
        backend = Tokenizer(models.WordPiece(unk_token="<unk>"))
        trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=special, show_progress=False)
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


@pytest.mark.parametrize("kind", ["unigram", "bpe", "wordpiece"])
def test_a_trimmed_tokenizer_spells_its_text_with_the_kept_pieces(kind):
    full, lines = tokenizer_of(kind), tiny.text().train
    keep = vocabulary.needed(full, lines, 300)
    assert len(keep) == 300
    trimmed = vocabulary.trim_tokenizer(full, keep)
    assert len(trimmed) == 300
    assert set(full.all_special_ids) <= set(keep)
    for text in lines.values():
        for line in text[:20]:
            ids = trimmed(line)["input_ids"]
            assert trimmed.unk_token_id not in ids
            pieces = trimmed.convert_ids_to_tokens(ids)
            assert all(full.convert_tokens_to_ids(piece) == keep[i] for piece, i in zip(pieces, ids, strict=True))
    common = "the"
    assert trimmed.tokenize(common) == full.tokenize(common)


def test_pieces_are_ranked_evenly_over_languages():
    full = tokenizer_of("wordpiece")
    lopsided = {"en": tiny.text().train["en"] * 50, "sw": tiny.text().train["sw"][:30]}
    keep = set(vocabulary.needed(full, lopsided, 300))
    even = set(vocabulary.needed(full, {"en": tiny.text().train["en"], "sw": lopsided["sw"]}, 300))
    assert keep == even


def test_trimming_a_model_keeps_the_rows_of_the_kept_tokens():
    full = tokenizer_of("unigram")
    model = tiny.model("bert", len(full))
    before, padding = model.get_input_embeddings().weight.detach().clone(), model.config.pad_token_id
    trimmed = vocabulary.trim(model, full, tiny.text().train, 250)
    after = model.get_input_embeddings().weight
    assert after.shape[0] == len(trimmed) == model.config.vocab_size == 250
    for i, piece in enumerate(trimmed.convert_ids_to_tokens(list(range(250)))):
        assert torch.equal(after[i], before[full.convert_tokens_to_ids(piece)])
    assert model.get_output_embeddings().weight is after
    assert trimmed.convert_ids_to_tokens(model.config.pad_token_id) == full.convert_ids_to_tokens(padding)
    assert model(input_ids=torch.tensor([[1, 2, 3]])).logits.shape[-1] == 250


def test_too_few_pieces_for_the_characters_is_an_error():
    with pytest.raises(NeutralError, match="10 pieces are too few"):
        vocabulary.needed(tokenizer_of("unigram"), tiny.text().train, 10)


def merging_tokenizer():
    """BPE in which "abc" is merged from "ab", which no text uses by itself."""
    vocabulary = {"<unk>": 0, "a": 1, "b": 2, "c": 3, "d": 4, "ab": 5, "abc": 6, "cd": 7, "bc": 8}
    backend = Tokenizer(models.BPE(vocabulary, [("a", "b"), ("ab", "c"), ("c", "d"), ("b", "c")], unk_token="<unk>"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def test_a_bpe_piece_stays_with_the_pieces_it_is_merged_from():
    full = merging_tokenizer()
    keep = vocabulary.needed(full, {"en": ["abc"]})
    assert full.convert_ids_to_tokens(keep) == ["<unk>", "a", "b", "c", "ab", "abc"]
    assert vocabulary.trim_tokenizer(full, keep).tokenize("abc") == ["abc"]


def test_a_piece_whose_chain_finds_no_room_is_passed_over():
    full = merging_tokenizer()
    full.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    keep = vocabulary.needed(full, {"en": ["abc abc cd"]}, 6)
    assert full.convert_ids_to_tokens(keep) == ["<unk>", "a", "b", "c", "d", "cd"]
    keep = vocabulary.needed(full, {"en": ["abc abc cd"]}, 7)
    assert full.convert_ids_to_tokens(keep) == ["<unk>", "a", "b", "c", "d", "ab", "abc"]


def test_without_a_size_every_piece_of_the_text_stays():
    for kind in ("unigram", "bpe", "wordpiece"):
        full, lines = tokenizer_of(kind), tiny.text(lines=20).train
        trimmed = vocabulary.trim_tokenizer(full, vocabulary.needed(full, lines))
        assert len(trimmed) < len(full)
        assert all(trimmed.tokenize(line) == full.tokenize(line) for line in lines["sw"])
