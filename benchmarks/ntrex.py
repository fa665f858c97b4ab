"""Parallel text in three other forms: romanised, with the words of every sentence shuffled, and other lines.

    pip install uroman==1.3.1.1
    python -m benchmarks.ntrex TEXT DOCUMENTS OUT

TEXT is a folder of `<lang>.txt[.xz]` whose lines mean the same in all languages, DOCUMENTS says which document every
line is from (both as NTREX-128 has them). OUT gets the folders `plain`, `romanised` and `shuffled`, which hold the
documents of the first 200 lines, and `other`, which holds as many that follow them; `plain.documents` and so on say
which those are, a line each.

Romanised is as uroman does it (Hermjakob, May & Knight 2018, ACL): one script for all. Words are what stands between
spaces; where a script writes none they are characters with the marks on them, and syllables in Tibetan. Their order is
drawn anew for every line, from the line's number, so it is the same for texts with as many words.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from neutral.corpora import documents, languages_in, textfiles
from neutral.languages import language

LINES = 200

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Kana and Han
)
_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_PARTS = re.compile(rf"[^\s་]+་|[{_UNSPACED}][{_MARKS}]*|[^\s་{_UNSPACED}]+")


def shuffled(line: str, seed: int) -> str:
    """Return a line with its words in another order, joined as they were: by spaces if it had any between words.

    >>> sorted(shuffled("a cat sat", 1).split())
    ['a', 'cat', 'sat']
    """
    words = _PARTS.findall(line)
    spaced = len(line.split()) > len(words) / 2
    order = np.random.default_rng(seed).permutation(len(words))
    return (" " if spaced else "").join(words[i] for i in order)


def romanised(line: str, romaniser: Callable[[str], str]) -> str:
    """Return a line in Latin letters; one whose numbers the romaniser fails on goes through it word by word."""
    try:
        return romaniser(line)
    except AttributeError:
        return " ".join(_word(word, romaniser) for word in line.split())


def _word(word: str, romaniser: Callable[[str], str]) -> str:
    try:
        return romaniser(word)
    except AttributeError:
        return "".join(romaniser(letter) for letter in word)


def span(of_lines: list[str], start: int) -> range:
    """Return the lines of whole documents from `start` on, the first of a document, to the end of the 200th."""
    end = min(start + LINES, len(of_lines))
    while 0 < end < len(of_lines) and of_lines[end] == of_lines[end - 1]:
        end += 1
    return range(start, end)


def checked(bits: Mapping[str, float]) -> list[str]:
    """Return 24 of the languages in `bits`, language -> bits a character: those of the functional check.

    Of each of the ten largest families the language of median bits; then of each script that is not among them, the
    most frequent first and up to 18 languages, the one of median bits; then the three of fewest bits that are not among
    them, and the three of most. Ties go by the names.
    """
    chosen: list[str] = []
    for trait, most in (("family", 10), ("script", 18)):
        groups: dict[str, list[str]] = {}
        for code in sorted(bits, key=lambda code: (bits[code], code)):
            groups.setdefault(getattr(language(code), trait), []).append(code)
        there = {language(code).script for code in chosen}
        for name in sorted(groups, key=lambda name: (-len(groups[name]), name)):
            if len(chosen) < most and (trait == "family" or name not in there):
                chosen.append(groups[name][(len(groups[name]) - 1) // 2])
    rest = [code for code in sorted(bits, key=lambda code: (bits[code], code)) if code not in chosen]
    return chosen + rest[:3] + rest[-3:]


def main(text: str, of_lines: str, out: str) -> None:
    """Write the four folders."""
    import uroman

    romaniser = uroman.Uroman().romanize_string
    known = documents.read(of_lines)
    first = span(known, 0)
    other = span(known, first.stop)
    for code, path in languages_in(text).items():
        lines = [line.strip() for line in textfiles.lines(path)]
        plain = [lines[i] for i in first]
        forms = {
            "plain": plain,
            "romanised": [romanised(line, romaniser) for line in plain],
            "shuffled": [shuffled(line, seed) for seed, line in enumerate(plain)],
            "other": [lines[i] for i in other],
        }
        for form, written in forms.items():
            folder = Path(out, form)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{code}.txt").write_text("\n".join(written) + "\n", encoding="utf-8")
        print(code)
    for form, places in {"plain": first, "romanised": first, "shuffled": first, "other": other}.items():
        Path(out, f"{form}.documents").write_text("".join(f"{known[i]}\n" for i in places), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
