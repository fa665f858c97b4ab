"""A broken study breaks only itself: every page shows the others, and a line says what is wrong with the broken one."""

import re

import apppages
import hostile
import pytest
import synthetic
from apppages import opened, text

from neutral.errors import FileError
from pages.parts import catalogue
from pages.parts.frame import PAGES

BROKEN = set(hostile.AT_OPENING) - {"json-loop"}  # a link to itself is no file, so no study
OPENED = sorted(set(hostile.HOSTILE) - set(hostile.AT_OPENING))
NO_OVERLAP = ("pages/masks.py", "pages/compression.py", "pages/runs.py", "pages/compare.py")
MASKS = [path for path, *_ in PAGES if path not in NO_OVERLAP]
EVERY_OTHER = [(page, name) for i, name in enumerate(OPENED) for page in MASKS[i % 2 :: 2]]
EVERY_DAY = ("app.py", "pages/transfer.py")


def good_ones(folder):
    """Studies with nothing wrong, which every page is to show."""
    synthetic.transfers(
        synthetic.encoder_study(folder / "good", ("en", "fr", "de", "sw"), layers=2, seeds=(0,)),
        languages=("en", "fr", "de", "sw"),
        seeds=(0,),
    )
    synthetic.two_language_study(folder / "two")
    synthetic.compression_study(folder / "tables", ("en", "fr"))
    return folder


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """A folder of all hostile studies and the good ones."""
    folder = good_ones(tmp_path_factory.mktemp("every"))
    hostile.hostile_studies(folder)
    return folder


@pytest.fixture
def among_all(every, tmp_path, monkeypatch):
    apppages.only(every, tmp_path, monkeypatch)


def options(at):
    return {option for box in at.selectbox for option in box.options}


@pytest.mark.parametrize(
    "page",
    [*EVERY_DAY, *(pytest.param(page, marks=pytest.mark.long) for page in MASKS if page not in EVERY_DAY)],
)
def test_a_page_shows_all_good_studies_and_tells_of_the_broken_ones_apart(among_all, page):
    at = opened(page)
    assert not at.error
    said = text(at)
    assert sum(box.label.endswith(" studies cannot be read") for box in at.expander) == 1
    if page != "pages/transfer.py":  # which shows those alone that have runs
        assert {"good", "two", *hostile.SHOWN, *hostile.AT_RESULTS, *hostile.AT_COUNTS} <= options(at)
    assert "good" in options(at)
    assert not BROKEN & options(at)
    assert not [name for name in BROKEN if len(re.findall(rf"(?<![\w/-]){name}[/:]", said)) != 1]


def test_the_compression_page_shows_its_good_study_among_broken_ones(among_all):
    at = opened("pages/compression.py")
    assert not at.error
    assert "Synthetic tables" in text(at)


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("app.py", "row-deep"),
        ("app.py", "readme-latin-1"),
        ("pages/overlap.py", "counts-asymmetric"),
        ("pages/tickets.py", "row-value-text"),
        pytest.param("pages/typology.py", "row-no-source", marks=pytest.mark.long),
        pytest.param("pages/inside.py", "row-no-layers", marks=pytest.mark.long),
    ],
)
def test_a_study_that_turns_out_broken_costs_a_line_on_its_own_page(among_all, page, name):
    assert name in text(breaks_only_itself(page, name))


def breaks_only_itself(page, name):
    """Open a page at a hostile study: it says no more than a line, and offers the others."""
    at = opened(page, study=name)
    assert len(at.error) <= 1
    if at.error:
        assert at.error[0].value.startswith((f"{name}/", "Sound has no overlap counts yet"))
        assert "\n" not in at.error[0].value
    assert "good" in options(at)
    return at


@pytest.mark.long
@pytest.mark.parametrize(
    ("page", "name"), [(page, name) for i, name in enumerate(OPENED) for page in MASKS[i % 2 :: 2]]
)
def test_every_study_that_opens_breaks_only_itself_on_every_other_page(among_all, page, name):
    breaks_only_itself(page, name)


def failing(*arguments):
    raise ZeroDivisionError("by <b>nothing</b>")


def test_whatever_a_study_raises_when_it_is_opened_the_others_are_there(every, among_all, monkeypatch):
    real = catalogue._open
    monkeypatch.setattr(
        catalogue, "_open", lambda path, stamp: failing() if path.endswith("/two") else real(path, stamp)
    )
    studies, broken = catalogue.studies()
    assert "good" in studies
    assert "two" not in studies
    assert f"{every / 'two'}: cannot be shown: by <b>nothing</b> (ZeroDivisionError)" in broken


def test_whatever_the_table_of_a_study_raises_names_the_study(every, monkeypatch):
    study = catalogue.Opened(every / "good")
    table = catalogue.remembered(failing)
    with pytest.raises(FileError, match="good: cannot be shown"):
        table(study)
    monkeypatch.setattr(catalogue, "BUNDLED", every)  # what comes with the project fails by a fault of ours
    with pytest.raises(ZeroDivisionError):
        table(study)


def test_one_broken_study_is_one_line_and_several_are_a_list(tmp_path, monkeypatch):
    synthetic.two_language_study(tmp_path / "studies" / "two")
    for name in ("one *bad*", "other"):
        (tmp_path / "studies" / name).mkdir()
        (tmp_path / "studies" / name / "study.json").write_text("[]")
        apppages.only(tmp_path / "studies", tmp_path, monkeypatch)
        at = opened("app.py")
        if name == "other":
            assert at.expander[0].label == "2 studies cannot be read"
            assert not at.error
        else:
            assert at.error[0].value.count("one \\*bad\\*") == 1
