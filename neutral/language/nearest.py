"""The languages whose masks are nearest to one language's, and the square of all of them.

An overlap is shown beside what it must be compared with, of both languages of a pair: chance, the pretrained control,
and the bound, a language found again. How sure a place is comes from the network's layers: they are drawn anew with
replacement (the bootstrap of Efron 1979), and the overlap is taken of what was drawn. It says whether the layers agree,
and nothing of what other text would give: the bound does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral import languages, summary
from neutral.errors import NeutralError
from neutral.languages.written import CODES, written
from neutral.members import speaker
from neutral.overlap import Counts
from neutral.overlap.measures import FORMULAS, Kept
from neutral.references import FULL, PRETRAINED
from neutral.summary import MEASURES, Choice, Source

__all__ = ["CODES", "COLUMNS", "MEASURES", "choice_of", "member_called", "nearest", "similarity", "where"]

COLUMNS = ["language", "value", "chance", "excess", "control", "bound", "way", "sure"]

CONTROLS = (PRETRAINED, FULL, "random")
"""Members that are no language."""

DRAWS = 1000
_LEAST_PARTS = 4  # layers, below which drawing them anew says nothing
_NAMED = 12  # languages that a line names


def nearest(
    source: Source,
    choice: Choice,
    member: str,
    measure: str = "jaccard",
    by: str = "all",
    group: str = "all",
    *,
    members: Sequence[str] = (),
    seed: int = 0,
) -> pd.DataFrame:
    """Return the other languages by how much their masks overlap with a member's, the nearest first: `COLUMNS`.

    - value, chance, excess: the overlap, that of independent masks of the same densities, and their difference;
    - control: the overlap with the mask of the untouched weights, mean of the two languages;
    - bound: the overlap of a language with itself under another seed or from other text, mean of the two;
    - way: how far the overlap is on the way from chance (0) to the bound (1);
    - sure: the share of `DRAWS` draws of the layers in which a language that is k-th here is among the k nearest. In
      one group, of draws of its weight tensors; NaN for fewer than four.

    Control, bound and way are NaN where they were not measured, and for the measure `beyond`. `members` are those to
    look at; all if empty.

    Raises `NeutralError` for a member, measure, grouping or group that is not there, and for a member without others.
    """
    star = _star(summary.counts_of(source, choice, measure, members).part(group, by), member)
    table = summary.pairs(star, measure)
    table["language"] = table["source"].where(table["source"] != member, table["target"])
    for level, of_each in _levels(source, choice, measure, by, group).items():
        table[level] = (table["language"].map(speaker).map(of_each) + of_each.get(speaker(member), np.nan)) / 2
    room = (table["bound"] - table["chance"]).where(table["bound"] > table["chance"])
    table["way"] = table["excess"] / room
    order = np.argsort(-table["value"].to_numpy(), kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    sure = _kept_places(star, summary.base(measure), order, "layer" if by == "all" else "tensor", seed)
    table["sure"] = np.where(table["value"].notna(), sure, np.nan)
    return table[COLUMNS]


def where(
    source: Source, choice: Choice, member: str, other: str, measure: str = "jaccard", members: Sequence[str] = ()
) -> pd.DataFrame:
    """Return by layer how much a language's mask overlaps with another's, and what that is compared with.

    Columns group, level, value (mean), low, high, n, as `summary.levels` has them. The levels are nearest (the pair),
    between (the language with all others, of `members` if there are any), chance (the mean of that), pretrained, and
    seeds or halves (the language's own), each where it was measured.
    """
    star = _star(summary.counts_of(source, choice, measure, members), member)
    table = summary.pairs(star, measure, "layer")
    pair = table[(table["source"] == other) | (table["target"] == other)]
    overlaps = {"nearest": pair, "between": table, "chance": table.assign(value=table["chance"])}
    available = summary.kinds(source, choice) if measure != "beyond" else {}
    if PRETRAINED in available:
        overlaps[PRETRAINED] = summary.against_pretrained(source, choice, measure, "layer", [member])
    if kind := next((kind for kind in ("seeds", "halves") if kind in available), None):
        overlaps[kind] = summary.within(source, choice, kind, measure, "layer", [member])
    parts = []
    for level, values in overlaps.items():
        grouped = values.groupby("group", sort=False)["value"]
        parts.append(grouped.agg(value="mean", low="min", high="max", n="count").reset_index().assign(level=level))
    return pd.concat(parts, ignore_index=True)[["group", "level", "value", "low", "high", "n"]]


def _star(counts: Counts, member: str) -> Counts:
    """Return the counts with a member's pairs only. Raises `NeutralError` for a member that is not there, or alone."""
    if member not in counts.members:
        raise NeutralError(f"no mask {member!r} in these counts; there are {listed(counts.members)}")
    if not (found := others(counts.members, member)):
        raise NeutralError(f"{member}: there is no other language's mask to compare it with")
    return counts.only([(member, other) for other in found])


def others(members: Sequence[str], member: str) -> list[str]:
    """Return the members that a member is compared with: the other languages, without controls."""
    return [other for other in members if other != member and other not in CONTROLS]


def _levels(source: Source, choice: Choice, measure: str, by: str, group: str) -> dict[str, dict[str, float]]:
    """Return control and bound -> label of a language -> value in one group."""
    found: dict[str, dict[str, float]] = {"control": {}, "bound": {}}
    if measure == "beyond":
        return found
    available = summary.kinds(source, choice)
    tables = {}
    if PRETRAINED in available:
        tables["control"] = summary.against_pretrained(source, choice, measure, by)
    if kind := next((kind for kind in ("seeds", "halves") if kind in available), None):
        tables["bound"] = summary.within(source, choice, kind, measure, by)
    for level, table in tables.items():
        rows = table[table["group"] == group]
        found[level] = dict(zip(rows["language"].map(speaker), rows["value"], strict=True))
    return found


def _kept_places(star: Counts, measure: str, order: np.ndarray, by: str, seed: int) -> np.ndarray:
    """Return the share of draws of the groups in which the pair that is k-th in `order` (P,) is among the first k."""
    groups, pairs = len(star.groups(by)), len(order)
    if groups < _LEAST_PARTS:
        return np.full(pairs, np.nan)
    table = star.pairs(by)
    columns = ("both", "source_kept", "target_kept", "size")
    parts = [table[name].to_numpy().reshape(groups, pairs)[:, order] for name in columns]
    times = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=DRAWS)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = FORMULAS[measure](Kept(*(times @ part for part in parts)))  # (draws, P)
    place = np.argsort(np.argsort(-values, axis=1, kind="stable"), axis=1)
    return (place <= np.arange(pairs)).mean(axis=0)


def similarity(
    source: Source,
    choice: Choice,
    measure: str = "jaccard",
    by: str = "all",
    group: str = "all",
    *,
    members: Sequence[str] = (),
    codes: str = "written",
) -> pd.DataFrame:
    """Return a measure between all languages of a choice as a symmetric square, rows and columns in `CODES`.

    A row is a language's vector. Controls are left out; the diagonal compares a mask with itself. `members` are the
    languages to take; all if empty.

    Raises `NeutralError` for a measure, grouping, group or member that is not there, and for codes that do not tell the
    languages apart.
    """
    counts = summary.counts_of(source, choice, measure, members)
    counts = counts.select([member for member in counts.members if member not in CONTROLS])
    square = counts.matrix(summary.base(measure), group, by)
    names = written(counts.members, codes)
    return square.set_axis(names, axis=0).set_axis(names, axis=1)


def choice_of(
    source: Source, *, task: str = "", method: str = "", sparsity: float | None = None, seed: int | None = None
) -> Choice:
    """Return the one choice of a source's masks that fits what is said of it.

    Of several sparsities the one nearest to 50 % is taken, of several seeds the lowest.

    Raises `NeutralError` when none fits, and when tasks or methods differ and none was said.
    """
    asked = {"task": task or None, "method": method or None, "sparsity": sparsity, "seed": seed}
    left = summary.choices(source)
    if not left:
        raise NeutralError("this study has no overlap counts between languages; `find` makes them")
    for name, value in asked.items():
        there = sorted({getattr(choice, name) for choice in left})
        if value is None and name in ("task", "method") and len(there) > 1:
            raise NeutralError(f"--{name}: there are masks of {', '.join(there)}; say which")
        if value is None:
            value = min(there, key=lambda one: (abs(one - 0.5), one)) if name == "sparsity" else there[0]
        fits = [choice for choice in left if _same(getattr(choice, name), value)]
        if not fits:
            raise NeutralError(f"--{name} {value}: there are no such masks; there are {', '.join(map(str, there))}")
        left = fits
    return left[0]


def _same(one: object, other: object) -> bool:
    return summary.same_sparsity(one, other) if isinstance(one, float) else one == other


def member_called(label: str, members: Sequence[str], thing: str = "mask") -> str:
    """Return the member that a label names by any code: `fr`, `fra`, `French`'s glottocode. Raises `NeutralError`.

    `thing` is what the error says that there is none of.

    >>> member_called("fr", ["fra", "deu"]), member_called("stan1290", ["fra", "deu"])
    ('fra', 'fra')
    """
    if label in members:
        return label
    labels = list(dict.fromkeys(map(speaker, members)))
    found = languages.matching(label, labels)
    named = [member for member in members if speaker(member) == found] if found else []
    if len(named) == 1:
        return named[0]
    asked = languages.language(label)
    near = named or [m for m in members if asked.glottocode and languages.language(speaker(m)).iso3 == asked.iso3]
    if near:
        raise NeutralError(f"{label} may be {' or '.join(near)} here; say which")
    raise NeutralError(f"there is no {thing} of {label!r} here; languages go by code: {listed(members)}")


def listed(members: Sequence[str]) -> str:
    """Return names for a line, of many the first."""
    more = len(members) - _NAMED
    return ", ".join(members[:_NAMED]) + (f" and {more} more" if more > 0 else "")
