"""Labels must agree over languages, or a class that is spelled in two ways becomes two classes.

A label that some languages lack is said. One that another language spells otherwise is refused: in other capitals, as
`LABEL_0`, by a number for a name, contradictory for contradiction, person for PER.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from itertools import combinations, product, takewhile

from neutral.corpora.readings import several
from neutral.errors import NeutralError
from neutral.tasks import iob
from neutral.tasks.names import NLI

_ALIKE = 2 / 3  # of the letters of the longer word, from its start: contradict|ory, contradict|ion
_USUAL = 3  # classes of inference


def mapping(text: str) -> dict[str, str]:
    """Read "old=new,…".

    Raises `NeutralError` for what is laid out otherwise, and for a label that is mapped twice.

    >>> mapping("contradictory=contradiction,0=entailment")
    {'contradictory': 'contradiction', '0': 'entailment'}
    """
    pairs = [tuple(side.strip() for side in part.split("=")) for part in text.split(",") if part.strip()]
    if any(len(pair) != 2 or not all(pair) for pair in pairs) or len(dict(pairs)) < len(pairs):
        raise NeutralError(f"--labels {text}: takes old=new,…, each old label once: contradictory=contradiction")
    return dict(pairs)


def lacking(task: str, labels: Mapping[str, Iterable[str]]) -> list[str]:
    """Return notes on the labels that some languages lack; `labels` is by language."""
    kinds = {language: _kinds(task, own) for language, own in labels.items()}
    missing: dict[str, list[str]] = {}
    for label in sorted(set().union(*kinds.values())):
        if without := [language for language in kinds if label not in kinds[language]]:
            missing.setdefault(several(without), []).append(label)
    what = {NLI: "class", "ner": "name of type"}.get(task, "tag")
    return [f"{codes}: no {what} {several(own)}, which other languages have" for codes, own in missing.items()]


def require_one_spelling(task: str, labels: Mapping[str, Iterable[str]], kept: Iterable[str] = ()) -> None:
    """Raise `NeutralError`, naming two languages and their labels, for a label that is spelled in two ways.

    `labels` is by language, or by other parts of the data; `kept` are labels that are known to be what they seem.
    """
    kinds = {name: _kinds(task, own) for name, own in labels.items()}
    uses = Counter(label for own in kinds.values() for label in own)
    exempt, first_with = set(kept), {}
    for name, own in kinds.items():
        first_with.setdefault(frozenset(own), name)
    for own, name in first_with.items():
        alike = [pair for pair in combinations(sorted(own - exempt), 2) if _is_spelling(task, *pair, within=True)]
        _refuse(_directed(alike, uses), f"{name} has {several(sorted(own))}")
    for (own, name), (others, other) in combinations(first_with.items(), 2):
        pairs = list(product(sorted(own - others - exempt), sorted(others - own - exempt)))
        renamed = _directed([pair for pair in pairs if _is_spelling(task, *pair)], uses)
        if not renamed and not exempt and _is_one_set(task, own, others):
            renamed = _directed(pairs, uses)
            renamed = renamed if len(pairs) == 1 else dict.fromkeys(renamed, "…")
        _refuse(renamed, f"{name} has {several(sorted(own))}, {other} has {several(sorted(others))}")


def numbered(labels: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a note if the labels of several languages are numbers, which may not mean the same in all."""
    alone = len(labels) < 2 or not all(map(_is_number, set().union(*labels.values())))
    return [] if alone else ["labels are numbers without names, taken to mean the same in all languages"]


def require_used(renamed: Mapping[str, str], task: str, labels: Iterable[str]) -> None:
    """Raise `NeutralError` for a mapping of a label that no data has; `labels` are those after the mapping."""
    if renamed and (unused := set(renamed.values()) - set(labels) - _kinds(task, labels) - {iob.OUTSIDE}):
        raise NeutralError(f"--labels: no data has a label that becomes {several(sorted(unused))}")


def unused(renamed: Mapping[str, str], task: str, written: Iterable[str]) -> list[str]:
    """Return a note if no data has a label that is mapped; `written` are labels as files have them."""
    written = set(written)
    lost = sorted(renamed.keys() - written - _kinds(task, written))
    return [f"--labels: no data has {several(lost)}"] if lost else []


def _kinds(task: str, labels: Iterable[str]) -> set[str]:
    """Return classes and tags, but types for the tags of names: every type may begin and go on."""
    return {iob.type_of(label) for label in labels if label != iob.OUTSIDE} if task == "ner" else set(labels)


def _refuse(renamed: Mapping[str, str], where: str) -> None:
    """Raise `NeutralError` if there are labels, old -> new, that are one; the message names the option for it."""
    if renamed:
        given = ",".join(f"{old}={new}" for old, new in sorted(renamed.items()))
        apart = ",".join(f"{old}={old}" for old in sorted(renamed))
        raise NeutralError(f"labels differ: {where}; if they are one, give --labels {given}, else {apart}")


def _directed(pairs: Iterable[tuple[str, str]], uses: Mapping[str, int]) -> dict[str, str]:
    """Return old -> new for labels that are one: a name for a number, else the one that is in more of the data."""

    def rank(label: str) -> tuple:
        return _is_number(label), -uses[label], len(label), label

    return {max(pair, key=rank): min(pair, key=rank) for pair in pairs}


def _is_one_set(task: str, own: Set[str], others: Set[str]) -> bool:
    """Whether two sets of labels, none within the other, must be one in two spellings."""
    numbers = [all(map(_is_number, labels)) for labels in (own, others)]
    apart = own.isdisjoint(others) and min(len(own), len(others)) > 1
    return numbers[0] != numbers[1] or (task == NLI and (apart or len(own | others) > _USUAL))


def _is_spelling(task: str, one: str, other: str, *, within: bool = False) -> bool:
    """Whether two labels are one in two spellings; `within` a file, tags like LOC and LOCderiv are meant to be two."""
    plain = [re.sub(r"[\W_]|^label(?=_?\d+$)", "", label.casefold()) for label in (one, other)]
    if plain[0] == plain[1]:
        return task != "pos" or not within
    short, long = sorted(plain, key=len)
    if task == "pos" or len(short) < _USUAL or _is_number(one) or _is_number(other):
        return False
    if task == "ner":
        return long.startswith(short) and not within
    alike = sum(1 for _ in takewhile(lambda letters: letters[0] == letters[1], zip(short, long, strict=False)))
    return alike >= _ALIKE * len(long)


def _is_number(label: str) -> bool:
    return re.fullmatch(r"(?:LABEL_)?-?\d+", label, flags=re.IGNORECASE) is not None
