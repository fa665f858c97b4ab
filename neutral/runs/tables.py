"""Use what `compress` fitted: its tables again, and each as a plain model folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from neutral.compression import placement
from neutral.compression.table import KINDS, Table
from neutral.runs.compression import Compressor


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


def export(work: Compressor, folder: str | Path) -> list[Path]:
    """Write a Hugging Face folder with the rebuilt matrix for every table of the plan; return the folders."""
    written = []
    for name, table in Fitted(work):
        placement.export(work.bench.model, table, work.bench.tokenizer, Path(folder) / name)
        written.append(Path(folder) / name)
    return written
