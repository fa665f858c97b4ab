"""Training a network, masked or not, with `transformers.Trainer`.

The Trainer brings mixed precision, accumulation, several GPUs and checkpoints; one callback keeps the mask
by zeroing in place after every optimizer step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import Dataset, SequentialSampler
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from neutral.errors import MemoryLimitError
from neutral.tasks import Task, gains_from_bfloat16


@dataclass(frozen=True)
class Recipe:
    """How to train: the published settings of the paper scaled to what a laptop can do."""

    steps: int = 100
    batch_size: int = 8
    rate: float = 5e-5  # peak learning rate, linear decay to 0
    warmup: float = 0.05  # share of the steps
    decay: float = 0.0  # decoupled weight decay
    seed: int = 0


class Masking(TrainerCallback):
    """Keep pruned weights at zero: multiply by the 0/1 mask in place after every optimizer step."""

    def __init__(self, weights: dict[str, torch.nn.Parameter], keep: dict[str, torch.Tensor]) -> None:
        self.weights = [weights[name] for name in keep]
        self.keep = [keep[name].to(device=weights[name].device, dtype=weights[name].dtype) for name in keep]
        self.enforce()

    @torch.no_grad()
    def enforce(self) -> None:
        """Zero the pruned weights now."""
        torch._foreach_mul_(self.weights, self.keep)

    def on_optimizer_step(self, args: object, state: object, control: object, **_: object) -> None:
        """Keep the mask after an optimizer step."""
        self.enforce()


class Report(TrainerCallback):
    """Tell `tell(step, steps)` after every step."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self.tell = tell

    def on_step_end(self, args: object, state: object, control: object, **_: object) -> None:
        """Report a finished step."""
        self.tell(state.global_step, state.max_steps)


class _Trainer(Trainer):
    """The Trainer over our examples: fixed order, and a loss that is the task's."""

    def __init__(self, task: Task, **options: object) -> None:
        super().__init__(**options)
        self.task = task
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, *_: object) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)

    def compute_loss(self, model, inputs, return_outputs: bool = False, **_: object):
        with self.compute_loss_context_manager():
            return self.task.mean_loss(model, inputs)


def train(
    model: PreTrainedModel,
    task: Task,
    examples: Dataset,
    recipe: Recipe,
    *,
    folder: str | Path,
    weights: dict[str, torch.nn.Parameter] | None = None,
    keep: dict[str, torch.Tensor] | None = None,
    checkpoints: int = 0,
    tell: Callable[[int, int], None] | None = None,
) -> float:
    """Train a model in place and return the mean loss.

    Parameters
    ----------
    model : PreTrainedModel
    task : Task
        Makes batches, and gives their loss.
    examples : Dataset
        Taken in their order.
    recipe : Recipe
    folder : str or Path
        Folder of the checkpoints.
    weights : name -> parameter, optional
        The weights that `keep` masks.
    keep : name -> 0/1 tensor, optional
        The mask to keep; without one all weights are trained.
    checkpoints : int
        Steps between checkpoints; a run that finds a checkpoint goes on from it. 0 saves none.
    tell : callable, optional
        Called as `tell(step, steps)` after every step.
    """
    place = next(model.parameters()).device
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.rate,
        warmup_steps=round(recipe.warmup * recipe.steps),
        weight_decay=recipe.decay,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused" if place.type in ("cpu", "cuda") else "adamw_torch",
        bf16=gains_from_bfloat16(place),
        use_cpu=place.type == "cpu",
        seed=recipe.seed,
        save_strategy="steps" if checkpoints else "no",
        save_steps=checkpoints or 1,
        save_total_limit=1,
        logging_strategy="steps" if checkpoints else "no",
        logging_steps=50,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=place.type == "cuda",
    )
    callbacks: list[TrainerCallback] = []
    if keep is not None:
        callbacks.append(Masking(weights, keep))
    if tell is not None:
        callbacks.append(Report(tell))
    trainer = _Trainer(
        task=task,
        model=model,
        args=arguments,
        train_dataset=examples,
        data_collator=task.collate,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)  # it writes to standard output, which is for results
    last = get_last_checkpoint(str(folder)) if checkpoints and Path(folder).is_dir() else None
    with _quick_attention(model, arguments.bf16):
        return trainer.train(resume_from_checkpoint=last).training_loss


@contextmanager
def _quick_attention(model: PreTrainedModel, bf16: bool) -> Iterator[None]:
    """Within, attention is written out if that trains faster: on a processor with bfloat16.

    On such a processor the backward pass of torch's fused kernel takes a third of a step (benchmarks/attention.py).
    """
    implementation = model.config._attn_implementation
    if not bf16 or next(model.parameters()).device.type != "cpu" or implementation != "sdpa":
        yield
        return
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(implementation)


@contextmanager
def memory_limit(advice: str) -> Iterator[None]:
    """Within, a device that runs out of memory raises `MemoryLimitError`, one line that gives the advice."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryLimitError(f"the device ran out of memory; {advice}") from error
