"""What a comparison of many languages opens on: which of them are shown until somebody chooses others.

Up to `AT_ONCE` members are all shown. Of more it is the paper's eleven languages, if at least `ENOUGH` of them are
there; else all of up to `LEGIBLE`, and of more one language a family, of the largest families.
"""

from __future__ import annotations

from collections.abc import Sequence

from neutral.languages import language, the_eleven
from neutral.members import order, speaker

ELEVEN, FEW, ALL = "eleven", "few", "all"
AT_ONCE = 14
ENOUGH = 6
LEGIBLE = 30


def sets(members: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the sets of members to choose from, by name; a comparison opens on the first. () is all members.

    >>> sets(["en", "fr", "sw"])
    {'all': ()}
    """
    whole: dict[str, tuple[str, ...]] = {ALL: ()}
    if len(members) <= AT_ONCE:
        return whole
    found = eleven(members)
    if len(found) >= ENOUGH:
        return {ELEVEN: found, **whole}
    if len(members) <= LEGIBLE:
        return whole
    return {FEW: one_a_family(members), **whole}


def first(members: Sequence[str]) -> tuple[str, ...]:
    """Return the members that a comparison opens on, by family."""
    return tuple(order(next(iter(sets(members).values())) or members))


def eleven(members: Sequence[str]) -> tuple[str, ...]:
    """Return the members that are the paper's languages (`languages.the_eleven`), in its order."""
    by_label = {speaker(member): member for member in reversed(members)}
    return tuple(by_label[label] for label in the_eleven(by_label))


def one_a_family(members: Sequence[str], most: int = 12) -> tuple[str, ...]:
    """Return a member of each of the `most` largest families, in the tree's order; where there is one family, of it.

    >>> one_a_family(["en", "de", "fi", "hu", "ja"], most=2)
    ('de', 'fi')
    """
    ordered = order(members)
    firsts: dict[str, str] = {}
    for member in ordered:
        firsts.setdefault(language(speaker(member)).family, member)
    few = list(firsts.values())[:most]
    return tuple(few) if len(few) > 1 else tuple(ordered[:most])
