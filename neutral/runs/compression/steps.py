"""What a table costs on the way to it: by epoch of the auto-encoder, by iterations of the randomized svd, by round.

Training text decides which of the tables is kept; held-out text is only reported. The paper's scripts do both with one
text.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING
from weakref import ref

from neutral.compression import distortion
from neutral.compression.methods.direction import ROUNDS
from neutral.compression.placement import put_in
from neutral.compression.table import Rebuilt, Table
from neutral.runs.plans.compression import Trial

if TYPE_CHECKING:
    from neutral.runs.compression.bench import Bench

ERRORS = ("cosine", "rmse", "mae", "power", "norm_ratio")
BLOCKS = 8
"""Blocks of held-out text a language that a step is scored on, at most: all would take longer than the fit."""

_DIGITS = 6


class Steps:
    """It measures the tables that a fit tries, one after the other."""

    def __init__(self, bench: Bench, trial: Trial) -> None:
        self.bench, self.unit = bench, trial.unit
        self._measured: list[tuple[ref[Table], dict]] = []

    def through(self, fit: Callable[..., Table], select: Callable[[Table], float] | None) -> Table:
        """Return what `fit` returns; `select` chooses among the tables that it tries (none: the last)."""
        if self.unit != "rounds":
            return fit(select=self._around(select))
        for rounds in range(1, ROUNDS):
            self._add(rounds, fit(rounds=rounds))
        table = fit()
        self._add(ROUNDS, table)
        return table

    def rows(self, table: Table) -> list[dict]:
        """Return a row a step, with the one of which `table` came marked."""
        return [{"unit": self.unit, **row, "chosen": tried() is table} for tried, row in self._measured]

    def _around(self, select: Callable[[Table], float] | None) -> Callable[[Table], float]:
        def measured(table: Table) -> float:
            step = len(self._measured) + 1
            self._add(table.settings["iterations"] if self.unit == "iterations" else step, table)
            return -step if select is None else select(table)

        return measured

    def _add(self, step: int, table: Table) -> None:
        self._measured.append((ref(table), {"step": step, **measure(self.bench, table)}))


def measure(bench: Bench, table: Table | None) -> dict:
    """Return what a table in the input (none: the full model) loses on training and held-out text, and its errors.

    training: mean nats a token over languages. losses: language -> nats a token.
    """
    rebuilt = table and Rebuilt.of(table)
    with put_in(bench.model, rebuilt, "input", train=False) if rebuilt else nullcontext():
        scores = {code: bench.score(code, blocks[:BLOCKS]) for code, blocks in bench.held_out.items()}
    errors = distortion.measure(bench.matrix, rebuilt) if rebuilt else {}
    training = round(bench.training_loss(rebuilt), _DIGITS)
    losses = {code: round(score.loss, _DIGITS) for code, score in scores.items()}
    return {"training": training, "losses": losses} | {n: round(errors[n], _DIGITS) for n in ERRORS if n in errors}
