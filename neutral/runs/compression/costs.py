"""How long the parts of a compression take beside each other: about in seconds, on one core, for a small model.

They only tell how far a run is and what a further unit may take; on a GPU scoring is faster and fits are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neutral.runs.compression.sizes import Sizes
from neutral.runs.plans.compression import CompressionPlan, Trial
from neutral.runs.units import Tell

_NUMBERS = 21_600 * 384  # of the table that the seconds below were measured on
BLOCK = 0.07
"""To score one block of 128 tokens."""
_PICTURE = 20.0
_MEASURED = 1.3
_FITS = {
    "trim": 0.0,
    "svd": 0.3,
    "direction": 0.8,
    "int8": 0.2,
    "int4": 1.4,
    "pq": 17.0,
    "mixed": 9.0,
    "transform": 4.0,
}
_ITERATIONS = 4.0  # of the randomized svd, a number of them that is tried
_EPOCH = 2.3  # of the auto-encoder
_FINE = 1000  # steps that are told for a unit of cost


@dataclass(frozen=True)
class Costs:
    """The costs under a plan; `blocks` are those of held-out text by language."""

    plan: CompressionPlan
    sizes: Sizes
    blocks: Mapping[str, int]

    def scoring(self, code: str) -> float:
        """Return the cost of scoring one language."""
        return BLOCK * self.blocks[code]

    def fit(self, trial: Trial) -> float:
        """Return the cost of fitting a table."""
        each = _EPOCH * self.plan.epochs if trial.method == "autoencoder" else _FITS[trial.method]
        if trial.variant.startswith("randomized"):
            each = _ITERATIONS * len(self.plan.iterations)
        if self.plan.follow and trial.unit:
            each += 2 * len(self.plan.iterations)
        return each * self.sizes.vocabulary * self.sizes.width / _NUMBERS

    def tried(self, trial: Trial) -> int:
        """Return how many tables a fit scores on training text to choose among them."""
        if trial.method == "autoencoder":
            return self.plan.epochs
        return len(self.plan.iterations) if trial.variant == "randomized" else 0

    def measuring(self) -> float:
        """Return the cost of a table's errors."""
        return _MEASURED * self.sizes.vocabulary * self.sizes.width / _NUMBERS

    def picture(self) -> float:
        """Return the cost of a picture of the tokens."""
        return _PICTURE


class Told:
    """Tells how far a unit is as the costs of its parts go by."""

    def __init__(self, tell: Tell, total: float) -> None:
        self._tell, self._total, self._done = tell, total, 0.0

    def past(self, cost: float) -> None:
        """Take note that a part is done."""
        self._done += cost
        self._tell(round(self._done * _FINE), max(round(self._total * _FINE), 1))
