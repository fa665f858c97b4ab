"""Text is parted by document: what is held out, and the halves of what is read, share none."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tiny

from neutral import corpora, models
from neutral.corpora import documents
from neutral.coverage import coverage
from neutral.errors import FileError, NeutralError
from neutral.recipes import Recipe
from neutral.runs import search
from neutral.runs.plans.search import SearchPlan, check, settings
from neutral.runs.subject import subject
from neutral.search.calibration import alternating, interleaved
from neutral.search.evaluations import bits
from neutral.study import Study
from neutral.tasks import LanguageModelling, data


@pytest.fixture
def folder(tmp_path):
    """Two languages of 40 parallel lines in ten documents of four; an empty line keeps its place."""
    text = tmp_path / "text"
    text.mkdir()
    for code in ("en", "fr"):
        lines = [f"{code} line {i} of document {i // 4}" for i in range(40)]
        lines[5] = ""
        (text / f"{code}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "documents.txt").write_text("".join(f"d{i // 4}\n" for i in range(40)))
    return tmp_path


def documents_in(lines):
    return {line.rsplit(" ", 1)[1] for line in lines}


def test_whole_documents_are_held_out_and_an_empty_line_keeps_its_place(folder):
    corpus = corpora.load(folder / "text", documents=folder / "documents.txt")
    for code in ("en", "fr"):
        assert documents_in(corpus.held_out[code]) == {"0"}
        assert documents_in(corpus.train[code]) == set("123456789")
        assert len(corpus.train[code]) == len(corpus.documents[code]) == 35
        assert [f"d{line.rsplit(' ', 1)[1]}" for line in corpus.train[code]] == corpus.documents[code]


def test_other_documents_are_another_text(folder):
    before = corpora.load(folder / "text", documents=folder / "documents.txt")
    (folder / "documents.txt").write_text("".join(f"e{i // 4}\n" for i in range(40)))
    after = corpora.load(folder / "text", documents=folder / "documents.txt")
    assert before.train == after.train
    assert before.hashes["en"] != after.hashes["en"] != corpora.load(folder / "text").hashes["en"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("d\n" * 40, "names 1 documents"),
        ("a\n\nb\n", "line 2 is empty"),
        ("a\nb\n", "has 40 lines, and .*documents.txt .--documents. names those of 2"),
    ],
)
def test_documents_that_do_not_fit_are_refused_in_a_line(folder, content, why):
    (folder / "documents.txt").write_text(content)
    with pytest.raises(FileError, match=why):
        corpora.load(folder / "text", documents=folder / "documents.txt")


def test_marks_of_articles_do_not_go_with_documents(folder):
    path = folder / "text" / "en.txt"
    lines = path.read_text().split("\n")
    path.write_text("\n".join(["<doc id=1>", *lines[1:]]))
    with pytest.raises(FileError, match="no text"):
        corpora.load(folder / "text", documents=folder / "documents.txt")


def test_labelled_data_takes_no_documents(folder):
    with pytest.raises(NeutralError, match="--documents: for plain text"):
        data.load("ner", folder / "text", documents=folder / "documents.txt")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("llama"), "llama", languages=("en", "sw"))


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "documents.txt").write_text("".join(f"d{i // 6}\n" for i in range(264)))
    return corpora.load(tiny.SENTENCES, ["en", "sw"], documents=tmp_path / "documents.txt")


def words_of(tokenizer, blocks):
    return {word for text in tokenizer.batch_decode(blocks, skip_special_tokens=True) for word in text.split()}


def test_halves_of_blocks_and_of_lines_share_no_document(model, tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    # The words of a document are its own: document d has the word of letter d alone.
    words = ["the", "of", "and", "in", "to", "a", "is", "was", "on", "by"]
    (text / "en.txt").write_text("".join(f"{words[i // 20]} {words[i // 20]}\n" for i in range(200)))
    (tmp_path / "documents.txt").write_text("".join(f"d{i // 20}\n" for i in range(200)))
    corpus = corpora.load(text, documents=tmp_path / "documents.txt")
    found = subject(str(model), "clm", corpus, ["en"], length=16, lines=40, held_out_lines=3, device="cpu")
    for taken in (found.calibration("en", 8), alternating(found.train["en"][:8])):
        one, other = (words_of(found.task.tokenizer, taken.items[list(half)]) for half in (taken.a, taken.b))
        assert one
        assert other
        assert not one & other
    assert len(found.lines["en"].items) > 2


def test_halves_of_a_mixture_share_no_document_and_have_both_languages(model, tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    words = ["the", "of", "and", "in", "to", "a", "is", "was", "on", "by"]
    for code, mark in (("en", "river"), ("sw", "village")):
        lines = [f"{words[i // 20]} {mark}\n" for i in range(200)]
        (text / f"{code}.txt").write_text("".join(lines))
    (tmp_path / "documents.txt").write_text("".join(f"d{i // 20}\n" for i in range(200)))
    corpus = corpora.load(text, documents=tmp_path / "documents.txt")
    found = subject(str(model), "clm", corpus, ["en+sw"], length=16, device="cpu")
    taken = found.calibration("en+sw", 12)
    one, other = (words_of(found.task.tokenizer, taken.items[list(half)]) for half in (taken.a, taken.b))
    assert {"river", "village"} <= one & other
    assert one & set(words)
    assert not one & other & set(words)


def test_text_to_train_on_of_one_document_has_no_halves(model, folder):
    (folder / "documents.txt").write_text("a\n" * 20 + "b\n" * 20)
    corpus = corpora.load(folder / "text", documents=folder / "documents.txt")
    with pytest.raises(NeutralError, match="--documents: the text of en to train on is of one document"):
        subject(str(model), "clm", corpus, ["en"], length=16, device="cpu")


def test_as_many_lines_are_read_of_every_language_and_of_a_mixture_in_turn(model, corpus):
    found = subject(str(model), "clm", corpus, ["en", "sw", "en+sw"], length=32, lines=24, device="cpu")
    ends = {code: int((text.items == found.task.separator).sum()) for code, text in found.lines.items()}
    blocks = {code: len(text.items) for code, text in found.lines.items()}
    assert {code: ends[code] - blocks[code] for code in ends} == {"en": 24, "sw": 24, "en+sw": 24}
    assert len(found.lines["en"].a) + len(found.lines["en"].b) == blocks["en"]
    with pytest.raises(NeutralError, match="--lines 4000: en has"):
        subject(str(model), "clm", corpus, ["en"], length=32, lines=4000, device="cpu")
    with pytest.raises(NeutralError, match="--held-out-lines 4000: en has"):
        subject(str(model), "clm", corpus, ["en"], length=32, held_out_lines=4000, device="cpu")


def test_whole_lines_keep_every_token_and_what_pads_them_is_no_text(model):
    task = LanguageModelling("clm", models.load_tokenizer(model), length=16)
    lines = ["the river runs through the village", "and into the sea"]
    blocks = task.whole(lines)
    written = task.tokenizer.decode(blocks.ravel().tolist(), skip_special_tokens=True)
    assert written.split() == " ".join(lines).split()
    examples = [task.example(block, (0, 0)) for block in blocks]
    padded = sum(int((example["attention_mask"] == 0).sum()) for example in examples)
    assert padded == int((blocks == task.filler).sum())
    task.filler = task.separator  # as tokenizers without a padding token do
    again = [task.example(block, (0, 0))["attention_mask"] for block in task.whole(lines)]
    assert [mask.tolist() for mask in again] == [example["attention_mask"].tolist() for example in examples]


def test_a_causal_score_says_how_much_text_it_is_of(model):
    loaded = models.load(str(model), "clm", tokenizer=models.load_tokenizer(model), length=32, device="cpu")
    task = LanguageModelling("clm", models.load_tokenizer(model), length=32)
    lines = ["the river runs through the village", "über die Brücke"]
    score = task.evaluate(loaded.model, task.whole(lines))
    texts = [task.tokenizer.decode(ids, skip_special_tokens=True) for ids in task.tokenizer(lines)["input_ids"]]
    assert score.characters == pytest.approx(len(" ".join(texts)), abs=2)
    assert score.bytes >= score.characters


def test_halves_take_turns():
    one, other = np.arange(6).reshape(3, 2), np.arange(10, 14).reshape(2, 2)
    assert interleaved(one, other).tolist() == [[0, 1], [10, 11], [2, 3], [12, 13]]


def unequal(tmp_path):
    """English of which one half is twice as long as the other, and Swahili of equal halves."""
    text = tmp_path / "text"
    text.mkdir()
    lines = ["the river runs to the village"] * 120
    (text / "en.txt").write_text("\n".join(lines) + "\n")
    # An empty line is no text: of every other document in Swahili as many are left as in English of the shorter ones.
    (text / "sw.txt").write_text("\n".join(line if i % 60 < 20 or i % 2 else "" for i, line in enumerate(lines)) + "\n")
    names = [f"d{2 * (i // 60) + (i % 60 >= 20)}" for i in range(120)]
    held = ["the river runs to the village"] * 4
    (tmp_path / "documents.txt").write_text("\n".join(names) + "\n")
    corpus = corpora.load(text, documents=tmp_path / "documents.txt")
    return replace(corpus, held_out=dict.fromkeys(corpus.held_out, held))


def test_what_the_longer_half_has_beyond_the_other_is_left_out_and_said(model, tmp_path, capsys):
    corpus = unequal(tmp_path)
    found = subject(str(model), "clm", corpus, ["en", "sw"], length=16, device="cpu")
    (note,) = [note for note in found.notes if note.startswith("--documents")]
    task = found.task
    one, other = (len(task.items(half)) for half in documents.halves(corpus.train["en"], corpus.documents["en"]))
    assert one != other
    assert f"en {abs(one - other)} of {one + other}" in note
    assert len(found.train["en"]) == 2 * min(one, other)
    few = subject(str(model), "clm", corpus, ["en"], length=16, blocks=4, device="cpu")
    assert not [note for note in few.notes if note.startswith("--documents")], "all that is looked at is there"
    plan = SearchPlan(str(model), "clm", ("en",), "wanda", (0.5,), length=16, recipe=Recipe(steps=0), halves=True)
    search.find(plan, corpus, tmp_path / "study", device="cpu")
    assert capsys.readouterr().err.count("the longer one's last blocks are left out") == 1
    assert any("left out: en" in note for note in Study(tmp_path / "study").info["notes"])


def test_a_note_of_unequal_halves_names_a_few_languages():
    from neutral.runs.subject import _unequal

    assert _unequal({}, {}) == []
    (note,) = _unequal({f"l{i}": i + 1 for i in range(8)}, {f"l{i}": range(10) for i in range(8)})
    assert note.endswith("l7 8 of 18, l6 7 of 17, l5 6 of 16, l4 5 of 15, l3 4 of 14, and fewer of 3 more languages")


class Bytes:
    """A tokenizer of bytes."""

    def __call__(self, lines, **_):
        return {"input_ids": [list(line.encode()) for line in lines]}

    def decode(self, ids):
        return bytes(ids).decode("utf-8", errors="replace")


def test_pieces_of_characters_are_counted():
    found = coverage(Bytes(), ["ab", "é"])
    assert (found.lines, found.characters, found.bytes, found.tokens, found.fallback) == (2, 3, 4, 4, 0.5)


def test_lines_are_of_text_and_even():
    plan = SearchPlan("model", "clm", ("en",), "wanda", (0.5,))
    assert "text_lines" not in settings(plan)
    for change, why in (
        ({"lines": 3, "halves": True}, "even number"),
        ({"functional_languages": ("en",)}, "--functional-languages: of the functional check"),
        ({"functional_blocks": 2}, "--functional-blocks: of the functional check"),
        ({"task": "ner", "held_out_lines": 3}, "for text"),
        ({"functional": (0.5,), "functional_languages": ("fr",)}, "--functional-languages fr"),
    ):
        with pytest.raises(NeutralError, match=why):
            check(SearchPlan(**{"model": "m", "task": "clm", "languages": ("en",), "method": "wanda"} | change))


def test_a_study_says_how_text_is_covered_and_checks_the_languages_that_are_named(model, corpus, tmp_path):
    plan = SearchPlan(str(model), "clm", ("en", "sw"), "wanda", (0.5,), length=16, blocks=4, held_out_lines=3)
    plan = replace(plan, functional=(0.5,), functional_languages=("sw",))
    search.find(plan, corpus, tmp_path / "study", device="cpu", quiet=True)
    study = Study(tmp_path / "study")
    text = study.table("text").set_index("language")
    assert (text["tokens"] > 0).all()
    assert (text["lines"] == 264).all()
    assert (text["fallback"] == 0).all()
    checked = study.table("functional")
    assert set(checked["target"]) == {"sw"}
    assert set(checked["source"]) == {"full", "pretrained", "random", "sw"}
    spent = bits(study.table("score"), "clm").set_index(["method", "language"])["value"]
    row = study.table("score").query("method == 'full' and language == 'en'").iloc[0]
    assert spent["full", "en"] == pytest.approx(row["loss"] * row["tokens"] / np.log(2) / row["characters"])
    assert study.settings("clm", "wanda")["held_out_lines"] == 3
    with pytest.raises(NeutralError, match="held_out_lines 3, not 4"):
        search.find(replace(plan, held_out_lines=4), corpus, tmp_path / "study", device="cpu", quiet=True)


def test_a_functional_check_may_come_later_and_is_then_of_as_many_blocks(model, corpus, tmp_path):
    plan = SearchPlan(str(model), "clm", ("en", "sw"), "wanda", (0.5,), length=16, blocks=4, held_out_lines=3)
    masks = partial(search.find, corpus=corpus, folder=tmp_path / "study", device="cpu", quiet=True)
    masks(plan)
    checked = replace(plan, functional=(0.5,), functional_blocks=2)
    assert len(masks(checked).table("functional")) == 2 * 5
    assert len(masks(plan).table("functional")) == 2 * 5, "a run without a check goes on"
    assert masks(checked).settings("clm", "wanda")["functional_blocks"] == 2
    for other, said in ((3, "not 3"), (None, "not unset")):
        with pytest.raises(NeutralError, match=f"functional_blocks 2, {said}"):
            masks(replace(checked, functional_blocks=other))


def test_a_functional_check_of_all_blocks_is_not_gone_on_with_on_fewer(model, corpus, tmp_path):
    plan = SearchPlan(str(model), "clm", ("en", "sw"), "wanda", (0.5,), length=16, blocks=4, held_out_lines=3)
    plan = replace(plan, functional=(0.5,), functional_languages=("sw",))
    masks = partial(search.find, corpus=corpus, folder=tmp_path / "study", device="cpu", quiet=True)
    masks(plan)
    with pytest.raises(NeutralError, match="functional_blocks unset, not 2"):
        masks(replace(plan, functional_blocks=2))
