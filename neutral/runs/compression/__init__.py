"""Compress a model's token table in many ways into a study: sizes, errors, and perplexity with each table in place.

`worker` does what a device does, `work` is the plan in the process that owns the study, `bench` is the model with its
table and text, `steps` what a table costs on the way to it, `costs` how long a part takes beside others.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from neutral.corpora import Corpus
from neutral.progress import Progress
from neutral.runs.compression.bench import Bench
from neutral.runs.compression.work import KEY, PARTS, Compressor
from neutral.runs.engines import Engine, Local, carry_out
from neutral.runs.plans.compression import CompressionPlan, check
from neutral.runs.records import writing
from neutral.study import Study
from neutral.training import memory_limit

__all__ = ["KEY", "PARTS", "Bench", "Compressor", "compress"]

ADVICE = "lower --length and run the same command again; it goes on where it stopped"


def compress(
    plan: CompressionPlan,
    corpus: Corpus,
    folder: str | Path,
    *,
    device: str = "auto",
    engine: Engine | None = None,
    progress: Progress | None = None,
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
        auto | cpu | cuda | mps, without an engine.
    engine : Engine, optional
        What does the units; by default this process does, on `device`.
    progress : Progress, optional
        What is told how far the run is; by default a bar.
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
    engine = engine or Local(device)
    with writing(folder), memory_limit(ADVICE):
        work = Compressor(plan, corpus, folder, device=engine.device, quiet=quiet, **options)
        carry_out(work, engine, progress, quiet=quiet)
        if then is not None:
            then(work)
        return work.study
