"""Labelled data as it lies in folders when it was downloaded."""

import gzip
import json
import os

import pytest

from neutral.errors import NeutralError
from neutral.tasks import data

NAMES = "Lena B-PER\nleft O\n\nOslo B-LOC\nfell O\n"
PARTS = "1\tLena\tLena\tPROPN\t_\t_\t0\troot\t_\t_\n2\tleft\tleave\tVERB\t_\t_\t1\tx\t_\t_\n\n"


def laid(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def held(text):
    """Other sentences, to be held out."""
    return text.replace("left", "stayed").replace("fell", "rose").replace("leave", "stay")


def wikiann(code, text=NAMES):
    return "\n".join(f"{code}:{line}" if line else line for line in text.split("\n"))


@pytest.mark.parametrize(
    ("task", "files", "languages"),
    [
        (
            "ner",
            {f"MasakhaNER/data/{code}/{split}.txt": text for code in ("hau", "yor") for split, text in
             (("train", NAMES), ("dev", held(NAMES)), ("test", held(NAMES)))},
            ["hau", "yor"],
        ),
        ("ner", {"wikiann/en/train": wikiann("en"), "wikiann/en/dev": wikiann("en", held(NAMES))}, ["en"]),
        ("ner", {"eng.train": NAMES, "eng.testa": held(NAMES), "eng.testb": held(NAMES)}, ["eng"]),
        ("ner", {"en.train.conll": NAMES, "en.dev.conll": held(NAMES), "sw_train.bio": NAMES,
                 "sw_test.bio": held(NAMES)}, ["en", "sw"]),
        ("ner", {"train/en.txt": NAMES, "train/sw.txt": NAMES, "dev/en.txt": held(NAMES), "dev/sw.txt": held(NAMES)},
         ["en", "sw"]),
        (
            "pos",
            {"UD_German-GSD/de_gsd-ud-train.conllu.gz": PARTS, "UD_German-GSD/de_gsd-ud-dev.conllu.gz": held(PARTS),
             "UD_Tamil-TTB/ta_ttb-ud-train.conllu": PARTS, "UD_Tamil-TTB/ta_ttb-ud-test.conllu": held(PARTS)},
            ["de", "ta"],
        ),
    ],
    ids=["MasakhaNER", "WikiAnn", "CoNLL-2003", "files a language", "folders a split", "UD"],
)  # fmt: skip
def test_data_sets_are_read_as_they_are_distributed(tmp_path, task, files, languages):
    corpus = data.load(task, laid(tmp_path / "downloads", files))
    assert corpus.languages == languages
    for code in languages:
        assert corpus.train[code][0].words == ("Lena", "left")
        assert corpus.held_out[code][0].words == ("Lena", "stayed")


def table(*rows, columns="language\tgold_label\tsentence1\tsentence2"):
    return "\n".join([columns, *("\t".join(row) for row in rows)]) + "\n"


XNLI = [(code, label, f"{code} {i}", label) for code in ("de", "sw", "ur")
        for i, label in enumerate(("neutral", "entailment", "contradiction"))]  # fmt: skip


def test_one_file_of_all_languages_is_told_apart_by_its_column(tmp_path):
    laid(tmp_path, {"xnli.dev.tsv": table(*XNLI), "xnli.test.tsv": table(*[(a, b, f"{c}!", d) for a, b, c, d in XNLI])})
    corpus = data.load("nli", tmp_path, ["sw", "ur"])
    assert corpus.labels == ("contradiction", "entailment", "neutral")
    assert corpus.train["sw"][0].texts == ("sw 0", "neutral")
    assert corpus.held_out["ur"][2].texts == ("ur 2!", "contradiction")
    assert "de, sw, ur: no train file, so dev is trained on" in corpus.notes


def test_training_files_a_language_go_with_a_shared_file_and_another_code(tmp_path):
    mt = "premise\thypo\tlabel\na\tb\tneutral\na\tc\tentailment\na\td\tcontradictory\n"
    laid(tmp_path, {"XNLI/xnli.dev.tsv": table(*XNLI), "MT/multinli.train.deu.tsv": mt, "MT/multinli.train.sw.tsv": mt})
    with pytest.raises(NeutralError, match="give --labels contradictory=contradiction"):
        data.load("nli", tmp_path)
    corpus = data.load("nli", tmp_path, labels={"contradictory": "contradiction"})
    assert corpus.languages == ["deu", "sw"]
    assert corpus.held_out["deu"][0].texts == ("de 0", "neutral")
    assert corpus.labels == ("contradiction", "entailment", "neutral")
    assert "ur: no training data, so passed over" in corpus.notes


def test_a_column_of_languages_in_a_languages_own_file_chooses_its_rows(tmp_path):
    laid(tmp_path, {"swa/train.tsv": table(*XNLI), "swa/dev.tsv": table(*XNLI)})
    assert [example.texts[0] for example in data.load("nli", tmp_path).train["swa"]] == ["sw 0", "sw 1", "sw 2"]
    laid(tmp_path, {"yo/train.tsv": table(*XNLI), "yo/dev.tsv": table(*XNLI)})
    with pytest.raises(NeutralError, match="has rows of de, sw, ur, and none of yo"):
        data.load("nli", tmp_path)


@pytest.mark.parametrize(("column", "read"), [("de", True), ("ger", True), ("", True), ("German", True), ("fr", False)])
def test_a_file_of_one_other_language_is_refused(tmp_path, column, read):
    rows = [(column, label, f"{i}", "b") for i, label in enumerate(("neutral", "entailment"))]
    laid(tmp_path, {"de/train.tsv": table(*rows), "de/dev.tsv": table(*rows)})
    if read:
        assert len(data.load("nli", tmp_path).train["de"]) == 2
        return
    with pytest.raises(NeutralError, match="has rows of fr, and none of de"):
        data.load("nli", tmp_path)


def test_snli_and_americasnli(tmp_path):
    rows = [{"gold_label": label, "sentence1": f"{i}", "sentence2": "b", "annotator_labels": ["neutral"]}
            for i, label in enumerate(("neutral", "-", "entailment"))]  # fmt: skip
    text = "\n".join(map(json.dumps, rows))
    snli = laid(tmp_path / "snli", {"en/snli_1.0_train.jsonl": text, "en/snli_1.0_dev.jsonl": text,
                                    "en/snli_1.0_train.txt": "gold_label\tsentence1\tsentence2\n"})  # fmt: skip
    corpus = data.load("nli", snli)
    assert len(corpus.train["en"]) == 2
    assert "en: left out no class (-) 2; read 4 examples" in corpus.notes
    assert "passed over in snli: snli_1.0_train.txt" in corpus.notes
    rows = [(code, str(i), "x", label) for code in ("aym", "quy") for i, label in enumerate(("neutral", "entailment"))]
    head = "language\tpremise\thypothesis\tlabel"
    anli = laid(tmp_path / "anli", {"dev.tsv": table(*rows, columns=head), "test.tsv": table(*rows, columns=head)})
    assert data.load("nli", anli).languages == ["aym", "quy"]


def test_what_is_passed_over_is_said_once_by_name(tmp_path):
    files = {f"{code}/{name}": NAMES for code in ("en", "sw") for name in ("train.txt", "dev.txt", "test.txt")}
    files |= {"all_languages/train.tsv": "x\n", "README.md": "", "en/notes.pdf": "", "yo/test.txt": NAMES}
    laid(tmp_path / "set", files | {".git/config": ""})
    corpus = data.load("ner", tmp_path / "set")
    assert corpus.languages == ["en", "sw"]
    said = [note for note in corpus.notes if "passed over" in note]
    assert said == [
        "yo: no training data, so passed over",
        "passed over in set: README.md, notes.pdf, test.txt (2 times), train.tsv",
    ]


def test_one_split_alone_has_a_tenth_held_out(tmp_path):
    laid(tmp_path, {"en/train.txt": "\n\n".join(f"Lena{i} B-PER\nleft O" for i in range(20))})
    corpus = data.load("ner", tmp_path)
    assert (len(corpus.train["en"]), len(corpus.held_out["en"])) == (18, 2)
    assert "en: train alone, so a tenth of it is held out" in corpus.notes


def test_files_called_by_a_language_alone_are_read_with_a_tenth_held_out(tmp_path):
    text = "\n\n".join(f"Lena{i} B-PER\nleft O" for i in range(20))
    laid(tmp_path, {"en.conll": text, "sw.conll": text, "sw.txt": "left\n", "stats.tsv": "x\n"})
    corpus = data.load("ner", tmp_path)
    assert {code: len(held) for code, held in corpus.held_out.items()} == {"en": 2, "sw": 2}
    assert "en, sw: train alone, so a tenth of it is held out" in corpus.notes


def test_the_folder_of_one_language_is_read_too(tmp_path):
    laid(tmp_path / "hau", {"train.txt": NAMES, "dev.txt": held(NAMES)})
    assert data.load("ner", tmp_path / "hau").languages == ["hau"]


def test_two_data_sets_of_one_language_are_refused(tmp_path):
    laid(tmp_path, {"UD_A/de_gsd-ud-train.conllu": PARTS, "UD_B/de_hdt-ud-train.conllu": PARTS})
    with pytest.raises(NeutralError, match=r"is one of two data sets for de, the other is .*de_hdt-ud-train.conllu"):
        data.load("pos", tmp_path)


def test_two_scripts_of_one_language_are_two_members(tmp_path):
    laid(tmp_path, {f"{code}/{name}.txt": NAMES for code in ("sr_Cyrl", "sr_Latn") for name in ("train", "dev")})
    assert data.load("ner", tmp_path).languages == ["sr_Cyrl", "sr_Latn"]


def test_one_example_alone_is_refused(tmp_path):
    laid(tmp_path, {"en/train.txt": "Lena B-PER\nleft O\n"})
    with pytest.raises(NeutralError, match="one example alone is no data to train on and to score"):
        data.load("ner", tmp_path)


def test_two_data_sets_of_one_language_stop_no_other_language(tmp_path):
    laid(tmp_path, {"UD_A/zh_a-ud-train.conllu": PARTS, "UD_B/zh_b-ud-train.conllu": PARTS})
    laid(tmp_path / "en", {"train.txt": PARTS, "dev.txt": held(PARTS)})
    assert data.load("pos", tmp_path, ["en"]).languages == ["en"]
    survey = data.survey("pos", tmp_path)
    assert (list(survey.corpus.train), list(survey.problems)) == (["en"], ["zh"])


def test_two_codes_of_one_language_are_said(tmp_path):
    for code in ("en", "eng", "sw"):
        laid(tmp_path / code, {"train.txt": NAMES, "dev.txt": held(NAMES)})
    assert "en and eng are one language" in data.load("ner", tmp_path).notes


def test_files_of_conll_2002_are_spanish_and_dutch(tmp_path):
    files = {
        f"{code}.{split}": NAMES if split == "train" else held(NAMES) for code in ("esp", "ned") for split in TRAINED
    }
    laid(tmp_path, files)
    assert data.load("ner", tmp_path).languages == ["nld", "spa"]


TRAINED = ("train", "testa")


def test_a_code_that_is_a_word_is_told_by_the_names_beside_it(tmp_path):
    laid(tmp_path, {f"{code}_news.{split}.conll": NAMES for code in ("en", "it", "id") for split in ("train", "dev")})
    assert data.load("ner", tmp_path).languages == ["en", "id", "it"]


def test_links_to_nothing_and_to_folders_above_and_deep_folders_are_said(tmp_path):
    laid(tmp_path / "en", {"train.txt": NAMES, "dev.txt": held(NAMES)})
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "train.txt").symlink_to(tmp_path / "none")
    (tmp_path / "loop").symlink_to(tmp_path)
    laid(tmp_path / "a" / "b" / "c" / "d" / "deep", {"train.txt": NAMES})
    survey = data.survey("ner", tmp_path)
    assert list(survey.corpus.train) == ["en"]
    assert "no such file" in str(survey.problems["de"])
    assert any(note.endswith(": deep, loop") for note in survey.corpus.notes)


def test_a_folder_whose_name_is_no_text_is_passed_over(tmp_path):
    laid(tmp_path / "en", {"train.txt": NAMES, "dev.txt": held(NAMES)})
    odd = tmp_path / os.fsdecode(b"d\xff")
    try:
        laid(odd, {"train.txt": NAMES})
    except OSError:
        pytest.skip("this file system takes text alone")
    corpus = data.load("ner", tmp_path)
    assert corpus.languages == ["en"]
    (tmp_path / "en" / os.fsdecode(b"\xff.pdf")).touch()
    note = next(note for note in data.load("ner", tmp_path).notes if "passed over" in note)
    assert "train.txt" in note
    assert note.encode()


def test_a_folder_that_is_shut_is_said_in_one_line(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(NeutralError, match="cannot be read: Permission denied"):
        data.load("ner", tmp_path)


def test_of_a_file_of_all_languages_each_counts_its_own_rows_and_those_of_none_are_said(tmp_path):
    rows = [
        {"language": code, "premise": f"a {i}", "hypothesis": "b", "label": "xy"[i % 2]}
        for code in ("en", "de")
        for i in range(4)
    ]
    rows[0]["label"] = -1
    rows += [{"premise": "c", "hypothesis": "b", "label": "x", "language": code} for code in (None, " ")]
    laid(tmp_path, {f"{split}.jsonl": "\n".join(map(json.dumps, rows)) + "\n{" for split in ("dev", "test")})
    corpus = data.load("nli", tmp_path)
    assert {code: (one.read, one.left_out) for code, (one, _) in corpus.readings.items()} == {
        "de": (4, {}),
        "en": (3, {"no class (-1)": 1}),
    }
    assert "dev.jsonl: left out no JSON 1, no language 2" in corpus.notes


def test_a_language_is_asked_for_by_any_of_its_codes(tmp_path):
    files = {f"{code}/{split}.txt": text for code in ("hau", "yo") for split, text in
             (("train", NAMES), ("dev", held(NAMES)))}  # fmt: skip
    corpus = data.load("ner", laid(tmp_path, files), ["ha", "yor"])
    assert corpus.languages == ["ha", "yor"]
    assert len(corpus.train["ha"]) == len(corpus.train["yor"]) == 2
    with pytest.raises(NeutralError, match="no data for ha, zu"):
        data.load("ner", tmp_path, ["hau", "ha", "zu"])
