"""What the Overlap page says of differences that are none: pairs within the bound, and values that lie together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from neutral.bounds import within_bound
from neutral.figures import theme
from neutral.figures.square import LEAST
from pages.parts.text import in_words

_NAMED = 3
_CELLS = theme.MANY * (theme.MANY - 1) // 2  # pairs of the most members whose heatmap has the whole scale


def said(pairs: pd.DataFrame, own: Mapping[str, float]) -> str:
    """Say how many pairs of one group are within the bound, and whether all values lie together; "" for neither."""
    sentences = []
    if own:
        alike = within_bound(pairs, own)
        if len(alike):
            rows = alike.head(_NAMED).itertuples()
            names = "; ".join(f"{in_words(row.source)} and {in_words(row.target)}" for row in rows)
            sentences.append(
                f"**{len(alike):,}** of {len(pairs):,} pairs are as alike as one of the two languages is to itself "
                f"when it is found again: such masks are not told apart ({names}{' …' if len(alike) > _NAMED else ''})."
            )
            mean = float(np.mean(list(own.values())))
            if len(pairs) > _CELLS and pairs["value"].max() > mean:
                sentences.append(f"The colours end at {mean:.3f}, the mean of languages found again.")
        else:
            sentences.append("No two languages are as alike as one of them is to itself when it is found again.")
    spread = float(np.ptp(pairs["value"])) if len(pairs) > 1 else LEAST
    if spread < LEAST:
        sentences.append(f"All pairs lie within {spread:.4f}: the colours span {LEAST}, so that noise has one colour.")
    return " ".join(sentences)
