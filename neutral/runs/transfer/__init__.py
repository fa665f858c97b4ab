"""Run transfers into a study; a stopped run continues where it was.

`worker` does what a device does, `work` is the plan in the process that owns the study, `records` says how the study
was made and which runs it has.
"""

from __future__ import annotations

from pathlib import Path

from neutral.corpora import Corpus
from neutral.curves import NOWHERE, Curves
from neutral.progress import Progress
from neutral.runs.engines import Engine, Local, carry_out
from neutral.runs.plans.transfer import TransferPlan, check
from neutral.runs.records import writing
from neutral.runs.transfer.records import KEY, pending
from neutral.runs.transfer.work import Transfers
from neutral.study import Study
from neutral.training import memory_limit

__all__ = ["KEY", "Transfers", "pending", "transfer"]

ADVICE = "lower --batch or --length and run the same command again; it goes on where it stopped"


def transfer(
    plan: TransferPlan,
    corpus: Corpus,
    folder: str | Path,
    *,
    masks: str | Path | None = None,
    device: str = "auto",
    engine: Engine | None = None,
    progress: Progress | None = None,
    curves: Curves = NOWHERE,
    quiet: bool = False,
    **options: object,
) -> Study:
    """Do the runs of a plan that the study in `folder` lacks, and return the study.

    Parameters
    ----------
    plan : TransferPlan
    corpus : Corpus
    folder : str or Path
        The study that takes the results.
    masks : str or Path, optional
        The study that has the masks; by default that in `folder`.
    device : str
        auto | cpu | cuda | mps, without an engine.
    engine : Engine, optional
        What does the units; by default this process does, on `device`.
    progress : Progress, optional
        What is told how far the run is; by default a bar.
    curves : Curves
        Where loss and rate by step of its trainings go.
    quiet : bool
        Whether to show no progress.
    **options
        Go to the loaders of model and tokenizer.

    Raises
    ------
    NeutralError
        For a plan that cannot be carried out, naming the first missing mask, and for a study that was made with
        another model, text or settings.
    MemoryLimitError
        If a device's memory is too small.
    """
    check(plan)
    engine = engine or Local(device)
    with writing(folder), memory_limit(ADVICE):
        work = Transfers(plan, corpus, folder, masks=masks, device=engine.device, curves=curves, quiet=quiet, **options)
        carry_out(work, engine, progress, quiet=quiet)
        return work.study
