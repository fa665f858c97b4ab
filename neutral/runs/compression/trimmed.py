"""Trim a model to some languages and compress the table that is left, in one go: `neutral trim --compress`.

The table is fitted to the trimmed model: its own tokens' frequencies, its own output metric. What both cost each
language is told beside the full model, on the same held-out text: the loss of a trimmed model is divided by the number
of the *full* tokenizer's tokens (`compression.retokenization`).
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import models
from neutral.compression import exports, results, trimmed
from neutral.compression.exports import Origin, Written
from neutral.compression.layout import Layout
from neutral.compression.placement import put_in
from neutral.compression.retokenization import Retokenized
from neutral.compression.table import Rebuilt, Table
from neutral.compression.trimmed import Facts
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.files import storing
from neutral.models import adapters, kinds
from neutral.runs.compression.bench import Bench
from neutral.runs.plans.compression import CompressionPlan, Trial, check
from neutral.tasks import LanguageModelling
from neutral.training import memory_limit

HEADS = ("mlm", "clm")
"""Heads whose perplexity tells what a table costs."""

_EXACT, _ROUNDED = 1e-3, 0.1  # of the largest logit: where numbers are stored as they are, or rebuilt in fewer bits


@dataclass(frozen=True)
class Cost:
    """What a language pays, as perplexities of held-out text ÷ the full model's; `Kept` says what else is lost.

    Attributes
    ----------
    language : str
    trimmed : float
        Of the trimmed model with its own table.
    compressed : float
        Of the trimmed model with the compressed one.
    """

    language: str
    trimmed: float
    compressed: float


@dataclass(frozen=True)
class Small:
    """What came of trimming and compressing.

    Attributes
    ----------
    facts : Facts
        Of the trimming.
    written : Written
        Of the export.
    costs : tuple of Cost
    difference : float or None
        The largest difference of the folder's logits, read back, from those of the table in place, ÷ the largest logit;
        None without the package that reads it.
    """

    facts: Facts
    written: Written
    costs: tuple[Cost, ...]
    difference: float | None


def planned(method: str, ratio: float, form: str, **options: Any) -> CompressionPlan:
    """Return the plan of one table by bytes. Raises `NeutralError`, naming the option, for what there is not."""
    if ratio < 1:
        raise NeutralError(f"--ratio {ratio:g}: a number of 1 or more")
    plan = CompressionPlan(
        "", "auto", (), (method,), (float(ratio),), ("bytes",), export="out", form=form, lines=2**31, **options
    )
    check(plan)
    if len(plan.methods) != 1 or method.startswith(("autoencoder", "svd:")):
        raise NeutralError(f"--compress {method}: one method that needs no training")
    return plan


def write(
    source: str | Path,
    corpus: Corpus,
    out: str | Path,
    plan: CompressionPlan,
    size: int | None = None,
    *,
    device: str = "auto",
    **options: object,
) -> Small:
    """Trim a model to a corpus' languages, compress its table, and write both as one folder, whole or not at all.

    Parameters
    ----------
    source : str or Path
        Hub id or folder.
    corpus : Corpus
        Its training part says which tokens stay and how often they are used; its held-out part tells the costs.
    out : str or Path
        A folder that is not there, or is empty.
    plan : CompressionPlan
        As `planned` returns it.
    size : int, optional
        As in `trimmed.write`.
    device : str
        auto | cpu | cuda | mps, on which the trimmed model is measured.
    **options
        Go to the loaders of model and tokenizer.

    Raises
    ------
    NeutralError
        As `trimmed.write` and `exports.write` do, and for a model without a language-modelling head.
    """
    out = Path(out)
    trimmed.require_empty(out)
    task = models.natural_task(source, **options)
    head = trimmed.head_of(source, **options)[0]
    if task not in HEADS or head not in HEADS:
        raise NeutralError(
            f"--compress: {source} has no head of language modelling that tells what a table costs; trim it without"
        )
    plan = replace(plan, task=task, languages=tuple(corpus.train))
    full = _Full(plan, corpus)
    with _beside(out) as beside, memory_limit("trim first, and compress the trimmed folder on a larger machine"):
        folder, draft = beside / "trimmed", beside / out.name
        facts = trimmed.write(source, corpus, folder, size, look=full.look, **options)
        told = json.loads((folder / trimmed.FILE).read_text(encoding="utf-8"))
        bench = Bench(replace(plan, model=str(folder)), corpus, models.device(device))
        dtype = kinds.text_config(models.configuration(source, **options)).dtype or torch.float32
        (trial,) = plan.trials()
        table = bench.fit(trial, plan)
        costs = tuple(_costs(bench, table, full, told["keep"], plan))
        written = exports.write(
            bench.model,
            table,
            bench.tokenizer,
            draft,
            plan.form,
            plan.exported_to,
            dtype=dtype,
            origin=_origin(source, corpus, trial, told, costs),
        )
        difference = _read_back(source, draft, bench, table, plan, dtype)
        with storing(out):
            out.mkdir(parents=True, exist_ok=True)
            for path in sorted(draft.iterdir(), key=lambda path: path.name == "config.json"):
                os.replace(path, out / path.name)  # what makes a folder a model comes last
    return Small(facts, replace(written, folder=str(out)), costs, difference)


class _Full:
    """Losses of the full model on held-out text, taken before it is cut."""

    def __init__(self, plan: CompressionPlan, corpus: Corpus) -> None:
        self.plan, self.corpus = plan, corpus

    def look(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """Score the full model, and refuse what its export could not hold."""
        (trial,) = self.plan.trials()
        tables = Layout.of(model, self.plan.tables).tables
        exports.require(model, trial.method, self.plan.form, self.plan.exported_to, tables)
        self.task = LanguageModelling(self.plan.task, tokenizer, length=self.plan.length)
        blocks = {code: self.task.blocks(self.corpus.held_out[code]) for code in self.plan.languages}
        self.blocks: dict[str, np.ndarray] = {code: each[: self.plan.held_out] for code, each in blocks.items()}
        self.losses = dict(_losses(model, self.task, self.blocks))


def _losses(
    model: PreTrainedModel, task: LanguageModelling, blocks: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, float]]:
    for code, rows in blocks.items():
        adapters.speak(model, code)
        yield code, task.evaluate(model, rows).loss


@torch.inference_mode()
def _costs(bench: Bench, table: Table, full: _Full, keep: list[int], plan: CompressionPlan) -> Iterator[Cost]:
    """Yield what each language pays."""
    task = Retokenized(full.task, bench.tokenizer, keep)
    own = dict(_losses(bench.model, task, full.blocks))
    with put_in(bench.model, Rebuilt.of(table), plan.exported_to, train=False):
        small = dict(_losses(bench.model, task, full.blocks))
    for code, loss in full.losses.items():
        yield Cost(code, *(math.exp(min(each[code] - loss, 700.0)) for each in (own, small)))


def _origin(
    source: str | Path, corpus: Corpus, trial: Trial, told: Mapping[str, object], costs: tuple[Cost, ...]
) -> Origin:
    return Origin(
        model=Path(source).name,
        title=results.name_of(trial.method, trial.variant, trial.weights),
        perplexity={cost.language: cost.compressed for cost in costs},
        text=str(corpus.name),
        trimming=told | {"perplexity": {cost.language: cost.trimmed for cost in costs}},
    )


def _read_back(
    source: str | Path, folder: Path, bench: Bench, table: Table, plan: CompressionPlan, dtype: torch.dtype
) -> float | None:
    """Read what was written, and return the largest difference of its logits from those of the table in place.

    None where a package is missing that reads it. Raises `NeutralError` if it gives other logits.
    """
    if plan.form == "compressed-tensors" and find_spec("compressed_tensors") is None:
        return None
    lines = trimmed.lines_of(bench.tokenizer, bench.train)
    with put_in(bench.model, table, plan.exported_to, train=False):
        expected = trimmed.logits_of(bench.model, lines)
    tokenizer = models.load_tokenizer(folder)
    loaded = models.load(folder, plan.task, tokenizer=tokenizer)
    adapters.prepare(loaded.model, plan.languages)
    read = trimmed.logits_of(loaded.model.eval(), lines)
    most = max(float((has - was).abs().max() / was.abs().max()) for has, was in zip(read, expected, strict=True))
    exact = plan.form == "neutral" or (plan.form == "plain" and dtype == torch.float32)
    if not most <= (_EXACT if exact else _ROUNDED):
        raise NeutralError(f"{source}: the folder would give other logits, by {most:.2g} of the largest")
    return most


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """Give an empty folder beside `out`, which is gone at the end."""
    folder = out.with_name(f".{out.name}.trimmed")
    with storing(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
