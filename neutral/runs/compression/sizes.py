"""How large the tables of a plan come out, which only takes the shape of the model's own."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from neutral.compression.budget import Budget, ratio_of_rank
from neutral.compression.methods import ROUNDED
from neutral.runs.plans.compression import LOW_RANK, Trial


@dataclass(frozen=True)
class Sizes:
    """The shape of a token table, V × d, and how many times fewer tokens it has than before trimming (1: as many)."""

    vocabulary: int
    width: int
    trimmed: float = 1.0
    widths: tuple[int, ...] = ()
    """Of blocks that are tables of their own (`compression.layout`), which sum to `width`."""

    @property
    def blocks(self) -> tuple[int, ...]:
        """The width of every block; of the one that there is otherwise."""
        return self.widths or (self.width,)

    def ratio(self, trial: Trial) -> float:
        """Return the ratio of a trial against the whole vocabulary: its own, that of its rank or of its method."""
        if trial.rank is not None:
            return ratio_of_rank(self.vocabulary, self.width, trial.rank, trial.by, times=self.trimmed)
        return trial.ratio or self.reach(trial.method)

    def reach(self, method: str) -> float:
        """Return the ratio of a method of one size (trimming by parameters, others by bytes), down to hundredths."""
        return floor(self._own(method) * self.trimmed * 100) / 100

    def _own(self, method: str) -> float:
        if method == "trim":
            return 1.0
        reached = [width / ROUNDED[method].reach((self.vocabulary, width)) for width in self.blocks]
        return self.width / sum(reached)

    def makes(self, trial: Trial) -> bool:
        """Whether there is such a table: not where trimming alone makes it smaller than its ratio."""
        return trial.method == "trim" or self.ratio(trial) / self.trimmed >= 1

    def require(self, trial: Trial) -> None:
        """Raise `NeutralError` for a size that a low-rank method does not have."""
        if trial.method in LOW_RANK and not trial.trimmed:  # trimming decides what is left to a rank
            for width in self.blocks:
                _ = Budget(self.vocabulary, width, self.ratio(trial), trial.by).rank
