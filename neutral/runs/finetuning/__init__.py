"""Fine-tune with what `compress` fitted, into its study: a row for each model, held-out split and metric.

`worker` does what a device does, `work` is the plan in the process that owns the study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from neutral import models
from neutral.compression import finetuning
from neutral.corpora.readings import listed
from neutral.curves import NOWHERE, Curves
from neutral.errors import NeutralError
from neutral.lock import only_writer
from neutral.progress import Progress, say
from neutral.runs.compression import Compressor
from neutral.runs.engines import Engine, Local, carry_out
from neutral.runs.finetuning.work import PARTS_UP_TO, RUN, Tuning
from neutral.runs.plans.finetuning import FinetuningPlan, check
from neutral.tasks import benchmarks
from neutral.tasks.benchmarks import Benchmark

__all__ = ["PARTS_UP_TO", "RUN", "Tuning", "name_of", "prepare", "tune"]


def prepare(
    plan: FinetuningPlan,
    model: str | Path,
    length: int,
    *,
    trim: bool = False,
    quiet: bool = False,
    **options: object,
) -> dict[str, Benchmark]:
    """Return the data of a plan by name, and say on standard error which rows are left out.

    Called before the long work, so that a mistake ends the command at once. `length` is the study's, and `trim` says
    whether it trims the vocabulary.

    Raises `NeutralError` for a plan that `check` refuses, a trimmed vocabulary, data that `benchmarks.load` refuses, a
    length above the model's positions, windows that are too short for their stride, and a model without such a head.
    """
    check(plan)
    if trim:
        raise NeutralError("--finetune: not with --trim; export the trimmed model and fine-tune that")
    data = {}
    for source in plan.data:
        data[name_of(source)] = loaded = benchmarks.load(source, plan.task)
        tokens = plan.tokens(loaded.task, length)
        with _named(plan):
            models.require_positions(model, tokens, **options)
            task = loaded.over(models.load_tokenizer(model, **options), length=tokens, stride=plan.stride)
            task.items(loaded.train[:1])
        finetuning.start(model, task, None, 0, "cpu", **options)
        told = loaded.left_out.items()
        say([f"{source}: {split}: rows left out: {listed(counts)}" for split, counts in told], quiet=quiet)
    return data


@contextmanager
def _named(plan: FinetuningPlan) -> Iterator[None]:
    """Within, a refusal of a length names the option that set it."""
    try:
        yield
    except NeutralError as error:
        message = str(error)
        raise NeutralError(message.replace("--length", "--finetune-length") if plan.length else message) from error


def name_of(source: str | Path) -> str:
    """Return what results call a data set: its last name, after that of its task where it is called by a language.

    >>> name_of("nyu-mll/glue:cola"), name_of("data/tasks/nli/en")
    ('glue:cola', 'nli/en')
    """
    path = Path(str(source))
    is_code = len(path.name) < 3 and path.parent.name
    return f"{path.parent.name}/{path.name}" if is_code else path.name


def tune(
    work: Compressor,
    plan: FinetuningPlan,
    data: Mapping[str, Benchmark],
    *,
    device: str = "auto",
    engine: Engine | None = None,
    progress: Progress | None = None,
    curves: Curves = NOWHERE,
    quiet: bool = False,
    **options: object,
) -> None:
    """Fine-tune the full model and one with each table on `data` (see `prepare`); write rows of kind "finetune".

    Rows that the study has are not redone. Without an engine this process does the units, on `device`; `curves` says
    where loss and rate by step go, and `options` go to the loaders of model and tokenizer.

    Raises `NeutralError` for a study that has results on other data of the same name.
    """
    with only_writer(work.study.path):
        if data:
            tuning = Tuning(work, plan, data, curves=curves, quiet=quiet, **options)
            carry_out(tuning, engine or Local(device), progress, quiet=quiet)
