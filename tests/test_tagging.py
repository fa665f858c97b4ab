import datasets
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from seqeval.metrics import f1_score
from torch.nn import functional as F

from neutral import models
from neutral.errors import NeutralError
from neutral.metrics import metric
from neutral.tasks import IGNORED
from neutral.tasks import sentences as tagged
from neutral.tasks.sentences import Sentence
from neutral.tasks.tagging import TokenClassification

TAGS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
CONLL = "Ada B-PER\nwent O\nto O\nNew B-LOC\nYork I-LOC\n\nBob B-PER\n"
WORDS = [("Ada", "went", "to", "New", "York"), ("Bob",)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def task(folder):
    return TokenClassification("ner", models.load_tokenizer(folder), TAGS)


@pytest.fixture
def sentences():
    draw = np.random.default_rng(0)
    rows = [line.split() for line in tiny.text().train["en"][:9]]
    return [Sentence(tuple(row), tuple(draw.integers(0, len(TAGS), len(row)).tolist())) for row in rows]


def network(folder, labels=TAGS):
    model = models.load_model(folder, "tagging", num_labels=len(labels))
    return model.eval()


def write(folder, text=CONLL, train="train.conll", held_out="validation.conll"):
    for name in (train, held_out):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "text",
    [
        CONLL,
        CONLL.replace(" ", "\t"),
        "-DOCSTART- -X- O\n\n" + CONLL.replace(" ", " NN x "),  # CoNLL-2003: other columns between
        "\n".join(f"en:{line}" if line else line for line in CONLL.split("\n")),  # WikiAnn
        CONLL.replace("\n", "\r\n") + "\r\n\r\n",
    ],
)
def test_every_form_of_conll_gives_the_same_sentences(tmp_path, text):
    train, held_out = tagged.read("ner", write(tmp_path, text))
    assert train.words == held_out.words == WORDS
    assert train.tags == [("B-PER", "O", "O", "B-LOC", "I-LOC"), ("B-PER",)]


def test_a_colon_in_some_words_is_no_prefix(tmp_path):
    train, _ = tagged.read("ner", write(tmp_path, "a:b O\nc B-PER\n"))
    assert train.words == [("a:b", "c")]


def test_wikiann_files_have_no_suffix(tmp_path):
    train, _ = tagged.read("ner", write(tmp_path, train="train", held_out="dev"))
    assert train.words == WORDS


def test_conllu_gives_parts_of_speech_without_comments_and_joined_tokens(tmp_path):
    rows = ["1-2\tdu\t_\t_", "1\tde\tde\tADP", "2\tle\tle\tDET", "3\tlac\tlac\tNOUN", "3.1\t_\t_\tVERB"]
    text = "# text = du lac\n" + "\n".join(rows) + "\n"
    train, _ = tagged.read("pos", write(tmp_path, text, "train.conllu", "test.conllu"))
    assert (train.words, train.tags) == ([("de", "le", "lac")], [("ADP", "DET", "NOUN")])


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_tables_with_lists_are_read(tmp_path, form):
    frame = pd.DataFrame({"tokens": [list(row) for row in WORDS], "ner_tags": [["B-PER", *"OOOO"], ["O"]]})
    for name in ("train", "validation"):
        path = tmp_path / f"{name}.{form}"
        frame.to_parquet(path) if form == "parquet" else frame.to_json(path, orient="records", lines=True)
    train, held_out = tagged.read("ner", tmp_path)
    assert train.words == held_out.words == WORDS


def test_a_folder_in_the_layout_of_the_hub_is_read_with_the_names_of_its_tags(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=TAGS)),
            "langs": datasets.List(datasets.Value("string")),
        }
    )
    rows = {"tokens": list(map(list, WORDS)), "ner_tags": [[3, 0, 0, 1, 2], [3]], "langs": [["en"] * 5, ["en"]]}
    (tmp_path / "en").mkdir()
    for split in ("train", "validation", "test"):
        made = datasets.Dataset.from_dict(rows, features=features)
        made.to_parquet(tmp_path / "en" / f"{split}-00000-of-00001.parquet")
    train, held_out = tagged.read("ner", tmp_path / "en")
    assert train.words == held_out.words == WORDS
    assert train.tags == [("B-PER", "O", "O", "B-LOC", "I-LOC"), ("B-PER",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "train.conll has no sentences"),
        ("Ada B-PER\nBob\n", r"train.conll: 1 of 2 lines hold no word with its tag \(the first is line 2; no tag 1\)"),
        ("Ada O\n\nBob PER\n", r"train.conll: has no column of tags of names \(B-TYPE, I-TYPE, O\)"),
    ],
)
def test_bad_files_are_said_in_one_line(tmp_path, text, message):
    with pytest.raises(NeutralError, match=message) as raised:
        tagged.read("ner", write(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_bad_tables_are_said_in_one_line(tmp_path):
    def read(**columns):
        frame = pd.DataFrame(columns)
        for name in ("train", "validation"):
            frame.to_json(tmp_path / f"{name}.jsonl", orient="records", lines=True)
        return tagged.read("ner", tmp_path)

    with pytest.raises(NeutralError, match=r"no columns of words and tags \(tokens, ner_tags\); it has text"):
        read(text=["a"])
    with pytest.raises(NeutralError, match="sentence 1 has 2 words and 1 tags"):
        read(tokens=[["a", "b"]], ner_tags=[["O"]])
    with pytest.raises(NeutralError, match="must hold a list of texts in every row"):
        read(tokens=["a b"], ner_tags=["O O"])


def test_words_that_are_no_words_and_tags_that_say_nothing_are_refused(tmp_path):
    for text, said in (
        ("1 B-PER\n2 O\n", "every word is a number"),
        ("bc B-PER\nbc O\n\nbc O\nbc O\n", "every word is bc"),
        ("Ada O\nBob O\n", "every tag is O"),
    ):
        with pytest.raises(NeutralError, match=said):
            tagged.read("ner", write(tmp_path, text))


def test_a_mapping_names_tags_and_types(tmp_path):
    rows = pd.DataFrame({"tokens": [["Ada", "in", "New", "York"]], "ner_tags": [[1, 0, 2, 3]]})
    names = {"0": "O", "1": "B-person", "2": "B-LOC", "3": "I-LOC", "person": "PER", "LOC": "O"}
    assert tagged.of("ner", "x", rows, names).tags == [("B-PER", "O", "O", "O")]
    rows["ner_tags"] = [["B-person", "O", "S-MISC", "O"]]
    assert tagged.of("ner", "x", rows, {"person": "PER"}).tags == [("B-PER", "O", "B-MISC", "O")]


def test_tags_are_numbered_alike_and_unknown_ones_are_named(tmp_path):
    (train, held_out) = tagged.read("ner", write(tmp_path))
    names = tagged.names([train])
    assert names == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert train.examples(names)[0] == Sentence(WORDS[0], (3, 0, 0, 1, 2))
    with pytest.raises(NeutralError, match="tags that the training data has not: B-PER"):
        held_out.examples(["O", "B-LOC", "I-LOC"])


def test_the_first_part_of_a_word_carries_its_tag(task):
    sentence = Sentence(("unbelievable", "rain"), (1, 3))
    example = task.example(sentence)
    tokens = task.tokenizer.convert_ids_to_tokens(example["input_ids"])
    labels = example["labels"].tolist()
    assert len(tokens) > 4, "the first word has several parts"
    assert [label for label in labels if label != IGNORED] == [1, 3]
    assert labels[1] == 1
    assert all(
        label == IGNORED for token, label in zip(tokens, labels, strict=True) if token[0] == "[" or token[:2] == "##"
    )


def test_a_batch_is_padded_and_the_padding_carries_no_tag(task, sentences):
    batch = task.collate([task.example(sentence) for sentence in sentences[:3]])
    assert (batch["labels"][batch["attention_mask"] == 0] == IGNORED).all()
    assert (batch["labels"] != IGNORED).sum() == sum(len(sentence.words) for sentence in sentences[:3])


@pytest.mark.parametrize("name", ["ner", "pos"])
def test_the_score_is_that_of_sentences_one_by_one(folder, sentences, name):
    task, model = TokenClassification(name, models.load_tokenizer(folder), TAGS), network(folder)
    found, loss, words = [], 0.0, 0
    for sentence in sentences:
        example = task.example(sentence)
        labels = example.pop("labels")
        with torch.no_grad():
            logits = model(**{key: row[None] for key, row in example.items()}).logits[0][labels != IGNORED]
        found.append([TAGS[i] for i in logits.argmax(dim=1).tolist()])
        loss += float(F.cross_entropy(logits, labels[labels != IGNORED], reduction="sum"))
        words += len(logits)
    true = [[TAGS[tag] for tag in sentence.tags] for sentence in sentences]
    score = task.evaluate(model, sentences, batch_size=4)
    if name == "ner":
        expected = f1_score(true, found)
    else:
        pairs = [pair for some, their in zip(found, true, strict=True) for pair in zip(some, their, strict=True)]
        expected = sum(one == other for one, other in pairs) / len(pairs)
    assert score.value == pytest.approx(expected)
    assert score.loss == pytest.approx(loss / words, rel=5e-2)  # bfloat16 where the processor has it
    assert score.count == len(sentences) == len(score.parts)


def test_micro_f1_over_the_parts_is_that_of_seqeval_on_any_tags(task):
    draw = np.random.default_rng(1)
    for _ in range(200):
        true, found, parts = [], [], []
        for length in draw.integers(1, 8, size=draw.integers(1, 6)):
            tags, guesses = draw.integers(0, len(TAGS), (2, length)).tolist()
            true.append([TAGS[i] for i in tags])
            found.append([TAGS[i] for i in guesses])
            parts.append(task.part(Sentence(("w",) * length, tuple(tags)), dict(enumerate(guesses))))
        expected = f1_score(true, found, zero_division=0)
        assert metric("f1").value(np.array(parts, dtype=float).sum(axis=0)) == pytest.approx(expected)


def test_words_beyond_the_length_are_outside_or_wrong(folder):
    sentence = Sentence(("rain",) * 20, (1,) * 20)
    for name, expected in (("ner", 20), ("pos", 20)):
        task = TokenClassification(name, models.load_tokenizer(folder), TAGS, length=8)
        model = network(folder)
        torch.nn.init.zeros_(model.classifier.weight)
        with torch.no_grad():
            model.classifier.bias.copy_(F.one_hot(torch.tensor(1), len(TAGS)).float())  # always B-LOC
        assert task.evaluate(model, [sentence]).parts[0, -1] == expected
        seen = int((task.example(sentence)["labels"] != IGNORED).sum())
        assert 0 < seen < 20
        assert task.evaluate(model, [sentence]).parts[0, 0] == seen


def test_missing_rows_and_words_are_left_out_and_objects_are_no_words():
    frame = pd.DataFrame({"tokens": [["Lena", None], None, ["a"]], "ner_tags": [["B-PER", "O"], None, ["O"]]})
    split = tagged.of("ner", "x", frame)
    assert split.words == [("Lena",), ("a",)]
    assert split.left_out == {"no word": 2}
    for odd in ({"text": "Lena"}, ["Lena"]):
        with pytest.raises(NeutralError, match="x: tokens must hold a list of texts in every row"):
            tagged.of("ner", "x", pd.DataFrame({"tokens": [[odd]], "ner_tags": [["O"]]}))
    with pytest.raises(NeutralError, match="x: ner_tags must hold a list of texts in every row"):
        tagged.of("ner", "x", pd.DataFrame({"tokens": [["a"]], "ner_tags": [1]}))


def test_numbers_for_tags_of_names_are_refused_unless_they_are_given_names():
    frame = pd.DataFrame({"tokens": [["Lena", "left"]], "ner_tags": [[1, 0]]})
    with pytest.raises(NeutralError, match="x has numbers for tags, without names; give --labels 0=O,1=B-TYPE"):
        tagged.of("ner", "x", frame)
    assert tagged.of("ner", "x", frame, {"0": "O", "1": "B-PER"}).tags == [("B-PER", "O")]
