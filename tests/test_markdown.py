"""Every Markdown file reads well: short lines, links that lead somewhere, and no more words than it may have."""

import re
from functools import cache
from pathlib import Path

import pytest
from claims import ROOT, rows

WIDTH, WORDS, SUMMARY = 120, 1300, 150


def _own(path: Path) -> bool:
    """Whether a file is the project's own: not a tool's, and not of an environment or a package installed here."""
    above = [ROOT.joinpath(*path.relative_to(ROOT).parts[:i]) for i in range(1, len(path.relative_to(ROOT).parts))]
    return not any(folder.name.startswith(".") or (folder / "pyvenv.cfg").exists() for folder in above)


PAGES = sorted(path for path in ROOT.rglob("*.md") if _own(path))
STUDIES = sorted((ROOT / "data/studies").glob("*/README.md"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    for heading in re.findall(r"^#+ +(.+)$", _without_code(path), flags=re.M):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        seen = sum(re.fullmatch(rf"{re.escape(plain)}(-\d+)?", other) is not None for other in found)
        found.append(f"{plain}-{seen}" if seen else plain)
    return set(found)


def _without_code(path: Path) -> str:
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def links(path: Path) -> list[str]:
    """The targets of a page's links and pictures that are no addresses of the web."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", _without_code(path)))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def test_the_pages_are_found():
    assert {ROOT / "README.md", ROOT / "benchmarks/small.md", ROOT / "data/models/mini-mbert/README.md"} <= set(PAGES)
    assert len(STUDIES) == 12
    assert set(STUDIES) <= set(PAGES)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_lines_are_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [(number, len(line)) for number, line in enumerate(lines, 1) if len(line) > WIDTH] == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_somewhere(path):
    broken = []
    for target in links(path):
        file, _, anchor = target.partition("#")
        to = (path.parent / file).resolve() if file else path
        if not to.is_relative_to(ROOT.resolve()) or not to.exists() or (anchor and anchor not in anchors(to)):
            broken.append(target)
    assert broken == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= WORDS


@pytest.mark.parametrize("path", STUDIES, ids=name)
def test_a_study_begins_with_its_title_and_a_summary(path):
    """The summary says what does not hold, too."""
    title, _, rest = path.read_text(encoding="utf-8").partition("\n")
    assert title.startswith("# ")
    summary = rest.partition("\n## ")[0]
    assert 50 < len(summary.split()) <= SUMMARY
    assert "What does not hold:" in " ".join(summary.split())


def test_the_readmes_speeds_are_those_of_the_benchmarks():
    text = " ".join((ROOT / "benchmarks/README.md").read_text(encoding="utf-8").split())
    cells = rows("README.md", "what", "time", "beside")
    assert len(cells) >= 3
    for row in cells:
        for number in re.findall(r"\d[\d.,]*\d", " ".join(row)):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.]*\d)", text), (row, number)


def test_broken_links_and_doubled_headings_are_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One\n\n## What `x` is, and why?\n\n## One\n\n[a](gone.md) [b](https://x.y) `[c](d)`\n")
    assert links(page) == ["gone.md"]
    assert anchors(page) == {"one", "what-x-is-and-why", "one-1"}
