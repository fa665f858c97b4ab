"""The columns of tables that leave the app: each name says what it holds, without the page that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

FACTS = {name: name.lower() for name in ("Study", "Model", "Task", "Method", "Sparsity", "Seed")} | {
    "One language": "language_a",
    "The other": "language_b",
}
"""Settings that the rows of a file say of themselves, and in which of its first columns."""

_OF_ROWS = {"Method": "line"}  # settings that differ from row to row where there is such a column

_DIGITS = 6  # of a number in a file
_SIDES = {"source": "language_a", "target": "language_b"}
_DIRECTED = {"source": "mask", "target": "trained_on"}
_VALUES = {"value": "{}", "chance": "{}_by_chance", "excess": "{}_above_chance"}
_LEVELS = {"low": "{}_lowest", "high": "{}_highest"}


def told(table: pd.DataFrame, settings: Mapping[str, str | Sequence[str]]) -> pd.DataFrame:
    """Return a table of the library under names that say what its columns hold.

    Overlaps are called by their measure, which is among `settings`, and their pair language_a and language_b; of scores
    the pair is a mask and the language that it is trained on.

    >>> pairs = pd.DataFrame({"source": ["en"], "target": ["fr"], "value": [0.5], "chance": [0.25]})
    >>> list(told(pairs, {"Measure": "Jaccard"}))
    ['language_a', 'language_b', 'jaccard', 'jaccard_by_chance']
    >>> list(told(pairs.assign(metric="f1"), {}))
    ['mask', 'trained_on', 'value', 'chance', 'metric']
    """
    scored = "metric" in table
    names = dict(_DIRECTED if scored else _SIDES) if {"source", "target"} <= set(table) else {}
    measure = str(settings.get("Measure") or "").lower().replace(" ", "_")
    if measure and not scored and "value" in table and ({"source", "group"} & set(table)):
        names |= {column: form.format(measure) for column, form in (_VALUES | _LEVELS).items()}
    return table.rename(columns={column: name for column, name in names.items() if name not in table})


def csv(table: pd.DataFrame, settings: Mapping[str, str | Sequence[str]]) -> str:
    """Return a table as CSV that describes itself: the first columns say of which study, model, task and method it is.

    They are those of `FACTS` that are among the settings and no columns of the table, whose rows may be of several
    methods. Numbers have six digits that count.

    >>> print(csv(pd.DataFrame({"ratio": [16.000001525]}), {"Study": "mine", "Model": "m"}))
    study,model,ratio
    mine,m,16.0
    <BLANKLINE>
    """
    table = table.apply(_rounded)
    for fact, name in reversed(FACTS.items()):
        value = None if _OF_ROWS.get(fact) in table else settings.get(fact)
        if value and isinstance(value, str) and name not in table:
            table.insert(0, name, value)
    return table.to_csv(index=False)


def _rounded(column: pd.Series) -> pd.Series:
    """Return a column with so many digits that count, if it is one of fractions."""
    if not pd.api.types.is_float_dtype(column):
        return column
    values = column.to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        places = _DIGITS - 1 - np.floor(np.log10(np.abs(values)))
    places = np.where(np.isfinite(places), np.clip(places, 0, 300), 0)
    return pd.Series([round(v, int(n)) for v, n in zip(values.tolist(), places, strict=True)], column.index)
