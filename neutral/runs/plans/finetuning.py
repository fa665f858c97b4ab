"""The plan of fine-tuning with compressed tables: data, what trains, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace

from neutral.compression import finetuning
from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.runs.plans.numbers import require_seeds


@dataclass(frozen=True)
class FinetuningPlan:
    """What `compress --finetune` does."""

    data: tuple[str, ...]  # folders, or ids of data sets of the hub
    task: str = "auto"  # one of benchmarks.NAMES; auto: as the data is named
    ways: tuple[str, ...] = ("factors",)  # what trains of a table: finetuning.WAYS
    seeds: tuple[int, ...] = (0,)
    recipe: str = "ours"  # or paper: what is not given below is as in the paper's scripts
    steps: int | None = None
    epochs: float | None = None  # in place of steps
    batch_size: int | None = None
    rate: float | None = None
    warmup: float | None = None  # share of the steps
    length: int | None = None  # most tokens of an example: the study's, 384 for squad
    stride: int = 128  # tokens that squad's windows share

    def tokens(self, task: str, usual: int) -> int:
        """Return the most tokens of an example of a task; `usual` is the study's."""
        return self.length or (384 if task == "squad" else usual)

    def training(self, task: str, items: int) -> Recipe:
        """Return how a task with `items` examples to train on is trained."""
        recipe = finetuning.paper(task) if self.recipe == "paper" else finetuning.RECIPE
        chosen = {"batch_size": self.batch_size, "rate": self.rate, "warmup": self.warmup}
        recipe = replace(recipe, **{name: value for name, value in chosen.items() if value is not None})
        if self.steps:
            return replace(recipe, steps=self.steps)
        count = self.epochs or (finetuning.PAPER_EPOCHS if self.recipe == "paper" else None)
        return finetuning.epochs(count, items, recipe) if count else recipe


def check(plan: FinetuningPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if unknown := [way for way in plan.ways if way not in finetuning.WAYS]:
        raise NeutralError(f"--finetune-train {unknown[0]}: unknown; there are {', '.join(finetuning.WAYS)}")
    if not plan.ways or not plan.seeds:
        raise NeutralError("--finetune-train and --finetune-seeds: give at least one of each")
    if plan.steps is not None and plan.epochs is not None:
        raise NeutralError("--finetune-steps and --finetune-epochs: give one of them")
    for name in ("steps", "epochs", "batch_size", "rate", "length"):
        value = getattr(plan, name)
        if value is not None and not 0 < value < float("inf"):
            raise NeutralError(f"--finetune-{name.removesuffix('_size')} {value:g}: a number above 0")
    if plan.warmup is not None and not 0 <= plan.warmup < 1:
        raise NeutralError(f"--finetune-warmup {plan.warmup:g}: a share of the steps, from 0 to under 1")
    require_seeds(finetune_seeds=plan.seeds)
    if plan.stride < 0:
        raise NeutralError(f"--finetune-stride {plan.stride}: 0 or more tokens")
