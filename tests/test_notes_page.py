"""What is to know of a study's model and text stands on its pages."""

import apppages
import pytest
import synthetic

from neutral.study import Study

NOTE = "Much of the text is unknown to the tokenizer: sw (40% of its tokens unknown)"
HOSTILE = "![picture](http://example.org/x.png) <b>bold</b>"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a study of masks and one of a token table; the app finds no others."""
    synthetic.two_language_study(tmp_path / "studies" / "two")
    synthetic.compression_study(tmp_path / "studies" / "tables")
    apppages.only(tmp_path / "studies", tmp_path, monkeypatch)
    return tmp_path / "studies"


def told(page):
    """What a page says as plain text, but for the link to itself."""
    return [each.value for each in apppages.opened(page).text if not each.value.startswith("?")]


@pytest.mark.parametrize(
    ("page", "study"), [("app.py", "two"), ("pages/pair.py", "two"), ("pages/compression.py", "tables")]
)
def test_notes_are_shown_as_plain_text(folder, page, study):
    assert told(page) == []
    Study.create(folder / study, {"notes": [NOTE, HOSTILE]})
    assert told(page) == [NOTE, HOSTILE]
