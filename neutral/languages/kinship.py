"""How languages relate on Glottolog's tree: families, branches, order and distance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from neutral.languages import glottolog
from neutral.languages.codes import language
from neutral.languages.glottolog import Languoid
from neutral.languages.spoken import NO_SCRIPT, UNKNOWN, Language

RELATIONS = ("same branch", "same family", "same script", "unrelated")
"""How two languages relate; the first that holds counts."""


def relation(one: Language, other: Language, *, among: Sequence[str]) -> str:
    """Return how two languages relate: one of `RELATIONS`. Two unknown values do not count as shared.

    Branches are those of the languages that are shown: `among` are their labels.
    """
    return relations([(one, other)], among=among)[0]


def relations(pairs: Iterable[tuple[Language, Language]], *, among: Sequence[str]) -> list[str]:
    """Return the `relation` of each pair; branches are looked up once for all."""
    pairs = list(pairs)
    branch = branches([*among, *(each.code for pair in pairs for each in pair)])
    return [_relation(one, other, branch) for one, other in pairs]


def _relation(one: Language, other: Language, branch: Mapping[str, str]) -> str:
    if one.family == other.family != UNKNOWN:
        return "same branch" if branch[one.code] == branch[other.code] else "same family"
    return "same script" if one.script == other.script != NO_SCRIPT else "unrelated"


def branches(labels: Sequence[str]) -> dict[str, str]:
    """Return label -> branch: the level below the family that splits the languages shown; `UNKNOWN` without family.

    A family's languages have in common the way from it down to some group; their branches are the groups just below
    that one. Where a family has one language shown, its branch is the first level below the family. A language that is
    not in a group of its own at that level is a branch by itself.

    >>> branches(["en", "fr", "hi", "fa"])
    {'en': 'Germanic', 'fr': 'Italic', 'hi': 'Indo-Iranian', 'fa': 'Indo-Iranian'}
    """
    names = _branches(frozenset(labels))
    return {label: names[label] for label in labels}


@lru_cache(maxsize=64)
def _branches(labels: frozenset[str]) -> dict[str, str]:
    ways = {label: glottolog.path(language(label).glottocode) for label in labels}
    families: dict[str, set[tuple[Languoid, ...]]] = {}
    for way in ways.values():
        if way:
            families.setdefault(way[0].glottocode, set()).add(way)
    level = {family: _shared(list(members)) if len(members) > 1 else 1 for family, members in families.items()}
    return {
        label: way[min(level[way[0].glottocode], len(way) - 1)].name if way else UNKNOWN for label, way in ways.items()
    }


def in_tree_order(labels: Sequence[str]) -> list[str]:
    """Return labels with relatives next to each other: families of most languages first, inside by Glottolog's tree.

    Families with as many languages are in the order of their names, and so are sister groups in the tree. What has no
    family comes last, by name.

    >>> in_tree_order(["sw", "zh", "hi", "en", "ur"])
    ['en', 'hi', 'ur', 'sw', 'zh']
    """
    spoken = {label: language(label) for label in labels}
    sizes = Counter(each.family for each in spoken.values())

    def key(label: str) -> tuple:
        one = spoken[label]
        if one.family == UNKNOWN:
            return (1, 0, "", 0, one.name.casefold(), label)
        return (0, -sizes[one.family], one.family, _place(one.glottocode), one.name.casefold(), label)

    return sorted(labels, key=key)


def tree_distance(one: Language, other: Language) -> float:
    """Return how far two languages are on Glottolog's tree, 0 (the same) to 1 (other families); NaN if not known.

    1 - 2·s / (a + b), where a and b are how many levels the languages are deep, the family being the first and the
    language the last, and s is how many of them both share: one less Wu and Palmer's similarity (1994, ACL, "Verb
    semantics and lexical selection").
    """
    ways = [glottolog.path(each.glottocode) for each in (one, other)]
    if not all(ways):
        return 0.0 if one.glottocode and one.glottocode == other.glottocode else float("nan")
    return 1 - 2 * _shared(ways) / sum(map(len, ways))


def _place(glottocode: str) -> int:
    languoid = glottolog.tree().find(glottocode)
    return languoid.place if languoid else len(glottolog.tree())


def _shared(ways: Sequence[tuple[Languoid, ...]]) -> int:
    """Return how many levels all ways have in common, from the top."""
    shared = 0
    for level in zip(*ways, strict=False):
        if len({languoid.glottocode for languoid in level}) > 1:
            break
        shared += 1
    return shared
