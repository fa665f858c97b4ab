"""What a device does of fine-tuning: it trains a model with one table under one seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from transformers import PreTrainedTokenizerBase

from neutral import models
from neutral.compression import finetuning
from neutral.curves import Curves
from neutral.progress import Tell
from neutral.recipes import Recipe
from neutral.runs.plans.finetuning import FinetuningPlan
from neutral.runs.timing import seconds_of
from neutral.runs.units import Unit, Worker
from neutral.tasks import Score, Task
from neutral.tasks.benchmarks import Benchmark

_STEPS, _HELD_OUT = 2, 16
"""Steps that are timed, and held-out examples of a split."""


@dataclass(frozen=True)
class Tune:
    """A unit: fine-tune with a table under a seed."""

    data: str
    table: str
    seed: int
    train: str  # what trains of it


@dataclass(frozen=True)
class Tuned:
    """A piece: how many numbers of a table trained, the scores of each held-out split, and notes on the model."""

    numbers: int
    scores: dict[str, list[Score]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """Data as a model reads it, and how it is trained on them."""

    benchmark: Benchmark
    task: Task
    items: Sequence
    recipe: Recipe

    @classmethod
    def of(cls, plan: FinetuningPlan, benchmark: Benchmark, tokenizer: PreTrainedTokenizerBase, usual: int) -> Lesson:
        """Return the lesson of data; `usual` is the study's length."""
        task = benchmark.over(tokenizer, length=plan.tokens(benchmark.task, usual), stride=plan.stride)
        items = task.items(benchmark.train)
        return cls(benchmark, task, items, plan.training(benchmark.task, len(items)))


class Tuner(Worker):
    """It fine-tunes a model, which it loads anew for every unit: training changes all of it."""

    def __init__(
        self,
        model: str,
        device: str,
        *,
        plan: FinetuningPlan,
        data: Mapping[str, Benchmark],
        length: int,
        curves: Curves,
        options: Mapping[str, Any],
    ) -> None:
        self.model, self.device, self.curves, self.options = model, device, curves, options
        tokenizer = models.load_tokenizer(model, **options)
        self.lessons = {name: Lesson.of(plan, each, tokenizer, length) for name, each in data.items()}

    def seconds(self, unit: Unit, given: Mapping[str, Any]) -> float:
        """Estimate how long a unit takes, from a few steps with the model's own table and a little scoring."""
        lesson, asked = self.lessons[unit.asked.data], unit.asked
        held_out = {split: examples[:_HELD_OUT] for split, examples in lesson.benchmark.held_out.items()}
        material = (replace(lesson.benchmark, held_out=held_out), lesson.task, lesson.items, None)
        own = {"train": "table", "device": self.device, **self.options}

        def of(steps: int) -> float:
            recipe = replace(lesson.recipe, seed=asked.seed, steps=steps)
            return seconds_of(lambda: finetuning.tuned(self.model, *material, recipe, **own))

        few = of(1)
        step = max(0.0, of(1 + _STEPS) - few) / _STEPS
        share = sum(map(len, lesson.benchmark.held_out.values())) / max(sum(map(len, held_out.values())), 1)
        return step * lesson.recipe.steps + few * max(1.0, share / 3)

    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[Tuned]:
        """Yield one piece; see `Worker.do`."""
        asked, lesson, notes = unit.asked, self.lessons[unit.asked.data], []
        recipe = replace(lesson.recipe, seed=asked.seed)
        own = {"train": asked.train, "device": self.device, "step": tell, "tell": notes.extend, **self.options}
        own |= {"curve": self.curves.of("finetune", asked.data, asked.table, asked.train, f"seed {asked.seed}")}
        material = (lesson.benchmark, lesson.task, lesson.items, given["table"], recipe)
        numbers, scores = finetuning.tuned(self.model, *material, **own)
        yield Tuned(numbers, scores, tuple(notes))
