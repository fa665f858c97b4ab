"""Column files: a line has a word and what is said of it, with tabs or spaces between; a blank line ends a sentence.

The ending says little of what is in such a file, so its lines do: whether each begins with the word's number, which of
the other columns holds the tags, and which lines that begin with `#` are comments. Ten numbered columns are CoNLL-U.
Columns are split at tabs and spaces only, as words may have other kinds of spaces in them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neutral import textfiles
from neutral.errors import FileError
from neutral.readings import MOST_BAD, added, listed
from neutral.tasks import iob

_NUMBER = re.compile(r"\d+(?:[-.]\d+)?")  # 3; 3-4, a token of two words; 3.1, a word that isn't written
_CONLLU, _UPOS = 10, 3  # columns: id, form, lemma, upos, …
_EMPTY = {"", "_", "-", "*"}
_CHUNKS = {"NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"}  # CoNLL-2000's
_HEADS = {"token", "tokens", "word", "words", "form"}
_HEADS_OF_TAGS = {"tag", "tags", "label", "labels", "pos", "upos", "ner", "ner_tag", "ner_tags", "ne-coarse-lit"}

Row = list[str]


@dataclass
class Columns:
    """Sentences as words and tags, bad lines by reason and the number of the first of them, and what was assumed."""

    words: list[list[str]] = field(default_factory=list)
    tags: list[list[str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    first_bad: int = 0
    notes: list[str] = field(default_factory=list)


def read(task: str, path: Path) -> Columns:
    """Read a column file for `ner` or `pos`; tags are as they stand there.

    A bad line (without a word or a tag, with another number of columns, or with a tag that is none) is passed over and
    counted. Raises `FileError` for text that is not UTF-8, for a file without a column of tags, and for one of which
    more than `MOST_BAD` of the lines are bad.
    """
    rows = [_cells(line) for line in textfiles.lines(path)]
    sizes = Counter(len(row) for row in rows if row and not row[0].startswith("#") and not _is_break(row))
    result = Columns()
    if not sizes:
        return result
    width = sizes.most_common(1)[0][0]
    plain = [row for row in rows if len(row) == width and not row[0].startswith("#") and not _is_break(row)]
    numbered = width > 2 and _is_numbered(rows, width)
    if width < 2:
        line = rows.index(plain[0]) + 1
        raise FileError(path, f"line {line} holds a word without a tag: {plain[0][0]}")
    if _is_header(plain[0]):
        result.notes.append("its first line is a header")
        rows[rows.index(plain.pop(0))] = []
    if not plain:
        return result
    place = _tags_at(task, path, plain, numbered, result.notes)
    _fill(result, rows, _Form(task, width, numbered, place, {row[place] for row in plain}))
    bad, good = result.left_out.total(), sum(map(len, result.words))
    if bad > MOST_BAD * (bad + good):
        first = f"the first is line {result.first_bad}; {listed(added(result.left_out))}"
        raise FileError(path, f"{bad:,} of {bad + good:,} lines hold no word with its tag ({first})")
    return result


@dataclass(frozen=True)
class _Form:
    """How a file is laid out."""

    task: str
    width: int
    numbered: bool
    tag: int  # the place of the column
    known: set[str]  # tags of lines that do not begin with #

    @property
    def word(self) -> int:
        return int(self.numbered)

    def is_comment(self, row: Row, *, first: bool) -> bool:
        """Whether a line that begins with # cannot be a word's; `first`: it stands before a sentence."""
        return self.numbered or len(row) != self.width or (first and row[self.tag] not in self.known)

    def problem(self, row: Row) -> str:
        """Return what is wrong with a line; nothing if nothing is."""
        if len(row) < self.width:
            return "no tag"
        if len(row) > self.width:
            return "more columns"
        if not is_word(row[self.word]):
            return "no word"
        if row[self.tag] in ("", "_"):
            return "no tag"
        return "no tag of a name" if self.task == "ner" and not iob.is_tag(row[self.tag]) else ""


def _fill(result: Columns, rows: Sequence[Row], form: _Form) -> None:
    """Put the sentences of a file's lines into a result."""
    sentence: list[Row] = []
    comments, last = False, -1
    for line, row in enumerate([*rows, []], start=1):
        number = int(row[0]) if form.numbered and row and row[0].isdigit() else None
        if not row or _is_break(row) or (number is not None and sentence and number <= last):
            _end(result, sentence, form)
            sentence = []
        if not row or _is_break(row):
            continue
        if row[0].startswith("#") and form.is_comment(row, first=not sentence):
            comments = True
        elif form.numbered and number is None and _NUMBER.fullmatch(row[0]):
            continue
        elif problem := form.problem(row):
            result.left_out[problem] += 1
            result.first_bad = result.first_bad or line
        else:
            sentence.append(row)
            last = last if number is None else number
    if comments and not form.numbered:
        result.notes.append("lines that begin with # and cannot be words are comments")


def _end(result: Columns, sentence: list[Row], form: _Form) -> None:
    if sentence:
        result.words.append([row[form.word] for row in sentence])
        result.tags.append([row[form.tag] for row in sentence])


def _cells(line: str) -> Row:
    """Return the columns of a line; none of a blank one. The first is empty where the word is missing."""
    if not line.strip():
        return []
    line = line.rstrip(" \t")
    return [cell.strip(" ") for cell in line.split("\t")] if "\t" in line else re.split(" +", line)


def _is_break(row: Row) -> bool:
    """Whether a line ends a sentence as a blank one does."""
    return not row or "-DOCSTART-" in row[:2]


def is_word(text: str) -> bool:
    """Whether a text is more than spaces and marks that are not seen (U+200B, a joiner)."""
    return any(unicodedata.category(letter)[0] not in "ZC" or unicodedata.category(letter) == "Co" for letter in text)


def _is_header(row: Row) -> bool:
    names = {cell.lower() for cell in row}
    return bool(names & _HEADS and names & _HEADS_OF_TAGS)


def _is_numbered(rows: Sequence[Row], width: int) -> bool:
    """Whether lines begin with the word's number in its sentence, from 0 or 1; one line in twenty may not."""
    right = count = 0
    last = -1
    for row in rows:
        if len(row) != width or row[0].startswith("#"):
            last = last if row else -1
            continue
        count += 1
        if row[0].isdigit():
            number = int(row[0])
            right += number in (0, 1, last + 1)
            last = number
        else:
            right += _NUMBER.fullmatch(row[0]) is not None
    return right >= 0.95 * count


def _tags_at(task: str, path: Path, rows: Sequence[Row], numbered: bool, notes: list[str]) -> int:
    """Return the place of the column that holds the tags, and note it where it could be doubted.

    For `ner` the column of tags like B-LOC; of two (a chunk beside a name, a name inside a name) not that of chunks,
    and the first. For `pos` that of CoNLL-U, else the last that is filled and holds no names or chunks.
    """
    width = len(rows[0]) if rows else 0
    columns = {i: [row[i] for row in rows] for i in range(1 + numbered, width)}
    named = [i for i, values in columns.items() if sum(map(iob.is_tag, values)) * 3 > 2 * len(values)]
    inside = [i for i in named if any(iob.is_tag(value) and value.upper() != iob.OUTSIDE for value in columns[i])]
    if task == "ner":
        places = [i for i in inside if not _types(columns[i]) <= _CHUNKS] or inside or named[-1:]
        if not places:
            shown = columns[max(columns)][0] if columns else ""
            raise FileError(path, f"has no column of tags of names (B-TYPE, I-TYPE, O); its last begins with {shown}")
        if len(places) > 1:
            notes.append(f"columns {' and '.join(str(i + 1) for i in places)} hold names; {places[0] + 1} is read")
        return places[0]
    if numbered and width == _CONLLU:
        places = [_UPOS] if set(columns[_UPOS]) - _EMPTY else []
    else:
        places = [i for i, values in columns.items() if i not in inside and set(values) - _EMPTY]
    if not places:
        raise FileError(path, "has no column of parts of speech")
    if width != _CONLLU and places[-1] != width - 1:
        notes.append(f"parts of speech are read from column {places[-1] + 1}, as those after it hold none")
    return places[-1]


def _types(values: Iterable[str]) -> set[str]:
    return {iob.type_of(value) for value in values if iob.is_tag(value) and value.upper() != iob.OUTSIDE}
