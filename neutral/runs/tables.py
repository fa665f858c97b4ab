"""Use what `compress` fitted: its tables again, and each in a model folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from neutral import models
from neutral.compression import exports, results, trimmed
from neutral.compression.exports import Origin, Written
from neutral.compression.table import KINDS, Table
from neutral.models import kinds
from neutral.progress import say
from neutral.runs.compression import Compressor
from neutral.runs.plans.compression import Trial


class Fitted:
    """The tables of a plan by name, each fitted again when it is asked for: the same seed gives the same bits."""

    def __init__(self, work: Compressor) -> None:
        self._work, self._trials = work, {work.name(trial): trial for trial in work.trials}
        self._tables: dict[str, Table] = {}

    def classes(self) -> dict[str, type[Table]]:
        """Return name -> class, for which nothing is fitted."""
        return {name: KINDS[trial.method] for name, trial in self._trials.items()}

    def __getitem__(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = self._fit(name)
        return self._tables[name]

    def __iter__(self) -> Iterator[tuple[str, Table]]:
        """Yield (name, table) one after the other, none of which is kept."""
        return ((name, self._fit(name)) for name in self._trials)

    def _fit(self, name: str) -> Table:
        bench = self._work.bench
        if self._work.plan.trim:
            bench.trim()
        return bench.fit(self._trials[name], self._work.plan)


def export(work: Compressor, folder: str | Path) -> list[Written]:
    """Write a Hugging Face folder for every table of the plan, in the form that it asks for."""
    plan, written, trials = work.plan, [], {work.name(trial): trial for trial in work.trials}
    dtype = kinds.text_config(models.configuration(plan.model, **work.options)).dtype
    for name, table in Fitted(work):
        form = "plain" if trials[name].method == results.TRIM else plan.form
        how = {"form": form, "where": plan.exported_to, "dtype": dtype, "origin": _origin(work, trials[name])}
        each = exports.write(work.bench.model, table, work.bench.tokenizer, Path(folder) / name, **how)
        say([each.line], quiet=work.quiet)
        written.append(each)
    return written


def _origin(work: Compressor, trial: Trial) -> Origin:
    """Return where a table comes from, with its perplexities in the study where an export puts it."""
    plan, study = work.plan, work.study
    rows = results.scores(study.whole_table("perplexity"), results.tables(study.whole_table("table")))
    where = plan.exported_to or ("both" if work.bench.tied else "input")
    view = {"scoring": "blocks", **plan.views()[0].fields}
    asked = {**work.row(trial), "where": where, **view}
    for column in (*results.KEYS, *results.VIEW):
        rows = rows[rows[column] == asked[column]]
    told = Path(plan.model) / trimmed.FILE
    return Origin(
        model=Path(plan.model).name,
        title=results.name_of(trial.method, trial.variant, trial.weights, trial.trimmed),
        perplexity={code: float(factor) for code, factor in zip(rows["language"], rows["factor"], strict=True)},
        text=str(study.info.get("text", {}).get("name", "")),
        trimming=json.loads(told.read_text(encoding="utf-8")) if told.is_file() else None,
    )
