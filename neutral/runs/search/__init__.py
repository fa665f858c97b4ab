"""Run the search for sub-networks into a study; a stopped run continues where it was.

`worker` does what a device does, `work` is the plan in the process that owns the study, `counting` is what that counts,
`records` says how the study was made, `typology` tests what goes with the overlap of the masks.
"""

from __future__ import annotations

from pathlib import Path

from neutral.corpora import Corpus
from neutral.curves import NOWHERE, Curves
from neutral.progress import Progress
from neutral.runs.engines import Engine, Local, carry_out
from neutral.runs.plans.search import SearchPlan, check
from neutral.runs.records import writing
from neutral.runs.search.typology import explain, require_enough
from neutral.runs.search.work import KEY, Finder
from neutral.study import Study
from neutral.training import memory_limit

__all__ = ["KEY", "Finder", "find", "require_enough"]

ADVICE = "lower --batch or --length and run the same command again; it goes on where it stopped"


def find(
    plan: SearchPlan,
    corpus: Corpus,
    folder: str | Path,
    *,
    device: str = "auto",
    engine: Engine | None = None,
    progress: Progress | None = None,
    curves: Curves = NOWHERE,
    quiet: bool = False,
    **options: object,
) -> Study:
    """Find masks and write them into a study, then tests of them if the plan says so; what the study has is not redone.

    Parameters
    ----------
    plan : SearchPlan
    corpus : Corpus
    folder : str or Path
        The study's folder.
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
        Go to the loaders of model and tokenizer (`gguf_file=…`, say).

    Returns
    -------
    Study

    Raises
    ------
    NeutralError
        If the study was made with another model, text or settings, and for tests of fewer than four languages.
    MemoryLimitError
        If the device's memory is too small.
    """
    check(plan)
    require_enough(plan)
    engine = engine or Local(device)
    with writing(folder), memory_limit(ADVICE):
        work = Finder(plan, corpus, folder, device=engine.device, curves=curves, quiet=quiet, **options)
        carry_out(work, engine, progress, quiet=quiet)
    if plan.typology:
        explain(work.study, plan, corpus, engine=engine, progress=progress, quiet=quiet, **options)
    return work.study
