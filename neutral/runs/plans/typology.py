"""The plan of `typology`: which masks to explain, and how."""

from __future__ import annotations

from dataclasses import dataclass

from neutral.runs.plans.numbers import require_least, require_seeds

REGRESSED = ("syntactic", "genetic", "geographic", "script", "occurrences", "size")


@dataclass(frozen=True)
class TypologyPlan:
    """Which masks to explain, and how."""

    methods: tuple[str, ...] = ()  # all if empty
    sparsities: tuple[float, ...] = (0.5,)
    mask_seed: int | None = None  # which of the masks found under several seeds; those of the lowest if None
    measures: tuple[str, ...] = ("jaccard", "beyond")
    by: tuple[str, ...] = ("all", "layer")
    controls: tuple[str, ...] = ("family", "script", "occurrences")  # each controlled for in turn
    regressed: tuple[str, ...] = REGRESSED
    permutations: int = 9999
    seed: int = 0


def check(plan: TypologyPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    require_least(1, permutations=plan.permutations)
    require_seeds(seed=(plan.seed,), mask_seed=() if plan.mask_seed is None else (plan.mask_seed,))


def settings(plan: TypologyPlan) -> dict[str, int]:
    """Return the settings of a plan that decide its tests and are not in the tests' rows."""
    return {"permutations": plan.permutations, "seed": plan.seed}
