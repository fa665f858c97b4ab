"""Where the curves of training go: loss, rate and gradient norm by step, through the Trainer.

tensorboard   files in a folder of the run (STUDY/logs), a folder a training
trackio       its database on this machine (or the Space that its own settings name)
wandb         Weights & Biases, by its own settings: WANDB_MODE=offline keeps it on this machine

By default they go nowhere, and no such package is imported.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neutral.errors import NeutralError

if TYPE_CHECKING:
    from transformers import TrainerCallback

PROJECT = "neutral"
PLACES = ("none", "tensorboard", "trackio", "wandb")
_PACKAGES = {"tensorboard": ("tensorboard", "tensorboardX"), "trackio": ("trackio",), "wandb": ("wandb",)}
_POINTS = 100  # of a curve, about


@dataclass(frozen=True)
class Curves:
    """Where a run's curves go: `to`, of `PLACES`, and the folder of TensorBoard's files."""

    to: str = "none"
    folder: str = ""

    def require(self) -> None:
        """Raise `NeutralError` if the package that they go to is not installed."""
        names = _PACKAGES.get(self.to, ())
        if names and not any(importlib.util.find_spec(name) for name in names):
            raise NeutralError(
                f"--report-to {self.to}: {names[0]} is not installed; install it with `pip install {names[0]}`"
            )

    def of(self, *words: object) -> Curve | None:
        """Return the curve of a training that some words tell from others; None if it goes nowhere."""
        return None if self.to == "none" else Curve(self, " ".join(str(word) for word in words if word != ""))


NOWHERE = Curves()


@dataclass(frozen=True)
class Curve:
    """The curve of one training."""

    curves: Curves
    name: str

    def arguments(self, steps: int, number: int = 0, rounds: int = 1) -> dict[str, Any]:
        """Return the Trainer's arguments for a training of so many steps, round `number` of `rounds`."""
        to = self.curves.to
        own = {"logging_strategy": "steps", "logging_steps": max(1, steps // _POINTS), "logging_first_step": True}
        own["run_name"] = self._round(number, rounds)
        if to == "tensorboard":
            return own  # `callbacks` writes into a folder of its own
        os.environ.setdefault("WANDB_PROJECT", PROJECT)
        return own | {"report_to": [to], "project": PROJECT, "trackio_static_space_id": False}

    def callbacks(self, number: int = 0, rounds: int = 1) -> list[TrainerCallback]:
        """Return the callbacks that write TensorBoard's files."""
        if self.curves.to != "tensorboard":
            return []
        from transformers.integrations import TensorBoardCallback

        name = re.sub(r"[^\w.+=-]+", "_", self._round(number, rounds)).strip("._")
        callback = TensorBoardCallback()
        callback.logging_dir = str(Path(self.curves.folder) / name)
        return [callback]

    def end(self) -> None:
        """Close the run at Weights & Biases, which would take the next training for a part of it."""
        if self.curves.to == "wandb":
            sys.modules["wandb"].finish()  # the Trainer has imported it

    def _round(self, number: int, rounds: int) -> str:
        return f"{self.name} round {number + 1}" if rounds > 1 else self.name
