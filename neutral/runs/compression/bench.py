"""A model, its token table, and the text that tables are judged on: what a compression works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import compression, models
from neutral.compression import tokens, trimming, variants
from neutral.compression.blocks import TOKENS
from neutral.compression.calibration import output_metric
from neutral.compression.layout import Layout
from neutral.compression.methods import ROUNDED
from neutral.compression.placement import embedding, looked_up, put_in, require_placeable, sides
from neutral.compression.retokenization import Retokenized
from neutral.compression.sensitivity import sensitivity
from neutral.compression.table import Rebuilt, Table
from neutral.corpora import Corpus
from neutral.models import adapters
from neutral.models.output import further_tables
from neutral.runs.compression.costs import Costs
from neutral.runs.compression.sizes import Sizes
from neutral.runs.plans.compression import CompressionPlan, Trial
from neutral.tasks import LanguageModelling, LineByLine, Score
from neutral.tasks.line_by_line import LONGEST

if TYPE_CHECKING:
    from neutral.runs.compression.steps import Steps


class Bench:
    """A model, its token table, and the text that tables are judged on.

    Attributes
    ----------
    layout : Layout
        Which tables of tokens are compressed.
    matrix : (V, d) float32 tensor
        The token table; of several tables, all their columns.
    tied : bool
        Whether the output layer is the same table, and that is compressed.
    notes : tuple of str
        What the user should know of model and text.
    unknown : language -> float
        The share of its text's tokens that are unknown to the tokenizer.
    sizes : Sizes
        Of the token table as it is now.
    planned : Sizes
        Of the one that the plan's tables are made of: trimmed, if the plan trims.
    groups : kind -> name -> (V,) array
        Which tokens are in the group, or how often they occur in it.
    """

    def __init__(self, plan: CompressionPlan, corpus: Corpus, device: torch.device, **options: object) -> None:
        self.tokenizer = models.load_tokenizer(plan.model, **options)
        lines = {code: [*corpus.train[code], *corpus.held_out[code]] for code in plan.languages}
        self.unknown, poor = models.require_known(plan.model, self.tokenizer, lines)
        own = {"tokenizer": self.tokenizer, "length": plan.length, "device": device}
        loaded = models.load(plan.model, plan.task, **own, **options)
        self.model, spoken = loaded.model.eval(), adapters.prepare(loaded.model, plan.languages)
        embedding(self.model)  # raises for a model without
        self.layout = Layout.of(self.model, plan.tables)
        self.notes = (*corpus.notes, *loaded.notes, *poor, *spoken, *_left(loaded.model, self.layout))
        self.matrix = compression.checked(self.layout.matrix(self.model)).cpu()
        whole = self.layout.dense(self.matrix)
        self.tied = "both" in sides(self.model, whole)
        require_placeable(self.model, whole, models.trial(self.model))
        self.tasks = {
            words: LanguageModelling(plan.task, self.tokenizer, length=plan.length, words=words)
            for words in {False, *plan.words}
        }
        task = self.tasks[False]
        self.train = {code: corpus.train[code][: plan.lines] for code in plan.languages}
        self.calibration = {code: task.blocks(lines[:400])[: plan.calibration] for code, lines in self.train.items()}
        self.held_out = {code: task.blocks(corpus.held_out[code])[: plan.held_out] for code in plan.languages}
        if "lines" in plan.perplexity:
            self.by_line = LineByLine(self.tokenizer, longest=_longest(self.model, self.tokenizer))
            most = plan.held_out * plan.length
            self.lines = {code: self.by_line.items(corpus.held_out[code], most) for code in plan.languages}
        halves = [
            tokens.count(self.tokenizer, {code: lines[half::2] for code, lines in self.train.items()}, len(self.matrix))
            for half in (0, 1)
        ]
        counts = {code: halves[0][code] + halves[1][code] for code in self.train}
        self.pieces = tokens.pieces(self.tokenizer, len(self.matrix))
        self.scripts = tokens.scripts(self.pieces)
        self.frequency = tokens.mean_frequency(counts)
        self.expected = tokens.expected_frequency(halves, self.scripts)
        # Tokens such as the first of every block are in no line, and in every example.
        special = [i for i in task.special if i < len(self.frequency)]
        self.frequency[special] = self.expected[special] = self.frequency.max()
        self.groups = _groups(counts, self.frequency, self.scripts)
        widths = () if self.layout.alone else self.layout.widths
        self.sizes = self.planned = Sizes(*self.matrix.shape, widths=widths)
        if plan.trim:
            named = models.ids.named(self.model)
            left = len(trimming.needed(self.tokenizer, self.train, len(self.matrix), also=named))
            self.planned = Sizes(left, self.sizes.width, self.sizes.vocabulary / left, widths)
        self._metric: torch.Tensor | None = None
        self._sensitivity: torch.Tensor | None = None
        self._senses = any(name == "transform" for name in plan.methods)

    def trim(self) -> None:
        """Cut the vocabulary to the tokens of the text, in model and table; scores stay those of the same text."""
        if self.sizes == self.planned:
            return
        task = self.tasks[False]
        self.metric()  # now, while the model still reads the full tokenizer's blocks
        if self._senses:
            self.sensitivity()
        cut = trimming.trim(self.model, self.tokenizer, self.train)
        self.tokenizer = cut.tokenizer
        keep = list(cut.keep)
        self.tasks = {False: Retokenized(task, cut.tokenizer, keep)}
        self.matrix = self.matrix[keep]
        self.pieces, self.scripts = [self.pieces[i] for i in keep], self.scripts[keep]
        self.frequency = self.frequency[keep] / self.frequency[keep].sum()
        self.expected = self.expected[keep] / self.expected[keep].sum()
        self.groups = {
            kind: {name: which[keep] for name, which in groups.items() if which[keep].any()}
            for kind, groups in self.groups.items()
        }
        self.sizes = self.planned

    def costs(self, plan: CompressionPlan) -> Costs:
        """Return what the parts of a plan cost."""
        return Costs(plan, self.planned, {code: len(blocks) for code, blocks in self.held_out.items()})

    def part(self, rows: int) -> Bench:
        """Return a bench with some of the tokens' rows, to time a fit on: it chooses among tables without scoring."""
        part = copy(self)
        ids = np.linspace(0, len(self.matrix) - 1, min(rows, len(self.matrix))).astype(np.int64)
        part.matrix, part.frequency, part.expected = self.matrix[ids], self.frequency[ids], self.expected[ids]
        part.sizes = part.planned = Sizes(len(ids), self.sizes.width, self.planned.trimmed, self.sizes.widths)
        part.training_loss = part.held_out_loss = lambda _table: 0.0
        return part

    def fit(self, trial: Trial, plan: CompressionPlan, walk: Steps | None = None) -> Table:
        """Return the table of a trial that there is (`Sizes.makes`).

        `walk` measures the tables that the fit tries on its way.
        """
        if trial.method == "trim":
            return self.layout.dense(self.matrix)
        ratio = self.sizes.ratio(trial) / self.sizes.trimmed
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
        metric = {}
        if trial.method == "mixed" and trial.variant != "plain" and TOKENS in self.layout.tables:
            metric[TOKENS] = self.metric()
        if trial.method == "transform" and trial.variant != "plain" and TOKENS in self.layout.tables:
            metric[TOKENS] = self.sensitivity()
        weights = tokens.weights(trial.weights, self.frequency, self.expected)

        def fit(**more: object) -> Table:
            own = {"by": trial.by, "weights": weights, "seed": trial.seed, **options, **more}

            def block(matrix: torch.Tensor, table: str) -> Table:
                measured = {"metric": metric[table]} if table in metric else {}
                fixed = trial.method in ROUNDED and not self.layout.alone  # a block reaches a ratio of its own
                times = ROUNDED[trial.method].reach(tuple(matrix.shape)) if fixed else ratio
                return compression.fit(matrix, trial.method, times, **own, **measured)

            return self.layout.fit(self.matrix, block)

        return walk.through(fit, options.get("select")) if walk else fit()

    def training_loss(self, table: Table | None) -> float:
        """Return the mean loss on a little training text with a table in the input, as in the paper; none: as it is."""
        with put_in(self.model, Rebuilt.of(table), "input", train=False) if table else nullcontext():
            scores = [self.score(code, blocks[:2]) for code, blocks in self.calibration.items()]
        return sum(score.loss for score in scores) / len(scores)

    def held_out_loss(self, table: Table) -> float:
        """Return the mean loss on the text that is reported, likewise: the paper's scripts choose an epoch by it."""
        with put_in(self.model, Rebuilt.of(table), "input", train=False):
            scores = [self.evaluate(code, False) for code in self.held_out]
        return sum(score.loss for score in scores) / len(scores)

    def metric(self) -> torch.Tensor:
        """Return the output metric of the output layer's inputs, measured once."""
        if self._metric is None:
            self._metric = output_metric(self.model, self.tasks[False], self.calibration)
        return self._metric

    def sensitivity(self) -> torch.Tensor:
        """Return what errors of the table meet by direction (`compression.sensitivity`), measured once."""
        if self._sensitivity is None:
            self._sensitivity = sensitivity(self.model, self.tasks[False], self.calibration)
        return self._sensitivity

    def score(self, code: str, blocks: np.ndarray) -> Score:
        """Score the model, as it is now, on some blocks of a language."""
        adapters.speak(self.model, code)
        return self.tasks[False].evaluate(self.model, blocks)

    def evaluate(self, code: str, words: bool, scoring: str = "blocks") -> Score:
        """Score the model, as it is now, on one language's blocks or lines."""
        adapters.speak(self.model, code)
        if scoring == "lines":
            return self.by_line.evaluate(self.model, self.lines[code])
        return self.tasks[words].evaluate(self.model, self.held_out[code])


def _left(model: PreTrainedModel, layout: Layout) -> Iterator[str]:
    """Yield a sentence for each further table of tokens that a model has and that is left."""
    taken = list(looked_up(model, layout.tables).values())
    for name, table in further_tables(model).items():
        if any(table is each for each in taken):
            continue
        shape = f"{table.num_embeddings:,} × {table.embedding_dim:,} numbers"
        yield f"{type(model).__name__} has a further table of tokens, {name} ({shape}), which is left as it is"


def _longest(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many tokens of a line a model and its tokenizer take; 512 at most where the tokenizer says nothing."""
    most = models.positions(model) or getattr(model.config, "max_position_embeddings", None) or LONGEST
    said = tokenizer.model_max_length <= most  # a tokenizer without a limit says 1e30
    return int(tokenizer.model_max_length) if said else min(most, LONGEST)


def _groups(counts: dict[str, np.ndarray], frequency: np.ndarray, scripts: np.ndarray) -> dict[str, dict]:
    """Return kind -> name -> group; a script of fewer than 50 tokens is no group."""
    bins = tokens.bins(frequency)
    names, sizes = np.unique(scripts, return_counts=True)
    return {
        "language": {code: count for code, count in counts.items() if count.any()},
        "script": {name: scripts == name for name in names[sizes >= 50].tolist()},
        "frequency": {name: bins == name for name in dict.fromkeys(bins.tolist())},
    }
