"""What explains the overlap of a study's masks: distances between its languages, and their association with overlap.

Rows go into the study. "distance": distance, source, target, value (null where it is unknown). "association": the
choice of masks (task, method, sparsity, seed), measure, by, scheme (plain: any languages are exchanged; family: only
relatives are), controls, members, and the columns of `association.associations`. "regression" alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from neutral import association, summary, typology
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.progress import bar
from neutral.study import Study
from neutral.summary import Choice
from neutral.typology import tokens

SCHEMES = ("plain", "family")
REGRESSED = ("syntactic", "genetic", "geographic", "script", "occurrences", "size")


@dataclass(frozen=True)
class Question:
    """Which masks to explain, and how."""

    methods: tuple[str, ...] = ()  # all if empty
    sparsities: tuple[float, ...] = (0.5,)
    measures: tuple[str, ...] = ("jaccard", "beyond")
    by: tuple[str, ...] = ("all", "layer")
    controls: tuple[str, ...] = ("family", "script", "occurrences")  # each controlled for in turn
    regressed: tuple[str, ...] = REGRESSED
    permutations: int = 9999
    seed: int = 0


def distances(study: Study, languages: Sequence[str], counts: dict[str, np.ndarray] | None = None) -> pd.DataFrame:
    """Return the distances between languages, and write into the study those that it has not.

    With `counts`, language -> (V,) token counts, there are those of the vocabulary and the text as well.
    """
    found = [typology.distances(list(languages))]
    if counts is not None:
        found.append(tokens.token_distances({code: counts[code] for code in languages}))
    table = pd.concat(found, ignore_index=True)
    there = {(r["distance"], *sorted((r["source"], r["target"]))) for r in study.rows("distance")}
    new = [
        row for row in table.itertuples(index=False) if (row.distance, *sorted((row.source, row.target))) not in there
    ]
    study.extend("distance", [{**row._asdict(), "value": _written(row.value)} for row in new])
    stored = study.table("distance")
    known = stored["source"].isin(languages) & stored["target"].isin(languages)
    return stored[known].astype({"value": float}).reset_index(drop=True)


def explain(
    study: Study,
    question: Question,
    *,
    counts: dict[str, np.ndarray] | None = None,
    quiet: bool = False,
) -> pd.DataFrame:
    """Test the overlap of the study's masks against every distance, write what is new, and return the rows over all
    weights: choice, measure, scheme, controls and the columns of `association.associations`.

    Raises `NeutralError` when the study has no such masks, or of fewer than four languages.
    """
    choices = _chosen(study, question)
    if not choices:
        there = ", ".join(sorted({f"{c.method} {c.sparsity:g}" for c in summary.choices(study)}))
        raise NeutralError(f"{study.path}: has no overlap counts of these methods and sparsities; it has {there}")
    members = summary.counts_of(study, choices[0]).members
    if len(members) < association.LEAST:
        raise NeutralError(f"{study.path}: {len(members)} languages; an association takes at least {association.LEAST}")
    apart = distances(study, members, counts)
    asked = [
        (choice, measure, by)
        for choice, measure, by in product(choices, question.measures, question.by)
        if measure != "beyond" or "beyond" in summary.kinds(study, choice)
    ]
    with bar(len(asked), "test", quiet=quiet) as shown:
        for choice, measure, by in asked:
            shown.set_description(f"{choice.method} {choice.sparsity:.0%} {measure} by {by}")
            _associate(study, question, choice, measure, by, apart)
            _regress(study, question, choice, measure, by, apart)
            shown.update()
    table = study.table("association")
    wanted = {(*choice, measure, by) for choice, measure, by in asked if by == question.by[0]}
    keys = table[["task", "method", "sparsity", "seed", "measure", "by"]].itertuples(index=False, name=None)
    return table[[key in wanted for key in keys]].reset_index(drop=True)


def _chosen(study: Study, question: Question) -> list[Choice]:
    """Return the masks that are asked about: of each method and sparsity those of the lowest seed."""
    found: dict[tuple, Choice] = {}
    for choice in summary.choices(study):  # in natural order, seeds last
        asked = not question.methods or choice.method in question.methods
        if asked and any(abs(choice.sparsity - s) < 1e-6 for s in question.sparsities):
            found.setdefault((choice.task, choice.method, choice.sparsity), choice)
    return list(found.values())


def _associate(study: Study, question: Question, choice: Choice, measure: str, by: str, apart: pd.DataFrame) -> None:
    counts = summary.counts_of(study, choice, measure)
    overlap = counts.measure(summary.base(measure), by)
    families = typology.families(counts.members)
    settings = {"count": question.permutations, "seed": question.seed}
    controls = [(), *((name,) for name in question.controls if by == "all" and name in set(apart["distance"]))]
    for scheme, held in product(SCHEMES, controls):
        key = _key(choice, measure, by, counts.members) | {"scheme": scheme, "controls": ", ".join(held)}
        if study.has("association", **key):
            continue
        within = families if scheme == "family" else None
        table = association.associations(overlap, apart, within=within, controls=held, **settings)
        study.extend("association", (key | row for row in _rows(table)))


def _regress(study: Study, question: Question, choice: Choice, measure: str, by: str, apart: pd.DataFrame) -> None:
    counts = summary.counts_of(study, choice, measure)
    overlap = counts.measure(summary.base(measure), by)
    families = typology.families(counts.members)
    kinds = [name for name in question.regressed if name in set(apart["distance"])]
    for scheme in SCHEMES:
        key = _key(choice, measure, by, counts.members) | {"scheme": scheme, "kinds": ", ".join(kinds)}
        if not kinds or study.has("regression", **key):
            continue
        within = families if scheme == "family" else None
        table = association.regression(
            overlap, apart, kinds, within=within, count=question.permutations, seed=question.seed
        )
        study.extend("regression", (key | row for row in _rows(table)))


def _key(choice: Choice, measure: str, by: str, members: Sequence[str]) -> dict:
    return {**choice._asdict(), "measure": measure, "by": by, "members": ", ".join(members)}


def _rows(table: pd.DataFrame) -> list[dict]:
    """Return a table's rows with numbers as they are written: six decimals, null for NaN."""
    return [{name: _written(value) for name, value in row.items()} for row in table.to_dict("records")]


def _written(value: object) -> object:
    if not isinstance(value, float):
        return value
    return None if np.isnan(value) else round(value, 6)


def token_counts(model: str, corpus: Corpus, **options: object) -> dict[str, np.ndarray]:
    """Return language -> (V,) counts of the model's tokens in all of the text, special tokens left out."""
    from neutral import models
    from neutral.compression.tokens import count

    tokenizer = models.load_tokenizer(model, **options)
    lines = {code: [*corpus.train[code], *corpus.held_out[code]] for code in corpus.languages}
    return count(tokenizer.backend_tokenizer, lines, len(tokenizer))


def study_at(folder: str | Path) -> Study:
    """Open a study of masks. Raises `NeutralError` for a study about something else."""
    study = Study(folder)
    if study.info.get("about"):
        raise NeutralError(f"{folder}: is a study of {study.info['about']}, not of masks")
    return study
