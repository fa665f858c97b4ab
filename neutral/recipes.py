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

from dataclasses import MISSING, dataclass, replace
from typing import Any, ClassVar

import numpy as np

from neutral.errors import NeutralError
from neutral.options import LARGEST_SEED, Presets, check, decisions, option, setting, settings

SCHEDULES = ("round", "whole", "continuous")
EXAMPLES = ("same", "fresh")
HEADS = ("rewind", "keep")
PRECISIONS = ("auto", "float32")

PARTS = {
    "default": {"schedule": "round", "warmup": 0.05, "examples": "fresh", "head": "rewind"},
    "paper": {"schedule": "whole", "warmup": 0.0, "examples": "fresh", "head": "keep"},
}
"""Named recipes: the parts that they set."""

_FIRST = PARTS["default"]
_AMOUNT = {"least": 0, "must": "a number that is not negative", "group": "training"}


def _of_rounds(name: str, choices: tuple[str, ...], help: str, older: str) -> Any:
    """Return the field of a part that only rounds have; studies that are older than it were made with `older`."""
    decides = setting(unless=older)
    return option(_FIRST[name], help, choices=choices, group="training", decides=decides)


@dataclass(frozen=True)
class Recipe:
    """How to train, once or in every round of a search. Raises `NeutralError` for a setting that is no such thing.

    `epochs` take the place of steps. What a study leaves out at a value is younger than some studies, which have that.
    """

    steps: int = option(
        100,
        "training steps, a round or a run; 0 scores without training",
        **_AMOUNT | {"group": "main"},
        unit="steps",
        decides=setting(),
    )
    batch_size: int = option(
        8, "blocks or examples a batch", flag="batch", least=1, group="training", decides=setting()
    )
    rate: float = option(5e-5, "peak learning rate, from which it falls in a line", **_AMOUNT, decides=setting())
    warmup: float = option(
        _FIRST["warmup"],
        "share of the schedule in which the rate rises (default: 0.05; paper: 0)",
        group="training",
        least=0,
        below=1,
        must="a share of the steps, from 0 to under 1",
        decides=setting(),
    )
    decay: float = option(0.0, "weight decay, apart from the gradient", **_AMOUNT, decides=setting())
    seed: int = 0
    schedule: str = _of_rounds(
        "schedule",
        SCHEDULES,
        "the rate falls to 0 within every round (default); or, from the peak anew in every "
        "round, as slowly as over the whole of all rounds (paper); or once over all rounds",
        "round",
    )
    examples: str = _of_rounds(
        "examples",
        EXAMPLES,
        "every round trains on the same examples, or goes on through them (default, paper)",
        "same",
    )
    head: str = _of_rounds(
        "head", HEADS, "the task's head is rewound with the network (default), or kept (paper)", "rewind"
    )
    epochs: float = option(
        0.0,
        "passes over a language's examples, in place of --steps",
        **_AMOUNT,
        instead_of="steps",
        decides=setting(unless=0.0),
    )
    accumulate: int = option(1, "batches a step", least=1, group="training", decides=setting(unless=1))
    clip: float = option(1.0, "greatest norm of a step's gradient; 0: any", **_AMOUNT, decides=setting(unless=1.0))
    precision: str = option(
        "auto",
        "of training: bfloat16 where the device gains from it (auto), or float32",
        choices=PRECISIONS,
        group="training",
        decides=setting(unless="auto"),
    )

    PRESETS: ClassVar = Presets(
        "recipe", PARTS, "how rounds are trained; paper: as the paper's scripts train", "training"
    )

    def __post_init__(self) -> None:
        check(self)
        if not 0 <= self.seed <= LARGEST_SEED:
            raise NeutralError(f"--seed {self.seed}: a seed is from 0 to {LARGEST_SEED}")
        if self.epochs:
            object.__setattr__(self, "steps", 0)

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
        return {name: value for name, value in settings(self).items() if name != "steps" or not self.epochs}


def named(name: str, **settings: object) -> Recipe:
    """Return a named recipe; settings that are not None replace its own. Raises `NeutralError` for an unknown name."""
    if name not in PARTS:
        raise NeutralError(f"--recipe {name}: unknown; there are {' and '.join(PARTS)}")
    return Recipe(**PARTS[name] | {key: value for key, value in settings.items() if value is not None})


UNWRITTEN = {name: each.unless for name, each in decisions(Recipe).items() if each and each.unless is not MISSING}
"""Settings that study.json leaves out at these values: studies that are older than the settings have these."""
