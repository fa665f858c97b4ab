"""Compress a model's token table in many ways into a study: sizes, errors, and perplexity with each table in place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from math import floor
from pathlib import Path

import numpy as np
import torch

from neutral import compression, models
from neutral.compression import distortion, projection, tokens, trimming, variants
from neutral.compression.budget import ratio_of_rank
from neutral.compression.calibration import output_metric
from neutral.compression.methods import ROUNDED
from neutral.compression.placement import WHERE, embedding, put_in, tied
from neutral.compression.retokenization import Retokenized
from neutral.compression.table import Rebuilt, Table
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.progress import bar
from neutral.runs import steps
from neutral.runs.plans.compression import CompressionPlan, Trial, View, check, settings
from neutral.runs.records import Finished, begin, digest, provenance
from neutral.study import FULL, Study
from neutral.tasks import LanguageModelling, LineByLine, Score
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
        if "both" in plan.where and not self.bench.tied:
            raise NeutralError(
                f"--where both: the output layer of {plan.model} is not tied to its token table; use input"
            )
        self.where = plan.where or (WHERE if self.bench.tied else WHERE[:1])
        fixed = ("about", "task", "weights", "length")
        self.study = begin(folder, self._info(corpus), fixed=fixed, kept=() if plan.title else ("title",))
        self.results = Finished(self.study, (*KEY, *PARTS), seen_as=_of_any_seed)

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
            self.bench.matrix, rebuilt, neighbours=min(self.plan.neighbours, table.shape[0]), seed=self.plan.seed
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
        return {
            "about": "compression",
            "title": plan.title or f"{Path(plan.model).name}: the token table",
            "model": Path(plan.model).name,
            "weights": digest({"embedding": bench.matrix}),
            "task": plan.task,
            "languages": list(plan.languages),
            "methods": [name.partition(":")[0] for name in plan.methods],
            "length": plan.length,
            **provenance(corpus, plan.languages),
            "parameters": sum(p.numel() for p in bench.model.parameters()),
            "vocabulary": bench.matrix.shape[0],
            "width": bench.matrix.shape[1],
            "tied": bench.tied,
            "settings": {"compress": settings(plan)},
        }


class Bench:
    """A model, its token table, and the text that tables are judged on.

    Attributes
    ----------
    matrix : (V, d) float32 tensor
        The token table.
    tied : bool
        Whether the output layer is the same table.
    trimmed : float
        How many times fewer tokens there are than before `trim`; 1 without trimming.
    groups : kind -> name -> (V,) array
        Which tokens are in the group, or how often they occur in it.
    """

    def __init__(self, plan: CompressionPlan, corpus: Corpus, device: torch.device, **options: object) -> None:
        self.tokenizer = models.load_tokenizer(plan.model, **options)
        self.model = models.load_model(plan.model, plan.task, **options).to(device).eval()
        self.matrix = compression.checked(embedding(self.model).weight).cpu()
        self.tied = tied(self.model)
        self.tasks = {
            words: LanguageModelling(plan.task, self.tokenizer, length=plan.length, words=words)
            for words in {False, *plan.words}
        }
        task = self.tasks[False]
        self.train = {code: corpus.train[code][: plan.lines] for code in plan.languages}
        self.calibration = {code: task.blocks(lines[:400])[: plan.calibration] for code, lines in self.train.items()}
        self.held_out = {code: task.blocks(corpus.held_out[code])[: plan.held_out] for code in plan.languages}
        if "lines" in plan.perplexity:
            positions = getattr(self.model.config, "max_position_embeddings", None)
            self.by_line = LineByLine(self.tokenizer, longest=positions)
            most = plan.held_out * plan.length
            self.lines = {code: self.by_line.items(corpus.held_out[code], most) for code in plan.languages}
        backend = self.tokenizer.backend_tokenizer
        counts = tokens.count(backend, self.train, len(self.matrix))
        self.frequency = tokens.mean_frequency(counts)
        # Tokens such as the first of every block are in no line, and in every example.
        special = [i for i in task.special if i < len(self.frequency)]
        self.frequency[special] = self.frequency.max()
        self.pieces = tokens.pieces(backend, len(self.matrix))
        self.scripts = tokens.scripts(self.pieces)
        self.groups = _groups(counts, self.frequency, self.scripts)
        self.trimmed = 1.0
        self._metric: torch.Tensor | None = None

    def trim(self) -> None:
        """Cut the vocabulary to the tokens of the text, in model and table; scores stay those of the same text."""
        whole, task = len(self.matrix), self.tasks[False]
        self.metric()  # now, while the model still reads the full tokenizer's blocks
        cut = trimming.trim(self.model, self.tokenizer, self.train)
        self.tokenizer = cut.tokenizer
        keep = list(cut.keep)
        self.tasks = {False: Retokenized(task, cut.tokenizer, keep)}
        self.matrix = self.matrix[keep]
        self.pieces, self.scripts = [self.pieces[i] for i in keep], self.scripts[keep]
        self.frequency = self.frequency[keep] / self.frequency[keep].sum()
        self.groups = {
            kind: {name: which[keep] for name, which in groups.items() if which[keep].any()}
            for kind, groups in self.groups.items()
        }
        self.trimmed = whole / len(keep)

    def fit(self, trial: Trial, plan: CompressionPlan, walk: steps.Steps | None = None) -> Table | None:
        """Return the table of a trial; None if trimming alone makes it smaller than the trial's ratio.

        `walk` measures the tables that the fit tries on its way.
        """
        if trial.method == "trim":
            return Rebuilt(self.matrix.shape, {"dense": self.matrix})
        ratio = self.ratio(trial) / self.trimmed
        if ratio < 1:
            return None
        options: dict[str, object] = {}
        if trial.method == "autoencoder":
            options = {"epochs": plan.epochs, **variants.options(trial.variant)}
            scorers = {"train": self.training_loss, "held-out": self.held_out_loss, "last": None}
            options["select"] = scorers[options.pop("stop", "train")]
        if trial.method == "svd" and trial.variant:
            several = trial.variant == "randomized"
            options["iterations"] = plan.iterations if several else (int(trial.variant.removeprefix("randomized-")),)
            options |= {"select": self.training_loss} if several else {}
        if trial.method == "direction" and trial.variant:
            options["lengths"] = trial.variant
        if trial.method == "mixed" and trial.variant != "plain":
            options["metric"] = self.metric()
        weights = tokens.weights(trial.weights, self.frequency)

        def fit(**more: object) -> Table:
            own = {"by": trial.by, "weights": weights, "seed": trial.seed, **options, **more}
            return compression.fit(self.matrix, trial.method, ratio, **own)

        return walk.through(fit, options.get("select")) if walk else fit()

    def training_loss(self, table: Table | None) -> float:
        """Return the mean loss on a little training text with a table in the input, as in the paper; none: as it is."""
        with put_in(self.model, Rebuilt.of(table), "input", train=False) if table else nullcontext():
            scores = [self.tasks[False].evaluate(self.model, blocks[:2]) for blocks in self.calibration.values()]
        return sum(score.loss for score in scores) / len(scores)

    def held_out_loss(self, table: Table) -> float:
        """Return the mean loss on the text that is reported, likewise: the paper's scripts choose an epoch by it."""
        with put_in(self.model, Rebuilt.of(table), "input", train=False):
            scores = [self.evaluate(code, False) for code in self.held_out]
        return sum(score.loss for score in scores) / len(scores)

    def ratio(self, trial: Trial) -> float:
        """Return the ratio of a trial against the whole vocabulary: its own, that of its rank or of its method."""
        if trial.rank is not None:
            return ratio_of_rank(*self.matrix.shape, trial.rank, trial.by, times=self.trimmed)
        return trial.ratio or self.reach(trial.method)

    def metric(self) -> torch.Tensor:
        """Return the output metric of the output layer's inputs, measured once."""
        if self._metric is None:
            self._metric = output_metric(self.model, self.tasks[False], self.calibration)
        return self._metric

    def reach(self, method: str) -> float:
        """Return the ratio of a method of one size (trimming by parameters, others by bytes), down to hundredths."""
        own = 1.0 if method == "trim" else ROUNDED[method].reach(tuple(self.matrix.shape))
        return floor(own * self.trimmed * 100) / 100

    def evaluate(self, code: str, words: bool, scoring: str = "blocks") -> Score:
        """Score the model, as it is now, on one language's blocks or lines."""
        if scoring == "lines":
            return self.by_line.evaluate(self.model, self.lines[code])
        return self.tasks[words].evaluate(self.model, self.held_out[code])


def _of_any_seed(row: dict) -> dict:
    """Return a result as it is told apart: the full model's is one under every seed."""
    return {**row, "seed": None} if row.get("method") == FULL else row


def _groups(counts: dict[str, np.ndarray], frequency: np.ndarray, scripts: np.ndarray) -> dict[str, dict]:
    """Return kind -> name -> group; a script of fewer than 50 tokens is no group."""
    bins = tokens.bins(frequency)
    names, sizes = np.unique(scripts, return_counts=True)
    return {
        "language": {code: count for code, count in counts.items() if count.any()},
        "script": {name: scripts == name for name in names[sizes >= 50].tolist()},
        "frequency": {name: bins == name for name in dict.fromkeys(bins.tolist())},
    }


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
    with memory_limit("lower --length and run the same command again; it goes on where it stopped"):
        work = Compressor(plan, corpus, folder, device=device, quiet=quiet, **options)
        study = work.run()
        if then is not None:
            then(work)
        return study
