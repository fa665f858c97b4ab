"""What the page Inside the model shows of a study, remembered."""

from __future__ import annotations

import pandas as pd

from neutral.inside import curves, representations, retrieval
from neutral.summary import Choice
from pages.parts import catalogue


@catalogue.remembered
def _retrieval(source: catalogue.Source) -> pd.DataFrame:
    return retrieval.table(source.table("retrieval"))


@catalogue.remembered
def _representation(source: catalogue.Source) -> pd.DataFrame:
    return representations.table(source.table("representation"))


@catalogue.remembered
def pairs(source: catalogue.Source, choice: Choice, members: tuple[str, ...], what: str) -> pd.DataFrame:
    """See `curves.pairs`; `what` is at1, at5 or a measure of representations."""
    table = _retrieval(source) if what in curves.RETRIEVAL else _representation(source)
    return curves.pairs(table, choice, members, what)
