"""A study from elsewhere is checked as it is read: what is wrong is one line, and nothing else is shown."""

import json

import hostile
import pytest
from conftest import ROOT

from neutral import cli
from neutral.errors import FileError
from neutral.overlap import Counts
from neutral.study import RESULTS, Study, lines
from neutral.study.checks import check_row

MOST = 600
"""Characters of a message, beside the path."""


def said(error, path):
    """The message of a refusal: one line that can be printed and is not long, and names the file."""
    text = str(error.value)
    assert text.startswith(str(path)), text
    assert len(text) < MOST + len(str(path)), text
    assert "\n" not in text
    text.encode()
    assert "SECRET" not in text
    assert "root:" not in text
    return text


@pytest.mark.parametrize("name", hostile.AT_OPENING)
def test_a_study_that_is_wrong_is_not_opened_and_the_line_says_why(tmp_path, name):
    path = hostile.hostile_study(tmp_path, name)
    with pytest.raises(FileError) as error:
        Study(path)
    said(error, path)


@pytest.mark.parametrize("name", hostile.AT_RESULTS)
def test_a_row_that_is_wrong_is_named_when_it_is_read(tmp_path, name):
    path = hostile.hostile_study(tmp_path, name)
    study = Study(path)
    with pytest.raises(FileError) as error:
        list(study.rows())
    text = said(error, path)
    assert name.startswith("results") or "line 2" in text
    assert study.readme
    assert len(study.counts("mlm", "magnitude", 0.5).members) == 2


@pytest.mark.parametrize("name", hostile.LACKING)
def test_a_row_that_lacks_a_field_is_named_where_all_are_needed(tmp_path, name):
    path = hostile.hostile_study(tmp_path, name)
    study = Study(path)
    assert sum(1 for _ in study.rows()) == 7
    with pytest.raises(FileError, match="line 2: has no ") as error:
        [study.whole_table(kind) for kind in ("score", "distance", "retrieval")]
    said(error, path)


@pytest.mark.parametrize("name", hostile.AT_COUNTS)
def test_counts_that_no_masks_can_have_are_refused_and_the_results_are_read(tmp_path, name):
    path = hostile.hostile_study(tmp_path, name)
    study = Study(path)
    with pytest.raises(FileError) as error:
        study.counts("mlm", "magnitude", 0.5)
    said(error, path)
    assert len(study.table("score")) == 4


@pytest.mark.parametrize("name", hostile.AT_README)
def test_a_readme_that_is_no_text_of_the_study_is_not_shown(tmp_path, name):
    path = hostile.hostile_study(tmp_path, name)
    study = Study(path)
    with pytest.raises(FileError) as error:
        print(study.readme)
    said(error, path)


@pytest.mark.parametrize("name", hostile.SHOWN)
def test_what_is_odd_and_not_wrong_is_read(tmp_path, name):
    study = Study(hostile.hostile_study(tmp_path, name))
    list(study.rows())
    assert study.readme is not None
    assert len(study.readme) < 300_000
    for path in study.counts_index()["path"]:
        Counts.load(path)


@pytest.mark.parametrize("path", sorted(file.parent for file in ROOT.glob("data/studies/*/study.json")), ids=str)
def test_the_bundled_studies_are_as_they_must_be(path):
    study = Study(path)
    assert sum(1 for _ in lines.read(path / RESULTS, whole=True))
    for counts in study.counts_index()["path"]:
        Counts.load(counts)


def test_every_hostile_study_is_written(tmp_path):
    names = hostile.hostile_studies(tmp_path)
    assert len(names) > 80
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == set(names)


def test_a_wrong_entry_is_named_with_what_is_there_and_what_belongs_there(tmp_path):
    hostile.sound(tmp_path / "s", languages=["en", 5])
    with pytest.raises(FileError, match=r"study\.json: languages → entry 2 is 5; a text of one line, .* belongs there"):
        Study(tmp_path / "s")


def test_a_row_says_its_line_its_field_and_what_belongs_there(tmp_path):
    path = hostile.hostile_study(tmp_path, "row-value-text")
    with pytest.raises(FileError, match=r"results\.jsonl: line 2: value is '12'; a number belongs there"):
        Study(path).table("score")


MASKS = {"task": "clm", "method": "wanda", "sparsity": 0.5, "seed": 0}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"kind": "text", "language": "en", "unknown": 1.5}, "unknown"),
        ({"kind": "text", "language": "en", "fallback": "much"}, "fallback"),
        ({"kind": "text", "language": ["en"]}, "language"),
        ({"kind": "score", **MASKS, "characters": -1}, "characters"),
        ({"kind": "mixed", **MASKS, "beta": "large"}, "beta"),
        ({"kind": "mixed", **MASKS, "family": []}, "family"),
        ({"kind": "process", **MASKS, "component": 0.5}, "component"),
        ({"kind": "process", **MASKS, "columns": "many"}, "columns"),
        ({"kind": "process", **MASKS, "space": "here"}, "space"),
        ({"kind": "properties", **MASKS, "component": 0.5}, "component"),
        ({"kind": "across", "language": "en", "other": 5}, "other"),
        ({"kind": "leaving", **MASKS, "without": 5}, "without"),
        ({"kind": "recovery", **MASKS, "right": "all"}, "right"),
        ({"kind": "recovery", **MASKS, "cases": 0.5}, "cases"),
    ],
)
def test_a_number_that_is_none_is_named_in_each_kind_of_row(tmp_path, row, field):
    with pytest.raises(FileError, match=f"line 3: {field}"):
        check_row(tmp_path, 3, row)


def test_rows_of_other_kinds_stay_readable_beside_a_wrong_one(tmp_path):
    study = Study(hostile.hostile_study(tmp_path, "row-value-text"))
    assert study.table("distance")["value"].tolist() == [0.8]


def test_a_study_whose_folder_is_a_link_is_read(tmp_path):
    hostile.sound(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert len(Study(tmp_path / "link").table("score")) == 4


def test_a_long_readme_ends_with_a_word_that_it_goes_on(tmp_path):
    study = Study(hostile.hostile_study(tmp_path, "readme-huge"))
    assert study.readme.endswith("… (README.md goes on)")


def test_a_line_that_is_cut_off_at_the_end_is_still_passed_over(tmp_path):
    hostile.sound(tmp_path / "s")
    with open(tmp_path / "s" / "results.jsonl", "a") as file:
        file.write(json.dumps({"kind": "score", "value": "text"})[:-1])
    assert len(Study(tmp_path / "s").table("score")) == 4


def test_an_entry_that_could_not_be_opened_again_is_not_written(tmp_path):
    Study.create(tmp_path / "s", {"title": "One"})
    with pytest.raises(FileError, match=r"title is 'two.nlines'"):
        Study.create(tmp_path / "s", {"title": "two\nlines"})
    assert Study(tmp_path / "s").info == {"title": "One"}


@pytest.mark.parametrize("name", hostile.HOSTILE)
def test_the_shell_ends_with_one_line_whatever_the_study(tmp_path, name, capsys):
    path = hostile.hostile_study(tmp_path, name)
    for command in (("study", "show"), ("study", "scores"), ("study", "experts"), ("nearest", "en", "--study")):
        code = cli.main([*command, str(path)])
        out = capsys.readouterr()
        assert code in (0, 2), (command, out.err)
        assert code == 0 or out.err.count("\n") == 1, (command, out.err)
        assert "SECRET" not in out.out + out.err
