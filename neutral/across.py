"""Two studies of the same languages: are masks from other text, or of another model, the same, and as alike?

Rows of kind "across" are a language's mask in one study against its mask in the other. Rows of kind "alike" set what
each study says of the overlap between languages side by side, by `what`:

- own: the mean of "across"; here beside it that of a language found again in the first study, as `again` says: under
  another seed, or from half of its text;
- between: the mean overlap of two languages;
- order: Spearman's ρ between the overlaps of both studies, over pairs (there is no `here`);
- branch, family, triplets: how well families come out (`typology.recovery`);
- distance: Spearman's ρ between overlap and the `distance`, of the languages that have it (`association`).

All are of the languages that both studies have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral import association, hashes, maskfiles, overlap, summary, typology
from neutral.errors import NeutralError, is_one_line
from neutral.labels import WHOLE
from neutral.language import nearest
from neutral.languages import language
from neutral.members import speaker
from neutral.metrics import rank_correlation
from neutral.overlap import Counts
from neutral.study import Study, same_sparsity
from neutral.summary import Choice
from neutral.typology import recovery
from neutral.typology import rows as stored
from neutral.typology.rows import HasTables

ALIKE = [*Choice._fields, "other", "called", "by", "group", "what", "distance", "here", "there", "again"]
ALIKE += ["languages", "pairs"]
ACROSS = [*Choice._fields, "other", "called", "language", "by", "group", "value", "chance"]
LEAST = 4
"""The least number of languages that both studies have."""
LATIN = "Latn"
LONGEST = 100
"""Characters of what another study is called."""


def compare(study: Study, other: Study, choice: Choice, called: str) -> dict[str, list[dict]]:
    """Return kind -> rows of a study's masks against another's, which is `called` so: romanised, say.

    The other study's masks are those of the same task, method, sparsity and seed. A language's masks are compared where
    both studies keep them, of the same weights; else there are no rows "across".

    Raises `NeutralError` for fewer than `LEAST` common languages, and for masks that the other study does not have.
    """
    codes = common(study, other, choice)
    if len(codes) < LEAST:
        raise NeutralError(f"{other.path}: has {len(codes)} languages of {study.path}; {LEAST} are the least")
    key = {**choice._asdict(), "other": other.path.name, "called": called}
    masks = own(study, other, choice, codes)
    rows = [*_levels(study, other, choice, codes, masks), *_families(study, other, choice, codes)]
    rows += _distances(study, other, choice, codes)
    return {
        "across": [key | row for row in masks.to_dict("records") if row["group"] == WHOLE],
        "alike": [{**key, "distance": "", "again": "", **row, "languages": len(codes)} for row in rows],
    }


class Scripts(NamedTuple):
    """The mean overlap of masks with their own in another study, of languages in Latin letters and of the others."""

    latin: float
    latin_languages: int
    others: float
    other_languages: int


def by_script(own: pd.DataFrame) -> Scripts | None:
    """Return the means of rows "across" (columns language and value) by script; None unless there are both.

    >>> by_script(pd.DataFrame({"language": ["en", "fr", "ru"], "value": [0.9, 0.7, 0.5]}))
    Scripts(latin=0.8, latin_languages=2, others=0.5, other_languages=1)
    """
    latin = np.array([language(speaker(member)).script == LATIN for member in own["language"]], dtype=bool)
    if latin.all() or not latin.any():
        return None
    written, others = own["value"][latin], own["value"][~latin]
    return Scripts(float(written.mean()), len(written), float(others.mean()), len(others))


def write(study: Study, other: Study, choice: Choice, called: str = "") -> list[dict]:
    """Write what `compare` finds into the study, unless it is there, and return its rows "alike"; `only_writer` holds.

    Raises what `compare` does, and `NeutralError` for a name that is none, for a study beside itself, and if other
    masks were compared under this name.
    """
    called = _name(called or str(other.info.get("title") or other.path.name))
    if study.path.resolve() == other.path.resolve():
        raise NeutralError(f"{other.path}: is the same study; name another")
    read = hashes.file(_counts(other, choice))
    before = {kind: _of(study, kind, choice, called) for kind in ("alike", "across")}
    if not before["alike"]:
        for kind, rows in sorted(compare(study, other, choice, called).items()):  # alike last: then all is there
            study.extend(kind, [] if before[kind] else [row | {"read": read} for row in rows])
        return _of(study, "alike", choice, called)
    was = before["alike"][0]
    if was["other"] != other.path.name or was.get("read", read) != read:
        raise NeutralError(
            f"{study.path}: other masks, of {was['other']}, are called {called!r}; give another --called"
        )
    return before["alike"]


def _name(called: str) -> str:
    if not called.strip() or len(called) > LONGEST or not is_one_line(called):
        raise NeutralError(f"--called {called[:40]!r}: one line of 1 to {LONGEST} characters")
    return called


def _counts(study: Study, choice: Choice) -> Path:
    """Return the file of a choice's counts. Raises `NeutralError` when the study has none."""
    path = study.counts_path(*choice, "languages")
    if not path.is_file():
        where = f"{choice.method} at {choice.sparsity:.0%} for task {choice.task}, seed {choice.seed}"
        raise NeutralError(f"{study.path}: has no counts of {where}")
    return path


def _of(study: Study, kind: str, choice: Choice, called: str) -> list[dict]:
    return [row for row in study.rows(kind) if row.get("called") == called and at_choice(row, choice)]


def at_choice(row: Mapping, choice: Choice) -> bool:
    """Whether a row is of a choice of masks."""
    same = all(row.get(name) == getattr(choice, name) for name in ("task", "method", "seed"))
    return same and same_sparsity(row["sparsity"], choice.sparsity)


def common(study: Study, other: Study, choice: Choice) -> list[str]:
    """Return the languages of which both studies have counts, in the order of the first."""
    there = set(summary.counts_of(other, choice).members)
    return [code for code in summary.counts_of(study, choice).members if code in there and code not in nearest.CONTROLS]


def own(study: Study, other: Study, choice: Choice, codes: list[str]) -> pd.DataFrame:
    """Return each language's mask against its mask in the other study: language, by, group, value (Jaccard), chance.

    Over the whole network and by layer, of those languages whose masks both studies keep.
    """
    one, two = (each.masks_of(*choice) for each in (study, other))
    if not _same_weights(*(summary.counts_of(each, choice) for each in (study, other))):
        two = {}
    tables = [
        pd.DataFrame(columns=["language", "by", "group", "value", "chance"]).astype({"value": float, "chance": float})
    ]
    for code in [code for code in codes if code in one and code in two]:
        counts = overlap.count([maskfiles.read(each[code]) for each in (one, two)], ["one", "two"], exactly=False)
        for by in ("all", "layer"):
            table = counts.jaccard(by)[["group", "value"]].assign(language=code, by=by)
            tables.append(table.assign(chance=counts.chance(by)["value"].to_numpy()))
    return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True).round(6)


def _same_weights(one: Counts, other: Counts) -> bool:
    return one.tensors == other.tensors and np.array_equal(one.sizes, other.sizes)


def _levels(study: Study, other: Study, choice: Choice, codes: list[str], masks: pd.DataFrame) -> Iterator[dict]:
    """Yield the rows own, between and order, over the whole network and by layer."""
    kind = next((kind for kind in ("seeds", "halves") if kind in summary.kinds(study, choice)), None)
    for by in ("all", "layer"):
        here, there = (summary.pairs(summary.counts_of(each, choice, members=codes), by=by) for each in (study, other))
        found = {group: table["value"].reset_index(drop=True) for group, table in there.groupby("group", sort=False)}
        again = summary.within(study, choice, kind, "jaccard", by, codes) if kind else None
        for group, table in here.groupby("group", sort=False):
            if group not in found:
                continue
            one, two = table["value"].reset_index(drop=True), found[group]
            at = {"by": by, "group": group, "pairs": len(table)}
            yield at | {"what": "between", "here": written(one.mean()), "there": written(two.mean())}
            yield at | {"what": "order", "here": None, "there": written(rank_correlation(one, two))}
            of_group = masks[(masks["by"] == by) & (masks["group"] == group)]["value"]
            if len(of_group):
                bound = again[again["group"] == group]["value"].mean() if again is not None else np.nan
                means = {"here": written(bound), "there": written(of_group.mean())}
                yield at | {"what": "own", **means, "again": kind or "", "pairs": 0}


def _families(study: Study, other: Study, choice: Choice, codes: list[str]) -> Iterator[dict]:
    """Yield how well families come out of both."""
    here, there = (
        recovery.recovered(summary.counts_of(each, choice, members=codes).measure("jaccard")) for each in (study, other)
    )
    for one, two in zip(here.itertuples(), there.itertuples(), strict=True):
        yield _whole(one.what, one.right, two.right, one.cases)


def _distances(study: Study, other: Study, choice: Choice, codes: list[str]) -> Iterator[dict]:
    """Yield ρ between the overlap of each study and every distance that the first study knows, as `typology` has it."""
    apart = typology.filled(stored.read(study), codes)
    here, there = (
        association.associations(summary.counts_of(each, choice, members=codes).measure("jaccard"), apart, count=1)
        for each in (study, other)
    )
    for one, two in zip(here.itertuples(), there.itertuples(), strict=True):
        yield _whole("distance", one.rho, two.rho, one.pairs) | {"distance": one.distance}


def _whole(what: str, here: float, there: float, pairs: int) -> dict:
    at = {"by": "all", "group": WHOLE, "pairs": int(pairs)}
    return at | {"what": what, "here": written(here), "there": written(there)}


def read(source: HasTables, choice: Choice) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows "alike" and "across" of a choice of masks, the first other study first; empty where none are."""
    tables = []
    for kind, columns in (("alike", ALIKE), ("across", ACROSS)):
        table = source.whole_table(kind).reindex(columns=columns)
        tables.append(table[[at_choice(row, choice) for row in table.to_dict("records")]].reset_index(drop=True))
    return tables[0], tables[1]


def written(value: float) -> float | None:
    """Return a number as it is stored: six decimals, None for NaN."""
    return None if np.isnan(value) else round(float(value), 6)
