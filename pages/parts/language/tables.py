"""What the page Language shows of one language, remembered."""

from __future__ import annotations

import pandas as pd

from neutral.language import nearest as of_nearest
from neutral.language.facts import Facts
from neutral.language.facts import facts as known
from neutral.language.serving import Foretold
from neutral.language.serving import foretold as told_by_overlap
from neutral.language.serving import serving as by_serving
from neutral.summary import Choice
from pages.parts import catalogue
from pages.parts.overlap import tables


@catalogue.remembered
def nearest(
    source: catalogue.Source, choice: Choice, member: str, measure: str, members: tuple[str, ...]
) -> pd.DataFrame:
    """See `nearest.nearest`."""
    return of_nearest.nearest(source, choice, member, measure, members=members)


@catalogue.remembered
def where(
    source: catalogue.Source, choice: Choice, member: str, other: str, measure: str, members: tuple[str, ...]
) -> pd.DataFrame:
    """See `nearest.where`."""
    return of_nearest.where(source, choice, member, other, measure, members)


@catalogue.remembered
def facts(source: catalogue.Source, choice: Choice, member: str, members: tuple[str, ...]) -> Facts:
    """See `facts.facts`."""
    return known(source, choice, member, members)


@catalogue.remembered
def serving(
    source: catalogue.Source, choice: Choice, member: str, members: tuple[str, ...]
) -> tuple[pd.DataFrame, Foretold | None]:
    """See `serving.serving` and `serving.foretold`, which looks at all languages."""
    near = of_nearest.nearest(source, choice, member, members=members)
    checked = tables.functional(source, choice, ())
    pairs = tables.pairs(source, choice, "jaccard", "all", ())
    if checked.empty:
        return by_serving(near, checked, member), None
    score = catalogue.table(source, "functional")["metric"].iloc[0]
    return by_serving(near, checked, member, score), told_by_overlap(pairs, checked, score)
