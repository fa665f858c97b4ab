"""Make the labelled data of this folder from `ingredients.json` and the sentences: `python data/tasks/make.py`.

Everything is drawn from one seed and by number, never by language, so example n says the same in all languages.
README.md says what the data are, and that they are no benchmark.
"""

from __future__ import annotations

import json
import lzma
import random
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SENTENCES = HERE.parent / "sentences"
SEED = 20221207
SIZES = {"ner": {"train": 1200, "validation": 300}, "nli": {"train": 2400, "validation": 300}}
CLASSES = ("entailment", "neutral", "contradiction")
COMMANDS = (4, 27, 53, 77, 88, 101, 115, 132, 145, 159, 177, 181, 210, 224, 242, 258)
"""Lines (from 1) that command something; like questions, they are neither true nor false."""

_SLOT = re.compile(r"\{(\w+)\}")
_TYPES = {"P": "PER", "P2": "PER", "L": "LOC", "O": "ORG"}


def make(folder: Path = HERE) -> None:
    """Write `<task>/<language>/<split>` for names and inference in all languages, and `acceptability/<split>`."""
    ingredients = json.loads((HERE / "ingredients.json").read_text(encoding="utf-8"))
    sentences = {code: (SENTENCES / f"{code}.txt").read_text(encoding="utf-8").splitlines() for code in ingredients}
    for code, own in ingredients.items():
        for split in ("train", "validation"):
            names = [tagged(code, own, sentences[code], *drawn) for drawn in draw_names(split)]
            _write(folder / "ner" / code / f"{split}.conll.xz", "\n".join(names))
            pairs = [inferred(code, own, sentences[code], *drawn) for drawn in draw_pairs(split, sentences["en"])]
            _write(folder / "nli" / code / f"{split}.tsv.xz", "\n".join(["premise\thypothesis\tlabel", *pairs, ""]))

    for split in ("train", "validation"):
        rows = [row for code in ingredients for row in ordered(code, sentences[code], split)]
        _write(folder / "acceptability" / f"{split}.tsv.xz", "\n".join(["sentence\tlabel\tlanguage", *rows, ""]))


def ordered(code: str, sentences: list[str], split: str) -> Iterator[str]:
    """Yield a language's sentences as lines of a table: 1 in their order, 0 shuffled; to train on, each as both.

    They have no punctuation and no capitals, which would tell.
    """
    for n in lines_of(split):
        order = [word.lower() for word in words(code, sentences[n]) if any(map(str.isalnum, word))]
        mixed = order.copy()
        while mixed == order:
            random.Random(f"{SEED} acceptability {code} {n} {len(mixed)}").shuffle(mixed)
        for label, shown in ((1, order), (0, mixed)):
            if split == "train" or label == n // 5 % 2:
                yield f"{('' if code == 'zh' else ' ').join(shown)}\t{label}\t{code}"


def lines_of(split: str) -> list[int]:
    """Return the numbers of a split's sentences: every fifth is for validation only."""
    return [n for n in range(264) if (n % 5 == 0) == (split == "validation")]


def names_of(split: str, count: int) -> list[int]:
    """Return the numbers of a split's names: the last third is for validation only."""
    return [n for n in range(count) if (n >= count * 2 // 3) == (split == "validation")]


def draw_names(split: str) -> Iterator[tuple[int, int, dict[str, object]]]:
    """Yield (frame, line, numbers that fill the slots) of each sentence with names."""
    draw = random.Random(f"{SEED} ner {split}")
    lines, names, organisations = lines_of(split), names_of(split, 18), names_of(split, 12)
    for i in range(SIZES["ner"][split]):
        person, other = ((draw.choice(names), draw.choice(names)) for _ in range(2))
        slots = {"P": person, "P2": other, "L": draw.choice(names), "O": draw.choice(organisations)}
        yield i % 12, draw.choice(lines), slots


def draw_pairs(split: str, english: list[str]) -> Iterator[tuple[str, int, tuple[int, str, int]]]:
    """Yield (class, premise, hypothesis) of each pair: the premise is a line, the hypothesis what `_framed` gives.

    The hypothesis states the premise or another sentence, as true or as not true.
    """
    draw = random.Random(f"{SEED} nli {split}")
    lines = [n for n in lines_of(split) if not english[n].endswith("?") and n + 1 not in COMMANDS]
    for i in range(SIZES["nli"][split]):
        label = CLASSES[i % 3]
        premise, other = draw.sample(lines, 2)
        stated = draw.random() < 1 / 2 if label == "neutral" else label == "entailment"
        yield label, premise, _framed(draw, other if label == "neutral" else premise, stated)


def tagged(code: str, own: dict, sentences: list[str], frame: int, line: int, slots: dict) -> str:
    """Return one sentence in CoNLL's format, a blank line after it."""
    rows = []
    for i, piece in enumerate(_SLOT.split(own["frames"][frame])):
        if i % 2 == 0 or piece == "S":
            rows += [(word, "O") for word in words(code, sentences[line] if i % 2 else piece)]
        else:
            name = words(code, _name(code, own, piece, slots[piece]))
            rows += [(word, f"{'I' if n else 'B'}-{_TYPES[piece]}") for n, word in enumerate(name)]
    return "".join(f"{word}\t{tag}\n" for word, tag in rows)


def inferred(
    code: str, own: dict, sentences: list[str], label: str, premise: int, hypothesis: tuple[int, str, int]
) -> str:
    """Return one pair as a line of a table."""
    line, frame, wording = hypothesis
    space = "" if code == "zh" else " "
    said = f"{own[frame][wording]}{space}{sentences[line]}" if frame else sentences[line]
    return f"{sentences[premise]}\t{said}\t{label}"


def words(code: str, text: str) -> list[str]:
    """Split a text into words and punctuation; Chinese into characters, as WikiAnn has it."""
    if code == "zh":
        return re.findall(r"[A-Za-z0-9]+|\S", text)
    found = []
    for word in text.split():
        start, end = 0, len(word)
        while start < end and unicodedata.category(word[start])[0] == "P":
            start += 1
        while end > start and unicodedata.category(word[end - 1])[0] == "P":
            end -= 1
        found += [*word[:start], *([word[start:end]] if start < end else []), *word[end:]]
    return found


def _name(code: str, own: dict, slot: str, number: object) -> str:
    if slot in ("P", "P2"):
        first, last = number
        return f"{own['given'][first]}{'·' if code == 'zh' else ' '}{own['family'][last]}"
    return own["places" if slot == "L" else "organisations"][number]


def _framed(draw: random.Random, line: int, is_true: bool) -> tuple[int, str, int]:
    """Return (line, how it is framed, which wording): bare, or said to be true or not."""
    frame = draw.choice(("", "true")) if is_true else "false"
    return line, frame, draw.randrange(2)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(text.encode(), preset=6))


if __name__ == "__main__":
    make(*map(Path, sys.argv[1:2]))
