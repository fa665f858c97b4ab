"""What explains the overlap of a study's masks: distances between its languages, and their association with overlap.

It writes rows into the study. "distance": distance, source, target, value (null if unknown), features (how many it
rests on; null if it counts none). "association": the choice of masks (task, method, sparsity, seed), measure, by,
scheme (plain: any languages are exchanged; family: only relatives are), controls, members, and the columns of
`association.associations`. "regression" alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import factorial
from pathlib import Path

import numpy as np
import pandas as pd

from neutral import association, hashes, labels, summary, typology
from neutral.association import schemes
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.lock import only_writer
from neutral.progress import bar, say
from neutral.runs.plans.typology import TypologyPlan, check, settings
from neutral.runs.records import Finished, remember
from neutral.study import Study, same_sparsity
from neutral.summary import Choice
from neutral.typology import similarity, tokens

KEY = ("task", "method", "sparsity", "seed", "measure", "by", "members", "scheme", "controls", "kinds")
"""The fields that tell tests apart; controls are those of an association, kinds those of a regression."""


_PRINTED = [
    *("method", "sparsity", "measure", "distance", "scheme", "rho", "tested", "p", "holm"),
    *("permutations", "languages", "pairs"),
]


def distances(study: Study, languages: Sequence[str], counts: dict[str, np.ndarray] | None = None) -> pd.DataFrame:
    """Return the distances between languages (`typology.filled`), and write those that the study lacks into it.

    With `counts`, language -> (V,) token counts, the distances of vocabulary and text are among them.
    """
    tables = [typology.distances(list(languages))]
    if counts is not None:
        counts = {code: counts[code] for code in languages}
        tables.append(tokens.token_distances(counts))
    table = pd.concat(tables, ignore_index=True)
    with only_writer(study.path):
        if counts is not None:
            read = {code: hashes.numbers(count) for code, count in counts.items()}
            remember(study, "tokens", read, "the tokens (--model, --text) of")
        stored = Finished(study, ("distance", "source", "target"), kind="distance", seen_as=_unordered)
        new = [row for row in table.to_dict("records") if not stored.has("distance", **row)]
        stored.extend("distance", [_counted({name: _written(value) for name, value in row.items()}) for row in new])
    return typology.filled(study.whole_table("distance"), languages)


def explain(
    study: Study,
    plan: TypologyPlan,
    *,
    counts: dict[str, np.ndarray] | None = None,
    quiet: bool = False,
) -> pd.DataFrame:
    """Test the overlap of the study's masks against every distance, and write the tests that the study lacks.

    Returns the tests of the plan's first grouping, all weights by default: choice, measure, by, scheme, controls,
    members and the columns of `association.associations`.

    Raises `NeutralError` when the study has no such masks, or of fewer than four languages, and for a plan that `check`
    refuses.
    """
    check(plan)
    choices = _chosen(study, plan)
    if not choices:
        counted = ", ".join(sorted({f"{c.method} {c.sparsity:g} seed {c.seed}" for c in summary.choices(study)}))
        raise NeutralError(
            f"{study.path}: has no overlap counts of these methods, sparsities and seed; it has {counted}"
        )
    members = summary.counts_of(study, choices[0]).members
    if len(members) < association.LEAST:
        raise NeutralError(f"{study.path}: {len(members)} languages; an association takes at least {association.LEAST}")
    for by in plan.by:
        labels.require_groups(summary.counts_of(study, choices[0]).tensors, by)
    overlaps = [
        (choice, measure, by)
        for choice, measure, by in product(choices, plan.measures, plan.by)
        if measure != "beyond" or "beyond" in summary.kinds(study, choice)
    ]
    with only_writer(study.path):
        _require_same_tests(study, settings(plan))
        for choice, measure, _ in overlaps:
            _remember_counts(study, choice, measure)
        apart = distances(study, members, counts)
        say(notes(members), quiet=quiet)
        results = Finished(study, KEY)
        with bar(len(overlaps), "test", quiet=quiet) as shown:
            for choice, measure, by in overlaps:
                shown.set_description(f"{choice.method} {choice.sparsity:.0%} {measure} by {by}")
                _test(results, plan, choice, measure, by, apart)
                shown.update()
    table = study.whole_table("association")
    tested = {(*choice, measure, by) for choice, measure, by in overlaps if by == plan.by[0]}
    keys = table[["task", "method", "sparsity", "seed", "measure", "by"]].itertuples(index=False, name=None)
    table = table[[key in tested for key in keys]].reset_index(drop=True)
    if lacking := [name for name in typology.kinds_in(apart) if name not in set(table["distance"])]:
        older = f"the study's tests are older than the distances {', '.join(lacking)} and lack them"
        say([f"{older}; the page Typology tests them, and so does a new study"], quiet=quiet)
    return table.assign(group=table["group"].map(labels.renamed))  # older rows may have former names


def printed(table: pd.DataFrame, form: str) -> str:
    """Return tests as text, in one of the plan's forms: a table has the plain tests' main columns."""
    if form == "csv":
        return table.to_csv(index=False).removesuffix("\n")
    if form == "json":
        return table.to_json(orient="records", force_ascii=False, indent=1)
    return table[table["controls"] == ""][_PRINTED].round(4).to_string(index=False)


def notes(languages: Sequence[str]) -> list[str]:
    """Return what to know of the tests of some languages: who is not in URIEL+, and what families leave to exchange."""
    said = []
    if lacking := similarity.languages(languages).outside_uriel:
        said.append(f"not in URIEL+, so left out of its distances: {', '.join(lacking)}")
    ways = association.possible(languages, typology.families(languages))
    if ways == 1:
        said.append(f"no two of the {len(languages)} languages are of one family: tests within families have no p")
    elif ways < len(languages) ** 2:
        said.append(f"within families there are only {ways} permutations: no p is below {1 / ways:.2g}")
    return said


def _chosen(study: Study, plan: TypologyPlan) -> list[Choice]:
    """Return the masks to test: of each method and sparsity of the plan those of its seed, by default the lowest."""
    chosen: dict[tuple, Choice] = {}
    for choice in summary.choices(study):  # in natural order, seeds last
        planned = not plan.methods or choice.method in plan.methods
        planned &= plan.mask_seed is None or choice.seed == plan.mask_seed
        if planned and any(same_sparsity(choice.sparsity, s) for s in plan.sparsities):
            chosen.setdefault((choice.task, choice.method, choice.sparsity), choice)
    return list(chosen.values())


def _test(results: Finished, plan: TypologyPlan, choice: Choice, measure: str, by: str, apart: pd.DataFrame) -> None:
    """Write the associations and the regression of one overlap, plain and within families, that the study lacks."""
    counts = summary.counts_of(results.study, choice, measure)
    overlap = counts.measure(summary.base(measure), by)
    families = typology.families(counts.members)
    blocks = {scheme: schemes.blocks(scheme, families) for scheme in schemes.SCHEMES}
    key = {**choice._asdict(), "measure": measure, "by": by, "members": ", ".join(counts.members)}
    distances, permuted = set(apart["distance"]), {"count": plan.permutations, "seed": plan.seed}
    controls = [(), *((name,) for name in plan.controls if by == "all" and name in distances)]
    for scheme, names in product(blocks, controls):
        test = key | {"scheme": scheme, "controls": ", ".join(names)}
        if not results.has("association", **test):
            table = association.associations(overlap, apart, within=blocks[scheme], controls=names, **permuted)
            results.extend("association", (test | row for row in _rows(table)))
    kinds = [name for name in plan.regressed if name in distances]
    for scheme in blocks if kinds else ():
        test = key | {"scheme": scheme, "kinds": ", ".join(kinds)}
        if not results.has("regression", **test):
            table = association.regression(overlap, apart, kinds, within=blocks[scheme], **permuted)
            results.extend("regression", (test | row for row in _rows(table)))


def _require_same_tests(study: Study, asked: dict[str, int]) -> None:
    """Write into study.json how tests are made, and refuse to make further ones otherwise.

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
    if study.info.get("tests") != asked:
        study.info = Study.create(study.path, {"tests": asked}).info


def _remember_counts(study: Study, choice: Choice, measure: str) -> None:
    """Write into study.json which counts are tested, and refuse others of members that were tested already."""
    path = study.counts_path(*choice, "beyond" if measure == "beyond" else "languages")
    read, counts = hashes.file(path), summary.counts_of(study, choice, measure)
    key = {**choice._asdict(), "members": ", ".join(counts.members)}
    if study.has("association", **key):
        remember(study, "tested", {path.stem: read}, "the counts")
    elif study.info.get("tested", {}).get(path.stem) != read:
        study.info = Study.create(study.path, {"tested": {path.stem: read}}).info


def _counted(row: dict) -> dict:
    """Return a distance's row with a whole number of features, null where it counts none."""
    features = row.get("features")
    return {**row, "features": None if features is None else int(features)}


def _unordered(distance: dict) -> dict:
    source, target = sorted((distance["source"], distance["target"]))
    return distance | {"source": source, "target": target}


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
    say((*corpus.notes, *models.require_known(model, tokenizer, lines)[1]))
    return count(tokenizer, lines, len(tokenizer))


def study_at(folder: str | Path) -> Study:
    """Open a study of masks. Raises `NeutralError` for a study about something else."""
    study = Study(folder)
    if study.info.get("about"):
        raise NeutralError(f"{folder}: is a study of {study.info['about']}, not of masks")
    return study
