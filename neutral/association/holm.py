"""Holm's correction of p-values for many tests (Holm 1979, Scandinavian Journal of Statistics 6, 65-70)."""

from __future__ import annotations

import numpy as np
import pandas as pd


def holm(p: pd.Series | np.ndarray) -> pd.Series | np.ndarray:
    """Return the adjusted p-values, of the same type and shape (m,) as `p`; NaN stands for no test and stays NaN.

    The i-th smallest of m is multiplied by m - i + 1, never falls below a smaller one's, and is at most 1. Rejecting
    all values ≤ α keeps the chance of any false rejection ≤ α, however the tests depend on each other.
    """
    values = np.asarray(p, dtype=float)
    adjusted = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * steps), 1)
    return pd.Series(adjusted, index=p.index, name=p.name) if isinstance(p, pd.Series) else adjusted
