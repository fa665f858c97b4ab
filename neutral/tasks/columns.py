"""Column files: a line has a word and what is said of it, with tabs or spaces between; a blank line ends a sentence.

The ending says little of what is in such a file, so its lines do: which columns hold the words and the tags (`roles`),
whether the words of a sentence are numbered, and which lines that begin with `#` are comments.
Columns are split at tabs and spaces only, as words may have other kinds of spaces in them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neutral.corpora import textfiles
from neutral.corpora.readings import MOST_BAD, added, listed
from neutral.errors import FileError
from neutral.tasks import iob, roles

_FEWEST = 5  # columns, of files whose sentences may differ in their number
_LONGEST = 300  # words of a file that may be one sentence
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
    rows = _cut([_cells(line) for line in textfiles.lines(path)])
    sizes = Counter(len(row) for row in rows if row and not row[0].startswith("#") and not _is_break(row))
    result = Columns()
    if not sizes:
        return result
    width = sizes.most_common(1)[0][0]
    plain = [row for row in rows if len(row) == width and not row[0].startswith("#") and not _is_break(row)]
    if width < 2:
        line = rows.index(plain[0]) + 1
        raise FileError(path, f"line {line} holds a word without a tag: {plain[0][0]}")
    if _is_header(plain[0]):
        result.notes.append("its first line is a header")
        rows[rows.index(plain.pop(0))] = []
    if not plain:
        return result
    word = roles.before_words(plain)
    numbered = word > 0 and roles.is_counted(rows, width, word - 1)
    if word != numbered:
        result.notes.append(f"words are read from column {word + 1}, as those before it say where they stand")
    place = roles.tags_at(task, path, plain, word, result.notes)
    broken = any(_is_break(row) for row in rows[: rows.index(plain[-1])])
    _fill(result, rows, _Form(task, width, word, numbered, broken, place, {row[place] for row in plain}))
    bad, good = result.left_out.total(), sum(map(len, result.words))
    if len(result.words) == 1 and good > _LONGEST:
        raise FileError(path, f"has no blank lines, so that its {good:,} words would be one sentence")
    if bad > MOST_BAD * (bad + good):
        first = f"the first is line {result.first_bad}; {listed(added(result.left_out))}"
        raise FileError(path, f"{bad:,} of {bad + good:,} lines hold no word with its tag ({first})")
    return result


@dataclass(frozen=True)
class _Form:
    """How a file is laid out."""

    task: str
    width: int
    word: int  # the place of the column
    numbered: bool  # whether the column before it counts the words of a sentence
    broken: bool  # whether a blank line ends a sentence somewhere
    tag: int  # the place of the column
    known: set[str]  # tags of lines that do not begin with #

    def is_comment(self, row: Row, *, first: bool) -> bool:
        """Whether a line that begins with # cannot be a word's; `first`: it stands before a sentence."""
        if self.word or len(row) != self.width:
            return True
        is_tag = row[self.tag] in self.known or (self.task == "ner" and iob.is_tag(row[self.tag]))
        return first and not is_tag

    def number(self, row: Row) -> int | None:
        """Return the word's number in its sentence, if the line has one."""
        cell = row[self.word - 1] if self.numbered and len(row) >= self.word else ""
        return int(cell) if cell.isdecimal() else None

    def is_apart(self, row: Row, before: Row) -> bool:
        """Whether two lines are of two sentences, as their numbers or, without any blank line, their names tell."""
        number, last = self.number(row), self.number(before)
        if number is not None and last is not None and number <= last:
            return True
        names = self.word - self.numbered
        return not self.broken and not row[0].startswith("#") and row[:names] != before[:names]

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
    comments = False
    for line, row in enumerate([*rows, []], start=1):
        if _is_break(row) or (sentence and form.is_apart(row, sentence[-1])):
            _end(result, sentence, form)
            sentence = []
        if _is_break(row):
            continue
        if row[0].startswith("#") and form.is_comment(row, first=not sentence):
            comments = True
        elif form.numbered and form.number(row) is None and roles.NUMBER.fullmatch(row[: form.word][-1]):
            continue
        elif problem := form.problem(row):
            result.left_out[problem] += 1
            result.first_bad = result.first_bad or line
        else:
            sentence.append(row)
    if comments and not form.word:
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


def _cut(rows: list[Row]) -> list[Row]:
    """Return rows cut to the columns that all have, if whole sentences differ in their number.

    CoNLL-2009 and -2012 end in a column for each predicate of the sentence.
    """
    widths, width = set(), None
    for row in rows:
        if _is_break(row):
            width = None
        elif not row[0].startswith("#"):
            if width not in (None, len(row)):
                return rows
            width = len(row)
            widths.add(width)
    fewest = min(widths, default=0)
    return [row[:fewest] for row in rows] if len(widths) > 1 and fewest >= _FEWEST else rows


def _is_break(row: Row) -> bool:
    """Whether a line ends a sentence as a blank one does."""
    return not row or "-DOCSTART-" in row[:2]


def is_word(text: str) -> bool:
    """Whether a text is more than spaces and marks that are not seen (U+200B, a joiner)."""
    return any(unicodedata.category(letter)[0] not in "ZC" or unicodedata.category(letter) == "Co" for letter in text)


def _is_header(row: Row) -> bool:
    names = {cell.lower() for cell in row}
    return bool(names & _HEADS and names & _HEADS_OF_TAGS)
