from collections import Counter

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from neutral.compression import tokens
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

LINES = {"en": ["the cat sat", "the dog"], "fr": ["le chat"] * 5}
WORDS = {"<unk>": 0, "the": 1, "cat": 2, "le": 3, "chat": 4, "dog": 5, "never": 6}


def words(vocabulary=WORDS):
    backend = Tokenizer(models.WordLevel(dict(vocabulary), unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return backend


def trained(model, trainer, split):
    backend = Tokenizer(model)
    backend.pre_tokenizer = split
    backend.train_from_iterator(["the cat sat on the mat über кошка 猫"] * 3, trainer)
    return backend


def test_counts_are_those_of_the_text_without_unknown_and_special_tokens():
    backend = words()
    backend.add_special_tokens(["le"])
    counts = tokens.count(backend, LINES, 9)
    assert counts["en"].tolist() == [0, 2, 1, 0, 0, 1, 0, 0, 0]
    assert counts["fr"].tolist() == [0, 0, 0, 0, 5, 0, 0, 0, 0]
    assert counts["en"].dtype == np.int64


def test_the_unknown_token_of_a_unigram_model_is_not_counted():
    backend = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("b", -1.0)], unk_id=0, byte_fallback=False))
    assert tokens.count(backend, {"en": ["abz"]}, 3)["en"].tolist() == [0, 1, 1]


def test_counting_sees_whole_lines_and_no_padding_and_leaves_the_tokenizer_as_it_was():
    backend = words()
    backend.enable_truncation(2)
    backend.enable_padding(pad_id=6, pad_token="never", length=8)
    counts = tokens.count(backend, LINES, 7)["en"]
    assert counts[5] == 1
    assert counts[6] == 0
    assert backend.truncation["max_length"] == 2


def test_counts_of_many_lines_add_up_over_batches():
    many = tokens.count(words(), {"en": ["the dog"] * 9000}, 7)["en"]
    assert (many[1], many[5]) == (9000, 9000)
    assert tokens.count(words(), {"en": []}, 7)["en"].sum() == 0


def test_a_token_beyond_the_table_is_an_error():
    with pytest.raises(NeutralError, match=r"token 5, but the token table has 5 rows"):
        tokens.count(words(), LINES, 5)


def test_every_language_counts_alike_in_the_mean_frequency():
    counts = {"en": np.array([6, 2]), "fr": np.array([0, 1000])}
    assert np.allclose(tokens.mean_frequency(counts), [0.375, 0.625])
    assert np.allclose(tokens.mean_frequency(counts | {"ur": np.array([0, 0])}), [0.375, 0.625])


def test_a_text_with_no_known_token_is_an_error():
    counts = tokens.count(words(), {"en": ["zzz qqq"]}, 7)
    with pytest.raises(NeutralError, match="holds no token that this model knows"):
        tokens.mean_frequency(counts)
    with pytest.raises(NeutralError, match="weights by sqrt: the text holds no token"):
        tokens.weights("sqrt", np.zeros(7))


def test_weights_follow_the_frequency_and_unseen_tokens_are_not_free():
    frequency = np.array([0.6, 0.3, 0.1, 0.0])
    floored = np.array([0.6, 0.3, 0.1, 0.05])
    assert tokens.weights("uniform", frequency) is None
    for kind, raw in (("frequency", floored), ("sqrt", np.sqrt(floored))):
        made = tokens.weights(kind, frequency)
        assert made.dtype == torch.float32
        assert np.allclose(made, raw / raw.mean())


def test_an_unseen_token_is_expected_as_often_as_its_likes_are_found_in_the_other_half():
    scripts = np.array(["Latn"] * 64 + ["Thai"] * 64)
    first, second = np.zeros(128, dtype=int), np.zeros(128, dtype=int)
    first[:40], second[20:50] = 5, 5
    expected = tokens.expected_frequency(({"en": first}, {"en": second}), scripts)
    seen = first + second
    assert np.allclose(expected[seen > 0], seen[seen > 0] / seen.sum())
    # Of Latin tokens of places 45 to 62 that a half lacks, this is found in the other half; none of Thai.
    places = np.arange(45, 63)
    rates = [there[places][here[places] == 0] / there.sum() for here, there in ((first, second), (second, first))]
    prior = 0.02 * (10 * 5 / 150 + 20 * 5 / 200) / (88 + 98)
    assert expected[62] == pytest.approx((sum(map(np.sum, rates)) + 5 * prior) / (sum(map(len, rates)) + 5))
    assert expected[100] < expected[62] / 50
    assert expected[100] > 0
    made = tokens.weights("expected", seen, expected)
    assert float(made.mean()) == pytest.approx(1)


def test_expected_weights_need_the_halves_of_a_text():
    with pytest.raises(NeutralError, match="weights 'expected': the text's two halves"):
        tokens.weights("expected", np.ones(3))


def test_a_text_of_one_line_has_no_other_half_to_learn_from():
    one, none = {"en": np.array([3, 0, 1, 0])}, {"en": np.zeros(4, dtype=int)}
    expected = tokens.expected_frequency((one, none), np.array(["Latn"] * 4))
    assert np.isfinite(expected).all()
    assert (expected > 0).all()


def test_an_unknown_kind_of_weights_is_an_error():
    with pytest.raises(NeutralError, match="weights 'log': unknown; there are uniform, frequency, sqrt, expected"):
        tokens.weights("log", np.ones(3))


def test_pieces_of_a_byte_level_vocabulary_read_as_text_or_as_bytes():
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>"], initial_alphabet=split.alphabet(), show_progress=False
    )
    backend = trained(models.BPE(), trainer, split)
    named = tokens.pieces(backend)
    assert len(named) == backend.get_vocab_size()
    for text in (" the", "ü", "к"):
        ids = backend.encode(text).ids
        assert "".join(named[i] for i in ids) == text or all(named[i].startswith("<0x") for i in ids)
    assert named[backend.token_to_id("<s>")] == "<s>"
    assert named[backend.token_to_id("Ġ")] == " "
    every_byte = {named[backend.token_to_id(c)] for c in split.alphabet()}
    assert {chr(byte) for byte in range(128)} | {f"<0x{byte:02X}>" for byte in range(128, 256)} == every_byte


def test_pieces_of_a_sentencepiece_vocabulary_show_spaces_and_bytes():
    vocabulary = {"<unk>": 0, "<0x0A>": 1, "▁the": 2, "cat": 3}
    backend = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    assert tokens.pieces(backend) == ["<unk>", "<0x0A>", " the", "cat"]
    assert tokens.pieces(backend, 6) == ["<unk>", "<0x0A>", " the", "cat", "", ""]
    assert tokens.pieces(backend, 2) == ["<unk>", "<0x0A>"]


def test_pieces_of_wordpiece_stay_and_ids_without_a_token_are_empty():
    backend = Tokenizer(models.WordPiece({"[UNK]": 0, "cat": 1, "##s": 3}, unk_token="[UNK]"))
    assert tokens.pieces(backend) == ["[UNK]", "cat", "", "##s"]


@pytest.mark.parametrize(
    ("piece", "code"),
    [
        (" the", "Latn"),
        ("##s", "Latn"),
        ("Ａ", "Latn"),
        ("кошка", "Cyrl"),
        (" کتاب", "Arab"),
        ("ा", "Deva"),
        ("猫", "Hans"),
        ("食べる", "Jpan"),
        ("ｱ", "Jpan"),
        ("ー", "Jpan"),
        ("고양이", "Hang"),
        ("γάτα", "Grek"),
        ("חתול", "Hebr"),
        ("แมว", "Thai"),
        ("abв", "Latn"),
        ("вa", "Cyrl"),
        ("2024", "Zyyy"),
        ("२", "Zyyy"),
        ("...", "Zyyy"),
        (" ", "Zyyy"),
        ("", "Zyyy"),
        ("<0xE4>", "Zyyy"),
        ("<s>", "Zyyy"),
        ("[CLS]", "Zyyy"),
        ("<|end|>", "Zyyy"),
        ("\u0301", "Zyyy"),
    ],
)
def test_the_script_of_a_piece_is_that_of_its_letters(piece, code):
    assert tokens.script(piece) == code


def test_scripts_are_one_a_piece():
    assert tokens.scripts(["a", "я", "1"]).tolist() == ["Latn", "Cyrl", "Zyyy"]
    assert tokens.scripts([]).shape == (0,)


def test_frequency_groups_are_decades_by_rank():
    frequency = np.concatenate([np.zeros(50), np.linspace(1, 2, 12_000)])
    made = tokens.bins(frequency)
    sizes = {"unseen": 50, "top 100": 100, "101–1,000": 900, "1,001–10,000": 9000, "rarer": 2000}
    assert Counter(made.tolist()) == sizes
    assert set(tokens.BINS) == set(sizes)
    assert made[-1] == "top 100"
    assert made[-101] == "101–1,000"
    assert made[50] == "rarer"


def test_of_tokens_as_frequent_the_lower_id_ranks_first():
    made = tokens.bins(np.ones(150))
    assert (made[:100] == "top 100").all()
    assert (made[100:] == "101–1,000").all()
