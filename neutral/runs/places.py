"""What masks are in a study: of a task, method, sparsity, seed and language, as their headers and names say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from neutral.errors import NeutralError, one_line
from neutral.masks import Mask
from neutral.masksets import METHOD
from neutral.members import display, is_known, speaker
from neutral.options import LARGEST_SEED
from neutral.search import METHODS
from neutral.tasks.names import NAMES

TASK = "masks"
"""The task of masks that name none."""

_APART = 0.03  # sparsities further apart than this are two, where no header says which was asked for
_SEED = re.compile(r"(?:seed|run|r|s)?(\d+)", re.IGNORECASE)


class Place(NamedTuple):
    """Which mask of a study one is; `variant` is a or b for one half of the text. In the order of a file's name."""

    task: str
    method: str
    sparsity: float
    seed: int
    language: str
    variant: str = ""


@dataclass
class _Told:
    """What a mask's header and name say of it; None and "" for what they do not."""

    label: str
    language: str
    task: str
    method: str
    actual: float  # its sparsity
    asked: float | None
    seed: int | None
    variant: str
    words: list[str] = field(default_factory=list)  # of its name, that say nothing of these


def places(masks: Sequence[Mask], labels: Sequence[str], *, task: str = "", method: str = "") -> list[Place]:
    """Return each mask's place in a study.

    A task and a method that are given hold for all; else the header says, or a word of the label (`fr/wanda`), or
    they are `TASK` and "upload". Sparsities are those of the headers, else what the masks have; they are several only
    if a language has several, so that masks which differ a little can be compared. Seeds are those of the headers if
    all languages have the same ones, else 0, 1, … in order.

    Raises `NeutralError` for two masks of one language of which nothing says what tells them apart.
    """
    languages = _languages(labels)
    told = [_told(mask, label, languages[label]) for mask, label in zip(masks, labels, strict=True)]
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, one in enumerate(told):
        groups[task or one.task or TASK, method or one.method or METHOD].append(i)
    found: dict[int, Place] = {}
    for (of_task, by_method), members in groups.items():
        of_group = [told[i] for i in members]
        sparsities = _sparsities(of_group)
        seeds = _seeds(of_group, sparsities)
        for i, one, sparsity, seed in zip(members, of_group, sparsities, seeds, strict=True):
            found[i] = Place(_word(of_task, TASK), _word(by_method, METHOD), sparsity, seed, one.language, one.variant)
    return [found[i] for i in range(len(told))]


def _told(mask: Mask, label: str, language: str) -> _Told:
    header = mask.header
    rest = label.removeprefix(speaker(label)) if is_known(label) else ""
    words = re.findall(r"[^\W_]+", rest)
    seed, asked, variant = header.get("seed"), header.get("sparsity"), header.get("variant")
    one = _Told(
        label=label,
        language=language,
        task=str(header.get("task") or ""),
        method=str(header.get("method") or ""),
        actual=mask.sparsity(),
        asked=asked if type(asked) in (int, float) and 0 <= asked <= 1 else None,
        seed=seed if type(seed) is int and 0 <= seed <= LARGEST_SEED else None,
        variant=variant if variant in ("a", "b") else "",
    )
    for word in words:
        if word.lower() in NAMES:
            one.task = one.task or word.lower()
        elif word.lower() in METHODS:
            one.method = one.method or word.lower()
        elif word in ("a", "b"):
            one.variant = one.variant or word
        elif not _SEED.fullmatch(word):  # numbers tell runs and sparsities apart, which others say better
            one.words.append(word)
    return one


def _sparsities(told: Sequence[_Told]) -> list[float]:
    """Return each mask's sparsity, as the study's names have it."""
    if all(one.asked is not None for one in told):
        level = [round(one.asked, 2) for one in told]
    else:
        level = _levels([one.actual for one in told])
    of_language = defaultdict(set)
    for one, sparsity in zip(told, level, strict=True):
        of_language[one.language].add(sparsity)
    if any(len(several) > 1 for several in of_language.values()) or len(set(level)) == 1:
        return level
    return [round(sum(one.actual for one in told) / len(told), 2)] * len(told)


def _levels(values: Sequence[float]) -> list[float]:
    """Return the mean of the group that each value is in; values within `_APART` of the next are one group."""
    ordered = sorted(range(len(values)), key=values.__getitem__)
    groups: list[list[int]] = []
    for i in ordered:
        if groups and values[i] - values[groups[-1][-1]] <= _APART:
            groups[-1].append(i)
        else:
            groups.append([i])
    mean = {i: round(sum(values[j] for j in group) / len(group), 2) for group in groups for i in group}
    return [mean[i] for i in range(len(values))]


def _seeds(told: Sequence[_Told], sparsities: Sequence[float]) -> list[int]:
    """Return each mask's seed. Raises `NeutralError` where runs cannot be told from other masks of a language."""
    runs: dict[tuple, list[_Told]] = defaultdict(list)
    places = []
    for one, sparsity in zip(told, sparsities, strict=True):
        of_run = runs[sparsity, one.language, one.variant]
        places.append(len(of_run))
        of_run.append(one)
    for of_run in runs.values():
        if len({tuple(one.words) for one in of_run}) > 1:
            names = " and ".join(one_line(one.label) for one in of_run[:2])
            raise NeutralError(
                f"{names} are masks of one language, and nothing says what tells them apart; call runs of one search "
                "by the language alone, and save masks of other kinds as a study of their own"
            )
        if of_run[0].variant and len(of_run) > 1:
            raise NeutralError(f"{one_line(of_run[0].label)}: there are {len(of_run)} masks of this half of the text")
    given = [tuple(one.seed for one in of_run) for (*_, variant), of_run in runs.items() if not variant]
    alike = len({frozenset(seeds) for seeds in given}) == 1
    if given and alike and None not in given[0] and all(len(set(seeds)) == len(seeds) for seeds in given):
        lowest = min(given[0])
        return [lowest if one.variant else one.seed for one in told]
    return places


def _languages(labels: Sequence[str]) -> dict[str, str]:
    """Return label -> what its language, or whatever it names, is called in a study: labels of one language alike."""
    called: dict[str, str] = {}  # the language's name for people, or another label -> its name in the study
    for label in dict.fromkeys(labels):
        known = is_known(label)
        key = display(speaker(label)) if known else f"/{label}"
        if key in called:
            continue
        name = base = _file_label(speaker(label) if known else label)
        number = 1
        while name in called.values():
            number += 1
            name = f"{base}-{number}"
        called[key] = name
    return {label: called[display(speaker(label)) if is_known(label) else f"/{label}"] for label in labels}


def _file_label(label: str) -> str:
    """Return a label as a part of a file's name. One that ends as the half of a text's would is changed.

    >>> _file_label("sr_Cyrl"), _file_label("../my_a"), _file_label("")
    ('sr_Cyrl', '..-my-a', 'mask')
    """
    name = " ".join(one_line(label).replace("/", "-").replace("\\", "-").split())
    name = re.sub(r"_([ab])$", r"-\1", name)
    while len(name.encode()) > 120:
        name = name[:-1]
    return name.strip() or "mask"


def _word(name: str, default: str) -> str:
    """Return a task's or method's name as a part of a file's name, where _ separates the parts.

    >>> _word("my_method/2", "upload"), _word("..", "upload")
    ('my-method-2', 'upload')
    """
    return "-".join(re.findall(r"[^\W_]+", name))[:40] or default
