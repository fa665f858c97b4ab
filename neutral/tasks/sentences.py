"""Sentences whose words have tags, from files or the hub: names in text (`ner`), parts of speech (`pos`).

Files are column files (`columns` says which), or JSON and Parquet with lists in `tokens` and `ner_tags` or `upos`.
Tags of names are read as BIO whatever scheme they are in (`iob`); WikiAnn's `en:word` is understood.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from neutral.corpora.readings import Reading, added
from neutral.errors import NeutralError
from neutral.tasks import columns, iob, records, splits

_TAGS = {"ner": ("ner_tags", "tags", "labels"), "pos": ("upos", "pos_tags", "tags", "labels")}
_LISTS = (list, tuple, np.ndarray)
_ALIKE = 3  # words that may be all the same
_COLUMNS = (".conll", ".conllu", ".txt", ".tsv", "", ".bio", ".iob", ".iob2", ".bioes", ".iobes", ".tags")


@dataclass(frozen=True)
class Sentence:
    """Words, and the number of the tag of each."""

    words: tuple[str, ...]
    tags: tuple[int, ...]


@dataclass(frozen=True)
class TagSplit:
    """The sentences of a split as words, the names of their tags, and what was left out or assumed."""

    name: str
    words: list[tuple[str, ...]]
    tags: list[tuple[str, ...]]
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    written: frozenset[str] = frozenset()  # the tags as the file has them

    def labels(self) -> set[str]:
        """Return the tags that occur."""
        return set(chain.from_iterable(self.tags))

    def examples(self, names: Sequence[str]) -> list[Sentence]:
        """Return the sentences, tags numbered as in `names`. Raises `NeutralError` for a tag that `names` lacks."""
        number = {name: i for i, name in enumerate(names)}
        if unknown := sorted(self.labels() - set(number)):
            raise NeutralError(f"{self.name} has tags that the training data has not: {', '.join(unknown[:5])}")
        return [
            Sentence(words, tuple(number[tag] for tag in tags))
            for words, tags in zip(self.words, self.tags, strict=True)
        ]

    def lines(self) -> list[str]:
        """Return one line for each sentence that holds all of it, for a digest."""
        return [" ".join(chain(words, tags)) for words, tags in zip(self.words, self.tags, strict=True)]

    def reading(self) -> Reading:
        """What came of reading the split."""
        first = {"words": list(self.words[0]), "labels": list(self.tags[0])}
        labels = added(Counter(chain.from_iterable(self.tags)))
        count = sum(map(len, self.words))
        return Reading("sentences", len(self.words), self.left_out, labels, count, first, self.notes)

    def at(self, places: Iterable[int]) -> TagSplit:
        """Return the sentences at some places."""
        places = list(places)
        return replace(self, words=[self.words[i] for i in places], tags=[self.tags[i] for i in places])


def readers(task: str) -> splits.Readers:
    """Return the end of a file's name -> its reader, for `ner` or `pos`."""
    tables = {ending: records.READERS[ending] for ending in (".jsonl", ".json", ".parquet")}
    return {ending: partial(read_columns, task) for ending in _COLUMNS} | tables


def read(task: str, source: str | Path, *, renamed: Mapping[str, str] | None = None) -> tuple[TagSplit, TagSplit]:
    """Read the training split of a data set for `ner` or `pos`, and the one to score.

    Raises `FileError` / `NeutralError`, naming the split, for a split that is missing, and as `of` does.
    """
    tables = splits.tables(source, readers(task))
    train, held = (of(task, f"{source}: {split}", frame, renamed) for split, frame in tables)
    return train, held


def names(parts: Iterable[TagSplit]) -> list[str]:
    """Return the names of the tags of splits: O first, then by type and alphabet.

    A type of name has both its tags, B- and I-, even if all its names are of one word: so the head is the same whatever
    languages are loaded together.
    """
    tags = {tag for split in parts for tag in split.labels()}
    tags |= {f"{begin}-{tag[2:]}" for tag in tags if tag[:2] in ("B-", "I-") for begin in "BI"}
    return sorted(tags, key=lambda tag: (tag != iob.OUTSIDE, tag[2:], tag))


def read_columns(task: str, path: Path) -> pd.DataFrame:
    """Read a column file into a table with columns tokens and tags, one row for each sentence.

    A prefix that all words share (`en:`) is removed. Raises the errors of `columns.read`.
    """
    read = columns.read(task, path)
    prefix = _prefix(chain.from_iterable(read.words))
    tokens = [[word[len(prefix) :] for word in words] for words in read.words]
    rows = pd.DataFrame({"tokens": pd.Series(tokens, dtype=object), "tags": pd.Series(read.tags, dtype=object)})
    rows.attrs = {records.LEFT_OUT: added(read.left_out), records.NOTES: read.notes}
    return rows


def of(task: str, name: str, frame: pd.DataFrame, renamed: Mapping[str, str] | None = None) -> TagSplit:
    """Return the sentences of a split's rows; `renamed` maps tags, or types of names, to what they are called here.

    Words that are empty are left out, and counted.

    Raises `NeutralError`, naming the split, if it has no sentences, for sentences whose words and tags differ in
    number, for tags of `ner` that are none or O alone, and for words that are all numbers.
    """
    keys = [next((c for c in candidates if c in frame), None) for candidates in (records.WORDS, _TAGS[task])]
    if None in keys:
        existing = ", ".join(map(str, frame.columns))
        raise NeutralError(f"{name} has no columns of words and tags (tokens, {_TAGS[task][0]}); it has {existing}")
    words, tags = (_lists(name, key, frame[key]) for key in keys)
    written = frozenset(chain.from_iterable(tags))
    if renamed:
        tags = [tuple(renamed.get(tag, tag) for tag in own) for own in tags]
    for number, (own_words, own_tags) in enumerate(zip(words, tags, strict=True), start=1):
        if len(own_words) != len(own_tags):
            raise NeutralError(f"{name}: sentence {number} has {len(own_words)} words and {len(own_tags)} tags")
        odd = next((tag for tag in own_tags if task == "ner" and not iob.is_tag(tag)), None)
        if odd is not None and odd.isdecimal():
            raise NeutralError(f"{name} has numbers for tags, without names; give --labels 0=O,1=B-TYPE,2=I-TYPE,…")
        if odd is not None:
            raise NeutralError(f"{name}: sentence {number} has the tag {odd}; names are tagged B-TYPE, I-TYPE and O")
    notes = list(frame.attrs.get(records.NOTES, ()))
    if task == "ner":
        tags, scheme = iob.to_bio(tags)
        notes += [f"tags are {scheme}, read as BIO"] if scheme != "BIO" else []
    tags = [tuple(_renamed(tag, renamed or {}) for tag in own) for own in tags]
    kept, lost = _with_words(words, tags)
    left_out = added(records.told(frame), {"no word": lost} if lost else {})
    split = TagSplit(name, [own for own, _ in kept], [own for _, own in kept], left_out, tuple(notes), written)
    _require_tagged(task, split)
    return split


def _lists(name: str, key: str, column: pd.Series) -> list[tuple[str, ...]]:
    """Return the lists of a column; "" for a missing value in one, and an empty list for one that is missing.

    Raises `NeutralError` for other cells, and for lists of lists or objects.
    """
    rows = []
    for cell in column:
        is_missing = cell is None or (isinstance(cell, float) and cell != cell)
        row = [] if is_missing else list(cell) if isinstance(cell, _LISTS) else [[]]
        if any(isinstance(each, (dict, *_LISTS)) for each in row):
            raise NeutralError(f"{name}: {key} must hold a list of texts in every row")
        rows.append(row)
    return [tuple("" if each is None else str(each) for each in row) for row in rows]


def _with_words(words: Iterable[tuple[str, ...]], tags: Iterable[tuple[str, ...]]) -> tuple[list[tuple], int]:
    """Return sentences, words and tags, without empty words, and how many of these there were."""
    kept, lost = [], 0
    for own_words, own_tags in zip(words, tags, strict=True):
        full = [i for i, word in enumerate(own_words) if columns.is_word(word)]
        lost += len(own_words) - len(full) if own_words else 1
        if full:
            kept.append((tuple(own_words[i] for i in full), tuple(own_tags[i] for i in full)))
    return kept, lost


def _require_tagged(task: str, split: TagSplit) -> None:
    if not split.words:
        raise NeutralError(f"{split.name} has no sentences")
    if split.labels() == {iob.OUTSIDE}:
        raise NeutralError(f"{split.name}: every tag is O, so there is no name to find")
    words = set(chain.from_iterable(split.words))
    if all(map(str.isdigit, words)) or (len(words) == 1 and sum(map(len, split.words)) > _ALIKE):
        what = "a number" if all(map(str.isdigit, words)) else next(iter(words))
        raise NeutralError(f"{split.name}: every word is {what}, so its words are not where they are looked for")


def _renamed(tag: str, renamed: Mapping[str, str]) -> str:
    """Return what a tag is called; what a type of names is called goes for B- and I-."""
    if tag in renamed or tag[1:2] != "-":
        return renamed.get(tag, tag)
    kind = renamed.get(tag[2:], tag[2:])
    return kind if kind == iob.OUTSIDE else f"{tag[:2]}{kind}"


def _prefix(words: Iterable[str]) -> str:
    """Return the prefix like `en:` that all words begin with and none ends in; else nothing."""
    prefix = None
    for word in words:
        if prefix is None:
            match = re.match(r"^[a-z-]{2,12}:(?=.)", word)
            prefix = match[0] if match else ""
        if not prefix or not word.startswith(prefix):
            return ""
    return prefix or ""
