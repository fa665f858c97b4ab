"""Tests again with one family, or one script, left out."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from neutral import figures
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


def moved_plainly(tests):
    rows = []
    for left in dict.fromkeys(tests["left"]):
        for distance in dict.fromkeys(tests["distance"]):
            some = tests[(tests["left"] == left) & (tests["distance"] == distance)].to_dict("records")
            (whole,) = [row for row in some if row["without"] == ""]
            rest = [row for row in some if row["without"] != "" and row["rho"] == row["rho"]]
            if whole["rho"] != whole["rho"] or not rest:
                continue
            most = max(rest, key=lambda row: abs(row["rho"] - whole["rho"]))
            gone = [row["without"] for row in some if row["rho"] != row["rho"]]
            rows.append(
                {
                    "left": left,
                    "distance": distance,
                    "most": most["without"],
                    "blocks": len(rest),
                    **{name: whole[name] for name in ("rho", "p", "holm")},
                    "low": min(row["rho"] for row in rest),
                    "high": max(row["rho"] for row in rest),
                    **{f"{name}_low": min(row[name] for row in rest) for name in ("p", "holm")},
                    **{f"{name}_high": max(row[name] for row in rest) for name in ("p", "holm")},
                    "rho_without": most["rho"],
                    "p_without": most["p"],
                    "lost": tuple(
                        row["without"] for row in sorted(rest, key=lambda row: -row["holm"]) if not row["holm"] < 0.05
                    ),
                    "gone": ", ".join(gone),
                }
            )
    return pd.DataFrame(rows, columns=leaving.MOVED)


def test_what_moves_a_coefficient_most_is_named_with_the_range():
    draw = np.random.default_rng(3)
    for _ in range(10):
        rows = [
            {"left": left, "distance": distance, "without": block, "rho": rho, "p": p, "holm": corrected}
            for left in ("family", "script")
            for distance in ("far", "apart")
            for block, (rho, p, corrected) in zip(("", "I", "A", "S"), draw.random((4, 3)).round(3), strict=True)
        ]
        tests = pd.DataFrame(rows)
        tests.loc[draw.random(len(tests)) < 0.2, "rho"] = np.nan
        pd.testing.assert_frame_equal(leaving.moved(tests), moved_plainly(tests), check_dtype=False)


def test_a_distance_that_cannot_be_tested_without_one_family_says_without_which():
    one = pairs("group", "all", FAMILIES, lambda a, b: float(FAMILIES[a] == FAMILIES[b] == "I"))
    far = pairs("distance", "far", FAMILIES, lambda a, b: float(not FAMILIES[a] == FAMILIES[b] == "I"))
    tests = leaving.without(associations, one, far, FAMILIES, count=99).assign(left="family")
    (row,) = leaving.moved(tests).itertuples()
    assert (row.gone, row.blocks) == ("I", 3)


def test_the_range_of_a_coefficient_is_drawn_from_the_lowest_to_the_highest():
    row = {"rho": -0.4, "low": -0.6, "high": -0.1, "p": 0.01, "most": "<b>A", "rho_without": -0.1, "p_without": 0.2}
    rows = [{"left": left, "distance": "far", **row} for left in ("family", "script")]
    figure = figures.leaving_ranges(pd.DataFrame(rows), {"far": "How far"})
    for trace in figure.data:
        (x,), (above,), (below,) = trace.x, trace.error_x.array, trace.error_x.arrayminus
        assert (x + above, x - below) == pytest.approx((-0.1, -0.6))
        assert "<b>" not in trace.customdata[0][0]
    assert list(figure.layout.yaxis.ticktext) == ["How far"]
