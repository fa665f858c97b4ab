"""The columns and values of tables in the words of the pages; what is downloaded keeps the library's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from neutral import glossary, typology
from neutral.figures import theme
from neutral.figures.inside import LINES
from neutral.members import display
from pages.parts import formats, pickers
from pages.parts.pickers import readable

NAMES = {
    "agreement": "Agreement",
    "area": "Macroarea",
    "between": "Between languages",
    "bits": "Bits a character",
    "both": "Kept by both",
    "bound": "Same language again",
    "called": "Other study",
    "chance": "By chance",
    "control": "Pretrained control",
    "excess": "Above chance",
    "exact": "All permutations",
    "full": "Full model",
    "full_bits": "Bits a character, full model",
    "full_seeds": "Seeds of the full model",
    "full_std": "Deviation of the full model",
    "gain": "Better than full by",
    "group": "Where",
    "high": "Highest",
    "holm": "Holm",
    "holm_within": "Holm, in families",
    "k": "Masks, at least",
    "language_a": "Language",
    "language_b": "Other language",
    "level": "Compared with",
    "line": "Line",
    "low": "Lowest",
    "metric": "Score",
    "n": "Number",
    "neither": "Kept by neither",
    "not_worse": "Not significantly worse",
    "only_a": "Only the first",
    "only_b": "Only the second",
    "own": "Own mask",
    "p": "p",
    "p_within": "p, in families",
    "ratio": "Ratio",
    "removed": "Removed",
    "rho": "ρ",
    "seeds": "Seeds",
    "source": "Language",
    "std": "Deviation",
    "sure": "Keeps its rank or better",
    "target": "Other language",
    "times_smaller": "Times smaller",
    "trained_on": "Trained on",
    "tested_within": "ρ, in families",
    "value": "Value",
    "variant": "Trained",
    "way": "Way to the bound",
    "within_std": "Within one deviation",
    "x": "Across",
    "y": "Down",
}
"""Column -> its name on pages; of others the underscores become spaces."""

_MEASURED = {measure: f"{name} ({unit})" for measure, (name, unit) in theme.UNITS.items()} | {
    "cost_percent": "Cost (% of the own mask's score)",
    "nats": "Perplexity (nats a token)",
    "perplexity_ratio": "Perplexity (÷ full table's)",
    "removed_percent": "Sparsest winning ticket (% removed)",
    "rho": "ρ (Spearman)",
}
"""Beginning of a column -> the measure and its unit."""
_OF_MEASURE = {
    "above_chance": "above chance",
    "bound": "same-language bound of the difference",
    "by_chance": "by chance",
    "difference": "second less first view",
    "first": "first view",
    "highest": "highest",
    "lowest": "lowest",
    "same_language_again": "same language found again",
    "second": "second view",
    "usual_change": "usual change when found again",
}
"""End of a column -> what of the measure it is."""

HELP = {
    "bound": "bound",
    "chance": "chance",
    "control": "pretrained",
    "excess": "excess",
    "holm": "holm",
    "p": "p",
    "rho": "rho",
    "sparsity": "sparsity",
    "sure": "sure",
    "way": "way",
}
"""Column -> its key in the glossary."""

SHARES = {"sparsity", "way", "sure", "both", "only_a", "only_b", "neither", "removed"}
"""Columns of shares, shown as per cent."""

_LEVELS = {level: name for level, (name, _, _) in theme.LEVELS.items()} | {"nearest": "With the nearest"}
VALUES: dict[str, Callable[[object], str]] = {
    "distance": typology.label,
    "group": readable,
    "kind": readable,
    "layer": readable,
    "layer_component": readable,
    "level": lambda level: _LEVELS.get(level, readable(level)),
    "line": lambda line: LINES[line][0] if line in LINES else readable(line),
    "mask": display,
    "metric": readable,
    "rule": lambda rule: NAMES.get(rule, readable(rule)),
    "task": pickers.task_name,
    "variant": lambda variant: {"trained": "trained", "untrained": "not trained"}.get(variant, variant),
    **dict.fromkeys(("language", "source", "target", "language_a", "language_b", "trained_on"), display),
}
"""Column -> what writes its values for people."""

MISSING = "–"
"""What stands where there is no value."""


def for_people(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with languages by name, values in the pages' words, and columns as `names` has them.

    A column of languages' names beside that of their codes is dropped: they are the same then.
    """
    shown = table.drop(columns="name") if {"name", "language"} <= set(table) else table
    return written(shown).rename(columns=names(table))


def written(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with languages by name and values in the pages' words, under the columns that it has."""
    return table.assign(**{column: _written(table[column], VALUES[column]) for column in table if column in VALUES})


def _written(values: pd.Series, write: Callable[[object], str]) -> pd.Series:
    """Return a column with its texts as `write` has them; numbers and what is missing stay."""
    words = {value: write(value) if value else "" for value in values.dropna().unique() if isinstance(value, str)}
    return values.map(lambda value: words.get(value, value)).astype(object)


def _measured(column: str) -> str:
    """Return what a column of a measure, as `figures.compare` and `export.columns` call it, is: with its unit.

    >>> _measured("jaccard"), _measured("jaccard_usual_change"), _measured("cost_percent_first"), _measured("other")
    ('Jaccard overlap (share)', 'Jaccard overlap (share): usual change when found again', \
"Cost (% of the own mask's score): first view", '')
    """
    for measure, name in _MEASURED.items():
        if column == measure:
            return name
        if (of := column.removeprefix(f"{measure}_")) in _OF_MEASURE:
            return f"{name}: {_OF_MEASURE[of]}"
    return ""


def names(table: pd.DataFrame) -> dict[str, str]:
    """Return column -> what pages call it, each another name."""
    called: dict[str, str] = {}
    for column in table:
        name = NAMES.get(column) or _measured(column) or readable(column)
        called[column] = name if name not in called.values() else f"{name} ({column.replace('_', ' ')})"
    return called


def formatted(table: pd.DataFrame, digits: int) -> Mapping[str, object]:
    """Return the settings of the columns of `for_people`: the form of numbers, and help for what takes explaining."""
    settings, called = {}, names(table)
    for column in table:
        key = HELP.get(column)
        about = glossary.line(key) if key else glossary.of(called[column])
        if column in SHARES:
            settings[called[column]] = st.column_config.NumberColumn(format="percent", help=about)
        elif pd.api.types.is_float_dtype(table[column]):
            settings[called[column]] = formats.number_column(called[column], about, digits=digits)
        elif about:
            settings[called[column]] = st.column_config.Column(help=about)
    return settings
