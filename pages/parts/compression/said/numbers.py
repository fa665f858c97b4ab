"""How often the full model's perplexity is written."""

from __future__ import annotations

import pandas as pd

RUINED = 100_000  # times the full perplexity: digits above it say nothing


def times(factors: pd.Series) -> str:
    """Write several."""
    return ", ".join(factor(value) for value in factors)


def factor(value: float) -> str:
    """Write one, of no more digits than say something."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}" if value < RUINED else f"more than {RUINED:,.0f}"
