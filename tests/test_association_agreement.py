"""Agreement of two overlaps: known answers, and the correlation written out with scipy."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from neutral.association import associations
from neutral.association.agreement import over_layers, over_pairs

pytestmark = pytest.mark.numeric

CODES = ["en", "de", "fr", "es", "ru", "zh"]
LAYERS = ["encoder 0", "encoder 1", "encoder 2"]


def overlaps(seed, codes=CODES, layers=LAYERS, rise=0.0):
    draw = np.random.default_rng(seed)
    rows = [
        (layer, a, b, draw.random() + rise * i) for i, layer in enumerate(layers) for a, b in combinations(codes, 2)
    ]
    return pd.DataFrame(rows, columns=["group", "source", "target", "value"])


def test_an_overlap_agrees_with_itself_and_not_with_its_opposite():
    one = overlaps(0)
    for other, rho in ((one.assign(value=2 * one["value"] + 1), 1.0), (one.assign(value=-one["value"]), -1.0)):
        table = over_pairs(one, other, count=199)
        assert table["group"].tolist() == LAYERS
        assert table["rho"].tolist() == pytest.approx([rho] * 3)
        assert over_layers(one, other) == pytest.approx((rho, rho, 3))


def test_over_pairs_is_the_mantel_test_of_each_layer_corrected_over_layers():
    one, other = overlaps(1), overlaps(2)
    families = {code: "I" if code != "zh" else "S" for code in CODES}
    table = over_pairs(one, other, within=families, count=199)
    for layer in LAYERS:
        mine, theirs = (t[t["group"] == layer] for t in (one, other))
        expected = associations(mine, theirs.assign(distance="d"), within=families, count=199).iloc[0]
        row = table[table["group"] == layer].iloc[0]
        assert row["rho"] == pytest.approx(spearmanr(mine["value"], theirs["value"]).statistic)
        assert (row["p"], row["permutations"]) == (expected["p"], expected["permutations"])
    assert (table["holm"] >= table["p"]).all()


def test_over_layers_takes_what_both_have_in_whatever_order_pairs_are_named():
    one, other = overlaps(3, rise=1.0), overlaps(4, codes=CODES[:4], layers=LAYERS[1:], rise=1.0)
    turned = other.rename(columns={"source": "target", "target": "source"})
    both = one.merge(other, on=["group", "source", "target"])
    means = both.groupby("group")[["value_x", "value_y"]].mean()
    found = over_layers(one, turned)
    assert found.layers == 2
    assert found.means == pytest.approx(spearmanr(means["value_x"], means["value_y"]).statistic)
    assert found.cells == pytest.approx(spearmanr(both["value_x"], both["value_y"]).statistic)


def test_overlaps_without_a_layer_in_common_give_an_empty_table():
    table = over_pairs(overlaps(0, layers=["encoder 0"]), overlaps(0, layers=["decoder 0"]))
    assert table.empty
    assert {"rho", "p", "holm"} <= set(table.columns)
