"""The correction of p-values that bounds the false discovery rate (Benjamini & Hochberg 1995, JRSS B 57, 289-300)."""

from __future__ import annotations

import numpy as np
import pandas as pd


def benjamini_hochberg(p: pd.Series | np.ndarray) -> pd.Series | np.ndarray:
    """Return the adjusted p-values, of the same type and shape (m,) as `p`; NaN stands for no test and stays NaN.

    The i-th smallest of m is multiplied by m / i, and is never above a larger one's. Rejecting all values ≤ α keeps the
    expected share of false rejections among all rejections ≤ α, for tests that are independent or depend positively.
    """
    values = np.asarray(p, dtype=float)
    adjusted = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum.accumulate(steps[::-1])[::-1]
    return pd.Series(adjusted, index=p.index, name=p.name) if isinstance(p, pd.Series) else adjusted
