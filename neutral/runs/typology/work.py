"""Typology at work in the process that owns the study: which tests are left, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neutral import association, hashes, labels, summary
from neutral.association import findings, process, schemes
from neutral.errors import NeutralError
from neutral.language.facts import properties_of
from neutral.runs.plans.typology import TypologyPlan, check, settings
from neutral.runs.records import Finished, remember, require_same
from neutral.runs.typology.distances import distances, known
from neutral.runs.typology.worker import Explain, Test, Tested, Tester
from neutral.runs.units import Effect, Making, Shared, Unit, Work
from neutral.study import Study, same_sparsity
from neutral.summary import Choice

KEY = ("task", "method", "sparsity", "seed", "measure", "by", "members", "scheme", "controls", "kinds", "left")
"""The fields that tell tests apart; `_NAMED` says which of the last three a kind of test has."""

_NAMED = {
    "association": "controls",
    **dict.fromkeys(("regression", "mixed", "process", "properties"), "kinds"),
    "leaving": "left",
}


class Explainer(Work):
    """A plan at work: a study's overlaps, and the distances between its languages.

    Raises `NeutralError` when the study has no such masks, or of fewer than four languages, for a plan that `check`
    refuses, and for tests that were made otherwise before.
    """

    def __init__(self, study: Study, plan: TypologyPlan, counts: dict[str, np.ndarray] | None = None) -> None:
        check(plan)
        self.study, self.plan, self.counts = study, plan, counts
        choices = _chosen(study, plan)
        if not choices:
            counted = ", ".join(sorted({f"{c.method} {c.sparsity:g} seed {c.seed}" for c in summary.choices(study)}))
            raise NeutralError(
                f"{study.path}: has no overlap counts of these methods, sparsities and seed; it has {counted}"
            )
        self.members = summary.counts_of(study, choices[0]).members
        if len(self.members) < association.LEAST:
            raise NeutralError(
                f"{study.path}: {len(self.members)} languages; an association takes at least {association.LEAST}"
            )
        for by in plan.by:
            labels.require_groups(summary.counts_of(study, choices[0]).tensors, by)
        self.overlaps = [
            Explain(choice, measure, by)
            for choice, measure, by in product(choices, plan.measures, plan.by)
            if measure != "beyond" or "beyond" in summary.kinds(study, choice)
        ]
        _require_same_tests(study, settings(plan))
        self.apart = known(study, self.members, counts)
        self._known: dict[str, pd.DataFrame] = {}  # task -> properties of the languages
        self.results = Finished(study, KEY)

    def require(self) -> None:
        """See `Work.require`."""
        for each in self.overlaps:
            require_same(self.study, "tested", _tested(self.study, each.choice, each.measure), "the counts")

    def effect(self, unit: Unit) -> Effect:
        """See `Work.effect`."""
        left = len(self._left(unit.asked))
        rows = left * max(len(set(self.apart["distance"])), 1)
        return Effect("counts of the masks, distances between their languages", f"{left} tests", 500 * rows)

    def alike(self, unit: Unit) -> bool:
        """See `Work.alike`: a test by groups is one of each."""
        return unit.asked.by == "all"

    def begin(self) -> None:
        """See `Work.begin`."""
        if self.study.info.get("tests") != settings(self.plan):
            self.study.info = Study.create(self.study.path, {"tests": settings(self.plan)}).info
        for each in self.overlaps:
            _remember_counts(self.study, each.choice, each.measure)
        self.apart = distances(self.study, self.members, self.counts)
        self.results = Finished(self.study, KEY)

    def units(self) -> list[Unit]:
        """See `Work.units`."""
        return [
            Unit(("test", i), _called(each), float(len(self._tests(each))), each)
            for i, each in enumerate(self.overlaps)
        ]

    def is_done(self, unit: Unit) -> bool:
        """See `Work.is_done`."""
        return not self._left(unit.asked)

    def phases(self) -> Iterator[list[Unit]]:
        """See `Work.phases`."""
        yield [unit for unit in self.units() if not self.is_done(unit)]

    def making(self) -> Making:
        """See `Work.making`."""
        return Making(Tester, "", {"permuted": {"count": self.plan.permutations, "seed": self.plan.seed}})

    def given(self, unit: Unit) -> Mapping[str, Any]:
        """Return the overlap, the distances, and the tests that are left."""
        counts = self._counts(unit.asked)
        return {
            "overlap": counts.measure(summary.base(unit.asked.measure), unit.asked.by),
            "members": list(counts.members),
            "apart": Shared("distances", lambda: self.apart),
            "properties": self._properties(unit.asked.choice.task),
            "tests": self._left(unit.asked),
        }

    def write(self, unit: Unit, piece: Tested) -> None:
        """See `Work.write`."""
        key = self._key(unit.asked, piece.test)
        self.results.extend(piece.test.kind, [key | row for row in piece.rows])

    def _tests(self, asked: Explain) -> list[Test]:
        """Return the tests of an overlap, under each scheme."""
        apart = set(self.apart["distance"])
        several = [(), *((name,) for name in self.plan.controls if asked.by == "all" and name in apart)]
        tests = [Test("association", scheme, names) for scheme, names in product(schemes.SCHEMES, several)]
        kinds = tuple(name for name in self.plan.regressed if name in apart)
        if kinds:
            tests += [Test("regression", scheme, kinds) for scheme in schemes.SCHEMES]
            tests.append(Test("mixed", "", kinds))
        if asked.by == "all":
            tests += [Test("leaving", findings.FIRST[0], (what,)) for what in ("family", "script")]
            if len(self.members) >= process.LEAST:
                tests.append(Test("process", "", tuple(kind for kind in kinds if kind not in process.COVERED)))
                tests.append(Test("properties", "", tuple(self._properties(asked.choice.task))))
        return [*tests, Test("recovery", "", ())]

    def _left(self, asked: Explain) -> list[Test]:
        return [test for test in self._tests(asked) if not self.results.has(test.kind, **self._key(asked, test))]

    def _key(self, asked: Explain, test: Test) -> dict[str, Any]:
        members = ", ".join(self._counts(asked).members)
        key = {**asked.choice._asdict(), "measure": asked.measure, "by": asked.by, "members": members}
        key |= {"scheme": test.scheme} if test.scheme else {}
        return key | ({_NAMED[test.kind]: ", ".join(test.names)} if test.kind in _NAMED else {})

    def _properties(self, task: str) -> pd.DataFrame:
        if task not in self._known:
            self._known[task] = properties_of(self.study, task, self.members)
        return self._known[task]

    def _counts(self, asked: Explain) -> Any:
        return summary.counts_of(self.study, asked.choice, asked.measure)


def _called(asked: Explain) -> str:
    choice = asked.choice
    return f"{choice.method} {choice.sparsity:.0%} seed {choice.seed} {asked.measure} by {asked.by}"


def _chosen(study: Study, plan: TypologyPlan) -> list[Choice]:
    """Return the masks to test: of each method and sparsity of the plan those of its seed, by default the lowest."""
    chosen: dict[tuple, Choice] = {}
    for choice in summary.choices(study):  # in natural order, seeds last
        planned = not plan.methods or choice.method in plan.methods
        planned &= plan.mask_seed is None or choice.seed == plan.mask_seed
        if planned and any(same_sparsity(choice.sparsity, s) for s in plan.sparsities):
            chosen.setdefault((choice.task, choice.method, choice.sparsity), choice)
    return list(chosen.values())


def _require_same_tests(study: Study, asked: dict[str, int]) -> None:
    """Refuse to make further tests otherwise than before.

    Older studies do not say; the rows of their tests say how many permutations were drawn, if not all were tried.
    """
    before = study.info.get("tests")
    if before is None:
        tests = (row for row in study.rows("association") if row.get("scheme") == "plain" and "members" in row)
        drawn = {
            row["permutations"]
            for row in tests
            if row.get("permutations") and factorial(row["members"].count(",") + 1) > asked["permutations"]
        }
        before = {"permutations": max(drawn)} if drawn else {}
    for name, value in asked.items():
        if before.get(name, value) != value:
            raise NeutralError(
                f"{study.path}: its tests were made with --{name} {before[name]}, not {value}; use that, or another "
                "--study"
            )


def _remember_counts(study: Study, choice: Choice, measure: str) -> None:
    """Write into study.json which counts are tested, and refuse others of members that were tested already."""
    if tested := _tested(study, choice, measure):
        remember(study, "tested", tested, "the counts")
        return
    path = _counts_path(study, choice, measure)
    if study.info.get("tested", {}).get(path.stem) != (read := hashes.file(path)):
        study.info = Study.create(study.path, {"tested": {path.stem: read}}).info


def _tested(study: Study, choice: Choice, measure: str) -> dict[str, str]:
    """Return the hash of counts, by their name, if the study has tests of their members; else nothing."""
    path, counts = _counts_path(study, choice, measure), summary.counts_of(study, choice, measure)
    key = {**choice._asdict(), "members": ", ".join(counts.members)}
    return {path.stem: hashes.file(path)} if study.has("association", **key) else {}


def _counts_path(study: Study, choice: Choice, measure: str) -> Path:
    return study.counts_path(*choice, "beyond" if measure == "beyond" else "languages")
