"""The bundled labelled data: made as said, the same content in all languages, nothing of validation in training."""

import runpy

import pytest
import tiny

from neutral.languages import PAPER_ORDER
from neutral.tasks import benchmarks, data

TASKS = tiny.SENTENCES.parent / "tasks"


@pytest.fixture(scope="module")
def corpora():
    return {task: data.load(task, TASKS / task) for task in ("ner", "nli")}


@pytest.mark.long
def test_the_files_are_what_the_script_makes(corpora, tmp_path):
    runpy.run_path(str(TASKS / "make.py"))["make"](tmp_path)
    for task, corpus in corpora.items():
        assert data.load(task, tmp_path / task).hashes == corpus.hashes
    made = benchmarks.load(tmp_path / "acceptability", "cola")
    assert made.digest() == benchmarks.load(TASKS / "acceptability", "cola").digest()


def test_word_order_is_all_that_tells_an_acceptable_sentence():
    read = benchmarks.load(TASKS / "acceptability", "cola")
    train, held = read.train, read.held_out["validation"]
    assert (len(train), len(held)) == (4642, 583)
    for right, mixed in zip(train[::2], train[1::2], strict=True):
        assert (right.label, mixed.label) == (1, 0)
        assert right.texts != mixed.texts
        assert sorted(right.texts[0]) == sorted(mixed.texts[0])
    assert abs(sum(example.label for example in held) / 583 - 0.5) < 0.02
    assert not {"".join(sorted(e.texts[0])) for e in train} & {"".join(sorted(e.texts[0])) for e in held}


def test_all_languages_have_the_same_number_of_examples_and_labels(corpora):
    for task, sizes in (("ner", (1200, 300)), ("nli", (2400, 300))):
        corpus = corpora[task]
        assert set(corpus.languages) == set(PAPER_ORDER)
        assert {(len(corpus.train[code]), len(corpus.held_out[code])) for code in corpus.languages} == {sizes}
    assert corpora["nli"].labels == ("contradiction", "entailment", "neutral")
    assert corpora["ner"].labels == ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")


def names(labels, sentences):
    """The names in sentences: (type, words)."""
    found = []
    for sentence in sentences:
        mine = []
        for word, tag in zip(sentence.words, (labels[tag] for tag in sentence.tags), strict=True):
            if tag.startswith("B"):
                mine.append((tag[2:], [word]))
            elif tag.startswith("I"):
                assert mine[-1][0] == tag[2:]
                mine[-1][1].append(word)
        found.append([(kind, " ".join(words)) for kind, words in mine])
    return found


def test_example_n_says_the_same_in_all_languages(corpora):
    english = names(corpora["ner"].labels, corpora["ner"].train["en"])
    for code in corpora["ner"].languages:
        mine = names(corpora["ner"].labels, corpora["ner"].train[code])
        assert [sorted(kind for kind, _ in each) for each in mine] == [sorted(k for k, _ in each) for each in english]
        labels = [example.label for example in corpora["nli"].train[code]]
        assert labels == [example.label for example in corpora["nli"].train["en"]]


def test_names_and_sentences_of_validation_are_not_trained_on(corpora):
    for code in PAPER_ORDER:
        seen, held = (
            {name for each in names(corpora["ner"].labels, some[code]) for name in each}
            for some in (corpora["ner"].train, corpora["ner"].held_out)
        )
        assert not seen & held
    lines = tiny.SENTENCES.joinpath("en.txt").read_text(encoding="utf-8").splitlines()

    def used(examples):
        return {
            i for i, line in enumerate(lines) for example in examples if any(line in text for text in example.texts)
        }

    seen, held = used(corpora["nli"].train["en"]), used(corpora["nli"].held_out["en"])
    assert not seen & held
    assert all(i % 5 == 0 for i in held)
    assert not any(lines[i].endswith("?") for i in seen | held)


def test_inference_follows_from_what_is_stated(corpora):
    """Against logic read off the English texts: a premise is true, and says nothing of other sentences."""
    corpus = corpora["nli"]
    lines = tiny.SENTENCES.joinpath("en.txt").read_text(encoding="utf-8").splitlines()
    labels = set()
    for example in corpus.held_out["en"] + corpus.train["en"][:300]:
        premise, hypothesis = example.texts
        (line,) = (line for line in lines if hypothesis.endswith(line))
        denied = hypothesis.removesuffix(line).startswith(("It is not true:", "This is wrong:"))
        expected = "neutral" if line != premise else "contradiction" if denied else "entailment"
        assert corpus.labels[example.label] == expected
        labels.add((expected, denied))
    assert {denied for label, denied in labels if label == "neutral"} == {True, False}, "denial alone tells no class"
    counts = [sum(example.label == i for example in corpus.train["en"]) for i in range(3)]
    assert counts == [800, 800, 800]
