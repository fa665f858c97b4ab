"""Every method of the comparison: a case and a number of bytes in, a rebuilt table and what it takes out.

`METHODS` is in the order in which they are run, the most telling first.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch

from benchmarks.small import distillation
from benchmarks.small.rivals import additive, feedback, residual, sharing
from benchmarks.small.rivals.problem import Problem
from benchmarks.small.subject import Case
from neutral import compression

Made = tuple[torch.Tensor, int, str]
"""Rebuilt table (V, d), its bytes, and how they were spent."""

TRIM = "trim + "
"""Begins the names of methods that get a table whose vocabulary is cut to what the fitting text uses."""


def library(case: Case, room: int, method: str, weights: str | None = None) -> Made:
    """One of the library's methods."""
    table = fitted(case, room, method, weights)
    return table.matrix().to(case.matrix.device), table.bytes, ""


def fitted(case: Case, room: int, method: str, weights: str | None) -> compression.Table:
    """Return the library's table of a method, with the metric that is its own."""
    options = {"transform": lambda: {"metric": case.sensitivity}, "mixed": lambda: {"metric": case.output_metric}}
    ratio = max(1.0, 4 * case.matrix.numel() / room)
    return compression.fit(
        case.matrix,
        method,
        ratio,
        by="bytes",
        weights=case.weights(weights) if weights else None,
        seed=case.seed,
        **options.get(method, dict)(),
    )


def rival(case: Case, room: int, fit: Callable, metric: str) -> Made:
    """One of the rivals, with √frequency for weights."""
    made = fit(Problem(case.matrix, case.weights("sqrt"), getattr(case, metric), room, case.seed))
    return made.matrix(), made.bytes, made.words


def distilled(case: Case, room: int) -> Made:
    """`transform`, its continuous parts trained on the fitting text."""
    steps = case.subject.steps
    table = distillation.train(case, fitted(case, room, "transform", "sqrt"), steps=steps)
    return table.matrix(), table.bytes, f"{steps} steps of {distillation.BLOCKS} blocks"


_OWN: dict[str, Callable[[Case, int], Made]] = {
    "transform, √frequency": lambda case, room: library(case, room, "transform", "sqrt"),
    "transform, frequency": lambda case, room: library(case, room, "transform", "frequency"),
    "transform, expected": lambda case, room: library(case, room, "transform", "expected"),
    "mixed, √frequency": lambda case, room: library(case, room, "mixed", "sqrt"),
    "mixed, frequency": lambda case, room: library(case, room, "mixed", "frequency"),
    "AQLM": lambda case, room: rival(case, room, additive.fit, "sensitivity"),
    "CARVQ": lambda case, room: rival(case, room, residual.fit, "sensitivity"),
    "GPTQ": lambda case, room: rival(case, room, feedback.fit, "output_metric"),
    "ASG": lambda case, room: rival(case, room, sharing.fit, "sensitivity"),
    "direction": lambda case, room: library(case, room, "direction", "sqrt"),
    "svd": lambda case, room: library(case, room, "svd", "sqrt"),
    "pq": lambda case, room: library(case, room, "pq", "sqrt"),
}
_FIRST = (
    "transform, √frequency",
    "transform, frequency",
    "transform, expected",
    "mixed, √frequency",
    "mixed, frequency",
)
_CUT = ("transform, √frequency", "AQLM", "GPTQ", "mixed, √frequency", "CARVQ", "ASG", "direction", "svd")

DISTILLED = "transform, √frequency, distilled"
METHODS: dict[str, Callable[[Case, int], Made]] = {
    **{name: _OWN[name] for name in (*_FIRST, "AQLM", "CARVQ", "GPTQ")},
    DISTILLED: distilled,
    **{TRIM + name: _OWN[name] for name in _CUT[:3]},
    **{name: _OWN[name] for name in ("ASG", "direction", "svd")},
    **{TRIM + name: _OWN[name] for name in _CUT[3:]},
    "pq": _OWN["pq"],
    TRIM + "pq": _OWN["pq"],
}


def available() -> list[str]:
    """Return the methods that this machine has the packages for."""
    return [name for name in METHODS if not name.endswith("pq") or find_spec("faiss")]
