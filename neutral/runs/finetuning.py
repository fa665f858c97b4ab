"""Fine-tune with what `compress` fitted, into its study: a row for each model, held-out split and metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from neutral import hashes, models
from neutral.compression import finetuning
from neutral.compression.table import Table
from neutral.corpora.readings import listed
from neutral.errors import NeutralError
from neutral.lock import only_writer
from neutral.models import adapters
from neutral.progress import say
from neutral.runs.compression import Compressor
from neutral.runs.plans.finetuning import FinetuningPlan, check
from neutral.runs.records import Finished, remember, scored
from neutral.runs.tables import fitted
from neutral.study import FULL, Study
from neutral.tasks import Score, Task, benchmarks
from neutral.tasks.benchmarks import CLASSIFICATION, Benchmark

PARTS_UP_TO = 12_000
"""Held-out examples up to which a row keeps what each adds to the metric (QQP has more: that would be 600 kB a row)."""

RUN = ("data", "task", "table", "seed", "train", "steps", "batch_size", "rate", "warmup", "length", "stride")
"""Fields that tell one fine-tuned model from another."""


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
    quiet: bool = False,
    **options: object,
) -> None:
    """Fine-tune the full model and one with each table on `data` (see `prepare`); write rows of kind "finetune".

    Rows that the study has are not redone. `options` go to the loaders of model and tokenizer.

    Raises `NeutralError` for a study that has results on other data of the same name.
    """
    with only_writer(work.study.path):
        _tune(work, plan, data, device=device, quiet=quiet, **options)


def _tune(
    work: Compressor,
    plan: FinetuningPlan,
    data: Mapping[str, Benchmark],
    *,
    device: str,
    quiet: bool,
    **options: object,
) -> None:
    usual = {
        "task": CLASSIFICATION,
        "length": work.plan.length,
        "stride": 128,
        **{name: getattr(finetuning.RECIPE, name) for name in ("batch_size", "rate", "warmup")},
    }
    results = Finished(work.study, RUN, kind="finetune", seen_as=lambda row: usual | {"train": _trained(row)} | row)
    tables: dict[str, Table | None] = {FULL: None, **dict(fitted(work))}
    tokenizer = models.load_tokenizer(work.plan.model, **options)

    def tell(notes: Sequence[str]) -> None:
        say(notes, quiet=quiet)
        Study.create(work.study.path, {"notes": list(notes)} if notes else {})

    for name, benchmark in data.items():
        digest = _same(work, name, benchmark)
        tell(adapters.prepare(work.bench.model, [benchmark.language]))
        length = plan.tokens(benchmark.task, work.plan.length)
        task = benchmark.over(tokenizer, length=length, stride=plan.stride)
        items = task.items(benchmark.train)
        recipe = plan.training(benchmark.task, len(items))
        settings = {"task": benchmark.task, "length": length, "stride": plan.stride}
        settings |= {field: getattr(recipe, field) for field in ("batch_size", "rate", "warmup")}
        settings = {field: value for field, value in settings.items() if value != usual[field]}
        row = {"data": name, "steps": recipe.steps, **settings}
        runs = finetuning.plan(tables, plan.seeds, plan.ways, ())
        _remember_head(work.study, work.plan.model, name, task, **options)
        done = {(t, s, w) for t, s, w in runs if results.has("finetune", **row, table=t, seed=s, train=w)}
        common = {"ways": plan.ways, "length": length, "stride": plan.stride, "device": device, "quiet": quiet}
        common |= {"tell": tell}
        tuned = finetuning.finetune(
            work.plan.model, benchmark, tables, recipe, plan.seeds, done=done, **common, **options
        )
        for run, scores in tuned:
            results.extend("finetune", _rows(row | run | {"digest": digest}, scores))


def _remember_head(study: Study, model: str | Path, name: str, task: Task, **options: object) -> None:
    """Write into study.json what the model has beside its base, as a pooler; refuse another than before."""
    own = {"tokenizer": task.tokenizer, "device": "cpu", **task.model_options}
    loaded = models.load(model, task.head, **own, **options)
    pruned = {name: weight for name, weight in models.prunable(loaded.model).items() if "pooler" not in name}
    _, head = hashes.beside(loaded.model, pruned, loaded.new)
    remember(study, "heads", {f"finetune {name}": head or ""}, "the model's head or pooler,")


def _same(work: Compressor, name: str, data: Benchmark) -> str:
    """Return the digest of data. Raises `NeutralError` if the study's results of that name have another."""
    digest = data.digest()
    for row in work.study.rows("finetune"):
        is_of_it = row.get("data") == name and row.get("task", CLASSIFICATION) == data.task
        if is_of_it and row.get("digest", digest) != digest:
            raise NeutralError(f"{work.study.path}: its results on {name} are of other data; choose another --study")
    return digest


def _trained(row: dict) -> str:
    """Return what trained of a table in a row that does not say: all that could."""
    if row.get("table") == FULL:
        return "table"
    return "factors" if row.get("numbers") else "none"


def _rows(run: dict, scores: Mapping[str, Sequence[Score]]) -> list[dict]:
    """Return the rows of a fine-tuned model, one for each split and metric."""
    rows = []
    for split, several in scores.items():
        for score in several:
            entries = scored(score)
            parts = entries.pop("parts", None)
            if parts and score.count <= PARTS_UP_TO:  # whole numbers, which most are, take fewer letters
                entries["parts"] = [[int(v) if v == v // 1 else v for v in column] for column in parts]
            rows.append({**run, "split": split, **entries})
    return rows
