"""Recipes: how a network is trained, in one round or over the rounds of a search.

Four parts of a search's training can be as in the paper's scripts, each by a setting:

- schedule: `round` lets the rate fall to zero within every round. `whole` lets it fall as slowly as if all rounds were
  one training, and starts at the peak in every round: what the scripts do, which make optimizer and schedule anew
  after a cut, with the number of steps of all rounds. `continuous` is one fall over all rounds.
- warm-up: a share of the schedule's length; the scripts have none.
- examples: `same` gives every round the same examples in the same order, with the same maskings and dropout; `fresh`
  goes on through the text where the round before stopped.
- head: `rewind` sets the task's head back with the network; `keep` lets it go on from round to round, since the
  scripts rewind only what is inside the encoder.

Foroutan et al. (2022), section 3 and their scripts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from neutral.errors import NeutralError

SCHEDULES = ("round", "whole", "continuous")
EXAMPLES = ("same", "fresh")
HEADS = ("rewind", "keep")
PRECISIONS = ("auto", "float32")

PARTS = {
    "default": {"schedule": "round", "warmup": 0.05, "examples": "fresh", "head": "rewind"},
    "paper": {"schedule": "whole", "warmup": 0.0, "examples": "fresh", "head": "keep"},
}
"""Named recipes: the parts that they set."""

UNWRITTEN = {"schedule": "round", "examples": "same", "head": "rewind", "epochs": 0.0, "accumulate": 1}
UNWRITTEN |= {"clip": 1.0, "precision": "auto"}
"""Settings that study.json leaves out at these values: studies that are older than the settings have these."""


@dataclass(frozen=True)
class Recipe:
    """How to train, once or in every round of a search. Raises `NeutralError` for a setting that is no such thing."""

    steps: int = 100  # optimizer steps
    batch_size: int = 8
    rate: float = 5e-5  # peak learning rate, linear decay
    warmup: float = PARTS["default"]["warmup"]  # share of the schedule's length
    decay: float = 0.0  # decoupled weight decay
    seed: int = 0
    schedule: str = PARTS["default"]["schedule"]
    examples: str = PARTS["default"]["examples"]
    head: str = PARTS["default"]["head"]
    epochs: float = 0.0  # passes over a language's examples, in place of steps
    accumulate: int = 1  # batches a step
    clip: float = 1.0  # greatest norm of a step's gradient; 0: any
    precision: str = "auto"  # of training: bfloat16 where the device gains from it, or float32

    def __post_init__(self) -> None:
        for name, allowed in (
            ("schedule", SCHEDULES),
            ("examples", EXAMPLES),
            ("head", HEADS),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in allowed:
                raise NeutralError(f"--{name} {getattr(self, name)}: use {' or '.join(allowed)}")
        if not 0 <= self.warmup < 1:
            raise NeutralError(f"--warmup {self.warmup:g}: a share of the steps, from 0 to under 1")
        for name in ("steps", "epochs", "rate", "decay", "clip"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise NeutralError(f"--{name} {getattr(self, name):g}: a number that is not negative")
        if not 0 <= self.seed < 2**32:
            raise NeutralError(f"--seed {self.seed}: a seed is from 0 to {2**32 - 1}")
        for name in ("batch_size", "accumulate"):
            if getattr(self, name) < 1:
                raise NeutralError(f"--{name.removesuffix('_size')} {getattr(self, name)}: at least one")

    @property
    def trains(self) -> bool:
        """Whether anything is trained."""
        return self.steps > 0 or self.epochs > 0

    @property
    def examples_a_step(self) -> int:
        """How many examples a step sees."""
        return self.batch_size * self.accumulate

    def of(self, examples: int) -> Recipe:
        """Return the recipe with its epochs over so many examples as steps.

        An epoch has as many steps as whole groups of `accumulate` batches, at least one.
        """
        if not self.epochs:
            return self
        batches = -(-examples // self.batch_size)
        steps = round(self.epochs * max(1, batches // self.accumulate))
        return replace(self, steps=max(1, steps), epochs=0.0)

    def seed_of(self, number: int) -> int:
        """Return the seed of what a round draws besides its examples (dropout); of round 0 it is the recipe's."""
        if self.examples == "same" or number == 0:
            return self.seed
        return int(np.random.SeedSequence((self.seed, number)).generate_state(1)[0])

    def rate_at(self, step: int, number: int = 0, rounds: int = 1) -> float:
        """Return the share of the peak rate at a step of round `number` of `rounds`."""
        length = self.steps * (1 if self.schedule == "round" else rounds)
        place = step + (number * self.steps if self.schedule == "continuous" else 0)
        rise = round(self.warmup * length)
        if place < rise:
            return place / rise
        return max(0.0, (length - place) / max(1, length - rise))

    def once(self) -> Recipe:
        """Return the recipe of a single training, without what only tells rounds apart."""
        return replace(self, schedule="round", examples="same", head="rewind")

    def written(self) -> dict:
        """Return the settings for study.json, without the seed."""
        every = asdict(self)
        left_out = {"seed", *(name for name, value in UNWRITTEN.items() if every[name] == value)}
        if self.epochs:
            left_out.add("steps")
        return {name: value for name, value in every.items() if name not in left_out}


def named(name: str, **settings: object) -> Recipe:
    """Return a named recipe; settings that are not None replace its own. Raises `NeutralError` for an unknown name."""
    if name not in PARTS:
        raise NeutralError(f"--recipe {name}: unknown; there are {' and '.join(PARTS)}")
    return Recipe(**PARTS[name] | {key: value for key, value in settings.items() if value is not None})
