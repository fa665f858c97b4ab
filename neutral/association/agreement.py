"""How far two ways of finding masks see the same languages, and the same layers, as alike.

One-shot masks cost seconds and lottery tickets hours. Over pairs the question is whether the languages whose cheap
masks overlap most are also those whose expensive masks do; p is a Mantel test's. Over layers the question is whether
both see the languages meet in the same layers; there is no p, because layers are no sample.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

import pandas as pd

from neutral.association import associations, schemes
from neutral.association.holm import holm
from neutral.metrics import rank_correlation


class Layers(NamedTuple):
    """Spearman's correlation of two overlaps over layers.

    means: correlation of the layers' mean overlaps. cells: over all pairs in all layers together. layers: how many.
    """

    means: float
    cells: float
    layers: int


def over_pairs(
    one: pd.DataFrame,
    other: pd.DataFrame,
    *,
    within: Mapping[str, Hashable] | None = None,
    along: pd.DataFrame | None = None,
    count: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate two overlaps over the pairs of languages, in every group (layer) that both have.

    `one` and `other` have columns group, source, target, value. The test, its options and its columns (without
    `distance`) are those of `associations`; rho is positive if the two agree, holm corrects over the groups.
    """
    parts = []
    for group, overlap in one.groupby("group", sort=False):
        distance = other[other["group"] == group].assign(distance="other")
        if len(distance):
            parts.append(associations(overlap, distance, within=within, along=along, count=count, seed=seed))
    if not parts:
        return associations(one.head(0), other.head(0).assign(distance="other")).drop(columns="distance")
    table = pd.concat(parts, ignore_index=True).drop(columns="distance")
    return table.assign(holm=holm(table["p"].astype(float)))


def over_layers(one: pd.DataFrame, other: pd.DataFrame) -> Layers:
    """Correlate two overlaps over the groups (layers) that both have, each with the pairs that both have in it."""
    joined = _unordered(one).merge(_unordered(other), on=["group", "pair"], suffixes=("", "_other"))
    means = joined.groupby("group")[["value", "value_other"]].mean()
    correlations = [rank_correlation(each["value"], each["value_other"], least=2) for each in (means, joined)]
    return Layers(*correlations, layers=len(means))


class Agreement(NamedTuple):
    """How far two overlaps agree.

    Attributes
    ----------
    plain, family : Series
        The row of `over_pairs` of the whole network, under each of `schemes.BOTH`.
    layers : Layers
        That of `over_layers`.
    by_layer : DataFrame
        `over_pairs` of every layer, exchanging relatives only.
    languages : int
        How many.
    """

    plain: pd.Series
    family: pd.Series
    layers: Layers
    by_layer: pd.DataFrame
    languages: int


def agreement(
    whole: tuple[pd.DataFrame, pd.DataFrame],
    by_layer: tuple[pd.DataFrame, pd.DataFrame],
    families: Mapping[str, Hashable],
) -> Agreement:
    """Compare two overlaps, each given over the whole network and by layer, on the languages of `families`.

    Tables have columns group, source, target, value.
    """
    tests = schemes.both(over_pairs, *whole, families=families)
    return Agreement(
        *(tests[scheme].iloc[0] for scheme in schemes.BOTH),
        layers=over_layers(*by_layer),
        by_layer=over_pairs(*by_layer, within=families),
        languages=len(families),
    )


def _unordered(table: pd.DataFrame) -> pd.DataFrame:
    pairs = ["-".join(sorted(pair)) for pair in zip(table["source"], table["target"], strict=True)]
    return table.assign(pair=pairs)[["group", "pair", "value"]]
