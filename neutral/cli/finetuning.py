"""The options of `compress` that fine-tune the model with each table."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from neutral.cli.options import numbers, words

if TYPE_CHECKING:
    from neutral.runs.plans.finetuning import FinetuningPlan


def add(compress: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = compress.add_argument_group("fine-tuning", "train the model for tasks with each table in place")
    group.add_argument(
        "--finetune",
        metavar="DATA",
        nargs="+",
        help="folders or hub ids: GLUE's tasks (nyu-mll/glue:cola, a folder cola), SQuAD v1.1 (rajpurkar/squad), or "
        "any classification of texts",
    )
    group.add_argument(
        "--finetune-task",
        default="auto",
        metavar="TASK",
        help="cola, sst2, mrpc, qqp, stsb, mnli, qnli, rte, wnli, squad or classification (default: as DATA is named)",
    )
    group.add_argument(
        "--finetune-train",
        type=words,
        default=("factors",),
        metavar="WAYS",
        help="what trains of a table: factors (all that can), decoder (latents frozen), none, paper (the decoder of "
        "the auto-encoder, of others nothing); several as factors,paper (default: factors)",
    )
    group.add_argument("--finetune-seeds", type=numbers, default=(0,), metavar="SEEDS", help="0,1,2")
    group.add_argument(
        "--finetune-recipe",
        choices=("ours", "paper"),
        default="ours",
        help="ours: 500 steps of 32, rate 5e-5, 5%% warm-up; paper: 3 epochs of 32, rate 2e-5 (squad: 16, 3e-5), no "
        "warm-up. The options below go before it",
    )
    group.add_argument("--finetune-steps", type=int, metavar="N", help="training steps")
    group.add_argument("--finetune-epochs", type=float, metavar="N", help="in place of steps")
    group.add_argument("--finetune-batch", type=int, metavar="N", help="examples a step")
    group.add_argument("--finetune-rate", type=float, metavar="RATE", help="peak learning rate")
    group.add_argument("--finetune-warmup", type=float, metavar="SHARE", help="of the steps")
    group.add_argument(
        "--finetune-length", type=int, metavar="N", help="most tokens of an example (default: --length; squad 384)"
    )
    group.add_argument(
        "--finetune-stride", type=int, default=128, metavar="N", help="tokens that squad's windows share (default: 128)"
    )


def plan_of(chosen: argparse.Namespace) -> FinetuningPlan | None:
    """Return what was asked for; None if nothing was."""
    from neutral.runs.plans.finetuning import FinetuningPlan

    if not chosen.finetune:
        return None
    return FinetuningPlan(
        data=tuple(chosen.finetune),
        task=chosen.finetune_task,
        ways=chosen.finetune_train,
        seeds=chosen.finetune_seeds,
        recipe=chosen.finetune_recipe,
        steps=chosen.finetune_steps,
        epochs=chosen.finetune_epochs,
        batch_size=chosen.finetune_batch,
        rate=chosen.finetune_rate,
        warmup=chosen.finetune_warmup,
        length=chosen.finetune_length,
        stride=chosen.finetune_stride,
    )
