"""`pretrain`: make a small masked language model, from an encoder or from nothing."""

from __future__ import annotations

import argparse

from neutral.cli import running
from neutral.runs.plans.pretraining import PretrainPlan


def add_pretrain(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    running.add(commands, "pretrain", "make a small masked language model", PretrainPlan)
