"""What the counts of a study come to: tidy tables for pages and scripts.

An overlap says little alone. `levels` puts it beside what it must be compared with (methods: Prasanna et al.
2020; the controls of this project): the level of independent masks of the same densities, the mask of the
untouched pretrained weights, and the same language found again under another seed or from other text.

Everything here takes a source, which is a `Study` or a `MaskSet`, and a `Choice` of what to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import pandas as pd

from neutral import overlap
from neutral.errors import NeutralError
from neutral.members import RELATIONS, is_known, relations, speaker
from neutral.overlap import Counts
from neutral.study import PRETRAINED, at_sparsity, same_sparsity

MEASURES = ("jaccard", "dice", "agreement", "phi", "beyond")
"""The measures of `overlap`, and `beyond`: Jaccard of what each mask changes against the pretrained mask."""

LEVELS = ("between", "chance", "shuffled", "pretrained", "seeds", "halves")


class Choice(NamedTuple):
    """Which masks of a study to look at."""

    task: str
    method: str
    sparsity: float
    seed: int = 0


class Source(Protocol):
    """What has counts and tables: a `Study` or a `MaskSet`."""

    def counts_index(self) -> pd.DataFrame:
        """Return the counts there are: task, method, sparsity, seed, kind, path."""

    def counts(self, task: str, method: str, sparsity: float, seed: int = 0, kind: str = "languages") -> Counts:
        """Return one set of counts."""

    def recounted(
        self, task: str, method: str, sparsity: float, seed: int = 0, members: Sequence[str] = ()
    ) -> Counts | None:
        """Count the masks of some members anew; None where they are not kept."""

    def table(self, kind: str) -> pd.DataFrame:
        """Return the results of one kind."""

    def settings(self, task: str, name: str) -> dict:
        """Return the settings of a task's results of one kind; empty if they are not known."""


def choices(source: Source) -> list[Choice]:
    """Return the choices that have counts between languages, in natural order."""
    index = source.counts_index()
    index = index[index["kind"] == "languages"]
    return sorted({Choice(row.task, row.method, row.sparsity, row.seed) for row in index.itertuples()})


def kinds(source: Source, choice: Choice) -> dict[str, int]:
    """Return kind of counts -> the seed that it is stored under, for a choice.

    Controls that were made once serve every seed: a kind that this seed lacks is taken from the lowest that
    has it.
    """
    index = source.counts_index()
    rows = index[
        (index["task"] == choice.task)
        & (index["method"] == choice.method)
        & at_sparsity(index["sparsity"], choice.sparsity)
    ]
    seeds: dict[str, int] = {}
    for row in rows.sort_values("seed").itertuples():
        if row.kind not in seeds or row.seed == choice.seed:
            seeds[row.kind] = int(row.seed)
    return seeds


def counts_of(source: Source, choice: Choice, measure: str = "jaccard", members: Sequence[str] = ()) -> Counts:
    """Return the counts that a measure is computed from, of the named members or (by default) of all.

    Raises `NeutralError` when the study has no such counts, or lacks a member.
    """
    kind = "beyond" if measure == "beyond" else "languages"
    return _select(_load(source, choice, kind), members)


def pairs(counts: Counts, measure: str = "jaccard", by: str = "all", group: str = "") -> pd.DataFrame:
    """Return pairs beside chance: group, source, target, value, chance, excess (value - chance).

    Of one `group` of the grouping, or of all: of 128 languages these are a million rows by layer and component.

    Raises `NeutralError` for an unknown measure, grouping or group.
    """
    name = base(measure)
    if group:
        return pairs(counts.part(group, by), measure).assign(group=group)
    table = counts.measure(name, by)
    table["chance"] = counts.chance(by, name)["value"]
    table["excess"] = table["value"] - table["chance"]
    return table


def joint(source: Source, choice: Choice, by: str = "all", members: Sequence[str] = ()) -> pd.DataFrame:
    """Return `overlap.joint`, the Jaccard of all masks at once, of the named members or (by default) of all.

    Stored counts tell it of all members and of pairs. For any other choice the masks are counted anew.

    Raises `NeutralError` when the source has no such counts, lacks a member, or does not keep masks that it takes.
    """
    counts = counts_of(source, choice, members=members)
    if not overlap.is_told(counts):
        counts = source.recounted(*choice, counts.members) or counts
    return overlap.joint(counts, by)


def levels(
    source: Source,
    choice: Choice,
    measure: str = "jaccard",
    by: str = "all",
    members: Sequence[str] = (),
    group: str = "",
) -> pd.DataFrame:
    """Return the overlap between languages and what it is compared with.

    Parameters
    ----------
    source : Source
        A study or a set of masks.
    choice : Choice
        Which masks.
    measure : str
        One of `MEASURES`; `beyond` has the levels between and chance only.
    by : str
        The grouping of weights, as in `Counts.measure`.
    members : sequence of str
        The members to compare; all if empty.
    group : str
        The group of weights to compare them in; every group of the grouping if empty.

    Returns
    -------
    DataFrame
        Columns group, level, value (mean), low, high (over pairs or languages) and n (how many). The levels are

        - between: pairs of different languages;
        - chance: independent masks of the same densities;
        - shuffled: each mask shuffled within its tensors;
        - pretrained: each language against the mask of the untouched weights;
        - seeds, halves: the same language under another seed, or from another half of the text, over the members that
          were found twice; over all languages that were, if no member was.

        A level whose counts the source lacks has no row.

    Raises
    ------
    NeutralError
        When the source has no such counts, or lacks a member or group.
    """
    available = kinds(source, choice)
    table = pairs(counts_of(source, choice, measure, members), measure, by, group)
    overlaps = {
        "between": table[["group", "value"]],
        "chance": table[["group", "chance"]].set_axis(["group", "value"], axis=1),
    }
    if measure != "beyond":
        if "shuffled" in available:
            overlaps["shuffled"] = _measured(_select(_load(source, choice, "shuffled"), members), measure, by, group)
        if PRETRAINED in available:
            overlaps[PRETRAINED] = against_pretrained(source, choice, measure, by, members, group)
        for kind in ("seeds", "halves"):
            if kind in available:
                own = within(source, choice, kind, measure, by, members, group)
                overlaps[kind] = own if len(own) else within(source, choice, kind, measure, by, group=group)
    parts = []
    for level, values in overlaps.items():
        grouped = values.groupby("group", sort=False)["value"]
        parts.append(grouped.agg(value="mean", low="min", high="max", n="count").reset_index().assign(level=level))
    return pd.concat(parts, ignore_index=True)[["group", "level", "value", "low", "high", "n"]]


def within(
    source: Source,
    choice: Choice,
    kind: str,
    measure: str = "jaccard",
    by: str = "all",
    members: Sequence[str] = (),
    group: str = "",
) -> pd.DataFrame:
    """Return the overlap of each language with itself under other seeds, or from the other half of the text.

    `kind` is seeds or halves. Columns group, language, value; a language with more than two runs has the
    mean of its pairs. Of one `group`, or of all.
    """
    counts = _load(source, choice, kind)
    table = _measured(counts.only(overlap.meant(kind, counts.members)), measure, by, group)
    table["language"] = table["source"].map(speaker)
    if members:
        table = table[table["language"].isin([speaker(member) for member in members])]
    return table.groupby(["group", "language"], sort=False)["value"].mean().reset_index()


def against_pretrained(
    source: Source,
    choice: Choice,
    measure: str = "jaccard",
    by: str = "all",
    members: Sequence[str] = (),
    group: str = "",
) -> pd.DataFrame:
    """Return each language's overlap with the mask of the untouched weights: group, language, value.

    Of one `group`, or of all.
    """
    counts = _load(source, choice, PRETRAINED)
    table = _measured(counts.only(overlap.meant(PRETRAINED, counts.members)), measure, by, group)
    table["language"] = table["source"].where(table["target"] == PRETRAINED, table["target"])
    if members:
        table = table[table["language"].isin(members)]
    return table[["group", "language", "value"]].reset_index(drop=True)


def bound(table: pd.DataFrame) -> str | None:
    """Return which within-language level a table of `levels` has: seeds before halves, or None."""
    return next((kind for kind in ("seeds", "halves") if (table["level"] == kind).any()), None)


def across_sparsity(
    source: Source, choice: Choice, measure: str = "jaccard", members: Sequence[str] = ()
) -> pd.DataFrame:
    """Return `levels` over all weights, with a column sparsity, at every sparsity of this task, method, seed."""
    parts = []
    for other in choices(source):
        if other._replace(sparsity=choice.sparsity) != choice:
            continue
        if measure == "beyond" and "beyond" not in kinds(source, other):
            continue
        try:
            parts.append(levels(source, other, measure, "all", members).assign(sparsity=other.sparsity))
        except NeutralError:  # this sparsity was not made for all the members
            continue
    columns = ["sparsity", "group", "level", "value", "low", "high", "n"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def kinship(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of pairs by how their languages relate: relation, value, chance, low, high, n.

    `table` is that of `pairs` in one group. Pairs with an unknown language are left out.
    """
    both = [is_known(a) and is_known(b) for a, b in zip(table["source"], table["target"], strict=True)]
    known = table[pd.Series(both, index=table.index, dtype=bool)]
    members = sorted({*known["source"], *known["target"]})
    related = relations(zip(known["source"], known["target"], strict=True), members)
    named = known.assign(relation=related)
    grouped = named.groupby("relation").agg(
        value=("value", "mean"),
        chance=("chance", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        n=("value", "count"),
    )
    return grouped.reindex([r for r in RELATIONS if r in grouped.index]).reset_index()


def commonest(table: pd.DataFrame, relation: str) -> tuple[str, int, int]:
    """Return the language that is in most pairs of a relation, in how many of them, and how many there are.

    `table` is that of `pairs` in one group. Raises `NeutralError` where no pair is so related.
    """
    members = sorted({*table["source"], *table["target"]})
    pairs = list(zip(table["source"], table["target"], strict=True))
    named = [pair for pair, how in zip(pairs, relations(pairs, members), strict=True) if how == relation]
    if not named:
        raise NeutralError(f"no pair is of {relation}")
    (language, its), *_ = Counter(member for pair in named for member in pair).most_common(1)
    return language, its, len(named)


def shares(counts: Counts, a: str, b: str, by: str = "all") -> pd.DataFrame:
    """Return what two masks do with the weights of each group, as shares that add up to 1.

    Columns group, both, only_a, only_b, neither. Raises `NeutralError` for a member that the counts lack.
    """
    table = counts.select([a, b]).pairs(by)
    size = table["size"].where(table["size"] > 0)
    return pd.DataFrame(
        {
            "group": table["group"],
            "both": table["both"] / size,
            "only_a": (table["source_kept"] - table["both"]) / size,
            "only_b": (table["target_kept"] - table["both"]) / size,
            "neither": (table["size"] - table["either"]) / size,
        }
    )


def base(measure: str) -> str:
    """Return the measure of `overlap` behind one of `MEASURES`. Raises `NeutralError` for another."""
    if measure not in MEASURES:
        raise NeutralError(f"unknown measure {measure!r}; use one of {', '.join(MEASURES)}")
    return "jaccard" if measure == "beyond" else measure


def _load(source: Source, choice: Choice, kind: str) -> Counts:
    seed = kinds(source, choice).get(kind)
    if seed is None or (kind in ("languages", "beyond") and seed != choice.seed):
        raise NeutralError(
            f"no {kind} counts of {choice.method} at {choice.sparsity:.0%} for task {choice.task}, seed {choice.seed}"
        )
    return source.counts(choice.task, choice.method, choice.sparsity, seed, kind)


def _measured(counts: Counts, measure: str, by: str, group: str) -> pd.DataFrame:
    """Return `Counts.measure` of one of `MEASURES`, in one group if it is named."""
    if group:
        return counts.part(group, by).measure(base(measure)).assign(group=group)
    return counts.measure(base(measure), by)


def _select(counts: Counts, members: Sequence[str]) -> Counts:
    return counts.select(members) if members else counts


def by_language(table: pd.DataFrame) -> pd.DataFrame:
    """Return each language's mean overlap with the others: group, language, value. `table` is that of `pairs`."""
    both_ways = pd.concat([table.assign(language=table[side])[["group", "language", "value"]] for side in _SIDES])
    return both_ways.groupby(["group", "language"], sort=False)["value"].mean().reset_index()


def partners(table: pd.DataFrame, member: str) -> pd.DataFrame:
    """Return one language's overlap with each other: group, language, value. `table` is that of `pairs`."""
    parts = []
    for side, other in (_SIDES, _SIDES[::-1]):
        rows = table[table[side] == member]
        parts.append(rows.assign(language=rows[other])[["group", "language", "value"]])
    return pd.concat(parts).sort_index().reset_index(drop=True)


_SIDES = ("source", "target")


def deviations(table: pd.DataFrame) -> pd.DataFrame:
    """Return each language's value less the mean of the languages in that group, in place of the value.

    `table` has group, language, value; a column whole keeps the value.
    """
    mean = table.groupby("group", sort=False)["value"].transform("mean")
    return table.assign(value=table["value"] - mean, whole=table["value"])


def by_level(table: pd.DataFrame) -> dict[str, float]:
    """Return level -> mean, of a table of `levels` in one group."""
    return dict(zip(table["level"], table["value"], strict=True))


def way(table: pd.DataFrame) -> float:
    """Return how far languages are on the way from chance (0) to one language found again (1).

    `table` is that of `levels` in one group. NaN when the latter was not measured or is not above chance.
    """
    value, top = by_level(table), bound(table)
    if top is None or not value[top] > value["chance"]:
        return float("nan")
    return (value["between"] - value["chance"]) / (value[top] - value["chance"])


def place(table: pd.DataFrame, a: str, b: str) -> int:
    """Return which place two members' pair has in a table of `pairs` of one group: 1 for the most alike.

    Raises `NeutralError` for a pair that is not there.
    """
    pair = table[table["source"].isin((a, b)) & table["target"].isin((a, b))]
    if pair.empty:
        raise NeutralError(f"there is no overlap of {a} and {b}")
    return int((table["value"] > pair["value"].iloc[0]).sum()) + 1


def extremes(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the rows of the most and the least alike pair, of a table of `pairs` without missing values."""
    return table.loc[table["value"].idxmax()], table.loc[table["value"].idxmin()]


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of `pairs`, the most alike first, with a column relation if all members are known languages."""
    members = sorted({*table["source"], *table["target"]})
    if all(map(is_known, members)):
        related = relations(zip(table["source"], table["target"], strict=True), members)
        table = table.assign(relation=related)
    return table.sort_values("value", ascending=False)


def means(table: pd.DataFrame, columns: Sequence[str] = ("value",), by: Sequence[str] = ("group",)) -> pd.DataFrame:
    """Return the mean of `columns` over pairs or members: a row a group, or a row a value of the columns `by`."""
    return table.groupby(list(by), sort=False)[list(columns)].mean().reset_index()


def peaks(table: pd.DataFrame) -> dict[str, float]:
    """Return group -> mean, of the groups of a table of `pairs` in which members are most and least alike.

    Empty when no pair has a value.
    """
    mean = table.groupby("group", sort=False)["value"].mean().dropna()
    return {} if mean.empty else {group: float(mean[group]) for group in (mean.idxmax(), mean.idxmin())}


def alternatives(source: Source, choice: Choice) -> list[Choice]:
    """Return the source's other masks of this sparsity and seed: of another task or method.

    Random masks overlap by chance: they are left out, and have no alternatives themselves.
    """
    return [
        other
        for other in choices(source)
        if same_sparsity(other.sparsity, choice.sparsity)
        and other.seed == choice.seed
        and (other.task, other.method) != (choice.task, choice.method)
        and "random" not in (other.method, choice.method)
    ]
