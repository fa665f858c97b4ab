"""What pages show of a study's masks: choices, counts, overlap, levels and scores, remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from neutral import opening, summary
from neutral.members import order
from neutral.overlap import Counts
from neutral.search import evaluations, experts
from neutral.search.experts import Routing
from neutral.summary import Choice
from pages.parts import catalogue

if TYPE_CHECKING:  # scipy takes a while to import: only pages that test import it
    from neutral.association.agreement import Agreement


@catalogue.remembered
def choices(source: catalogue.Source) -> list[Choice]:
    """See `summary.choices`."""
    return summary.choices(source)


@catalogue.remembered
def tells(source: catalogue.Source, choice: Choice) -> opening.Telling:
    """See `opening.tells`."""
    return opening.tells(source, choice)


@catalogue.remembered
def kinds(source: catalogue.Source, choice: Choice) -> dict[str, int]:
    """See `summary.kinds`."""
    return summary.kinds(source, choice)


@catalogue.remembered
def counts(source: catalogue.Source, choice: Choice, measure: str, members: tuple[str, ...]) -> Counts:
    """See `summary.counts_of`."""
    return summary.counts_of(source, choice, measure, members)


@catalogue.remembered
def pairs(
    source: catalogue.Source, choice: Choice, measure: str, by: str, members: tuple[str, ...], group: str = ""
) -> pd.DataFrame:
    """See `summary.pairs`."""
    return summary.pairs(summary.counts_of(source, choice, measure, members), measure, by, group)


@catalogue.remembered
def means(
    source: catalogue.Source, choice: Choice, measure: str, by: str, members: tuple[str, ...], who: str
) -> pd.DataFrame:
    """See `Counts.means`."""
    return summary.counts_of(source, choice, measure, members).means(summary.base(measure), by, who)


@catalogue.remembered
def lines(
    source: catalogue.Source, choice: Choice, measure: str, by: str, members: tuple[str, ...], who: str
) -> pd.DataFrame:
    """See `summary.by_language`, or for the language `who` `summary.partners`."""
    table = pairs(source, choice, measure, by, members)
    return summary.partners(table, who) if who else summary.by_language(table)


@catalogue.remembered
def square(
    source: catalogue.Source, choice: Choice, measure: str, by: str, group: str, members: tuple[str, ...], how: str
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the square of a measure in an order, and its tree (`folding.Folded.brackets`) if that is by clustering.

    There is no tree of fewer than three members, nor where a value is missing: then the order is by family.
    """
    matrix = summary.counts_of(source, choice, measure, members).matrix(summary.base(measure), group, by)
    if how == "clustering" and len(matrix) > 2 and matrix.notna().all(axis=None):
        from neutral.typology import folding, trees

        related = order(list(matrix.index))
        unfolded = folding.fold(trees.tree(1 - matrix.loc[related, related]), related, dict.fromkeys(related))
        leaves = [leaf for row in unfolded.rows for leaf in row]
        return matrix.loc[leaves, leaves], unfolded.brackets
    ordered = order(list(matrix.index), how)
    return matrix.loc[ordered, ordered], None


@catalogue.remembered
def ranked(
    source: catalogue.Source, choice: Choice, measure: str, by: str, members: tuple[str, ...], group: str
) -> pd.DataFrame:
    """See `summary.ranked`, of pairs in one group."""
    return summary.ranked(pairs(source, choice, measure, by, members, group))


@catalogue.remembered
def kinship(source: catalogue.Source, choice: Choice, measure: str, members: tuple[str, ...]) -> pd.DataFrame:
    """See `summary.kinship`, of pairs over all weights."""
    return summary.kinship(pairs(source, choice, measure, "all", members).dropna(subset="value"))


@catalogue.remembered
def joint(source: catalogue.Source, choice: Choice, by: str, members: tuple[str, ...]) -> pd.DataFrame:
    """See `summary.joint`."""
    return summary.joint(source, choice, by, members)


@catalogue.remembered
def levels(
    source: catalogue.Source, choice: Choice, measure: str, by: str, members: tuple[str, ...], group: str = ""
) -> pd.DataFrame:
    """See `summary.levels`."""
    return summary.levels(source, choice, measure, by, members, group)


@catalogue.remembered
def experts_used(source: catalogue.Source, choice: Choice, members: tuple[str, ...]) -> pd.DataFrame:
    """See `search.experts.usage`."""
    return experts.usage(source, choice, members)


@catalogue.remembered
def routing(source: catalogue.Source, choice: Choice, members: tuple[str, ...]) -> tuple[pd.DataFrame, Routing | None]:
    """See `search.experts.shared` and `.routing`; None for fewer than two languages."""
    shared = experts.shared(experts.usage(source, choice, members))
    return shared, experts.routing(shared, experts.within(source, choice, members)) if len(shared) else None


@catalogue.remembered
def within(source: catalogue.Source, choice: Choice, kind: str, measure: str, by: str) -> pd.DataFrame:
    """See `summary.within`."""
    return summary.within(source, choice, kind, measure, by)


def across_sparsity(source: catalogue.Source, choice: Choice, measure: str, members: tuple[str, ...]) -> pd.DataFrame:
    """See `summary.across_sparsity`. It is one table, whichever of the sparsities is chosen."""
    same = [other for other in choices(source) if other._replace(sparsity=choice.sparsity) == choice]
    return _across_sparsity(source, min(same, default=choice), measure, members)


@catalogue.remembered
def _across_sparsity(source: catalogue.Source, choice: Choice, measure: str, members: tuple[str, ...]) -> pd.DataFrame:
    return summary.across_sparsity(source, choice, measure, members)


@catalogue.remembered
def scores(source: catalogue.Source, task: str, members: tuple[str, ...]) -> pd.DataFrame:
    """See `evaluations.scores`."""
    return evaluations.scores(catalogue.table(source, "score"), task, members)


@catalogue.remembered
def functional(source: catalogue.Source, choice: Choice, members: tuple[str, ...]) -> pd.DataFrame:
    """See `evaluations.functional`."""
    return evaluations.functional(
        catalogue.table(source, "functional"), choice.task, choice.method, choice.sparsity, members
    )


@catalogue.remembered
def agreement_of(
    source: catalogue.Source, one: Choice, other: Choice, measure: str, members: tuple[str, ...]
) -> Agreement:
    """See `agreement.agreement`, of the overlap of two choices' masks."""
    from neutral import typology
    from neutral.association.agreement import agreement

    whole, by_layer = (tuple(pairs(source, choice, measure, by, members) for choice in (one, other)) for by in _GROUPS)
    return agreement(whole, by_layer, typology.families(members))


def stacked(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return tables of the same columns below each other."""
    return pd.concat(tables)


_GROUPS = ("all", "layer")
