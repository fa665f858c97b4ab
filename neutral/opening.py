"""What a comparison opens on until somebody chooses: which study, which of its masks, and which of many languages.

A study and a method are taken that tell most (`tells`). Languages:

Up to `AT_ONCE` members are all shown. Of more it is the paper's eleven languages, if at least `ENOUGH` of them are
there; else all of up to `LEGIBLE`, and of more one language a family, of the largest families.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from neutral import bounds, summary
from neutral.errors import NeutralError
from neutral.languages import language, the_eleven
from neutral.members import order, speaker
from neutral.references import PRETRAINED
from neutral.summary import Choice, Source

ELEVEN, FEW, ALL = "eleven", "few", "all"
AT_ONCE = 14
ENOUGH = 6
LEGIBLE = 30
USUAL = 0.5
"""The sparsity that is shown first, if it is there, else the nearest to it."""


class Telling(NamedTuple):
    """How much masks tell; the larger, the more."""

    languages: int
    """How many languages they are of; 0 unless pairs differ by more than noise, beside a control."""
    times: float
    """The differences between pairs, in times of the noise; 0 where that, or the control, was not measured."""


def tells(source: Source, choice: Choice) -> Telling:
    """Return how much the masks of a choice tell of languages.

    Masks tell something if one can see that languages differ, and that it is not only the pretrained weights: the
    control of the untouched weights is there; a language was found again, under another seed or from other text; and
    from the least to the most alike pair the overlap differs by more than a language found again does from itself. Of
    masks that do, those of most languages tell most, and of as many those whose pairs differ by the most times as much.
    Looked at are the languages that a comparison opens on.

    Raises `NeutralError` for counts that cannot be read.
    """
    kinds = summary.kinds(source, choice)
    again = next((kind for kind in ("seeds", "halves") if kind in kinds), None)
    if again is None or PRETRAINED not in kinds:
        return Telling(0, 0.0)
    counts = summary.counts_of(source, choice)
    shown = first(counts.members)
    pairs = summary.pairs(counts.select(shown)).dropna(subset="value")
    own = summary.within(source, choice, again)
    told = bounds.told(pairs, dict(zip(own["language"], own["value"], strict=True)))
    times = told.spread / told.noise if len(pairs) > 1 and told.noise > 0 else 0.0
    return Telling(len(counts.members) if times > 1 else 0, times)


def usual(choices: Sequence[Choice]) -> list[Choice]:
    """Return a choice of every task and method: of each the sparsity nearest to `USUAL`, and the lowest seed.

    Masked language modelling comes before other tasks, and magnitude before other methods.
    """
    by_kind: dict[tuple[str, str], list[Choice]] = {}
    for each in choices:
        by_kind.setdefault((each.task, each.method), []).append(each)

    def away(each: Choice) -> tuple:
        return round(abs(each.sparsity - USUAL), 6), each.sparsity, each.seed

    nearest = [min(some, key=away) for some in by_kind.values()]
    return sorted(nearest, key=lambda c: (c.task != "mlm", c.method != "magnitude"))


def choice(choices: Sequence[Choice], tells: Callable[[Choice], Telling]) -> Choice:
    """Return the choice, of some of one source, that it opens on: that of the `usual` ones which tells most."""
    some = usual(choices)
    return some[0] if len(some) == 1 else max(some, key=tells)


def study(studies: Mapping[str, Source], tells: Callable[[Source, Choice], Telling]) -> str | None:
    """Return the name of the study that tells most; None if none tells anything.

    Studies of many languages are looked at first, and those that cannot tell more are not opened. One that cannot be
    read is passed over.
    """
    sizes = {name: len(source.info.get("languages") or ()) for name, source in studies.items()}
    best, name = Telling(0, 1.0), None
    for each in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sizes[each] < best.languages:
            break
        try:
            told = max((tells(studies[each], c) for c in usual(summary.choices(studies[each]))), default=best)
        except NeutralError:
            continue
        if told > best and told.languages:
            best, name = told, each
    return name


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
