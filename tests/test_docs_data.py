"""`docs/data.md` names every column, split, reason and form that is read."""

import re
from argparse import Namespace

import pytest
from claims import ROOT

from neutral.cli import options
from neutral.corpora.datafiles import SPLITS
from neutral.corpora.readings import MOST_BAD
from neutral.errors import NeutralError
from neutral.tasks import examples, records, sentences

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_page_names_what_is_read():
    schemes = ("IOB1", "IOBES", "BILOU", "BMES")
    named = [*examples.CLASSES, *SPLITS, *schemes, "hypo", "text1", "text_b"]
    assert not [name for name in named if not re.search(rf"\b{name}\b", PAGE)]


def test_the_page_says_the_share_of_bad_lines():
    assert pytest.approx(1 / 3) == MOST_BAD
    assert "More than a third" in PAGE


def test_the_page_names_the_columns_of_tables_with_tags():
    for names in (records.WORDS, *sentences._TAGS.values()):
        assert not [name for name in names if f"`{name}`" not in PAGE]


def test_the_option_for_labels_says_what_it_takes():
    with pytest.raises(NeutralError, match="takes old=new"):
        options.renamed(Namespace(labels="PER"))
