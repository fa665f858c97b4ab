"""Where a colour scale begins and ends: never so near that noise has colours, and not at what is no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

LEAST = 0.01
"""The least width of a colour scale of overlaps, where nothing is known of their noise."""
LEAST_SHARE = 0.1
"""That of a scale of shares of weights."""
_EQUAL = 1 - 1e-9  # equal masks


def span(
    values: np.ndarray, *, again: float | None = None, least: float = LEAST, equal: bool = True
) -> tuple[float, float]:
    """Return the ends of a colour scale for values of at most 1: theirs, but for three things.

    - They are at least `least` apart, and at least as far as `again`, the overlap of a language found again, is from 1.
      That is what a language differs by from itself, so smaller differences have one colour.
    - They end at `again` if it lies among the values: what is above it is not told apart.
    - Values of 1, which are `equal` masks where that is said, are left out: one such pair would leave one colour to all
      others.

    (0, 1) where no value is known.
    """
    values = np.asarray(values, dtype=float)
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    unequal = known[known < _EQUAL] if equal else known
    low, high = (float(end(unequal if unequal.size else known)) for end in (np.min, np.max))
    if again is not None and np.isfinite(again):
        high = again if low < again < high else high
        least = max(least, 1 - again)
    more = max(0.0, least - (high - low)) / 2
    over = max(0.0, high + more - 1) if high <= 1 else 0.0  # no scale of shares goes beyond 1
    return low - more - over, high + more - over


def found_again(own: Mapping[str, float] | None, members: Sequence[str]) -> float | None:
    """Return the mean overlap of languages with themselves: of `members`, else of all; None if none was measured."""
    if not own:
        return None
    return float(np.mean([own[member] for member in members if member in own] or list(own.values())))
