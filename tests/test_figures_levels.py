"""Axes of overlap by layer: those of single pairs hold every pair, so that two figures can be compared by eye."""

import pandas as pd

from neutral import figures
from neutral.export.paper import on_paper
from neutral.export.sizes import PRESETS


def levels(between, low=None, high=None, chance=0.3):
    """Levels of two layers."""
    rows = [("between", between, between if low is None else low, between if high is None else high)]
    rows.append(("chance", chance, chance, chance))
    return pd.DataFrame(
        [(group, *row) for group in ("encoder 0", "encoder 1") for row in rows],
        columns=["group", "level", "value", "low", "high"],
    )


def test_two_pairs_of_one_study_have_one_axis_that_holds_every_pair():
    every = levels(0.8, 0.6, 0.9)
    one, other = (figures.by_layer(levels(value), "jaccard", every=every) for value in (0.6, 0.9))
    assert one.layout.yaxis.range == other.layout.yaxis.range
    low, high = one.layout.yaxis.range
    assert 0.5 < low < 0.6 < 0.9 < high < 1
    assert one.data[1].name == "Chance, below: 0.30"


def test_chance_is_on_the_axis_of_all_pairs_where_it_is_among_them():
    low, _ = figures.by_layer(
        levels(0.5, 0.2, 0.9), "jaccard", every=levels(0.5, 0.2, 0.9, chance=0.1)
    ).layout.yaxis.range
    assert low < 0.2
    assert figures.by_layer(levels(0.5), "jaccard", every=levels(0.5, chance=0.5)).layout.yaxis.range is None


def test_a_legends_lines_are_long_enough_for_dashes_on_the_page_and_on_paper():
    drawn = figures.by_layer(levels(0.6), "jaccard")
    assert drawn.layout.legend.itemwidth == on_paper(drawn, PRESETS["One column, 85 mm"]).layout.legend.itemwidth > 40
