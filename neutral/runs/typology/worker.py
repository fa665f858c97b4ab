"""What a process does of typology: it tests one overlap against every distance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neutral import association, typology
from neutral.association import leaving, models, schemes
from neutral.runs.timing import seconds_of
from neutral.runs.units import Tell, Unit, Worker
from neutral.summary import Choice
from neutral.typology import recovery

FEW = 999
"""Draws of a test without a family or a script, at most: there are many."""


@dataclass(frozen=True)
class Explain:
    """A unit: the overlap of a choice of masks by a measure, in each group of weights."""

    choice: Choice
    measure: str
    by: str


@dataclass(frozen=True)
class Test:
    """A test of a unit: the kind of its rows, the scheme ("" where nothing is drawn), and what `names` names.

    Names are the controls of an "association", the kinds of distances of a "regression", of "mixed" models and of a
    "process", the properties of languages of "properties", and of "leaving" what is left out in turn: family or script.
    "recovery" has none.
    """

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
        overlap, apart, members = given["overlap"], given["apart"], given["members"]
        families = typology.families(members)
        own = (schemes.drawn(test.scheme, families) if test.scheme else {}) | self.permuted
        if test.kind == "association":
            return association.associations(overlap, apart, controls=test.names, **own)
        if test.kind == "regression":
            return association.regression(overlap, apart, list(test.names), **own)
        if test.kind == "leaving":
            few = own | {"count": min(FEW, self.permuted["count"])}
            return leaving.without(association.associations, overlap, apart, _blocks(test.names[0], members), **few)
        if test.kind == "recovery":
            return recovery.recovered(overlap)
        known = {"distances": apart, "properties": given.get("properties")}
        return models.fit(test.kind, overlap, test.names, **known, families=families, areas=typology.areas(members))


def _blocks(what: str, members: Sequence[str]) -> dict[str, str]:
    """Return each language's family, or script, if another has it too: leaving one language out is another question."""
    named = typology.families(members)
    if what == "script":
        named = {code: typology.known(code).script for code in members}
    sizes = Counter(named.values())
    return {code: name for code, name in named.items() if sizes[name] > 1}


def rows(table: pd.DataFrame) -> list[dict]:
    """Return a table's rows with numbers as they are written: six decimals, null for NaN."""
    return [{name: written(value) for name, value in row.items()} for row in table.to_dict("records")]


def written(value: object) -> object:
    """Return a value as it is written."""
    if not isinstance(value, float):
        return value
    return None if np.isnan(value) else round(value, 6)
