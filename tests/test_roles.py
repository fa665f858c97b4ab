"""Which column of a column file holds the words and which the tags; the lines have real files' shapes, not content."""

import pytest

from neutral.errors import FileError
from neutral.tasks import columns


def read(tmp_path, text, task="pos"):
    path = tmp_path / "train.conll"
    path.write_text(text, encoding="utf-8")
    return columns.read(task, path)


CONLL_2012 = """#begin document (nw/ab/00/ab_0000); part 000
nw/ab/00/ab_0000  0  0  Lena   NNP  (TOP(S(NP*)  -     -  -  Kim  (PERSON)  -
nw/ab/00/ab_0000  0  1  lives  VBZ  (VP*         live  01 1  Kim  *         -
nw/ab/00/ab_0000  0  2  in     IN   (PP*         -     -  -  Kim  *         -
nw/ab/00/ab_0000  0  3  Oslo   NNP  (NP*)))      -     -  -  Kim  (GPE)     (12)

nw/ab/00/ab_0000  0  0  Kim    NNP  (TOP(S(NP*)  -     -  -  Ra   (PERSON)  -
nw/ab/00/ab_0000  0  1  left   VBD  (VP*))       leave 02 1  Ra   *         -
#end document
"""
SPEECH = [["NNP", "VBZ", "IN", "NNP"], ["NNP", "VBD"]]
WORDS = [["Lena", "lives", "in", "Oslo"], ["Kim", "left"]]
NAMES = [["B-PER", "O", "O", "B-LOC"], ["B-PER", "O"]]


def test_of_conll_2012_the_word_and_its_part_of_speech_are_read_behind_document_part_and_number(tmp_path):
    result = read(tmp_path, CONLL_2012)
    assert (result.words, result.tags) == (WORDS, SPEECH)
    assert result.notes == [
        "words are read from column 4, as those before it say where they stand",
        "parts of speech are read from column 5, as those after it hold none",
    ]
    with pytest.raises(FileError, match="no column of tags of names"):
        read(tmp_path, CONLL_2012, "ner")  # which are in brackets


def lines(before, *, blank=True):
    """Lines of the two sentences; `before` makes what stands before a word of its sentence, its place and its count."""
    made, count = [], 0
    for sentence, (words, tags, speech) in enumerate(zip(WORDS, NAMES, SPEECH, strict=True)):
        for place, row in enumerate(zip(words, speech, tags, strict=True)):
            made.append("\t".join([*map(str, before(sentence, place, count)), *row]))
            count += 1
        made += [""] * blank
    return "\n".join(made)


BEFORE = {
    "a document's name": lambda sentence, place, count: ["a/b.txt"],
    "a document's name and number, and the word's number": lambda sentence, place, count: ["a/b", 0, place],
    "a sentence's name": lambda sentence, place, count: [f"s-{sentence}"],
    "a sentence's number": lambda sentence, place, count: [sentence + 1],
    "a sentence's number and the word's": lambda sentence, place, count: [sentence + 1, place + 1],
    "a number that runs through the file": lambda sentence, place, count: [count + 1],
    "where a word begins and ends": lambda sentence, place, count: [7 * count, 7 * count + 5],
}


@pytest.mark.parametrize("before", BEFORE)
def test_words_are_read_behind_what_says_where_they_stand(tmp_path, before):
    for task, tags in (("ner", NAMES), ("pos", SPEECH)):
        result = read(tmp_path, lines(BEFORE[before]), task)
        assert (result.words, result.tags) == (WORDS, tags)
        assert not result.left_out


@pytest.mark.parametrize("before", ["a sentence's name", "a sentence's number", "a sentence's number and the word's"])
def test_without_blank_lines_a_sentence_ends_where_its_name_does(tmp_path, before):
    result = read(tmp_path, lines(BEFORE[before], blank=False), "ner")
    assert (result.words, result.tags) == (WORDS, NAMES)


def test_a_long_file_without_any_sign_of_a_sentences_end_is_refused(tmp_path):
    with pytest.raises(FileError, match="no blank lines, so that its 400 words would be one sentence"):
        read(tmp_path, "Lena B-PER\nleft O\n" * 200, "ner")


def test_german_chunks_are_no_names_and_chunks_alone_are_refused(tmp_path):
    german = (
        "Lena Lena NE I-NC I-PER\nging gehen VVFIN I-VC O\nin in APPR I-PC O\n\nOslo Oslo NE I-NC I-LOC\n. . $. O O\n"
    )
    assert read(tmp_path, german, "ner").tags == [["I-PER", "O", "O"], ["I-LOC", "O"]]
    assert read(tmp_path, german).tags == [["NE", "VVFIN", "APPR"], ["NE", "$."]]
    with pytest.raises(FileError, match=r"no column of tags of names \(B-TYPE, I-TYPE, O\); it holds chunks"):
        read(tmp_path, "Lena NNP B-NP\nleft VBD B-VP\n", "ner")


BEHIND = {
    "a lemma": ("Lena", "live", "in", "Oslo", "Kim", "leave"),
    "how sure a tagger was": ("0.9", "0.99", "1.0", "0.7", "0.8", "1"),
    "whether a space follows": ("True", "True", "True", "False", "True", "False"),
    "morphology": ("Case=Nom", "Tense=Pres", "_", "Case=Nom", "Case=Nom", "Tense=Past"),
    "mostly nothing": ("_", "_", "_", "x", "_", "_"),
    "a head and its relation": ("2 nsubj", "0 root", "4 case", "2 obl", "2 nsubj", "0 root"),
}


@pytest.mark.parametrize("behind", BEHIND)
def test_what_stands_behind_a_part_of_speech_is_none_and_it_is_said(tmp_path, behind):
    cells = iter(BEHIND[behind])
    text = "\n\n".join(
        "\n".join(f"{word} {tag} {next(cells)}" for word, tag in zip(words, tags, strict=True))
        for words, tags in zip(WORDS, SPEECH, strict=True)
    )
    result = read(tmp_path, text)
    assert result.tags == SPEECH
    assert result.notes == ["parts of speech are read from column 2, as those after it hold none"]


def test_universal_tags_go_before_others_and_their_order_before_the_word_is_refused(tmp_path):
    both = "Lena PROPN NE Lena\nging VERB VVFIN gehen\nfort ADP PTKVZ fort\n"
    assert read(tmp_path, both).tags == [["PROPN", "VERB", "ADP"]]
    with pytest.raises(FileError, match=r"more kinds of tags \(column 2\) than of words \(column 1\)"):
        read(tmp_path, "PROPN Lena\nVERB left\nPROPN Oslo\n")
    with pytest.raises(FileError, match="no column of parts of speech; its last begins with Lena"):
        read(tmp_path, "Lena Lena\nlives live\nin in\n")


def test_a_part_of_speech_may_have_stars(tmp_path):
    assert read(tmp_path, "東京\t名詞,地域,*\nへ\t助詞,*,*\n").tags == [["名詞,地域,*", "助詞,*,*"]]


def test_of_two_columns_that_may_hold_parts_of_speech_the_last_is_read_and_it_is_said(tmp_path):
    words = "Lena lives in Oslo since long ago ."
    tags = "NE VV AP NE AP AD AV SY"
    rows = [f"{word} {tag} {tag.lower()}" for word, tag in zip(words.split(), tags.split(), strict=True)]
    result = read(tmp_path, "\n".join(rows))
    assert result.tags == [tags.lower().split()]
    assert result.notes == ["columns 2 and 3 may hold parts of speech; 3 is read"]
    rows = [f"{row.rpartition(' ')[0]} {'en' if i % 2 else 'no'}" for i, row in enumerate(rows)]  # languages
    assert read(tmp_path, "\n".join(rows)).tags == [tags.split()]


def test_sentences_may_differ_in_the_number_of_their_last_columns(tmp_path):
    lines = CONLL_2012.splitlines()
    longer = [f"{line}  *  *" if "(VP*" in line or "Kim    NNP" in line else line for line in lines[6:8]]
    result = read(tmp_path, "\n".join([*lines[:6], *longer]))
    assert (result.words, result.tags) == (WORDS, SPEECH)


def test_ten_columns_without_heads_are_no_conllu(tmp_path):
    text = "1 Lena a b c d e f g PROPN\n2 left a b h d e i g VERB\n"
    assert read(tmp_path, text).tags == [["PROPN", "VERB"]]


def test_a_word_that_begins_with_a_number_sign_and_has_the_tag_of_a_name_is_a_word(tmp_path):
    assert read(tmp_path, "#metoo B-EVT\nLena B-PER\n\n# O\n", "ner").words == [["#metoo", "Lena"], ["#"]]
