"""Use what `compress` fitted: its tables again, and each as a plain model folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from neutral.compression import placement
from neutral.compression.table import Table
from neutral.runs.compression import Compressor


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
