"""The columns of tables that leave the app: each name says what it holds, without the page that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

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
