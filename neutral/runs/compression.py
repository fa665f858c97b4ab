"""Compress a model's token table in many ways into a study: sizes, errors, and perplexity with each table in place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import torch

from neutral import hashes, models
from neutral.compression import WHERE, distortion, projection
from neutral.compression.budget import Budget
from neutral.compression.inventory import inventory
from neutral.compression.placement import embedding, put_in
from neutral.compression.table import Rebuilt, Table
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.progress import bar, say
from neutral.runs import steps
from neutral.runs.bench import Bench
from neutral.runs.plans.compression import LOW_RANK, CompressionPlan, Trial, View, check, settings
from neutral.runs.records import Finished, begin, provenance, writing
from neutral.runs.subject import facts
from neutral.study import FULL, Study
from neutral.training import memory_limit

WHOLE_TABLE = {"method": FULL, "by": "", "ratio": 1.0, "weights": "", "variant": "", "trimmed": False}
"""The fields by which results name the table that is not compressed."""

KEY = ("method", "by", "ratio", "weights", "variant", "trimmed", "seed")
"""Fields that tell tables apart."""

PARTS = ("language", "where", "words", "scoring", "group", "name")
"""Fields that tell the results of one table apart."""


class Compressor:
    """A plan at work: one model, its token table, its text, and the study that takes the results."""

    def __init__(
        self,
        plan: CompressionPlan,
        corpus: Corpus,
        folder: str | Path,
        *,
        device: str = "auto",
        quiet: bool = False,
        **options: object,
    ) -> None:
        self.plan, self.quiet = plan, quiet
        self.bench = Bench(plan, corpus, models.device(device), **options)
        say(self.bench.notes, quiet=quiet)
        if "both" in plan.where and not self.bench.tied:
            raise NeutralError(
                f"--where both: the output layer of {plan.model} is not tied to its token table; use input"
            )
        self._require_sizes()
        self.where = plan.where or (WHERE if self.bench.tied else WHERE[:1])
        self.inventory = inventory(self.bench.model)
        say(self.inventory.lines("compresses"), quiet=quiet)
        fixed = ("about", "task", "length")
        info = self._info(corpus) | {"config": hashes.configured(plan.model, **options)}
        self.study = begin(folder, info, fixed=fixed, kept=() if plan.title else ("title",))
        self.results = Finished(self.study, (*KEY, *PARTS), seen_as=_of_any_seed)

    def _require_sizes(self) -> None:
        """Raise `NeutralError`, before anything is scored, for a table of zeros or a size that no method has."""
        matrix = self.bench.matrix
        if not matrix.any():
            raise NeutralError(f"{self.plan.model}: every row of its token table is zero; there is nothing to compress")
        for trial in self.plan.trials():
            if trial.method in LOW_RANK and not trial.trimmed:  # trimming decides what is left to a rank
                _ = Budget(*matrix.shape, self.bench.ratio(trial), trial.by).rank

    def run(self) -> Study:
        """Fit and score the tables that are not done yet, and return the study."""
        plan, trials = self.plan, list(self.plan.trials())
        with bar(len(trials) + 1, "table", quiet=self.quiet) as shown:
            shown.set_description("full")
            for view in plan.views():
                self._score(WHOLE_TABLE, FULL, view, None)
            if plan.trim:
                self.bench.trim()
            shown.update()
            for trial in trials:
                shown.set_description(f"{trial.method} {trial.ratio or ''} {trial.by}")
                self._try(trial)
                shown.update()
        return self.study

    def _try(self, trial: Trial) -> None:
        """Fit one table, and append its errors and scores that the study lacks; the table's own row comes last."""
        row = self._row(trial)
        picture = self.plan.picture and not self._picture_path(row).exists()
        follow = self.plan.follow and trial.unit and not self._has("step", row)
        views = [(where, view) for view in self.plan.views() for where in self.where]
        unscored = any(self._missing(row, where, view) for where, view in views)
        if self._has("table", row) and not (picture or follow or unscored):
            return
        walk = steps.Steps(self.bench, trial) if follow else None
        table = self.bench.fit(trial, self.plan, walk)
        if table is None:
            return
        if walk:
            self._follow(row, walk.rows(table))
        if picture:
            self._draw(row, table)
        rebuilt = Rebuilt.of(table)
        for where, view in views:
            self._score(row, where, view, rebuilt)
        if self._has("table", row):
            return
        self._errors(row, rebuilt)
        if self.plan.keep:
            table.save(self.study.path / "tables" / f"{self.name(trial)}.safetensors")
        measured = distortion.measure(
            self.bench.matrix, rebuilt, neighbours=min(self.plan.neighbours, table.shape[0]), seed=trial.seed
        )
        sizes = {
            "parameters": table.parameters,
            "bytes": table.bytes,
            "ratio_parameters": table.ratio("parameters") * self.bench.trimmed,
            "ratio_bytes": table.ratio("bytes") * self.bench.trimmed,
            "rank": getattr(table, "rank", None),
            **{name: table.settings[name] for name in ("iterations",) if name in table.settings},
        }
        self._append("table", **row, **sizes, **measured)

    def name(self, trial: Trial) -> str:
        """Return the name of a table's files."""
        row = self._row(trial)
        parts = (
            row["method"],
            row["variant"],
            row["by"],
            f"{row['ratio']:g}",
            row["weights"],
            "trimmed" * row["trimmed"],
            f"s{trial.seed}" * (trial.seed > 0),
        )
        return "_".join(part for part in parts if part)

    def _row(self, trial: Trial) -> dict:
        row = {**asdict(trial), "ratio": self.bench.ratio(trial)}
        return {name: value for name, value in row.items() if name != "rank"}

    def _missing(self, row: dict, where: str, view: View) -> list[str]:
        """Return the languages that the study lacks a table's perplexity of."""
        fields = {**row, "where": where, **view.fields}
        return [code for code in self.plan.languages if not self._has("perplexity", {**fields, "language": code})]

    def _score(self, row: dict, where: str, view: View, table: Table | None) -> None:
        """Append the perplexity of each language with a table in place (none: the full model's)."""
        missing = self._missing(row, where, view)
        if not missing:
            return
        with put_in(self.bench.model, table, where, train=False) if table else nullcontext():
            for code in missing:
                score = self.bench.evaluate(code, view.words, view.scoring)
                values = {"value": score.value, "loss": score.loss, "tokens": score.count}
                self._append("perplexity", **row, language=code, where=where, **view.fields, **values)

    def _follow(self, row: dict, measured: list[dict]) -> None:
        """Append what a fit measured on its way, and beside it, once, what the full model scores there."""
        if not self._has("step", WHOLE_TABLE):
            self._append("step", **WHOLE_TABLE, **steps.measure(self.bench, None))
        self.results.extend("step", [{**row, **each} for each in measured])

    def _errors(self, row: dict, table: Table) -> None:
        """Append the direction error of the tokens of each language, each script and each frequency."""
        distance = distortion.cosine_distance(self.bench.matrix, table)
        for kind, groups in self.bench.groups.items():
            for values in distortion.grouped(distance, groups).to_dict("records"):
                if not self._has("error", {**row, "group": kind, "name": values["name"]}):
                    self._append("error", **row, group=kind, **values)

    def _draw(self, row: dict, table: Table) -> None:
        """Write the picture of the token table before and after compression."""
        pieces, scripts = self.bench.pieces, self.bench.scripts
        ids = projection.sample(scripts, seed=self.plan.seed)
        before, after = self.bench.matrix[ids].numpy(), table.rows(torch.from_numpy(ids)).cpu().numpy()
        drawn = projection.picture(before, after, ids, pieces, scripts, seed=self.plan.seed)
        projection.write_projection(self.study.path, drawn, row["method"], row["by"], row["ratio"])

    def _picture_path(self, row: dict) -> Path:
        return projection.picture_path(self.study.path, row["method"], row["by"], row["ratio"])

    def _append(self, kind: str, **row: object) -> None:
        self.results.append(kind, **{**row, "seed": row.get("seed", self.plan.seed)})

    def _has(self, kind: str, row: dict) -> bool:
        return self.results.has(kind, **{"seed": self.plan.seed, **row})

    def _info(self, corpus: Corpus) -> dict:
        plan, bench = self.plan, self.bench
        rest, head = hashes.beside(bench.model, {"embedding": embedding(bench.model).weight})
        chosen = settings(plan) | ({"head": head} if head else {})
        return {
            "about": "compression",
            "title": plan.title or f"{Path(plan.model).name}: the token table",
            "model": Path(plan.model).name,
            "weights": hashes.digest({"embedding": bench.matrix}),
            "rest": rest,
            "tokenizer": hashes.tokenizer(bench.tokenizer),
            "task": plan.task,
            "languages": list(plan.languages),
            "methods": [name.partition(":")[0] for name in plan.methods],
            "length": plan.length,
            **provenance(corpus, plan.languages),
            **facts(bench.notes, bench.unknown),
            "parameters": sum(p.numel() for p in bench.model.parameters()),
            "vocabulary": bench.matrix.shape[0],
            "width": bench.matrix.shape[1],
            "tied": bench.tied,
            "inventory": {"compress": self.inventory.written()},
            "settings": {"compress": chosen},
        }


def _of_any_seed(row: dict) -> dict:
    """Return a result as it is told apart: the full model's is one under every seed."""
    return {**row, "seed": None} if row.get("method") == FULL else row


def compress(
    plan: CompressionPlan,
    corpus: Corpus,
    folder: str | Path,
    *,
    device: str = "auto",
    quiet: bool = False,
    then: Callable[[Compressor], object] | None = None,
    **options: object,
) -> Study:
    """Compress a model's token table into a study; results that the study has are not redone.

    Parameters
    ----------
    plan : CompressionPlan
    corpus : Corpus
    folder : str or Path
        The study's folder.
    device : str
        auto | cpu | cuda | mps.
    quiet : bool
        Whether to show no progress.
    then : callable, optional
        Called with the finished `Compressor`, for further work with the tables (`runs.tables`).
    **options
        Go to the loaders of model and tokenizer.

    Returns
    -------
    Study

    Raises
    ------
    NeutralError
        If the study was made with another model or text, or a ratio is out of a method's reach.
    MemoryLimitError
        If the device's memory is too small.
    """
    check(plan)
    with writing(folder), memory_limit("lower --length and run the same command again; it goes on where it stopped"):
        work = Compressor(plan, corpus, folder, device=device, quiet=quiet, **options)
        study = work.run()
        if then is not None:
            then(work)
        return study
