"""What the name of a data file says: the language, the split (train, dev, test) and the form.

Names are those that data sets are distributed under: `en/train.conll`, `train-en.tsv`, `eng.testa`, `deu_Latn.devtest`,
`multinli.train.de.tsv`, `UD_German-GSD/de_gsd-ud-train.conllu`, `newstest2019-ref.deu.txt`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from neutral.corpora.textfiles import PACKED
from neutral.languages import in_name, is_word

TRAIN, DEV, DEVTEST, TEST = "train", "dev", "devtest", "test"

SPLITS = {
    TRAIN: ("train", "training", "trn"),
    DEV: ("validation", "valid", "val", "dev", "devel", "testa"),
    DEVTEST: ("devtest",),
    TEST: ("test", "testb", "tst"),
}
"""Split -> the words that name it, the usual first. What is held out is the first split after train that exists."""

_SPLIT_OF = {word: split for split, words in SPLITS.items() for word in words}
_PIECE = re.compile(r"-\d{5}-of-\d{5}$")
_NO_LANGUAGES = {"csv", "tsv", "txt", "xml", "pdf", "zip", "tar", "bak", "log", "sh", "py", "md", "pl"}  # endings
_CONLL_2002 = {"esp": "spa", "ned": "nld"}  # esp.train, ned.testa; ISO 639 has ned for another language
_MANY = 4
_CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{2,8})?")


@dataclass(frozen=True)
class Name:
    """What a file's name says.

    Attributes
    ----------
    ending : str
        One of those asked for: the form.
    split : str or None
        One of `SPLITS`.
    word : str
        The word that says so.
    piece : bool
        Whether it is one of the pieces of a file, as snapshots of the hub have (`-00000-of-00002`).
    rest : str
        What is left of the name.
    language : str or None
        The language, as it is written there.
    """

    ending: str
    split: str | None
    word: str
    piece: bool
    rest: str
    language: str | None


def read(name: str, endings: Iterable[str]) -> Name | None:
    """Return what a file's name says; None for one with another ending than `endings` (".txt", …; "" for none).

    >>> read("de_gsd-ud-train.conllu.xz", [".conllu"])
    Name(ending='.conllu', split='train', word='train', piece=False, rest='de_gsd-ud', language='de')
    """
    stem = name
    if stem.lower().endswith(tuple(PACKED)):
        stem = stem.rpartition(".")[0]
    endings = sorted(endings, key=len, reverse=True)
    ending = next((each for each in endings if each and stem.lower().endswith(each)), None)
    if ending is None and ("" not in endings or not _bare(stem)):
        return None
    stem = stem[: len(stem) - len(ending or "")]
    is_piece = _PIECE.search(stem) is not None
    parts = re.split(r"([-._])", _PIECE.sub("", stem))
    place = next((i for i in range(len(parts) - 1, -1, -1) if parts[i].lower() in _SPLIT_OF), None)
    word = "" if place is None else parts[place].lower()
    if "mismatched" in (part.lower() for part in parts):  # MultiNLI's second development set
        return None
    rest = "".join(parts if place is None else [*parts[:place], *parts[place + 1 :]]).strip("-._")
    language = in_name(rest) if rest else None
    if word and not ending:
        language = _CONLL_2002.get(rest, language)
    return Name(ending or "", _SPLIT_OF.get(word), word, is_piece, rest, language)


def by_neighbours(names: Sequence[Name | None]) -> list[Name | None]:
    """Return names with the languages that the others tell, whose names are alike but for the language.

    So `it_corpus.txt`, where `it` may be a word, is Italian beside `en_corpus.txt`. Words that are seldom languages
    (new, min) need several such names.
    """
    around = Counter(
        (before, after)
        for name in names
        if name and name.language
        for before, _, after in [name.rest.partition(name.language)]
        if before or after
    )

    def told(name: Name) -> str | None:
        inner = (
            (name.rest[len(before) : len(name.rest) - len(after)], around[before, after])
            for before, after in sorted(around)
            if name.rest.startswith(before) and name.rest.endswith(after) and len(before + after) < len(name.rest)
        )
        return next((code for code, uses in inner if in_name(code) == code and (is_word(code) or uses >= _MANY)), None)

    return [name if name is None or name.language else replace(name, language=told(name)) for name in names]


def split_of(folder: str) -> str | None:
    """Return the split that a folder is named after; None for another name."""
    return _SPLIT_OF.get(folder.lower())


def is_code(name: str) -> bool:
    """Whether a name looks like the code of a language, known or not, and is no split's."""
    return _CODE.fullmatch(name) is not None and name.lower() not in _SPLIT_OF


def _bare(stem: str) -> bool:
    """Whether what stands after the last dot of a name is no ending but part of it: a split, a language beside one."""
    last = stem.rpartition(".")[2]
    if "." not in stem or last.lower() in _SPLIT_OF:
        return True
    if last.lower() in _NO_LANGUAGES:
        return False
    return in_name(last) == last and not _SPLIT_OF.keys().isdisjoint(re.split(r"[-._]", stem.lower()))
