"""Stub: a language-level check by phylogenetic and spatial covariance (Guzmán Naranjo & Becker 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

COMPONENTS = (
    *("group", "component", "overlap_share", "predictor", "beta", "se", "df", "t", "p", "holm"),
    *("phylogeny", "phylogeny_p", "space", "space_p", "noise", "range_km", "r2", "languages", "left_out"),
)


def components(
    similarity: pd.DataFrame,
    languages: Sequence[str] | None = None,
    *,
    predictors: pd.DataFrame | None = None,
    count: int = 4,
) -> pd.DataFrame:
    """Explain the first `count` principal coordinates of each group: a row a group, component and predictor.

    `predictors` has a row a language (index: label) and a column a predictor: numbers, or names (categories, as
    script). Rows of kind "process" are these rows; without predictors there is one row a component, predictor "".
    """
    raise NotImplementedError
