"""Training a network, masked or not, with `transformers.Trainer`.

The Trainer brings mixed precision, accumulation, several GPUs and checkpoints; one callback keeps the mask
by zeroing in place after every optimizer step.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset, SequentialSampler
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from neutral import checkpoints
from neutral.curves import Curve
from neutral.errors import MemoryLimitError, NeutralError
from neutral.models import experts
from neutral.progress import Progress
from neutral.recipes import Recipe
from neutral.system import is_lack_of_memory
from neutral.tasks import Task, gains_from_bfloat16


class Masking(TrainerCallback):
    """Keep pruned weights at zero: multiply by the 0/1 mask in place after every optimizer step.

    Their gradients are zero too, as in the product m ⊙ θ, so that the norm by which gradients are clipped is that of
    the weights that stay.
    """

    def __init__(self, weights: dict[str, torch.Tensor], keep: dict[str, torch.Tensor]) -> None:
        whole: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        for name, kept in keep.items():
            parameter, place = experts.owner(weights[name])
            kept = kept.to(device=parameter.device, dtype=parameter.dtype)
            if place is not None:  # one expert's part of the parameter
                stack = whole[id(parameter)][1] if id(parameter) in whole else torch.ones_like(parameter)
                stack[place] = kept
                kept = stack
            whole[id(parameter)] = parameter, kept
        self.weights = [parameter for parameter, _ in whole.values()]
        self.keep = [kept for _, kept in whole.values()]
        self.hooks = [weight.register_hook(kept.mul) for weight, kept in zip(self.weights, self.keep, strict=True)]
        self.enforce()

    @torch.no_grad()
    def enforce(self) -> None:
        """Zero the pruned weights now."""
        torch._foreach_mul_(self.weights, self.keep)

    def on_optimizer_step(self, args: object, state: object, control: object, **_: object) -> None:
        """Keep the mask after an optimizer step."""
        self.enforce()

    def on_train_end(self, args: object, state: object, control: object, **_: object) -> None:
        """Leave the weights' gradients alone again."""
        for hook in self.hooks:
            hook.remove()


class Report(TrainerCallback):
    """Tell `tell(step, steps)` after every step."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self.tell = tell

    def on_step_end(self, args: object, state: object, control: object, **_: object) -> None:
        """Report a finished step."""
        self.tell(state.global_step, state.max_steps)


class Sealing(TrainerCallback):
    """Seal every checkpoint when it is on disk: a kill before that leaves one that is told from a whole one."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: object, **_: object) -> None:
        """Seal the checkpoint of this step."""
        checkpoints.seal(Path(args.output_dir) / f"{checkpoints.BEGINNING}{state.global_step}")


class Stopping(TrainerCallback):
    """Make a checkpoint when a stop was asked for, and stop behind it."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_step_end(self, args: object, state: object, control: TrainerControl, **_: object) -> None:
        """Ask for a checkpoint."""
        control.should_save = control.should_save or self.progress.is_stopping

    def on_save(self, args: object, state: object, control: object, **_: object) -> None:
        """Raise `StoppedError` if a stop was asked for."""
        self.progress.require_going()


class _Trainer(Trainer):
    """The Trainer over our examples: fixed order, the task's loss, the recipe's rate by step."""

    def __init__(self, task: Task, rate_at: Callable[[int], float], **options: object) -> None:
        super().__init__(**options)
        self.task, self.rate_at = task, rate_at
        self.model_accepts_loss_kwargs = False

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> LambdaLR:
        if self.lr_scheduler is None:
            self.lr_scheduler = LambdaLR(self.optimizer if optimizer is None else optimizer, self.rate_at)
            self._created_lr_scheduler = True
        return self.lr_scheduler

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
    folder: str | Path | None = None,
    weights: dict[str, torch.Tensor] | None = None,
    keep: dict[str, torch.Tensor] | None = None,
    every: int = 0,
    number: int = 0,
    rounds: int = 1,
    tell: Callable[[int, int], None] | None = None,
    progress: Progress | None = None,
    curve: Curve | None = None,
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
    folder : str or Path, optional
        Folder of the checkpoints; without them nothing is written.
    weights : name -> parameter, optional
        The weights that `keep` masks.
    keep : name -> 0/1 tensor, optional
        The mask to keep; without one all weights are trained.
    every : int
        Steps between checkpoints; a run that finds whole ones goes on from the last of them. 0 saves none.
    number, rounds : int
        Which round of how many this is, for a rate that falls over several.
    tell : callable, optional
        Called as `tell(step, steps)` after every step.
    progress : Progress, optional
        Asked after every step whether to stop: then the training ends behind a checkpoint, with `StoppedError`.
    curve : Curve, optional
        Where loss and rate by step go; by default nowhere.
    """
    place = next(model.parameters()).device
    chosen: dict[str, object] = {
        "logging_strategy": "steps" if every else "no",
        "logging_steps": 50,
        "report_to": "none",
        **(curve.arguments(recipe.steps, number, rounds) if curve else {}),
    }
    arguments = TrainingArguments(
        output_dir=str(folder or os.curdir),  # the Trainer makes it, also if it saves nothing
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.rate,
        weight_decay=recipe.decay,
        optim="adamw_torch_fused" if place.type in ("cpu", "cuda") else "adamw_torch",
        max_grad_norm=recipe.clip,
        bf16=recipe.precision == "auto" and gains_from_bfloat16(place),
        use_cpu=place.type == "cpu",
        seed=recipe.seed_of(number),
        save_strategy="steps" if every else "no",
        save_steps=every or 1,
        save_total_limit=2,  # the last may be torn
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=place.type == "cuda",
        **chosen,
    )
    callbacks: list[TrainerCallback] = curve.callbacks(number, rounds) if curve else []
    if keep is not None:
        callbacks.append(Masking(weights, keep))
    if tell is not None:
        callbacks.append(Report(tell))
    if every:
        callbacks.append(Sealing())
        if progress is not None:
            callbacks.append(Stopping(progress))  # behind the seal
    trainer = _Trainer(
        task=task,
        rate_at=lambda step: recipe.rate_at(step, number, rounds),
        model=model,
        args=arguments,
        train_dataset=examples,
        data_collator=task.collate,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)  # it writes to standard output, which is for results
    last = checkpoints.last_whole(folder) if every else None
    try:
        with _quick_attention(model, arguments.bf16):
            return trainer.train(resume_from_checkpoint=str(last) if last else None).training_loss
    finally:
        if curve:
            curve.end()


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
    """Within, too little memory raises `MemoryLimitError`, one line that gives the advice."""
    try:
        yield
    except Exception as error:
        if isinstance(error, NeutralError) or not is_lack_of_memory(error):
            raise
        what = "device" if isinstance(error, torch.OutOfMemoryError) else "computer"
        raise MemoryLimitError(f"the {what} ran out of memory; {advice}") from error
