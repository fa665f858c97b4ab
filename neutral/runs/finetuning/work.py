"""Fine-tuning at work in the process that owns the study: which models are left, and the rows of one that is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from neutral import hashes, models
from neutral.compression import finetuning
from neutral.curves import NOWHERE, Curves
from neutral.errors import NeutralError
from neutral.models import adapters
from neutral.progress import say
from neutral.runs.compression import Compressor
from neutral.runs.compression.costs import BLOCK
from neutral.runs.finetuning.worker import Lesson, Tune, Tuned, Tuner
from neutral.runs.plans.finetuning import FinetuningPlan
from neutral.runs.records import Finished, remember, scored
from neutral.runs.tables import Fitted
from neutral.runs.units import Effect, Making, Shared, Unit, Work
from neutral.study import FULL, Study
from neutral.tasks import Score, Task
from neutral.tasks.benchmarks import CLASSIFICATION, Benchmark

PARTS_UP_TO = 12_000
"""Held-out examples up to which a row keeps what each adds to the metric (QQP has more: that would be 600 kB a row)."""

RUN = ("data", "task", "table", "seed", "train", "steps", "batch_size", "rate", "warmup", "length", "stride")
"""Fields that tell one fine-tuned model from another."""


class Tuning(Work):
    """A plan of fine-tuning at work, after the compression that made its tables."""

    def __init__(
        self,
        work: Compressor,
        plan: FinetuningPlan,
        data: Mapping[str, Benchmark],
        *,
        curves: Curves = NOWHERE,
        quiet: bool = False,
        **options: object,
    ) -> None:
        self.work, self.plan, self.data, self.quiet, self.options = work, plan, data, quiet, options
        self.tables = Fitted(work)
        self._values = {"plan": plan, "data": data, "length": work.plan.length, "curves": curves, "options": options}
        self._tuner = Tuner(work.plan.model, "cpu", **self._values)
        self._rows = {name: _row(lesson, name, work.plan.length, plan) for name, lesson in self._tuner.lessons.items()}
        self._digests = {name: _same(work, name, benchmark) for name, benchmark in data.items()}
        usual = _usual(work.plan.length)
        self.results = work.study and Finished(
            work.study, RUN, kind="finetune", seen_as=lambda row: usual | {"train": _trained(row)} | row
        )
        self._telling: set[tuple] = set()

    def units(self) -> list[Unit]:
        """See `Work.units`."""
        classes = {FULL: None, **self.tables.classes()}
        runs = finetuning.plan(classes, self.plan.seeds, self.plan.ways, ())
        every = ((i, name, Tune(name, *run)) for i, name in enumerate(self.data) for run in runs)
        return [
            Unit(("3 finetune", i, number), _called(asked), self._cost(name), asked)
            for number, (i, name, asked) in enumerate(every)
        ]

    def is_done(self, unit: Unit) -> bool:
        """See `Work.is_done`."""
        return self.results is not None and self.results.has("finetune", **self._run(unit.asked))

    def effect(self, unit: Unit) -> Effect:
        """See `Work.effect`."""
        scores = sum(min(len(examples), PARTS_UP_TO) for examples in self.data[unit.asked.data].held_out.values())
        train = len(self._tuner.lessons[unit.asked.data].items)
        return Effect(f"{train:,} examples of {unit.asked.data}, held-out ones", "scores", 400 + 8 * scores)

    def alike(self, unit: Unit) -> str:
        """See `Work.alike`."""
        return unit.asked.data

    def begin(self) -> None:
        """See `Work.begin`."""
        for name, benchmark in self.data.items():
            self._tell(adapters.prepare(self.work.bench.model, [benchmark.language]))
            task = self._tuner.lessons[name].task
            remember_head(self.work.study, self.work.plan.model, name, task, **self.options)

    def phases(self) -> Iterator[list[Unit]]:
        """See `Work.phases`."""
        left = [unit for unit in self.units() if not self.is_done(unit)]
        first = {unit.asked.data: unit.key for unit in reversed(left)}
        self._telling = set(first.values())  # other models of the same data say the same
        yield left

    def making(self) -> Making:
        """See `Work.making`."""
        return Making(Tuner, self.work.plan.model, self._values)

    def here(self, device: str) -> Tuner:
        """See `Work.here`."""
        self._tuner.device = device
        return self._tuner

    def given(self, unit: Unit) -> Mapping[str, Any]:
        """Return the table, fitted again."""
        name = unit.asked.table
        return {"table": None if name == FULL else Shared(f"table {name}", partial(self.tables.__getitem__, name))}

    def write(self, unit: Unit, piece: Tuned) -> None:
        """See `Work.write`."""
        if unit.key in self._telling:
            self._tell(piece.notes)
        run = self._run(unit.asked) | {"numbers": piece.numbers, "digest": self._digests[unit.asked.data]}
        self.results.extend("finetune", _rows(run, piece.scores))

    def free(self) -> None:
        """See `Work.free`."""
        self.work.free()

    def _run(self, asked: Tune) -> dict:
        return self._rows[asked.data] | {"table": asked.table, "seed": asked.seed, "train": asked.train}

    def _cost(self, name: str) -> float:
        """Return about how long a run takes, as `compression.costs` has it: training three times as long as scoring."""
        lesson = self._tuner.lessons[name]
        examples = 3 * lesson.recipe.steps * lesson.recipe.batch_size + sum(map(len, self.data[name].held_out.values()))
        return BLOCK * examples * self._tokens(name) / 128

    def _tokens(self, name: str) -> int:
        return self.plan.tokens(self.data[name].task, self.work.plan.length)

    def _tell(self, notes: Sequence[str]) -> None:
        say(notes, quiet=self.quiet)
        Study.create(self.work.study.path, {"notes": list(notes)} if notes else {})


def _called(asked: Tune) -> str:
    return f"fine-tuning {asked.table} ({asked.train} trains) on {asked.data} seed {asked.seed}"


def _usual(length: int) -> dict:
    """Return the settings that a row does not say; `length` is the study's."""
    recipe = {name: getattr(finetuning.RECIPE, name) for name in ("batch_size", "rate", "warmup")}
    return {"task": CLASSIFICATION, "length": length, "stride": 128, **recipe}


def _row(lesson: Lesson, name: str, length: int, plan: FinetuningPlan) -> dict:
    """Return what the rows of data say of how models were trained on them."""
    recipe, benchmark = lesson.recipe, lesson.benchmark
    settings = {"task": benchmark.task, "length": plan.tokens(benchmark.task, length), "stride": plan.stride}
    settings |= {field: getattr(recipe, field) for field in ("batch_size", "rate", "warmup")}
    usual = _usual(length)
    said = {field: value for field, value in settings.items() if value != usual[field]}
    return {"data": name, "steps": recipe.steps, **said}


def remember_head(study: Study, model: str | Path, name: str, task: Task, **options: object) -> None:
    """Write into study.json what the model has beside its base, as a pooler; refuse another than before."""
    own = {"tokenizer": task.tokenizer, "device": "cpu", **task.model_options}
    loaded = models.load(model, task.head, **own, **options)
    pruned = {name: weight for name, weight in models.prunable(loaded.model).items() if "pooler" not in name}
    _, head = hashes.beside(loaded.model, pruned, loaded.new)
    remember(study, "heads", {f"finetune {name}": head or ""}, "the model's head or pooler,")


def _same(work: Compressor, name: str, data: Benchmark) -> str:
    """Return the digest of data. Raises `NeutralError` if the study's results of that name have another."""
    digest = data.digest()
    for row in work.study.rows("finetune") if work.study else ():
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
