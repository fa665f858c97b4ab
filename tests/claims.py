"""Read what a document says, so that its numbers can be held against the data."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = "README.md"
NUMBER = r"([+-]?\d[\d,]*(?:\.\d+)?)"


def says(page: str, sentence: str, *values: float) -> None:
    """Assert that a document has a sentence whose numbers are these values, rounded to the digits that it prints.

    `page` is a path from the root, `sentence` has a {} for every number. Bold marks and line ends do not matter.
    """
    pattern = re.escape(_plain(sentence)).replace(r"\{\}", NUMBER)
    match = re.search(pattern, _plain((ROOT / page).read_text(encoding="utf-8")))
    assert match, f"{page} does not say: {sentence}"
    assert len(match.groups()) == len(values)
    wrong = [(text, value) for text, value in zip(match.groups(), values, strict=True) if not rounds(text, value)]
    assert not wrong, f"{page}: {sentence}\n(printed, measured): {wrong}"


def rounds(text: str, value: float) -> bool:
    """Whether a number rounds to a text: "-0.86", "1,300", "2.99 k" (thousands) or "10^6" (the nearest power)."""
    if text.startswith("10^"):
        return 0.999 * 10 ** (int(text[3:]) - 0.5) <= value <= 1.001 * 10 ** (int(text[3:]) + 0.5)
    unit = 1000 if text.endswith("k") else 1
    digits = text.removesuffix("k").strip().replace(",", "")
    decimals = len(digits.partition(".")[2])
    return abs(float(digits) - value / unit) <= 0.5 * 10**-decimals * (1 + 1e-6)


def rows(page: str, *columns: str) -> list[list[str]]:
    """Return the cells of the one table of a document whose header has these columns, without its header."""
    text = (ROOT / page).read_text(encoding="utf-8")
    tables = [_cells(block) for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M)]
    (table,) = [table for table in tables if table[0][: len(columns)] == list(columns)]
    return table[2:]


def _cells(block: str) -> list[list[str]]:
    return [[_plain(cell) for cell in line.strip().strip("|").split("|")] for line in block.strip().splitlines()]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).replace("**", "").split())
