"""The members of a comparison: their names for people, their order, and how two of them relate.

A member is a mask's label, which is a language's code or any other name, and an ending that tells it from others of the
same label: `en/0`, `en/1` (seeds), `en/a`, `en/b` (halves of the text), `en 2` (another mask), `en (yours)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

import numpy as np
import pandas as pd

from neutral import languages
from neutral.errors import NeutralError
from neutral.languages import RELATIONS, in_tree_order, language
from neutral.languages.homonyms import ORDINARY
from neutral.ties import merged

ORDERS = ("family", "clustering", "name")

_MEMBER = re.compile(r"^(?P<label>.+?)(?P<rest>(?:/\w+)?(?P<number> \d+)?(?: \(yours\))?)$")


def speaker(member: str) -> str:
    """Return the label behind a member's name. A number is a part of what is no language, or a word as well.

    >>> [speaker(member) for member in ("en", "en/0", "en 2", "en (yours)", "my 7")]
    ['en', 'en', 'en', 'en', 'my 7']
    """
    return _label_and_rest(member)[0]


def _label_and_rest(member: str) -> tuple[str, str]:
    match = _MEMBER.match(member)
    if not match:
        return member, ""
    label, rest, number = match["label"], match["rest"], match["number"]
    if number and rest.startswith(number) and (label.lower() in ORDINARY or not language(label).glottocode):
        return label + number, rest.removeprefix(number)
    return label, rest


def display(member: str) -> str:
    """Return a member's name for people: the language's name if its code is known, else the member's own.

    >>> display("en"), display("en 2"), display("en+fa"), display("my run"), display("c++")
    ('English', 'English 2', 'English + Farsi', 'my run', 'c++')
    """
    if "+" in member and all(member.split("+")):  # a mixture
        return " + ".join(display(part) for part in member.split("+"))
    label, rest = _label_and_rest(member)
    return f"{language(label).name}{rest}"


def numbered(labels: Sequence[str]) -> list[str]:
    """Return labels with numbers at the repeated ones, so that all differ, and their names for people too.

    A number behind a code that is a word as well has a slash before it, so that it is one of several of the language.

    >>> numbered(["en", "en", "fr"]), numbered(["zh", "zho", "zh_TW"]), numbered(["no", "no"])
    (['en', 'en 2', 'fr'], ['zh', 'zho 2', 'zh_TW'], ['no', 'no/2'])
    """
    members: dict[str, str] = {}  # name for people -> member
    for label in labels:
        number, member = 1, label
        mark = "/" if label.lower() in ORDINARY else " "
        while display(member) in members:
            number += 1
            member = f"{label}{mark}{number}"
        members[display(member)] = member
    return list(members.values())


def by_folder(paths: Sequence[str | PurePath]) -> list[str]:
    """Return names that tell files of one name apart by the folders that they are in.

    A name is the words of the folders that not all files have; a language among them comes first, the others behind a
    slash and only where they are needed. Files in one folder are numbered.

    >>> by_folder(["runs/en/mask.pt", "runs/fr/mask.pt"])
    ['en', 'fr']
    >>> by_folder(["LT_en_57/r5/mask.pt", "LT_fr_57/r5/mask.pt", "LT_fr_58/r5/mask.pt"])
    ['en', 'fr/57', 'fr/58']
    >>> by_folder(["mlm/mask.pt", "ner/mask.pt"])
    ['mlm', 'ner']
    """
    folders = _that_differ([PurePath(path).parts[:-1] for path in paths])
    every = [[word for folder in row for word in languages.words(folder)] for row in folders]
    shared = set.intersection(*map(set, every)) if every else set()
    rows = [[word for word in row if word not in shared] or row for row in every]
    spoken = [_language(row, names) for row, names in zip(rows, folders, strict=True)]
    labels = [_label(*each, among=any(spoken)) for each in zip(spoken, rows, every, strict=True)]
    names = []
    for label, row in zip(labels, rows, strict=True):
        rest = "_".join(word for word in row if word.lower() != label.lower())
        needed = rest and (not label or labels.count(label) > 1)
        names.append("/".join(filter(None, [label, rest])) if needed else label)
    if len(set(names)) < len(names):
        names = ["_".join(row) for row in every]
    return numbered([name or PurePath(path).stem for name, path in zip(names, paths, strict=True)])


def _language(words: Sequence[str], folders: Sequence[str]) -> str | None:
    """Return the language among the words that tell a file apart, else that of its folders; "" for several, or None."""
    codes = dict.fromkeys(filter(languages.is_sure, words)) or dict.fromkeys(
        code for folder in folders if (code := languages.in_name(folder))
    )
    return next(iter(codes), None) if len(codes) < 2 else ""


def _label(code: str | None, words: Sequence[str], every: Sequence[str], *, among: bool) -> str:
    """Return a file's language, or the first of the words that tell it apart, of all words of its folders.

    `among` languages, a word that is a code as well is taken for one: the `it` of LT_it_57, beside LT_en_57. Elsewhere
    all words are the label where the first would read as a language: no_dropout.
    """
    if code is not None:
        return code
    likely = [word for word in words if languages.is_word(word)]
    if among and len(likely) == 1:
        return likely[0]
    first = next(iter(words), "")
    return "_".join(every) if is_known(first) else first


def _that_differ(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the folders of paths without those that all of them begin with, end with, or have in one place."""
    rows = list(rows)
    for end in (0, -1):
        while all(rows) and len({row[end] for row in rows}) == 1:
            rows = [row[1:] if end == 0 else row[:-1] for row in rows]
    if len({len(row) for row in rows}) == 1:
        places = [i for i in range(len(rows[0])) if len({row[i] for row in rows}) > 1]
        rows = [tuple(row[i] for i in places) for row in rows]
    return rows


def is_known(member: str) -> bool:
    """Whether a member's label is a language's.

    >>> is_known("en"), is_known("fin_Latn/1"), is_known("en+fa"), is_known("my run")
    (True, True, False, False)
    """
    return bool(language(speaker(member)).glottocode)


def relation(a: str, b: str, among: Sequence[str]) -> str:
    """Return how the languages of two members relate: one of `RELATIONS`. Branches are those of the members `among`.

    >>> shown = ["en", "fr", "es/1", "sw"]
    >>> relation("fr", "es/1", shown), relation("en", "fr", shown), relation("en", "sw", shown)
    ('same branch', 'same family', 'same script')
    """
    return relations([(a, b)], among)[0]


def relations(pairs: Iterable[tuple[str, str]], among: Sequence[str]) -> list[str]:
    """Return the `relation` of each pair of members."""
    pairs = list(pairs)
    spoken = {member: language(speaker(member)) for member in {*among, *(member for pair in pairs for member in pair)}}
    labels = list(dict.fromkeys(spoken[member].code for member in among))
    return languages.relations([(spoken[a], spoken[b]) for a, b in pairs], among=labels)


def order(members: Sequence[str], how: str = "family", matrix: pd.DataFrame | None = None) -> list[str]:
    """Order members by family (`languages.in_tree_order`), by name, or by clustering of a square overlap matrix.

    Parameters
    ----------
    members : sequence of str
        What to order.
    how : str
        One of `ORDERS`. Clustering is average linkage on 1 - overlap with optimal leaf order (Bar-Joseph et al. 2001,
        in SciPy), so that neighbours are alike. If a value is missing, or for fewer than three members, the order is by
        family.
    matrix : DataFrame or None
        Overlaps, members × members; only clustering needs it.

    Raises
    ------
    NeutralError
        For another order.
    """
    if how not in ORDERS:
        raise NeutralError(f"no such order: {how}; use {', '.join(ORDERS)}")
    places = {label: place for place, label in enumerate(in_tree_order(list(dict.fromkeys(map(speaker, members)))))}
    related = sorted(members, key=lambda m: (places[speaker(m)], m))
    if how == "name":
        return sorted(members, key=lambda m: display(m).casefold())
    if how == "family" or matrix is None or len(members) < 3:
        return related
    square = matrix.loc[related, related].to_numpy(dtype=float)
    if np.isnan(square).any():
        return related
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distance = 1 - (square + square.T) / 2
    np.fill_diagonal(distance, 0)
    tree = linkage(merged(squareform(distance, checks=False)), "average", optimal_ordering=True)
    return [related[i] for i in leaves_list(tree)]


def rows_in_order(table: pd.DataFrame, column: str = "language") -> pd.DataFrame:
    """Return a table's rows with relatives next to each other, by the members in a column. The sort is stable."""
    places = {member: place for place, member in enumerate(order(dict.fromkeys(table[column])))}
    return table.sort_values(column, key=lambda members: members.map(places), kind="stable")


__all__ = [
    "ORDERS",
    "RELATIONS",
    "by_folder",
    "display",
    "is_known",
    "numbered",
    "order",
    "relation",
    "relations",
    "rows_in_order",
    "speaker",
]
