"""Text to token ids by tokenizers of both kinds: of the library `tokenizers`, and written in Python."""

import architectures
import numpy as np
import pytest
import tiny
import transformers

from neutral import encoding, models, vocabulary
from neutral.compression import tokens
from neutral.errors import NeutralError
from neutral.tasks import IGNORED, LanguageModelling, LineByLine
from neutral.tasks.sentences import Sentence
from neutral.tasks.squad import Squad
from neutral.tasks.tagging import TokenClassification
from neutral.tasks.words import Words


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    return models.load_tokenizer(tiny.saved(tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def byt5():
    return transformers.ByT5Tokenizer()


@pytest.fixture(scope="module")
def canine():
    return transformers.CanineTokenizer()


@pytest.fixture(scope="module")
def phobert(tmp_path_factory):
    """A tokenizer of words in letters, of which two are merged: "lo", and "lo" at a word's end."""
    folder = tmp_path_factory.mktemp("phobert")
    letters = sorted(set("hellows"))
    names = [name for letter in letters for name in (f"{letter}@@", letter)] + ["lo@@", "lo"]
    (folder / "vocab.txt").write_text("".join(f"{name} 1\n" for name in names))
    (folder / "bpe.codes").write_text("l o 5\nl o</w> 4\n")
    return transformers.PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))


def test_the_tokens_of_lines_are_whole_and_have_no_special_ones(fast, byt5):
    lines = tiny.text().train["en"][:3]
    fast(lines, truncation=True, max_length=5)  # the tokenizer keeps such a limit
    expected = [fast.convert_tokens_to_ids(fast.tokenize(line)) for line in lines]
    assert encoding.ids(fast, lines) == encoding.ids(fast.backend_tokenizer, lines) == expected
    assert encoding.ids(byt5, lines) == [[byte + 3 for byte in line.encode()] for line in lines]
    assert encoding.ids(byt5, []) == []


def test_a_sentence_of_words_in_bytes_has_spaces_that_belong_to_no_word(byt5):
    inputs, owners = encoding.sentence(byt5, ["ab", "ñ"], 16)
    assert inputs["input_ids"] == [*(byte + 3 for byte in "ab ñ".encode()), 1]
    assert owners == [0, 0, None, 1, 1, None]
    inputs, owners = encoding.sentence(byt5, ["ab", "ñ"], 4)
    assert (inputs["input_ids"], owners) == ([100, 101, 35, 1], [0, 0, None, None])
    assert inputs["attention_mask"] == [1] * 4


def test_a_sentence_of_words_in_characters_begins_after_the_first_token(canine):
    inputs, owners = encoding.sentence(canine, ["ab", "c"], 16)
    assert inputs["input_ids"] == [0xE000, *map(ord, "ab c"), 0xE001]
    assert owners == [None, 0, 0, None, 1, None]
    assert inputs["token_type_ids"] == [0] * 6


def test_a_sentence_of_words_in_pieces_is_that_of_the_tokenizer(phobert):
    words = ["hello", "slow", "lo"]
    inputs, owners = encoding.sentence(phobert, words, 32)
    assert inputs["input_ids"] == phobert(" ".join(words))["input_ids"]
    names = phobert.convert_ids_to_tokens(inputs["input_ids"])
    assert [[n for n, owner in zip(names, owners, strict=True) if owner == i] for i in range(3)] == [
        ["h@@", "e@@", "l@@", "lo"],
        ["s@@", "lo@@", "w"],
        ["lo"],
    ]


def test_words_by_either_kind_of_tokenizer_are_the_same(fast):
    """A tokenizer without its backend is put together word by word: the same as the library's own alignment."""

    class Python:
        def __init__(self):
            self.backend_tokenizer = None

        def __call__(self, lines, **options):
            options.pop("verbose")
            return fast(lines, **options)

        def num_special_tokens_to_add(self):
            return 2

        def prepare_for_model(self, ids, **_):
            return {"input_ids": [fast.cls_token_id, *ids, fast.sep_token_id]}

    for line in tiny.text().train["sw"][:5]:
        for length in (8, 64):
            inputs, owners = encoding.sentence(fast, line.split(), length)
            assert encoding.sentence(Python(), line.split(), length) == ({"input_ids": inputs["input_ids"]}, owners)


def test_a_byte_level_tokenizer_reads_words_with_the_spaces_between_them():
    tokenizer = architectures.tokenizer("bytes")
    words = ["The", "old", "città", "!"]
    inputs, owners = encoding.sentence(tokenizer, words, 64)
    assert inputs == dict(tokenizer("The old città !"))
    pieces = {place: [] for place in (*range(4), None)}  # None: spaces that are tokens
    for token, place in zip(inputs["input_ids"], owners, strict=True):
        pieces[place].append(token)
    assert [tokenizer.decode(tokens).strip() for tokens in pieces.values()] == [*words, ""]
    cut, places = encoding.sentence(tokenizer, words, 3)
    assert (cut["input_ids"], places) == (inputs["input_ids"][:3], owners[:3])


def test_tags_stand_on_the_first_token_of_a_word_by_a_python_tokenizer(canine):
    task = TokenClassification("ner", canine, ["O", "B-X"], length=16)
    example = task.example(Sentence(("ab", "c"), (0, 1)))
    assert example["labels"].tolist() == [IGNORED, 0, IGNORED, IGNORED, 1, IGNORED]


def test_blocks_of_a_python_tokenizer_hold_its_tokens(phobert):
    task = LanguageModelling("mlm", phobert, length=8)
    blocks = task.blocks(["hello slow", "lo low"])
    stream = [*encoding.ids(phobert, ["hello slow"])[0], 2, *encoding.ids(phobert, ["lo low"])[0], 2]
    assert blocks.tolist() == [[0, *stream[:6], 2], [0, *stream[6:], 2]]
    assert LineByLine(phobert, longest=64).items(["lo " * 30])[0].tolist() == phobert("lo " * 30)["input_ids"]


def test_tokens_of_a_python_tokenizer_are_counted_and_read(byt5, phobert):
    counts = tokens.count(byt5, {"en": ["abba"], "fr": ["é"]}, 384)
    assert counts["en"][[100, 101]].tolist() == [2, 2]
    assert counts["en"].sum() == 4
    assert np.flatnonzero(counts["fr"]).tolist() == [0xA9 + 3, 0xC3 + 3]
    read = tokens.pieces(byt5, 400)
    assert (read[100], read[0xC3 + 3], read[1], read[399]) == ("a", "<0xC3>", "</s>", "")
    assert tokens.script(read[0xC3 + 3]) == "Zyyy"
    assert tokens.pieces(phobert)[phobert.convert_tokens_to_ids("lo@@")] == "lo@@"


def test_what_a_python_tokenizer_cannot_do_is_said_in_one_line(byt5, phobert):
    with pytest.raises(NeutralError, match=r"written in Python .ByT5Tokenizer"):
        vocabulary.needed(byt5, {"en": ["a"]})
    with pytest.raises(NeutralError, match=r"written in Python .PhobertTokenizer"):
        Squad(phobert)
    for tokenizer in (byt5, phobert):
        with pytest.raises(NeutralError, match="does not mark where words begin"):
            Words(tokenizer)
