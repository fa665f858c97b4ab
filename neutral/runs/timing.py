"""How long parts of a training take here, measured on a few steps and a little of the held-out text."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neutral.masks import Mask
    from neutral.search.search import Search

_STEPS = 4
_HELD_OUT = 16  # items that are scored
_LONG = 4.0  # seconds; a first step that takes longer is measure enough: what warming up adds is little of it


def seconds_of(act: Callable[[], object]) -> float:
    """Return how long a call takes, on the device too."""
    import torch

    start = time.perf_counter()
    act()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def training(search: Search, mask: Mask | None = None) -> tuple[float, float]:
    """Return the seconds of a step of training, and of scoring all held-out text. The model is left as it was.

    One step is done, and a few more where steps are short: who waits for an estimate of a long run waits for it too.
    """
    few = replace(search, held_out=search.held_out[:_HELD_OUT], curve=None)
    few.recipe = replace(search.recipe, steps=1, epochs=None)
    first = seconds_of(lambda: few.trained(mask))
    evaluation = seconds_of(few.evaluate)
    one = max(0.0, first - evaluation)
    if first < _LONG:  # most of that may have been warming up
        few.recipe = replace(few.recipe, steps=_STEPS)
        one = max(0.0, seconds_of(lambda: few.trained(mask)) - evaluation) / _STEPS
    search.rewind()
    return one, evaluation * len(search.held_out) / max(len(few.held_out), 1)


def evaluation(search: Search) -> float:
    """Return the seconds of scoring all held-out text."""
    few = replace(search, held_out=search.held_out[:_HELD_OUT])
    few.evaluate()  # warm
    return seconds_of(few.evaluate) * len(search.held_out) / max(len(few.held_out), 1)
