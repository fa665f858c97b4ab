"""A compression at work in the process that owns its study: which units are left, and how their pieces are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from neutral import hashes, models
from neutral.compression import WHERE, exports, projection
from neutral.compression.inventory import inventory
from neutral.compression.layout import Layout
from neutral.compression.placement import embedding
from neutral.compression.results import TRIM
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.memory import amount
from neutral.models.inventory import Inventory
from neutral.models.output import per_layer
from neutral.progress import say
from neutral.runs.compression.bench import Bench
from neutral.runs.compression.worker import Fitter, Lacking, Made, Picture, Rows, Scoring, fitter
from neutral.runs.plans.compression import CompressionPlan, Trial, check_several, settings
from neutral.runs.records import Finished, accepted, begin, provenance
from neutral.runs.subject import facts
from neutral.runs.units import Effect, Making, Unit, Work
from neutral.study import FULL, Study

WHOLE_TABLE = {"method": FULL, "by": "", "ratio": 1.0, "weights": "", "variant": "", "trimmed": False}
"""The fields by which results name the table that is not compressed."""

KEY = ("method", "by", "ratio", "weights", "variant", "trimmed", "seed")
"""Fields that tell tables apart."""

PARTS = ("language", "where", "words", "scoring", "group", "name")
"""Fields that tell the results of one table apart."""


_ROW, _PICTURE = 300, 60_000
"""Bytes of a row of results, and of a picture of tokens, about."""


class Compressor(Work):
    """A plan at work: one model, its token table, its text, and the study that takes the results.

    Raises `NeutralError` for a model or text that does not do, and a size that no method has.
    """

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
        self.plan, self.corpus, self.folder, self.options = plan, corpus, Path(folder), options
        self.device, self.quiet = device, quiet
        self._bench: Bench | None = self._loaded()
        bench = self._bench
        say(bench.notes, quiet=quiet)
        if "both" in plan.where and not bench.tied:
            raise NeutralError(
                f"--where both: the output layer of {plan.model} is not tied to its token table; use input"
            )
        if not bench.layout.alone:
            check_several(plan)
        if not bench.matrix.any():
            raise NeutralError(f"{plan.model}: every row of its token table is zero; there is nothing to compress")
        self.sizes, self.costs, self.groups = bench.planned, bench.costs(plan), bench.groups
        for trial in plan.trials():
            self.sizes.require(trial)
        self.trials = [trial for trial in plan.trials() if self.sizes.makes(trial)]
        for trial in self.trials if plan.export else ():
            if trial.method != TRIM:
                exports.require(bench.model, trial.method, plan.form, plan.exported_to, bench.layout.tables)
            exports.require_replaceable(Path(plan.export) / self.name(trial))
        self.where = plan.where or (WHERE if bench.tied else WHERE[:1])
        stock = inventory(bench.model, plan.tables)
        say(stock.lines("compresses"), quiet=quiet)
        self._info = _info(plan, bench, corpus, stock) | {"config": hashes.configured(plan.model, **options)}
        self._open(Study(folder) if (self.folder / "study.json").is_file() else None)

    def require(self) -> None:
        """See `Work.require`."""
        accepted(self.folder, self._info, **self._entries)

    def begin(self) -> None:
        """See `Work.begin`."""
        self._open(begin(self.folder, self._info, **self._entries))

    @property
    def _entries(self) -> dict[str, Any]:
        return {"fixed": ("about", "task", "length"), "kept": () if self.plan.title else ("title",)}

    def _open(self, study: Study | None) -> None:
        self.study = study
        self.results = Finished(study, (*KEY, *PARTS), seen_as=_of_any_seed) if study else None

    def units(self) -> list[Unit]:
        """See `Work.units`."""
        return [self._full(), *map(self._table, self.trials)]

    def is_done(self, unit: Unit) -> bool:
        """See `Work.is_done`."""
        return self.study is not None and self.lacks(unit.asked).nothing

    def phases(self) -> Iterator[list[Unit]]:
        """Yield the full model's scores, and then the tables: they may be of a model whose vocabulary is trimmed."""
        full, *tables = self.units()
        yield [full] if not self.is_done(full) else []
        yield [unit for unit in tables if not self.is_done(unit)]

    def making(self) -> Making:
        """See `Work.making`."""
        return Making(fitter, self.plan.model, {"plan": self.plan, "corpus": self.corpus, "options": self.options})

    def here(self, device: str) -> Fitter:
        """See `Work.here`."""
        return Fitter(self.plan, self.bench)

    def free(self) -> None:
        """See `Work.free`."""
        self._bench = None

    @property
    def bench(self) -> Bench:
        """The model with its text; it is loaded again if it was let go."""
        self._bench = self._bench or self._loaded()
        return self._bench

    def given(self, unit: Unit) -> Mapping[str, Any]:
        """Return what the study lacks of a table."""
        return {"lacks": self.lacks(unit.asked)}

    def lacks(self, trial: Trial | None) -> Lacking:
        """Return what the study lacks of a trial's table; of the full model if that is None."""
        if trial is None:
            return Lacking(self._unscored(WHOLE_TABLE, (FULL,)))
        row = self.row(trial)
        way = bool(self.plan.follow and trial.unit and not self._has("step", row))
        return Lacking(
            self._unscored(row, self.where),
            way=way,
            full=way and not self._has("step", WHOLE_TABLE),
            picture=self.plan.picture and not self._picture_path(row).exists(),
            own=not self._has("table", row),
        )

    def write(self, unit: Unit, piece: Rows | Picture | Made) -> None:
        """See `Work.write`."""
        row = WHOLE_TABLE if unit.asked is None else self.row(unit.asked)
        if isinstance(piece, Rows):
            self._extend(piece.kind, WHOLE_TABLE if piece.full else row, piece.rows)
        elif isinstance(piece, Picture):
            projection.write_projection(self.study.path, piece.drawn, row["method"], row["by"], row["ratio"])
        else:
            for each in piece.errors:
                self._extend("error", row, (each,))
            if piece.table is not None:
                piece.table.save(self.study.path / "tables" / f"{self.name(unit.asked)}.safetensors")
            self._extend("table", row, (piece.row,))

    def alike(self, unit: Unit) -> tuple[str, str]:
        """See `Work.alike`: tables of a method are fitted alike."""
        trial = unit.asked
        return ("full", "") if trial is None else (trial.method, trial.variant)

    def effect(self, unit: Unit) -> Effect:
        """See `Work.effect`."""
        lacks, trial = self.lacks(unit.asked), unit.asked
        reads = f"held-out text of {len(self.plan.languages)} languages"
        scores = f"{len(lacks.scorings)} perplexities"
        if trial is None:
            return Effect(reads, scores, _ROW * len(lacks.scorings))
        rows = len(lacks.scorings) + lacks.own * (1 + sum(map(len, self.groups.values()))) + 10 * lacks.way
        size = 4 * self.sizes.vocabulary * self.sizes.width / max(self.sizes.ratio(trial) / self.sizes.trimmed, 1.0)
        writes = [scores, *["errors and sizes"] * lacks.own, *["steps on the way"] * lacks.way]
        writes += ["a picture"] * lacks.picture + [f"the table ({amount(size)})"] * self.plan.keep
        kept = int(size) * self.plan.keep + _PICTURE * lacks.picture
        return Effect(f"the token table; {reads}", ", ".join(writes), _ROW * rows + kept)

    def name(self, trial: Trial) -> str:
        """Return the name of a table's files."""
        row = self.row(trial)
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

    def _loaded(self) -> Bench:
        return Bench(self.plan, self.corpus, models.device(self.device), **self.options)

    def _full(self) -> Unit:
        cost = sum(map(self.costs.scoring, self.plan.languages)) * len(self.plan.views())
        return Unit(("1 full",), "full model", cost)

    def _table(self, trial: Trial) -> Unit:
        """Return the unit of a trial, with the cost of what the study lacks of it."""
        lacks = self.lacks(trial)
        cost = self.costs.fit(trial) + sum(self.costs.scoring(code) for *_, code in lacks.scorings)
        cost += lacks.own * self.costs.measuring() + lacks.picture * self.costs.picture()
        variant = f" {trial.variant}" if trial.variant else ""
        said = "" if trial.method == "trim" else f" {self.sizes.ratio(trial):g} by {trial.by}"
        weights = "" if trial.weights == "uniform" else f" {trial.weights}"
        name = f"{trial.method}{variant}{said}{weights}{f' seed {trial.seed}' * (trial.seed > 0)}"
        return Unit(("2 table", self.trials.index(trial)), name, cost, trial)

    def row(self, trial: Trial) -> dict:
        """Return the fields by which results name a table."""
        row = {**asdict(trial), "ratio": self.sizes.ratio(trial)}
        return {name: value for name, value in row.items() if name != "rank"}

    def _unscored(self, row: dict, places: tuple[str, ...]) -> tuple[Scoring, ...]:
        """Return the perplexities that the study lacks of a table."""
        every = ((where, view, code) for view, where, code in product(self.plan.views(), places, self.plan.languages))
        return tuple(
            (where, view, code)
            for where, view, code in every
            if not self._has("perplexity", {**row, "where": where, **view.fields, "language": code})
        )

    def _picture_path(self, row: dict) -> Path:
        return projection.picture_path(self.folder, row["method"], row["by"], row["ratio"])

    def _extend(self, kind: str, row: dict, rows: tuple[dict, ...]) -> None:
        seed = {"seed": row.get("seed", self.plan.seed)}
        self.results.extend(kind, [{**row, **each, **seed} for each in rows])

    def _has(self, kind: str, row: dict) -> bool:
        return self.results is not None and self.results.has(kind, **{"seed": self.plan.seed, **row})


def _info(plan: CompressionPlan, bench: Bench, corpus: Corpus, stock: Inventory) -> dict:
    """Return what study.json says of the model, the text and the settings."""
    rest, head = hashes.beside(bench.model, {"embedding": embedding(bench.model).weight})
    chosen = settings(plan) | ({"head": head} if head else {})
    chosen |= {"tables": bench.layout.tables} if per_layer(bench.model) else {}
    return {
        "about": "compression",
        "title": plan.title or f"{Path(plan.model).name}: the token table",
        "model": Path(plan.model).name,
        "weights": hashes.digest({"embedding": Layout.of(bench.model, "tokens").matrix(bench.model)}),
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
        "inventory": {"compress": stock.written()},
        "settings": {"compress": chosen},
    }


def _of_any_seed(row: dict) -> dict:
    """Return a result as it is told apart: the full model's is one under every seed."""
    return {**row, "seed": None} if row.get("method") == FULL else row
