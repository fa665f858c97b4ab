"""Every word that takes explaining has one line, which docs, help of the shell and pages share."""

import ast
import re

import pytest
from conftest import ROOT

from neutral import glossary
from neutral.cli.language import WORDS
from neutral.language.nearest import COLUMNS

PLAIN = {
    *("Language", "Languages", "One language", "The other", "Find a language", "Lines of", "Your languages", "Masks"),
    *("Show", "Part", "Colour", "Region", "Links: so many of the strongest overlaps", "Beside it", "Folded families"),
    *("Near in the map is near in", "Lines", "Tokens", "One line each", "Axis up to", "Of", "Methods", "Tokens by"),
    *("Perplexity of", "Error", "Against", "Metric", "Map"),
}
"""Labels that any reader understands, on the pages that this test looks at."""

LOOKED_AT = [
    ROOT / "app.py",
    *(ROOT / "pages" / f"{name}.py" for name in ("overlap", "pair", "layers", "language", "typology", "inside")),
    *(ROOT / "pages" / f"{name}.py" for name in ("tickets", "masks", "compression")),
    *(ROOT / "pages" / "parts").glob("*.py"),
    *(
        p
        for room in ("overlap", "language", "typology", "inside", "search", "compression")
        for p in (ROOT / "pages/parts" / room).glob("*.py")
    ),
]
PICKERS = {"pick", "pick_number", "pick_some", "Tile"}


def labels(path):
    """The labels of pickers and tiles in a file that are written out, and whether each has a help of its own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in PICKERS and isinstance(node.args[0], ast.Constant):
            helped = any(word.arg == "help" for word in node.keywords) or (name == "Tile" and len(node.args) == 4)
            yield node.args[0].value, helped


def test_every_label_of_a_picker_or_tile_is_explained_or_plain():
    found = {label: helped for path in LOOKED_AT for label, helped in labels(path)}
    assert {"Mean overlap", "Measure", "Edges"} <= set(found), "the test reads the labels"
    bare = {label for label, helped in found.items() if not helped and not glossary.of(label) and label not in PLAIN}
    assert not bare, "add them to neutral/glossary.py"
    for label in ("Study", "Task", "Method", "Sparsity", "Seed"):  # of the sidebar, which come from a list
        assert glossary.of(label)


def test_the_page_of_docs_is_what_the_module_writes():
    written = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert written == glossary.page(), "write it again: python -m neutral.glossary > docs/glossary.md"


@pytest.mark.parametrize("key", glossary.TERMS)
def test_a_line_is_whole_sentences_without_marks(key):
    line = glossary.line(key)
    assert re.match(r"[A-Z0-9ρ].*\.$|log2.*\.$|p,.*\.$", line)
    assert not set("*`[]<>$") & set(line)
    assert len(line) < 400


def test_a_key_is_there_once_and_so_is_a_name():
    assert len(glossary.TERMS) == sum(map(len, glossary.GROUPS.values()))
    assert len({term.name for term in glossary.TERMS.values()}) == len(glossary.TERMS)


def test_nearest_explains_its_columns(capsys):
    from neutral.cli import main

    assert set(WORDS) == set(COLUMNS) - {"language"}
    with pytest.raises(SystemExit):
        main(["nearest", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for word, key in WORDS.items():
        assert f"{word} {glossary.line(key)}" in said
