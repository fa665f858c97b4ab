"""Use what `compress` fitted: fine-tune with each table, or write each as a plain model folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from neutral.compression import placement
from neutral.compression.finetuning import RECIPE, finetune
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.runs.compression import Compressor
from neutral.tasks import classification
from neutral.training import Recipe


def fitted(work: Compressor) -> Iterator[tuple[str, Table]]:
    """Yield name -> table for every table of the plan, fitted again: the same seed gives the same bits."""
    for trial in work.plan.trials():
        table = work.subject.fit(trial, work.plan)
        if table is not None:
            yield work.name(trial), table


def export(work: Compressor, folder: str | Path) -> list[Path]:
    """Write a Hugging Face folder with the rebuilt matrix for every table of the plan; return the folders."""
    written = []
    for name, table in fitted(work):
        placement.export(work.subject.model, table, work.subject.tokenizer, Path(folder) / name)
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
    """Fine-tune the full model and one with each table on classification `data`; rows of kind "finetune".

    What the study has is not redone. `options` go to the loaders of model and tokenizer. Raises `NeutralError` for data
    that `classification.load` refuses, and for a plan that trims the vocabulary.
    """
    if work.plan.trim:
        raise NeutralError("--finetune: not with --trim; export the trimmed model and fine-tune that")
    loaded = classification.load(data)
    asked = {"data": Path(str(data)).name, "steps": recipe.steps}
    rows = [row for row in work.study.rows("finetune") if asked.items() <= row.items()]
    done = {(row["table"], row["seed"]) for row in rows}
    tables: dict[str, Table | None] = {"full": None, **dict(fitted(work))}
    length = work.plan.length
    for row in finetune(
        work.plan.model, loaded, tables, recipe, seeds, length=length, device=device, quiet=quiet, done=done, **options
    ):
        work.study.append("finetune", **asked | row)
