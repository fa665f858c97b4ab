"""Tests again with one family, or one script, left out."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from neutral.association import associations, leaving

FAMILIES = {"en": "I", "de": "I", "fr": "I", "ar": "A", "he": "A", "zh": "S", "ko": "K"}


def pairs(by, name, codes, value):
    rows = [(name, a, b, value(a, b)) for a, b in combinations(codes, 2)]
    return pd.DataFrame(rows, columns=[by, "source", "target", "value"])


def test_each_family_is_left_out_in_turn_and_nothing_at_first():
    draw = np.random.default_rng(0)
    one = pairs("group", "all", FAMILIES, lambda a, b: draw.random())
    far = pairs("distance", "far", FAMILIES, lambda a, b: draw.random())
    table = leaving.without(associations, one, far, {k: v for k, v in FAMILIES.items() if k != "ko"}, count=99)
    assert table["without"].tolist() == ["", "I", "A", "S"]
    assert table["languages"].tolist() == [7, 4, 5, 6]
    kept = [code for code in FAMILIES if FAMILIES[code] != "A"]
    alone = one[one["source"].isin(kept) & one["target"].isin(kept)]
    expected = associations(alone, far, count=99)
    assert table.loc[2, "rho"] == pytest.approx(expected["rho"].item())
    assert table.loc[2, "p"] == expected["p"].item()


def test_what_one_family_brings_about_is_gone_without_it():
    one = pairs("group", "all", FAMILIES, lambda a, b: float(FAMILIES[a] == FAMILIES[b] == "I"))
    far = pairs("distance", "far", FAMILIES, lambda a, b: float(not FAMILIES[a] == FAMILIES[b] == "I"))
    table = leaving.without(associations, one, far, FAMILIES, count=99).set_index("without")
    assert table.loc["", "rho"] == pytest.approx(-1)
    assert np.isnan(table.loc["I", "rho"])
    assert table.loc["S", "rho"] == pytest.approx(-1)


def test_a_family_without_which_too_few_are_left_stays():
    codes = ["en", "de", "fr", "zh"]
    one, far = pairs("group", "all", codes, lambda a, b: 0.5), pairs("distance", "far", codes, lambda a, b: 1.0)
    assert leaving.without(associations, one, far, FAMILIES)["without"].tolist() == [""]
