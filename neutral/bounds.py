"""What an overlap cannot tell apart: two languages that share no less than one of them shares with itself."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from neutral.members import speaker


def within_bound(table: pd.DataFrame, own: Mapping[str, float]) -> pd.DataFrame:
    """Return the rows of a table of pairs whose overlap is within the bound, the most alike first.

    Parameters
    ----------
    table : DataFrame
        Columns source, target, value, as `summary.pairs` returns them for one group.
    own : language -> float
        Its overlap with itself when it is found again, under another seed or from the other half of its text. A pair's
        bound is the lower one of its languages; pairs of which none is known are left out.
    """
    known = {side: table[side].map(speaker).map(own).astype(float) for side in ("source", "target")}
    bound = pd.DataFrame(known).min(axis=1)  # of one language, if the other was not found twice
    return table[table["value"] >= bound].sort_values("value", ascending=False)
