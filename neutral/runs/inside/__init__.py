"""Look inside a study's model, whole and under its masks: parallel sentences read layer by layer, into the study.

There are two kinds of rows, each of a mask and a pair of languages, with lists over layers: "retrieval" (every ordered
pair) and "representation" (every pair and measure). Rows that the study has are not redone; a row says by which
definition it was made where that is not `definitions.UNWRITTEN`.

`worker` does what a device does, `work` is the plan in the process that owns the study.
"""

from __future__ import annotations

from pathlib import Path

from neutral.files import storing
from neutral.lock import only_writer
from neutral.progress import Progress
from neutral.runs.engines import Engine, Local, carry_out
from neutral.runs.inside.work import KEY, Inside
from neutral.runs.inside.worker import REPRESENTATION, RETRIEVAL
from neutral.runs.plans.inside import InsidePlan, filled
from neutral.study import Study
from neutral.training import memory_limit

__all__ = ["KEY", "REPRESENTATION", "RETRIEVAL", "Inside", "filled", "represent", "retrieve"]

ADVICE = "lower --batch and run the same command again; it goes on where it stopped"


def retrieve(
    plan: InsidePlan,
    folder: str | Path,
    *,
    device: str = "auto",
    engine: Engine | None = None,
    progress: Progress | None = None,
    quiet: bool = False,
    **options: object,
) -> Study:
    """Retrieve parallel sentences by layer, under each of the plan's masks, into the study in `folder`.

    Without an engine this process does it, on `device`; without `progress` a bar shows how far it is. `options` go to
    the loaders of model and tokenizer (`gguf_file=…`, say).

    Raises `NeutralError` if the folder is no study, if its model, masks or sentences are others, or if the sentences
    are not parallel; `MemoryLimitError` if the device's memory is too small.
    """
    return _run(RETRIEVAL, plan, folder, engine or Local(device), progress, quiet, options)


def represent(
    plan: InsidePlan,
    folder: str | Path,
    *,
    device: str = "auto",
    engine: Engine | None = None,
    progress: Progress | None = None,
    quiet: bool = False,
    **options: object,
) -> Study:
    """Compare the languages' representations by layer; arguments and errors are those of `retrieve`."""
    return _run(REPRESENTATION, plan, folder, engine or Local(device), progress, quiet, options)


def _run(
    kind: str,
    plan: InsidePlan,
    folder: str | Path,
    engine: Engine,
    progress: Progress | None,
    quiet: bool,
    options: dict[str, object],
) -> Study:
    with only_writer(Study(folder).path), storing(folder), memory_limit(ADVICE):
        work = Inside(kind, plan, folder, device=engine.device, quiet=quiet, **options)
        carry_out(work, engine, progress, quiet=quiet)
        return work.study
