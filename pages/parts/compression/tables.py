"""What the compression page shows: a study of token tables, what was chosen from it, and its tables, remembered."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral.compression import predictions, results
from neutral.errors import NeutralError
from neutral.members import rows_in_order
from neutral.study import Study
from pages.parts import catalogue, pickers
from pages.parts.compression import words


@dataclass(frozen=True)
class TableChoice:
    """Which tables and scores of a study to look at."""

    by: str  # parameters | bytes
    where: str  # input | both
    words: bool
    weights: str
    trimmed: bool


@dataclass(frozen=True)
class TableView:
    """A study and the choice from it."""

    study: Study
    choice: TableChoice


def choose(notices: DeltaGenerator) -> list[TableView]:
    """Draw the sidebar's pickers and return what to show; empty when there is no study.

    Raises `NeutralError` for a study without results.
    """
    studies, broken = catalogue.studies("compression")
    for line in broken:
        notices.error(line)
    if not studies:
        return pickers.pass_on(notices)
    linked = st.query_params.get("tables")
    if linked and linked not in studies:
        notices.warning(f"There is no study of tables called “{linked}” here. There is {', '.join(studies)}.")
    study = studies[pickers.pick("Study", list(studies), "tables")]
    scored = scores(study)
    if scored.empty:
        raise NeutralError(
            f"{words.title(study)} has no perplexities yet; go on with it with the same `python -m neutral compress` "
            "command."
        )

    def pick(label: str, column: str, names: dict, key: str, **more: object) -> object:
        values = [value for value in names if value in set(scored[column])]
        return pickers.pick(label, values, key, names=names.__getitem__, **more)

    by = pick("Size counted in", "by", words.BY, "by", help="Every stored byte against float32; or stored numbers.")
    where = pick("Compressed table in", "where", words.WHERE, "where", help="A tied model has one table for both.")
    whole = pick("Masking", "words", words.MASKING, "masking")
    weights = pick("Token weights", "weights", words.WEIGHTS, "weights", default="uniform", help=words.WEIGHTS_HELP)
    trimmed = pick("Vocabulary", "trimmed", words.VOCABULARY, "vocabulary")
    return [TableView(study, TableChoice(by, where, whole, weights, trimmed))]


def empty() -> None:
    """Say how to get a study of tables."""
    with st.container(border=True):
        st.markdown(words.NO_STUDY)


@catalogue.remembered
def tables(study: Study) -> pd.DataFrame:
    """See `results.tables`."""
    return results.tables(study.table("table"))


@catalogue.remembered
def scores(study: Study) -> pd.DataFrame:
    """See `results.scores`; languages by family."""
    return rows_in_order(results.scores(study.table("perplexity"), tables(study)))


@catalogue.remembered
def chosen(study: Study, choice: TableChoice) -> pd.DataFrame:
    """The scores of a choice, each at its size (`results.at_size`)."""
    table = scores(study)
    table = table[(table["where"] == choice.where) & (table["words"] == choice.words)]
    return results.at_size(results.usual(table, choice.weights, choice.trimmed), choice.by)


@catalogue.remembered
def chosen_tables(study: Study, choice: TableChoice) -> pd.DataFrame:
    """The sizes and errors of a choice, each at its size."""
    return results.at_size(results.usual(tables(study), choice.weights, choice.trimmed), choice.by)


@catalogue.remembered
def breaks(study: Study, choice: TableChoice) -> pd.DataFrame:
    """See `results.breaking`, of a choice."""
    return results.breaking(chosen(study, choice))


@catalogue.remembered
def groups(study: Study, group: str) -> pd.DataFrame:
    """See `results.groups`."""
    return results.groups(study.table("error"), group)


@catalogue.remembered
def points(study: Study, where: str, whole: bool, trimmed: bool) -> pd.DataFrame:
    """See `predictions.points`; tables of one vocabulary, since errors are means over its tokens."""
    table = scores(study)
    return predictions.points(table[table["trimmed"] == trimmed], where, whole)


@catalogue.remembered
def correlations(study: Study, where: str, whole: bool, trimmed: bool, unit: str) -> pd.DataFrame:
    """See `predictions.correlations`."""
    return predictions.correlations(points(study, where, whole, trimmed), unit=unit)


@catalogue.remembered
def spread(study: Study, choice: TableChoice, group: str) -> pd.DataFrame:
    """The direction error of groups of tokens, of a choice; languages by family."""
    rows = results.usual(groups(study, group), choice.weights, choice.trimmed)
    rows = rows[rows["by"] == choice.by]
    return rows_in_order(rows, "name") if group == "language" else rows


def lines(table: pd.DataFrame) -> list[str]:
    """The lines of a table, in the order of its methods."""
    return list(dict.fromkeys(table["line"]))
