"""Use what `compress` fitted: fine-tune with each table, or write each as a plain model folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from neutral.compression import placement
from neutral.compression.finetuning import RECIPE, finetune
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.runs.compression import Compressor
from neutral.runs.records import Finished
from neutral.study import FULL
from neutral.tasks import classification
from neutral.training import Recipe


def fitted(work: Compressor) -> Iterator[tuple[str, Table]]:
    """Yield name -> table for every table of the plan, fitted again: the same seed gives the same bits."""
    for trial in work.plan.trials():
        table = work.bench.fit(trial, work.plan)
        if table is not None:
            yield work.name(trial), table


def export(work: Compressor, folder: str | Path) -> list[Path]:
    """Write a Hugging Face folder with the rebuilt matrix for every table of the plan; return the folders."""
    written = []
    for name, table in fitted(work):
        placement.export(work.bench.model, table, work.bench.tokenizer, Path(folder) / name)
        written.append(Path(folder) / name)
    return written


def tune(
    work: Compressor,
    data: str | Path,
    *,
    seeds: Sequence[int] = (0,),
    recipe: Recipe = RECIPE,
    device: str = "auto",
    quiet: bool = False,
    **options: object,
) -> None:
    """Fine-tune the full model and one with each table on classification `data`; write rows of kind "finetune".

    Rows that the study has are not redone. `options` go to the loaders of model and tokenizer.

    Raises `NeutralError` for data that `classification.load` refuses, and for a plan that trims the vocabulary.
    """
    if work.plan.trim:
        raise NeutralError("--finetune: not with --trim; export the trimmed model and fine-tune that")
    dataset = classification.load(data)
    common_fields = {"data": Path(str(data)).name, "steps": recipe.steps}
    results = Finished(work.study, ("data", "steps", "table", "seed"), kind="finetune")
    tables: dict[str, Table | None] = {FULL: None, **dict(fitted(work))}
    done = {(n, s) for n in tables for s in seeds if results.has("finetune", **common_fields, table=n, seed=s)}
    common = {"length": work.plan.length, "device": device, "quiet": quiet, "done": done}
    for row in finetune(work.plan.model, dataset, tables, recipe, seeds, **common, **options):
        results.append("finetune", **common_fields | row)
