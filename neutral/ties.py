"""Numbers that are equal but for rounding.

The last digits of a sum depend on the processor and on the number of threads. A decision that compares computed numbers
(a rank, a tie, the best of equals, an edge) would depend on them too, so it compares their merged values.
"""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-12
"""Double precision: numbers that differ by less, relative to the largest, are equal. Rounding makes about 1e-15."""

SINGLE = 1e-7
"""The same for means of numbers computed in single precision, such as losses, cosines and states."""


def merged(values: np.ndarray, within: float | None = None, axis: int = -1) -> np.ndarray:
    """Return the values (…, m) as float64; values that differ only by rounding all become the lowest of them.

    Such values are at most `within` above the next lower one; by default `within` is `ROUNDING` of the largest
    magnitude along the axis. NaN stays NaN; a value without such neighbours keeps its bits.
    """
    values = np.moveaxis(np.asarray(values, dtype=float), axis, -1)
    if within is None:
        within = ROUNDING * np.where(np.isfinite(values), abs(values), 0).max(axis=-1, keepdims=True, initial=0)
    order = np.argsort(values, axis=-1, kind="stable")
    rising = np.take_along_axis(values, order, axis=-1)
    lowest = np.ones(rising.shape, dtype=bool)
    with np.errstate(invalid="ignore"):  # infinite less infinite
        lowest[..., 1:] = ~(np.diff(rising, axis=-1) <= within)
    place = np.maximum.accumulate(np.where(lowest, np.arange(values.shape[-1]), 0), axis=-1)
    level = np.empty_like(values)
    np.put_along_axis(level, order, np.take_along_axis(rising, place, axis=-1), axis=-1)
    return np.moveaxis(level, -1, axis)
