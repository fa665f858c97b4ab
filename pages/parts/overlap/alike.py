"""What the Overlap page says of differences that are none: pairs within the bound, and values that lie together."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from neutral.bounds import told
from neutral.figures.scales import LEAST
from pages.parts.text import in_words

_NAMED = 3


def said(pairs: pd.DataFrame, own: Mapping[str, float]) -> str:
    """Say how many pairs of one group are within the bound, and whether all values lie together; "" for neither."""
    found = told(pairs, own)
    sentences = []
    if len(found.alike):
        rows = found.alike.head(_NAMED).itertuples()
        names = "; ".join(f"{in_words(row.source)} and {in_words(row.target)}" for row in rows)
        names += " …" if len(found.alike) > _NAMED else ""
        sentences.append(
            f"**{len(found.alike):,}** of {len(pairs):,} pairs are as alike as one of the two languages is to itself "
            f"when it is found again: such masks are not told apart ({names})."
        )
    elif own and len(pairs) > 1 and not found.is_noise:
        sentences.append("No two languages are as alike as one of them is to itself when it is found again.")
    if found.above and len(pairs) > 1:
        sentences.append(f"The colours end at {found.again:.3f}, the mean of languages found again.")
    if len(pairs) > 1 and found.spread < (least := max(LEAST, found.noise if own else 0.0)):
        sentences.append(f"The colours span {least:.2g}, so that noise has one colour.")
    return " ".join(sentences)
