"""`data show`, and what `find --dry-run` says of data."""

import csv
import io
import json

import pytest
import tiny

from neutral.__main__ import main
from neutral.study import Study

GOOD = "Lena B-PER\nleft O\n\nOslo B-LOC\nfell O\n"


def run(capsys, *arguments):
    code = main(list(map(str, arguments)))
    return code, *capsys.readouterr()


@pytest.fixture
def folder(tmp_path):
    for code in ("en", "sw"):
        (tmp_path / "ner" / code).mkdir(parents=True)
        for name in ("train", "dev"):
            (tmp_path / "ner" / code / f"{name}.txt").write_text(GOOD, encoding="utf-8")
    return tmp_path / "ner"


def test_json_says_what_was_read_and_left_out_with_labels_and_the_first_example(folder, capsys):
    (folder / "sw" / "train.txt").write_text(GOOD + " O\n", encoding="utf-8")
    code, out, err = run(capsys, "data", "show", folder, "--task", "ner", "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert told["sw"] == {
        "name": "Swahili",
        "read": 4,
        "unit": "sentences",
        "train": 2,
        "held_out": 2,
        "words": 8,
        "left_out": {"no word": 1},
        "labels": {"O": 4, "B-PER": 2, "B-LOC": 2},
        "first": {"words": ["Lena", "left"], "labels": ["B-PER", "O"]},
    }
    assert "sw: left out no word 1; read 4 sentences" in err


def test_table_and_csv_hold_a_row_a_language(folder, capsys):
    _, out, _ = run(capsys, "data", "show", folder, "--task", "ner")
    assert [line.split()[:5] for line in out.splitlines()] == [
        ["language", "name", "train", "held_out", "words"],
        *([code, name, "2", "2", "8"] for code, name in (("en", "English"), ("sw", "Swahili"))),
    ]
    _, out, _ = run(capsys, "data", "show", folder, "--task", "ner", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["language"], row["first"]) for row in rows] == [(code, "Lena/B-PER left/O") for code in ("en", "sw")]


def test_a_bad_language_has_its_problem_on_its_row_and_the_others_are_shown(folder, capsys):
    (folder / "sw" / "dev.txt").write_text("Lena\nleft\n", encoding="utf-8")
    code, out, err = run(capsys, "data", "show", folder, "--task", "ner", "--format", "json")
    told = json.loads(out)
    assert code == 2
    assert told["en"]["read"] == 4
    assert told["sw"]["problem"].endswith("dev.txt: line 1 holds a word without a tag: Lena")
    assert err.splitlines()[-1].endswith(told["sw"]["problem"])


def test_labels_that_differ_are_shown_and_refused_and_a_mapping_mends_them(folder, capsys):
    for name in ("train", "dev"):
        path = folder / "sw" / f"{name}.txt"
        path.write_text(GOOD.replace("PER", "person"), encoding="utf-8")
    show = ("data", "show", folder, "--task", "ner", "--format", "json")
    code, out, err = run(capsys, *show)
    assert code == 2
    assert json.loads(out)["sw"]["labels"]["B-person"] == 2
    assert err.splitlines()[-1] == (
        "neutral: labels differ: en has LOC, PER, sw has LOC, person; if they are one, give --labels person=PER, else "
        "person=person"
    )
    code, out, _ = run(capsys, *show, "--labels", "person=PER")
    assert code == 0
    assert json.loads(out)["sw"]["labels"] == {"O": 4, "B-PER": 2, "B-LOC": 2}
    assert run(capsys, *show, "--labels", "person:PER")[0] == 2
    _, _, err = run(capsys, *show, "--labels", "person=PER,PRESON=PER")
    assert "--labels: no data has PRESON\n" in err


def test_a_model_counts_tokens_and_those_that_it_does_not_know(tmp_path, capsys):
    text = tmp_path / "text"
    text.mkdir()
    (text / "en.txt").write_text("\ufeffthe rain fell\n" * 20, encoding="utf-8")
    model = tiny.saved(tmp_path / "bert")
    show = ("data", "show", text, "--task", "mlm", "--model", model, "--format", "json")
    _, out, _ = run(capsys, *show)
    told = json.loads(out)["en"]
    assert (told["read"], told["train"], told["held_out"]) == (20, 18, 2)
    assert told["first"] == {"text": "the rain fell"}
    assert told["tokens"] >= 60
    assert told["unknown"] == 0
    (text / "ka.txt").write_text("საქართველო ლამაზია\n" * 20, encoding="utf-8")
    code, out, err = run(capsys, *show)
    told = json.loads(out)
    assert (code, told["ka"]["unknown"]) == (2, 1)
    assert "does not know its text (100% of the tokens)" in told["ka"]["problem"]
    assert "problem" not in told["en"]
    assert err.splitlines()[-1].startswith("neutral: Georgian (ka): the model's tokenizer does not know")


def test_find_dry_run_says_what_is_read_and_the_plan_and_writes_nothing(folder, tmp_path, capsys):
    model = tiny.saved(tmp_path / "bert")
    find = ("find", "--model", model, "--task", "ner", "--text", folder, "--study", tmp_path / "study", "--dry-run")
    code, out, _ = run(capsys, *find, "--steps", 3, "--sparsity", 0.2, "--quiet")
    assert code == 0
    assert "Lena/B-PER left/O" in out
    line = (
        "magnitude masks of 2 languages, 1 seed, sparsities 10%, 20%: 6 trainings of 3 steps, on 2 examples a language"
    )
    assert line in out.splitlines()
    assert not (tmp_path / "study").exists()


def test_a_study_keeps_what_was_left_out_and_how_labels_were_named(folder, tmp_path, capsys):
    for name in ("train", "dev"):
        path = folder / "sw" / f"{name}.txt"
        path.write_text(GOOD.replace("PER", "person") + " O\n", encoding="utf-8")
    model, study = tiny.saved(tmp_path / "bert"), tmp_path / "study"
    find = ("find", "--model", model, "--task", "ner", "--text", folder, "--study", study, "--method", "random")
    code, _, err = run(capsys, *find, "--steps", 1, "--device", "cpu", "--labels", "person=PER")
    assert code == 0, err
    info = Study(study).info
    assert info["settings"]["random"]["labels"] == {"person": "PER"}
    assert "sw: left out no word 2; read 4 sentences" in info["notes"]
    assert "neutral: sw: left out no word 2; read 4 sentences" in err.splitlines()
