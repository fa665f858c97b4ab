"""Tasks: what a network is trained on and how it is scored.

Masked and causal language modelling (`language_modelling`; `line_by_line` as a paper's scripts do), sequence
classification (`classification`), token classification (`tagging`) and classification as text to text (`text_to_text`).
A task makes the example that stands at a place of the training order, and scores a model on held-out examples.
Everything random is drawn from (seed, place), never from a global generator: a resumed run sees the same examples, and
every model is scored on the same ones, so that differences between models are paired.

What needs torch is imported on its first use, so that `names` and `wording` can be read without.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neutral.tasks.base import IGNORED, Order, Score, Task, autocast, gains_from_bfloat16, stacked
    from neutral.tasks.language_modelling import LanguageModelling
    from neutral.tasks.line_by_line import LineByLine
    from neutral.tasks.positions import only_positions

_MODULES = {
    **dict.fromkeys(("IGNORED", "Order", "Score", "Task", "autocast", "gains_from_bfloat16", "stacked"), "base"),
    "LanguageModelling": "language_modelling",
    "LineByLine": "line_by_line",
    "only_positions": "positions",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


__all__ = [
    "IGNORED",
    "LanguageModelling",
    "LineByLine",
    "Order",
    "Score",
    "Task",
    "autocast",
    "gains_from_bfloat16",
    "only_positions",
    "stacked",
]
