"""What the compression page shows: a study of token tables, what was chosen from it, and its tables, remembered."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral.compression import predictions, results
from neutral.errors import NeutralError
from neutral.members import order
from neutral.study import Study
from pages.parts import catalogue, pickers

BY = {"bytes": "Bytes", "parameters": "Parameters"}
WHERE = {"both": "Input and output", "input": "Input only"}
MASKING = {False: "Single tokens", True: "Whole words"}
WEIGHTS = {"uniform": "Uniform", "sqrt": "√frequency", "frequency": "Frequency"}
VOCABULARY = {False: "Full", True: "Trimmed to the text"}
WEIGHTS_HELP = "How much each token counted in the fit. A method that has no such results shows those it has."
LIMIT = 1.1  # times the full model's perplexity: what counts as kept

NO_STUDY = """
#### There is no study of token tables here yet

Such a study holds perplexities of a model whose token table was compressed. Make one from any Hugging Face model and a
folder of text, one file a language (`en.txt`, `sw.txt`, …):

```sh
python -m neutral compress --model MODEL --methods svd,direction --ratios 2.5,5,10 --text TEXT \\
    --study data/studies/mine
```
"""


@dataclass(frozen=True)
class Choice:
    """What of a study to look at."""

    by: str  # parameters | bytes
    where: str  # input | both
    words: bool
    weights: str
    trimmed: bool


@dataclass(frozen=True)
class View:
    """A study and what of it is chosen."""

    study: Study
    choice: Choice


def choose(notices: DeltaGenerator) -> list[View]:
    """Draw the sidebar's pickers and return what to show; empty when there is no study.

    Raises `NeutralError` for a study without results.
    """
    studies, broken = catalogue.studies("compression")
    for line in broken:
        notices.error(line)
    if not studies:
        return pickers.pass_on(notices)
    asked = st.query_params.get("tables")
    if asked and asked not in studies:
        notices.warning(f"There is no study of tables called “{asked}” here. There is {', '.join(studies)}.")
    study = studies[pickers.pick("Study", list(studies), "tables")]
    scored = scores(study)
    if scored.empty:
        raise NeutralError(
            f"{title(study)} has no perplexities yet; go on with it with the same `python -m neutral compress` command."
        )

    def pick(label: str, column: str, names: dict, key: str, **more: object) -> object:
        there = [value for value in names if value in set(scored[column])]
        return pickers.pick(label, there, key, names=names.__getitem__, **more)

    by = pick("Size counted in", "by", BY, "by", help="Every stored byte against float32; or stored numbers.")
    where = pick("Compressed table in", "where", WHERE, "where", help="A tied model has one table for both.")
    words = pick("Masking", "words", MASKING, "masking")
    weights = pick("Token weights", "weights", WEIGHTS, "weights", default="uniform", help=WEIGHTS_HELP)
    trimmed = pick("Vocabulary", "trimmed", VOCABULARY, "vocabulary")
    return [View(study, Choice(by, where, words, weights, trimmed))]


def empty() -> None:
    """Say how to get a study of tables."""
    with st.container(border=True):
        st.markdown(NO_STUDY)


def title(study: Study) -> str:
    """What the study is called."""
    return study.info.get("title") or study.path.name


@catalogue.remembered
def tables(study: Study) -> pd.DataFrame:
    """See `results.tables`."""
    return results.tables(study.table("table"))


@catalogue.remembered
def scores(study: Study) -> pd.DataFrame:
    """See `results.scores`; languages by family."""
    table = results.scores(study.table("perplexity"), tables(study))
    place = {code: i for i, code in enumerate(order(dict.fromkeys(table["language"])))}
    return table.sort_values("language", key=lambda column: column.map(place), kind="stable")


@catalogue.remembered
def chosen(study: Study, choice: Choice) -> pd.DataFrame:
    """The scores of a choice, each at its size (`results.at_size`)."""
    table = scores(study)
    table = table[(table["where"] == choice.where) & (table["words"] == choice.words)]
    return results.at_size(results.usual(table, choice.weights, choice.trimmed), choice.by)


@catalogue.remembered
def chosen_tables(study: Study, choice: Choice) -> pd.DataFrame:
    """The sizes and errors of a choice, each at its size."""
    return results.at_size(results.usual(tables(study), choice.weights, choice.trimmed), choice.by)


@catalogue.remembered
def breaks(study: Study, choice: Choice) -> pd.DataFrame:
    """See `results.breaking`, of a choice."""
    return results.breaking(chosen(study, choice))


@catalogue.remembered
def groups(study: Study, group: str) -> pd.DataFrame:
    """See `results.groups`."""
    return results.groups(study.table("error"), group)


@catalogue.remembered
def points(study: Study, where: str, words: bool, trimmed: bool) -> pd.DataFrame:
    """See `predictions.points`; tables of one vocabulary, since errors are means over its tokens."""
    table = scores(study)
    return predictions.points(table[table["trimmed"] == trimmed], where, words)


@catalogue.remembered
def correlations(study: Study, where: str, words: bool, trimmed: bool, unit: str) -> pd.DataFrame:
    """See `predictions.correlations`."""
    return predictions.correlations(points(study, where, words, trimmed), unit=unit)


def lines(table: pd.DataFrame) -> list[str]:
    """The lines of a table, in the order of its methods."""
    return list(dict.fromkeys(table["line"]))


def what(study: Study, choice: Choice) -> str:
    """Say in a line what is shown."""
    info = study.info
    size = f"{info['vocabulary']:,} × {info['width']}" if {"vocabulary", "width"} <= set(info) else ""
    place = "compressed table in the input and in the tied output layer"
    if choice.where == "input":
        place = "compressed table in the input only" + (", output layer as it was" if info.get("tied") else "")
    masking = {"mlm": "whole words masked" if choice.words else "tokens masked"}.get(info.get("task"), "")
    return " · ".join(filter(None, [title(study), f"table of {size}" if size else "", place, masking]))
