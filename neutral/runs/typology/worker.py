"""What a process does of typology: it tests one overlap against every distance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neutral import association, typology
from neutral.association import schemes
from neutral.runs.timing import seconds_of
from neutral.runs.units import Tell, Unit, Worker
from neutral.summary import Choice


@dataclass(frozen=True)
class Explain:
    """A unit: the overlap of a choice of masks by a measure, in each group of weights."""

    choice: Choice
    measure: str
    by: str


@dataclass(frozen=True)
class Test:
    """A test of a unit: "association" under controls, or "regression" on kinds of distances; and the scheme."""

    __test__ = False  # pytest takes it for one of its own

    kind: str
    scheme: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Tested:
    """A piece: a test and its rows."""

    test: Test
    rows: tuple[dict[str, Any], ...]


class Tester(Worker):
    """It needs no model and no device; `permuted` are the count and the seed of the permutations."""

    def __init__(self, model: str = "", device: str = "cpu", *, permuted: Mapping[str, int]) -> None:
        self.permuted = permuted

    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[Tested]:
        """Yield a piece for each test that is left; see `Worker.do`."""
        for number, test in enumerate(given["tests"]):
            table = self._table(test, given)
            tell(number + 1, len(given["tests"]))
            yield Tested(test, tuple(rows(table)))

    def seconds(self, unit: Unit, given: Mapping[str, Any]) -> float:
        """Estimate how long a unit takes, from its first test."""
        return seconds_of(lambda: self._table(given["tests"][0], given)) * len(given["tests"])

    def _table(self, test: Test, given: Mapping[str, Any]) -> pd.DataFrame:
        own = schemes.drawn(test.scheme, typology.families(given["members"])) | self.permuted
        if test.kind == "association":
            return association.associations(given["overlap"], given["apart"], controls=test.names, **own)
        return association.regression(given["overlap"], given["apart"], list(test.names), **own)


def rows(table: pd.DataFrame) -> list[dict]:
    """Return a table's rows with numbers as they are written: six decimals, null for NaN."""
    return [{name: written(value) for name, value in row.items()} for row in table.to_dict("records")]


def written(value: object) -> object:
    """Return a value as it is written."""
    if not isinstance(value, float):
        return value
    return None if np.isnan(value) else round(value, 6)
