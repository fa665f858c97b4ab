"""The rounds of a search: the sparsities on the way, and how many there could be."""

from __future__ import annotations

from collections.abc import Sequence

from neutral.errors import NeutralError


def levels(sparsity: float, step: float = 0.1) -> list[float]:
    """Return the sparsities of the rounds after the first: step, 2·step, … up to `sparsity`.

    Raises `NeutralError` unless 0 < step ≤ sparsity < 1.
    """
    if not 0 < sparsity < 1 or not 0 < step <= sparsity:
        raise NeutralError(f"sparsity {sparsity:g} in steps of {step:g}: both must be over 0, and sparsity under 1")
    count = int(sparsity / step + 1e-9)
    sparsities = [round(step * i, 6) for i in range(1, count + 1)]
    return sparsities if abs(sparsities[-1] - sparsity) < 1e-9 else [*sparsities, sparsity]


def rounds_to_nothing(sparsities: Sequence[float]) -> int:
    """Return the number of rounds after which nothing would be left: what a schedule over all rounds counts.

    So a ticket does not depend on how far the search goes on after it, and the scripts' ten rounds are these.
    """
    return round(1 / sparsities[0]) if sparsities else 1
