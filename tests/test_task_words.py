import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers import models as kinds

from neutral.errors import NeutralError
from neutral.tasks.words import Words


def wordpiece(pieces):
    return Tokenizer(kinds.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token=pieces[0]))


def unigram(pieces):
    return Tokenizer(kinds.Unigram([(piece, -1.0) for piece in pieces], unk_id=0))


def bytelevel(pieces):
    return Tokenizer(kinds.BPE({piece: i for i, piece in enumerate(pieces)}, []))


def grouped(make, line, special=()):
    """The words of tokens that stand in `line`, with | between tokens."""
    tokens = line.split("|")
    pieces = ["<s>", *dict.fromkeys(tokens)]
    block = np.array([pieces.index(token) for token in tokens])
    groups = Words(make(pieces)).groups(block, ~np.isin(block, [pieces.index(s) for s in special]))
    return [[tokens[i] for i in places] for places in groups]


def test_sentencepiece_words_begin_at_the_mark():
    assert grouped(unigram, "▁un|break|able|▁rain|s") == [["▁un", "break", "able"], ["▁rain", "s"]]


def test_wordpiece_words_go_on_at_the_mark():
    assert grouped(wordpiece, "un|##break|##able|rain|##s") == [["un", "##break", "##able"], ["rain", "##s"]]


def test_byte_level_words_begin_at_a_space():
    assert grouped(bytelevel, "un|able|Ġrain|s|Ġæľ|Ī") == [["un", "able"], ["Ġrain", "s"], ["Ġæľ", "Ī"]]


def test_the_mark_of_one_kind_is_a_letter_in_another():
    """Ġ is a letter of Maltese."""
    assert grouped(unigram, "▁il|-|Ġ|bir|▁x") == [["▁il"], ["-"], ["Ġ", "bir"], ["▁x"]]


def test_punctuation_is_a_word_of_its_own_and_parts_what_it_stands_between():
    assert grouped(unigram, "▁don|'|t|!?|▁so|。") == [["▁don"], ["'"], ["t"], ["!?"], ["▁so"], ["。"]]
    assert grouped(wordpiece, "don|'|t|##s|।") == [["don"], ["'"], ["t", "##s"], ["।"]]


@pytest.mark.parametrize("text", ["大|雨|下了", "すし|カー|ド", "ประ|เทศ", "ພາ|ສາ", "ភា|សា", "မြန်|မာ", "བོད|སྐད"])
def test_scripts_without_spaces_have_a_word_a_token(text):
    tokens = text.split("|")
    assert grouped(unigram, "▁|" + text) == [["▁"], *([t] for t in tokens)]
    pieces = [tokens[0], *("##" + t for t in tokens[1:])]
    assert grouped(wordpiece, "|".join(pieces)) == [[t] for t in pieces]


@pytest.mark.parametrize("text", ["▁हि|न्दी", "▁मूस|ला|धार", "▁كتا|ب", "▁한국|어", "▁дож|дь"])
def test_scripts_with_spaces_are_grouped_marks_and_all(text):
    assert grouped(unigram, text) == [text.split("|")]


def test_a_word_of_letters_ends_where_one_without_spaces_begins():
    assert grouped(unigram, "▁GP|T|大|雨|ab|c") == [["▁GP", "T"], ["大"], ["雨"], ["ab", "c"]]


def test_special_tokens_are_in_no_word_and_part_words():
    assert grouped(unigram, "[C]|ab|c|[S]|d|▁e|[P]|[P]", ("[C]", "[S]", "[P]")) == [["ab", "c"], ["d"], ["▁e"]]


def test_every_place_of_content_is_in_one_word():
    draw = np.random.default_rng(0)
    pieces = ["<s>", "▁a", "b", "c", "▁", "!", "大", "▁d"]
    words = Words(unigram(pieces))
    for _ in range(50):
        block = draw.integers(0, len(pieces), 40)
        content = block != 0
        found = words.groups(block, content)
        assert np.concatenate(found).tolist() == np.flatnonzero(content).tolist()
        for places in found:
            assert (np.diff(places) == 1).all()
            assert not words.begins[block[places[1:]]].any()


def test_a_vocabulary_without_marks_is_said():
    with pytest.raises(NeutralError, match="does not mark where words begin"):
        Words(unigram(["<s>", "a", "b"]))
