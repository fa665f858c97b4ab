"""What the compression page shows: a study of token tables, what was chosen from it, and its tables, remembered."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from neutral.compression import choosing, losses, predictions, results
from neutral.compression import downstream as tuning
from neutral.compression import reach as reaching
from neutral.compression import steps as compression_steps
from neutral.members import rows_in_order
from neutral.study import Study
from pages.parts import catalogue


@dataclass(frozen=True)
class TableChoice:
    """Which tables and scores of a study to look at."""

    by: str  # parameters | bytes
    where: str  # input | both
    words: bool
    weights: str
    trimmed: bool
    scoring: str  # blocks | lines


@dataclass(frozen=True)
class TableView:
    """A study and the choice from it."""

    study: Study
    choice: TableChoice


@catalogue.remembered
def tables(study: Study) -> pd.DataFrame:
    """See `results.tables`."""
    return results.tables(study.table("table"))


@catalogue.remembered
def scores(study: Study) -> pd.DataFrame:
    """See `results.scores`; languages by family."""
    return rows_in_order(results.scores(study.table("perplexity"), tables(study)))


@catalogue.remembered
def chosen(study: Study, choice: TableChoice, weights: str | None = "") -> pd.DataFrame:
    """The scores of a choice, each at its size (`results.at_size`); of other token weights, or of all (None)."""
    table = scores(study)
    table = table[(table["where"] == choice.where) & (table["words"] == choice.words)]
    table = table[table["scoring"] == choice.scoring]
    weights = choice.weights if weights == "" else weights
    return results.at_size(results.usual(table, weights, choice.trimmed), choice.by)


@catalogue.remembered
def budget(study: Study, choice: TableChoice, language: str, tolerance: float) -> pd.DataFrame:
    """See `choosing.within`, of a choice with tokens weighted in any way."""
    return choosing.within(_offered(study, choice), choice.by, language, tolerance)


@catalogue.remembered
def reach(study: Study, choice: TableChoice, language: str, tolerance: float) -> pd.DataFrame:
    """See `reach.reach`, of the rows of `budget`."""
    rows = budget(study, choice, language, tolerance)
    return reaching.reach(_offered(study, choice), rows, study.info, choice.by, language, tolerance)


@catalogue.remembered
def nearest(study: Study, choice: TableChoice, language: str) -> pd.Series:
    """See `choosing.nearest`, as in `budget`."""
    return choosing.nearest(_offered(study, choice), choice.by, language)


@catalogue.remembered
def change(study: Study, choice: TableChoice, language: str, tolerance: float) -> choosing.Change | None:
    """See `choosing.change`, of the row of `budget` that reaches furthest; None where none is within the tolerance."""
    rows = budget(study, choice, language, tolerance)
    if rows.empty or rows["bound"].iloc[0] == "below":
        return None
    return choosing.change(_offered(study, choice), choice.by, rows.iloc[0], language)


def _offered(study: Study, choice: TableChoice) -> pd.DataFrame:
    """Return what an answer is chosen from; a trimmed vocabulary has fewer tokens to score, and counts if chosen."""
    table = chosen(study, choice, None)
    full = table[~table["trimmed"]]
    return table if choice.trimmed or full.empty else full


@catalogue.remembered
def curves(study: Study, choice: TableChoice, language: str, line: str = "") -> pd.DataFrame:
    """See `choosing.curve`, of a choice; with the curve of one more `line`, whatever its token weights."""
    every, usual = (choosing.curve(chosen(study, choice, w), choice.by, language) for w in (None, ""))
    return every[every["line"].isin([*usual["line"], line])]


@catalogue.remembered
def chosen_tables(study: Study, choice: TableChoice) -> pd.DataFrame:
    """The sizes and errors of a choice, each at its size."""
    return results.at_size(results.usual(tables(study), choice.weights, choice.trimmed), choice.by)


@catalogue.remembered
def every_curve(study: Study, choice: TableChoice, language: str) -> pd.DataFrame:
    """See `choosing.curve`, of a choice with tokens weighted in any way."""
    return choosing.curve(chosen(study, choice, None), choice.by, language)


@catalogue.remembered
def breaks(study: Study, choice: TableChoice, limit: float, line: str = "") -> pd.DataFrame:
    """See `results.breaking`, of a choice and one more `line`, at one limit."""
    every = chosen(study, choice, None)
    return results.breaking(every[every["line"].isin([*chosen(study, choice)["line"], line])], [limit])


@catalogue.remembered
def groups(study: Study, group: str) -> pd.DataFrame:
    """See `results.groups`."""
    return results.groups(study.table("error"), group)


@catalogue.remembered
def points(study: Study, where: str, whole: bool, trimmed: bool, scoring: str) -> pd.DataFrame:
    """See `predictions.points`; tables of one vocabulary, since errors are means over its tokens."""
    table = scores(study)
    return predictions.points(table[table["trimmed"] == trimmed], where, whole, scoring)


@catalogue.remembered
def correlations(study: Study, where: str, whole: bool, trimmed: bool, scoring: str, unit: str) -> pd.DataFrame:
    """See `predictions.correlations`."""
    return predictions.correlations(points(study, where, whole, trimmed, scoring), unit=unit)


@catalogue.remembered
def spread(study: Study, choice: TableChoice, group: str) -> pd.DataFrame:
    """The direction error of groups of tokens, of a choice; languages by family."""
    rows = results.usual(groups(study, group), choice.weights, choice.trimmed)
    rows = rows[rows["by"] == choice.by]
    return rows_in_order(rows, "name") if group == "language" else rows


@catalogue.remembered
def steps(study: Study, by: str, language: str) -> pd.DataFrame:
    """See `steps.curves`, of tables whose ratio is by parameters or by bytes."""
    table = compression_steps.curves(study.table("step"), language)
    return table[table["by"] == by]


@catalogue.remembered
def loss_runs(study: Study, choice: TableChoice) -> pd.DataFrame:
    """See `losses.runs`, of a choice."""
    rows = losses.runs(study.table("table"), study.table("perplexity"), weights=choice.weights, trimmed=choice.trimmed)
    rows = rows[(rows["by"] == choice.by) & (rows["where"] == choice.where) & (rows["words"] == choice.words)]
    return rows[rows["scoring"] == choice.scoring]


@catalogue.remembered
def loss_ablation(study: Study, choice: TableChoice) -> pd.DataFrame:
    """See `losses.ablation`, of a choice."""
    return losses.ablation(loss_runs(study, choice))


@catalogue.remembered
def loss_versus(study: Study, choice: TableChoice, one: str, other: str) -> pd.DataFrame:
    """See `losses.versus`, of a choice."""
    return losses.versus(loss_runs(study, choice), one, other)


@catalogue.remembered
def downstream(study: Study) -> pd.DataFrame:
    """See `downstream.scores`."""
    return tuning.scores(study.table("finetune"))


def lines(table: pd.DataFrame) -> list[str]:
    """The lines of a table, in the order of its methods."""
    return list(dict.fromkeys(table["line"]))
