"""The plan of fine-tuning with compressed tables: data, what trains, and how."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, replace
from typing import Any

from neutral import options
from neutral.compression import WAYS
from neutral.errors import NeutralError
from neutral.options import key, option
from neutral.recipes import Recipe

_GROUP = "fine-tuning: train the model for tasks with each table in place"


def _asked(default: Any, help: str, name: str, key_: str = "", **described: Any) -> Any:
    """Return the field of an option of fine-tuning; `key_` is its field of the results, if that has another name."""
    return option(default, help, flag=f"finetune-{name}", group=_GROUP, decides=key(key_), **described)


@dataclass(frozen=True)
class FinetuningPlan:
    """What `compress --finetune` does."""

    data: tuple[str, ...] = option(
        MISSING,
        "folders or hub ids: GLUE's tasks (nyu-mll/glue:cola, a folder cola), SQuAD v1.1 (rajpurkar/squad), or any "
        "classification of texts",
        flag="finetune",
        kind="files",
        metavar="DATA",
        group=_GROUP,
        decides=key(),
    )
    task: str = _asked(
        "auto",
        "cola, sst2, mrpc, qqp, stsb, mnli, qnli, rte, wnli, squad or classification (default: as DATA is named)",
        "task",
    )
    ways: tuple[str, ...] = _asked(
        ("factors",),
        "what trains of a table: factors (all that can), decoder (latents frozen), none, paper (the decoder of the "
        "auto-encoder, of others nothing); several as factors,paper (default: factors)",
        "train",
        "train",
        choices=WAYS,
        some=True,
    )
    seeds: tuple[int, ...] = options.seeds(
        (0,), "of the training: 0,1,2", flag="finetune-seeds", some=True, group=_GROUP, decides=key("seed")
    )
    recipe: str = _asked(
        "ours",
        "ours: 500 steps of 32, rate 5e-5, 5% warm-up; paper: 3 epochs of 32, rate 2e-5 (squad: 16, 3e-5), no warm-up. "
        "The options below go before it",
        "recipe",
        "rate",
        choices=("ours", "paper"),
    )
    steps: int | None = _asked(None, "training steps", "steps", unit="steps", above=0)
    epochs: float | None = _asked(None, "in place of steps", "epochs", "steps", above=0)
    batch_size: int | None = _asked(None, "examples a step", "batch", unit="examples", above=0)
    rate: float | None = _asked(None, "peak learning rate", "rate", above=0)
    warmup: float | None = _asked(
        None,
        "share of the steps in which the rate rises",
        "warmup",
        least=0,
        below=1,
        must="a share of the steps, from 0 to under 1",
    )
    length: int | None = _asked(
        None, "most tokens of an example (default: --length; squad 384)", "length", unit="tokens", above=0
    )
    stride: int = _asked(128, "tokens that squad's windows share", "stride", unit="tokens", least=0)

    def tokens(self, task: str, usual: int) -> int:
        """Return the most tokens of an example of a task; `usual` is the study's."""
        return self.length or (384 if task == "squad" else usual)

    def training(self, task: str, items: int) -> Recipe:
        """Return how a task with `items` examples to train on is trained."""
        from neutral.compression import finetuning

        recipe = finetuning.paper(task) if self.recipe == "paper" else finetuning.RECIPE
        chosen = {"batch_size": self.batch_size, "rate": self.rate, "warmup": self.warmup}
        recipe = replace(recipe, **{name: value for name, value in chosen.items() if value is not None})
        if self.steps:
            return replace(recipe, steps=self.steps)
        count = self.epochs or (finetuning.PAPER_EPOCHS if self.recipe == "paper" else None)
        return finetuning.epochs(count, items, recipe) if count else recipe


def check(plan: FinetuningPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    options.check(plan)
    if plan.steps is not None and plan.epochs is not None:
        raise NeutralError("--finetune-steps and --finetune-epochs: give one of them")
