"""Models of an overlap by several things at once, by the names that a study's rows have: one way in to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from neutral.association import mlpe, process
from neutral.association.properties import distinct

COLUMNS = {"mixed": mlpe.EXPLAINED, "process": process.COMPONENTS, "properties": process.COMPONENTS}
"""Kind of model -> the columns of its table."""


def fit(
    kind: str,
    overlap: pd.DataFrame,
    names: Sequence[str],
    *,
    distances: pd.DataFrame,
    properties: pd.DataFrame,
    families: Mapping[str, str],
    areas: Mapping[str, str],
) -> pd.DataFrame:
    """Return a model of every group of an overlap by what `names` names, in its `COLUMNS`.

    Parameters
    ----------
    kind : str
        mixed: of pairs, by distances (`mlpe.explained`). process: of languages, by distances; properties: by columns of
        `properties` (both `process.components`).
    overlap, distances : DataFrame
        As `associations` takes them.
    names : sequence of str
    properties : DataFrame
        As `properties.properties` returns it.
    families, areas : language -> block
        Of all languages.

    Raises
    ------
    NeutralError
        As `explained` and `components` do.
    """
    if kind == "mixed":
        blocks = {"families": families, "areas": areas}
        return mlpe.explained(overlap, distances, list(names), languages=distinct(list(families)), **blocks)
    if kind == "process":
        return process.components(overlap, distances=distances, kinds=names)
    return process.components(overlap, predictors=properties[list(names)])
