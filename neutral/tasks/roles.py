"""What the columns of a column file hold: what stands before the words, the words, and the tags.

Files of one ending differ in their columns, so that what is in a column tells what it is. CoNLL-2012 has a document's
name, a part's number and the word's number before the word, and behind it parts of speech, brackets of a tree, a lemma,
a speaker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from neutral.errors import FileError
from neutral.tasks import iob

NUMBER = re.compile(r"\d+(?:[-.]\d+)?")
"""3; 3-4, a token of two words; 3.1, a word that is not written."""

_MOST = 0.95  # of a column's cells, where one in twenty may be otherwise
_FILLED = 2 / 3
_LEMMAS = 0.1  # of the cells with letters are the word itself: no tags are
_CONLLU, _UPOS, _HEAD = 10, 3, 6  # columns: id, form, lemma, upos, xpos, feats, head, …
_KINDS = 5
_EMPTY = {"", "_", "-", "*"}
_TAGS = "ADJ ADP ADV AUX CCONJ CONJ DET INTJ NOUN NUM PART PRON PROPN PRT PUNCT SCONJ SYM VERB X . _"
_UNIVERSAL = frozenset(_TAGS.split())
_GROUPS = (
    "NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP "  # CoNLL-2000
    "NC VC PC AC ADVC ADJC CC "  # of German
    "AP PN VN COORD SREL SSUB VGF VGNF VGNN VGINF JJP RBP CCP NEGP BLK FRAGP"  # of French and Hindi
)
_CHUNKS = frozenset(_GROUPS.split())
_FIGURES = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?%?|true|false|yes|no|none", re.IGNORECASE)
_BRACKETS = re.compile(r"(?:\([^\s()*]*)*\*\)*|\([^\s()*]+\)")  # (TOP(S(NP*, *, *)), (ORG)

Row = Sequence[str]


def before_words(rows: Sequence[Row]) -> int:
    """Return how many columns stand before that of the words: numbers, and names of documents and sentences.

    Such a name stands in many lines in a row, and not again later, which no word does.
    """
    count = 0
    while count < len(rows[0]) - 2 and _is_place([row[count] for row in rows]):
        count += 1
    return count


def is_counted(rows: Sequence[Row], width: int, place: int) -> bool:
    """Whether a column holds the word's number in its sentence, from 0 or 1; one line in twenty may not."""
    right = count = 0
    last = -1
    for row in rows:
        if len(row) != width or row[0].startswith("#"):
            last = last if row else -1
            continue
        count += 1
        if row[place].isdecimal():
            number = int(row[place])
            right += number == last + 1 or (number in (0, 1) and number != last)
            last = number
        else:
            right += NUMBER.fullmatch(row[place]) is not None
    return right >= _MOST * count


def tags_at(task: str, path: Path, rows: Sequence[Row], word: int, notes: list[str]) -> int:
    """Return the place of the column that holds the tags, and note it where it could be doubted.

    For `ner` the column of tags like B-LOC; of two (a chunk beside a name, a name inside a name) not that of chunks,
    and the first. For `pos` that of CoNLL-U, else that of universal tags, else the last that is filled and holds
    neither names, lemmas, figures nor brackets.

    Raises `FileError` if there is none, and for words of fewer kinds than their parts of speech.
    """
    columns = {i: [row[i] for row in rows] for i in range(word + 1, len(rows[0]))}
    named = [i for i, values in columns.items() if sum(map(iob.is_tag, values)) * 3 > 2 * len(values)]
    chunks = [i for i in named if _types(columns[i]) and _types(columns[i]) <= _CHUNKS]
    if task == "ner":
        return _names_at(path, columns, [i for i in named if i not in chunks], notes, has_chunks=bool(chunks))
    words = [row[word] for row in rows]
    places = _speech_at(columns, words, {i for i in named if _types(columns[i])})
    if not places:
        raise FileError(path, f"has no column of parts of speech; its last begins with {columns[max(columns)][0]}")
    place = places[-1]
    if len(set(columns[place])) > len(set(words)):
        raise FileError(path, f"has more kinds of tags (column {place + 1}) than of words (column {word + 1})")
    if len(places) > 1:
        told = " and ".join(str(i + 1) for i in places)
        notes.append(f"columns {told} may hold parts of speech; {place + 1} is read")
    elif not _is_conllu(columns, word) and place != max(columns):
        notes.append(f"parts of speech are read from column {place + 1}, as those after it hold none")
    return place


def _names_at(
    path: Path, columns: dict[int, list[str]], named: Sequence[int], notes: list[str], *, has_chunks: bool
) -> int:
    places = [i for i in named if _types(columns[i])] or list(named[-1:])
    if not places:
        other = "it holds chunks (NP, VP)" if has_chunks else f"its last begins with {columns[max(columns)][0]}"
        raise FileError(path, f"has no column of tags of names (B-TYPE, I-TYPE, O); {other}")
    if len(places) > 1:
        notes.append(f"columns {' and '.join(str(i + 1) for i in places)} hold names; {places[0] + 1} is read")
    return places[0]


def _speech_at(columns: dict[int, list[str]], words: Sequence[str], named: set[int]) -> list[int]:
    """Return the places of columns that may hold parts of speech; the last is the likeliest."""
    if _is_conllu(columns, min(columns) - 1):
        return [_UPOS] if set(columns[_UPOS]) - _EMPTY else []
    filled = [i for i, values in columns.items() if _share(v not in _EMPTY for v in values) >= _FILLED]
    places = [i for i in filled if i not in named and not _is_no_speech(columns[i], words)]
    head = next((i for i in filled if all(cell.isdecimal() for cell in columns[i])), max(columns))
    places = [i for i in places if i <= head] or places  # behind the number of a word's head stands its relation to it
    universal = [i for i in places if _share(value in _UNIVERSAL for value in columns[i]) >= _MOST]
    plain = [i for i in places if not _is_place(columns[i]) and _share("=" in v for v in columns[i]) < 1 / 3]
    many = [i for i in plain if len(set(columns[i])) >= _KINDS]  # a language or a spelling has fewer
    return universal[-1:] or many or plain or places


def _is_conllu(columns: dict[int, list[str]], word: int) -> bool:
    heads = columns.get(_HEAD, [])
    return word == 1 and max(columns) == _CONLLU - 1 and all(cell == "_" or cell.isdecimal() for cell in heads)


def _is_no_speech(values: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a column holds figures, brackets of a tree (`(NP*`), or lemmas: words that are often the word itself."""
    if _share(_FIGURES.fullmatch(value) is not None for value in values) >= _MOST:
        return True
    pairs = [(v, w) for v, w in zip(values, words, strict=True) if any(map(str.isalpha, w)) and len(w) > 1]
    lemmas = _share(value == word for value, word in pairs)
    brackets = _share(_BRACKETS.fullmatch(value) is not None for value in values)
    return brackets > 1 / 2 or lemmas > _LEMMAS


def _is_place(values: Sequence[str]) -> bool:
    """Whether a column says where a word stands: it holds numbers, or each of its values in one row of lines alone."""
    if _share(NUMBER.fullmatch(value) is not None for value in values) >= _MOST:
        return True
    kinds = len(set(values))
    return kinds * 2 <= len(values) and sum(1 for _ in groupby(values)) == kinds


def _types(values: Iterable[str]) -> set[str]:
    return {iob.type_of(value) for value in values if iob.is_tag(value) and value.upper() != iob.OUTSIDE}


def _share(each: Iterable[bool]) -> float:
    """Return the share that is true; 0 of nothing."""
    kept = list(each)
    return sum(kept) / len(kept) if kept else 0.0
