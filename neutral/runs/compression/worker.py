"""What a device does of a compression: scores the full model, fits a table, scores and measures it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd
import torch

from neutral import models
from neutral.compression import distortion, projection
from neutral.compression.blocks import Blocks, places
from neutral.compression.placement import put_in
from neutral.compression.table import Rebuilt, Table
from neutral.corpora import Corpus
from neutral.runs.compression import steps
from neutral.runs.compression.bench import Bench
from neutral.runs.compression.costs import Told
from neutral.runs.plans.compression import CompressionPlan, Trial, View
from neutral.runs.timing import seconds_of
from neutral.runs.units import Tell, Unit, Worker

Scoring = tuple[str, View, str]
"""Where a table is put in, how held-out text is scored, and the language."""


_WARM, _FITTED = 1024, 4096
"""Tokens that a fit is tried on before it is timed, since the first one imports what it needs, and timed on."""


@dataclass(frozen=True)
class Lacking:
    """What a study lacks of a table, or of the full model.

    Attributes
    ----------
    scorings : tuple of (where, view, language)
        Perplexities.
    way : bool
        What is measured on the way to it.
    full : bool
        What the full model scores where tables on a way do.
    picture : bool
    own : bool
        Its own row and its errors.
    """

    scorings: tuple[Scoring, ...] = ()
    way: bool = False
    full: bool = False
    picture: bool = False
    own: bool = False

    @property
    def nothing(self) -> bool:
        """Whether the study has it all."""
        return not (self.scorings or self.way or self.picture or self.own)


@dataclass(frozen=True)
class Rows:
    """A piece: results of a kind, but for what tells their table from others; of the full model if `full`."""

    kind: str
    rows: tuple[dict[str, Any], ...]
    full: bool = False


@dataclass(frozen=True)
class Picture:
    """A piece: the tokens before and after (`projection.picture`)."""

    drawn: pd.DataFrame


@dataclass(frozen=True)
class Made:
    """A piece: a table's errors by group and its own row, which comes last; and the table, if it is kept."""

    errors: tuple[dict[str, Any], ...]
    row: dict[str, Any]
    table: Table | None


def fitter(model: str, device: str, *, plan: CompressionPlan, corpus: Corpus, options: Mapping[str, Any]) -> Fitter:
    """Return a worker, whose model is loaded from where it is on this machine."""
    plan = replace(plan, model=model)
    return Fitter(plan, Bench(plan, corpus, models.device(device), **options))


class Fitter(Worker):
    """One model, its token table and its text."""

    def __init__(self, plan: CompressionPlan, bench: Bench) -> None:
        self.plan, self.bench, self.costs = plan, bench, bench.costs(plan)

    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[Rows | Picture | Made]:
        """Yield what `Compressor.write` takes; see `Worker.do`."""
        trial, lacks, told = unit.asked, given["lacks"], Told(tell, unit.cost)
        if trial is None:
            yield from self._scores(None, lacks, told)
            return
        if trial.trimmed:
            self.bench.trim()
        walk = steps.Steps(self.bench, trial) if lacks.way else None
        table = self.bench.fit(trial, self.plan, walk)
        told.past(self.costs.fit(trial))
        if walk:
            if lacks.full:
                yield Rows("step", (steps.measure(self.bench, None),), full=True)
            yield Rows("step", tuple(walk.rows(table)))
        if lacks.picture:
            yield self._picture(table)
            told.past(self.costs.picture())
        rebuilt = Rebuilt.of(table)
        yield from self._scores(rebuilt, lacks, told)
        if lacks.own:
            yield self._made(trial, table, rebuilt)

    def seconds(self, unit: Unit, given: Mapping[str, Any]) -> float:
        """Estimate how long a unit takes, from scoring a block and fitting a table of some of the tokens."""
        trial, lacks, bench = unit.asked, given["lacks"], self.bench
        blocks = sum(len(bench.held_out[code]) for *_, code in lacks.scorings)
        if trial is None:
            return blocks * self._block
        if trial.method == "mixed":
            bench.metric()  # once for all tables
        if trial.method == "transform":
            bench.sensitivity()
        fitted = self._fitting(trial) * (self.plan.epochs if trial.method == "autoencoder" else 1)
        chosen = self.costs.tried(trial) * sum(min(2, len(each)) for each in bench.calibration.values())
        if lacks.way:
            chosen += self.costs.tried(trial) * sum(min(steps.BLOCKS, len(each)) for each in bench.held_out.values())
        measured = self.costs.measuring() * lacks.own + self.costs.picture() * lacks.picture
        return (blocks + chosen) * self._block + fitted + measured

    def _fitting(self, trial: Trial) -> float:
        """Return the seconds of a fit, of the auto-encoder an epoch.

        It is timed on some tokens and on twice as many: a part of it, as the training of a codebook on a sample, does
        not grow with them.
        """
        plan, whole, bench = replace(self.plan, epochs=1), self.bench.planned.vocabulary, self.bench

        def timed(part: Bench) -> float:
            return seconds_of(lambda: part.fit(trial, plan))

        timed(bench.part(_WARM))
        few, more = bench.part(_FITTED), bench.part(2 * _FITTED)
        lower, added = timed(few), len(more.matrix) - len(few.matrix)
        if not added:
            return lower
        upper = timed(more)
        return upper + max(0.0, upper - lower) / added * max(0, whole - len(more.matrix))

    @cached_property
    def _block(self) -> float:
        """The seconds of scoring a block."""
        code, blocks = next((code, blocks) for code, blocks in self.bench.held_out.items() if len(blocks))
        few = blocks[:4]
        self.bench.score(code, few)  # warm
        return seconds_of(lambda: self.bench.score(code, few)) / len(few)

    def _scores(self, table: Table | None, lacks: Lacking, told: Told) -> Iterator[Rows]:
        """Yield the perplexity of each language with a table in place (none: the full model's)."""
        for where in dict.fromkeys((where, view) for where, view, _ in lacks.scorings):
            codes = [code for *there, code in lacks.scorings if tuple(there) == where]
            yield from self._scored(table, *where, codes, told)

    def _scored(self, table: Table | None, where: str, view: View, codes: list[str], told: Told) -> Iterator[Rows]:
        with put_in(self.bench.model, table, where, train=False) if table else nullcontext():
            for code in codes:
                score = self.bench.evaluate(code, view.words, view.scoring)
                told.past(self.costs.scoring(code))
                values = {"value": score.value, "loss": score.loss, "tokens": score.count}
                yield Rows("perplexity", ({"language": code, "where": where, **view.fields, **values},))

    def _picture(self, table: Table) -> Picture:
        """Return the picture of the token table before and after compression."""
        pieces, scripts = self.bench.pieces, self.bench.scripts
        ids = projection.sample(scripts, seed=self.plan.seed)
        before, after = self.bench.matrix[ids].numpy(), table.rows(torch.from_numpy(ids)).cpu().numpy()
        return Picture(projection.picture(before, after, ids, pieces, scripts, seed=self.plan.seed))

    def _made(self, trial: Trial, table: Table, rebuilt: Table) -> Made:
        """Return the direction error of the tokens of each language, script and frequency, and the table's sizes."""
        bench = self.bench
        distance = distortion.cosine_distance(bench.matrix, rebuilt)
        errors = [
            {"group": kind, **values}
            for kind, groups in bench.groups.items()
            for values in distortion.grouped(distance, groups).to_dict("records")
        ]
        neighbours = min(self.plan.neighbours, table.shape[0])
        measured = distortion.measure(bench.matrix, rebuilt, neighbours=neighbours, seed=trial.seed)
        sizes = {
            "parameters": table.parameters,
            "bytes": table.bytes,
            "ratio_parameters": table.ratio("parameters") * bench.sizes.trimmed,
            "ratio_bytes": table.ratio("bytes") * bench.sizes.trimmed,
            "rank": getattr(table, "rank", None),
            **{name: table.settings[name] for name in ("iterations",) if name in table.settings},
        }
        if isinstance(table, Blocks):
            sizes["tables"] = self._by_table(table, rebuilt)
        return Made(tuple(errors), {**sizes, **measured}, table if self.plan.keep else None)

    def _by_table(self, table: Blocks, rebuilt: Table) -> dict[str, dict[str, float]]:
        """Return the size and mean cosine distance of each table that is compressed."""
        bench, told = self.bench, {}
        for name, columns in bench.layout.columns.items():
            own = table.of(name)
            ratios = {f"ratio_{by}": own.ratio(by) * bench.sizes.trimmed for by in ("parameters", "bytes")}
            distance = distortion.cosine_distance(bench.matrix[:, columns], places(rebuilt)[name]).nanmean()
            told[name] = {"parameters": own.parameters, "bytes": own.bytes, **ratios, "cosine": float(distance)}
        return told
