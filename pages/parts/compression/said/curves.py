"""What is drawn of perplexity by size, what is not, and why a line goes up and down."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from neutral.study import Study
from pages.parts.compression.said.numbers import times
from pages.parts.text import as_text

PQ = (
    "Its codes are learnt from a sample of the rows. A few rows are like no others, those of the mask and of the marks "
    "around a text, and they stand in every example: how near a code comes to them changes with each size, by chance. "
    "With Token weights by frequency or its root they are always in the sample."
)
MEASURED = "mini-mbert-compression"
PQ_MEASURED = (
    "Measured on the bundled sentences: at 10 × Swahili has 3.57 times the perplexity, and 1.03 times with the rows of "
    "&lt;mask>, &lt;s> and &lt;/s> exact; then its line only rises (1.01, 1.03, 1.03, 1.13, 1.17, 1.39 times from 5 to "
    "20 ×; `benchmarks/zigzag.py`)."
)
_BETTER = 0.995  # times the full perplexity: below it, a line is seen under 1
BOUNDS = "▷ kept at the largest ratio measured, ◁ passed at the smallest."
MAP = (
    "Each side is laid out from its own nearest neighbours by cosine, the right one starting from the left. Tokens "
    "that are near share neighbours; distances between far groups mean nothing."
)


def curve(points: pd.DataFrame, top: float, limit: float, off: Sequence[str]) -> str:
    """Say what is dotted, and which lines go on above the axis, which ends at `top` (0: it does not), or lie there."""
    sentences = [f"Dotted: the full model, and {limit:g} × its perplexity."]
    drawn = points[~points["line"].isin(off)]
    if 0 < top < drawn["factor"].max():
        sentences.append("Lines that leave at the top go on.")
    if len(drawn) and drawn["factor"].min() < _BETTER:
        sentences.append(
            "Below 1 a table does a little better than the full one on this text: that is a property of the text as "
            "much as of the table, and no gain to count on."
        )
    if off:
        names = ", ".join(
            f"{as_text(line)} ({times(points.loc[points['line'] == line, 'factor'].head(1))} times at "
            f"{points.loc[points['line'] == line, 'size'].min():.3g} ×)"
            for line in off
        )
        sentences.append(f"Above {top:g} times at every size, so not drawn: {names}.")
    return " ".join(sentences)


def broken(lines: pd.DataFrame, limit: float) -> str:
    """Say which lines keep no language within the limit even at the least ratio that was tried; "" for none."""
    names = ", ".join(f"{as_text(row.line)} ({row.ratio:.3g} ×)" for row in lines.itertuples())
    return f"Past {limit:g} × in every language at the least ratio tried already: {names}." if names else ""


def unsteady(lines: pd.DataFrame, study: Study, bundled: bool) -> str:
    """Say why a line goes up and down with size: the table is that of `choosing.unsteady`."""
    parts = []
    for row in lines.itertuples():
        steady = " while the mean error over all tokens grows" if row.cosine < row.later_cosine else ""
        parts.append(
            f"**{as_text(row.line)} goes up and down**: {row.factor:.3g} times at {row.peak:.3g} ×, {row.less:.3g} "
            f"times at {row.later:.3g} ×{steady}."
        )
    if ((lines["method"] == "pq") & (lines["weights"] == "uniform")).any():
        parts.append(PQ)
        if bundled and study.path.name == MEASURED:
            parts.append(PQ_MEASURED)
    return " ".join(parts)
