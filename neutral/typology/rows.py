"""Distances as rows of a study: a row a pair of languages ("distance"), or of many languages one a kind ("distances").

128 languages have 8,128 pairs, which in rows of their own take 100 times the room and the time to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Protocol

import pandas as pd

from neutral.errors import NeutralError

SINGLE, WHOLE = "distance", "distances"
"""The kinds of rows."""

MANY = 30
"""Of more languages the rows are whole."""


class HasTables(Protocol):
    """A study."""

    def whole_table(self, kind: str) -> pd.DataFrame:
        """See `Study.whole_table`."""


def packed(rows: Sequence[Mapping], languages: Sequence[str]) -> tuple[str, list[dict]]:
    """Return the kind of rows, and rows, that hold the distances of `rows` (distance, source, target, value, features).

    They are whole where there are many languages and a kind has all of their pairs, i < j in the order of `languages`:
    `values` and `counted`, the features, are lists of these pairs; the latter is left out where nothing is counted.
    """
    pairs = list(combinations(languages, 2))
    by_kind: dict[str, list[Mapping]] = {}
    for row in rows:
        by_kind.setdefault(row["distance"], []).append(row)
    orders = ([(row["source"], row["target"]) for row in each] for each in by_kind.values())
    if len(languages) <= MANY or any(order != pairs for order in orders):
        return SINGLE, [dict(row) for row in rows]
    whole = []
    for kind, each in by_kind.items():
        counted = [row.get("features") for row in each]
        features = {} if all(number is None for number in counted) else {"counted": counted}
        values = [row["value"] for row in each]
        whole.append({"distance": kind, "languages": list(languages), "values": values, **features})
    return WHOLE, whole


def read(source: HasTables) -> pd.DataFrame:
    """Return all distances that a study holds, in rows of either kind: distance, source, target, value, features.

    Empty when there are none. Raises what `unpacked` raises, and the errors of the study's tables.
    """
    whole = source.whole_table(WHOLE)
    return unpacked(source.whole_table(SINGLE), whole.to_dict("records"))


def unpacked(single: pd.DataFrame, whole: Iterable[Mapping]) -> pd.DataFrame:
    """Return rows of both kinds as one table: distance, source, target, value, features.

    Raises `NeutralError` naming a row whose values are not as many as its languages have pairs.
    """
    tables = [single] if len(single) else []
    for row in whole:
        pairs = list(combinations(row["languages"], 2))
        counted = row.get("counted")
        features = counted if isinstance(counted, list) else [None] * len(pairs)
        if len(row["values"]) != len(pairs) or len(features) != len(pairs):
            raise NeutralError(
                f"distances {row['distance']}: {len(row['languages'])} languages have {len(pairs):,} pairs, and the "
                f"row has {len(row['values']):,} values and {len(features):,} numbers of features"
            )
        names = {"distance": row["distance"], "source": [a for a, _ in pairs], "target": [b for _, b in pairs]}
        numbers = {"value": pd.array(row["values"], dtype=float), "features": pd.array(features, dtype=float)}
        tables.append(pd.DataFrame({**names, **numbers}))
    return pd.concat(tables, ignore_index=True) if tables else single
