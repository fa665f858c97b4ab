"""The bundled sentences: aligned, in their own script, without duplicates, of sentence length."""

import unicodedata

import pytest
from tiny import SENTENCES

from neutral.corpora import languages_in
from neutral.languages import PAPER_ORDER, language

SCRIPTS = {"Latn": "LATIN", "Cyrl": "CYRILLIC", "Arab": "ARABIC", "Deva": "DEVANAGARI", "Hans": "CJK"}
URDU_ONLY = set("ٹڈڑےں")
CHINESE_CHARACTERS = (8, 50)
WORDS = (6, 25)


@pytest.fixture(scope="module")
def sentences():
    return {code: path.read_text(encoding="utf-8").split("\n") for code, path in languages_in(SENTENCES).items()}


def test_all_eleven_languages_are_there(sentences):
    assert set(sentences) == set(PAPER_ORDER)


@pytest.mark.parametrize("code", PAPER_ORDER)
def test_files_are_aligned_and_hold_no_blank_or_double_lines(sentences, code):
    lines = sentences[code]
    assert lines[-1] == "", "the file ends in a line end"
    assert len(lines) - 1 == len(sentences["en"]) - 1 >= 240
    assert all(line.strip() == line and line for line in lines[:-1])
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("code", PAPER_ORDER)
def test_every_letter_is_of_the_languages_own_script(sentences, code):
    script = SCRIPTS[language(code).script]
    for line in sentences[code]:
        foreign = [c for c in line if unicodedata.category(c).startswith("L") and script not in unicodedata.name(c)]
        assert not foreign, line


@pytest.mark.parametrize("code", PAPER_ORDER)
def test_sentences_are_of_sentence_length(sentences, code):
    low, high = CHINESE_CHARACTERS if code == "zh" else WORDS
    for line in sentences[code][:-1]:
        assert low <= (len(line) if code == "zh" else len(line.split())) <= high, line


@pytest.mark.parametrize("code", PAPER_ORDER)
def test_questions_stand_on_the_same_lines_in_every_language(sentences, code):
    marks = ("?", "？", "؟")
    asked = {i for i, line in enumerate(sentences["en"]) if line.endswith("?")}
    assert {i for i, line in enumerate(sentences[code]) if line.endswith(marks)} == asked


def test_lengths_of_translations_go_together(sentences):
    """A shifted file would break the correlation of lengths between line n and line n."""
    import numpy as np

    english = [len(line) for line in sentences["en"][:-1]]
    for code in PAPER_ORDER[1:]:
        others = [len(line) for line in sentences[code][:-1]]
        aligned = np.corrcoef(english, others)[0, 1]
        shifted = max(abs(np.corrcoef(english, np.roll(others, k))[0, 1]) for k in range(1, 20))
        assert aligned > shifted, code


def test_languages_of_one_script_are_not_mixed_up(sentences):
    """Urdu has letters that Arabic and Persian lack, Persian some that Arabic lacks."""
    share = {
        c: sum(bool(URDU_ONLY & set(line)) for line in sentences[c]) / len(sentences[c]) for c in ("ar", "fa", "ur")
    }
    assert share["ur"] > 0.9 > 0.01 > max(share["ar"], share["fa"])
    persian = set("پچژگ")
    assert sum(bool(persian & set(line)) for line in sentences["fa"]) > 0.5 * len(sentences["fa"])
    assert not any(persian & set(line) for line in sentences["ar"])
