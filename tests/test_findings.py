"""What tests under several schemes say: which to believe first, what holds under it, and one group's correction."""

import numpy as np
import pandas as pd
import pytest

from neutral.association import findings
from neutral.association.holm import holm
from pages.parts.typology import modelled


def table(**columns):
    rows = pd.DataFrame({"group": ["all", "all", "layer 1"], "distance": ["a", "b", "a"], "rho": [-0.3, 0.6, 0.1]})
    for name in ("p", "p_within", "p_tree"):
        rows[name] = [0.001, 0.001, 0.9]
        rows[name.replace("p", "holm", 1)] = [0.003, 0.002, 0.9]
        rows[name.replace("p", "permutations", 1)] = 9999
    return rows.assign(tested_within=[-0.5, 0.2, 0.1], **columns)


def test_the_test_to_believe_first_is_the_first_that_can_tell_anything():
    assert findings.first(table()) == "tree"
    assert findings.first(table(p_tree=np.nan)) == "family"
    assert findings.first(table(p_tree=np.nan, permutations_within=24)) == "plain"
    assert findings.first(table().drop(columns=["p_tree", "holm_tree", "p_within"])) == "plain"
    assert findings.made(table(p_tree=np.nan)) == ["plain", "family"]


def test_what_holds_comes_by_the_size_of_what_was_tested():
    assert findings.held(table(), "tree")["distance"].tolist() == ["b", "a"]
    assert findings.held(table(), "family")["distance"].tolist() == ["a", "b"]
    assert findings.held(table(), "globe").empty
    rest = findings.only(findings.held(table(), "plain"), findings.held(table(holm_tree=[1, 0.001, 1]), "tree"))
    assert rest["distance"].tolist() == ["a"]
    assert list(findings.only(table().head(0), table()).columns) == list(table().columns)


def test_the_smallest_p_is_that_of_as_many_permutations_and_tests():
    assert findings.smallest_p(table(), "plain") == pytest.approx(3 / 9999)
    assert findings.smallest_p(table(), "globe") == findings.smallest_p(table(p=np.nan), "plain") == 1


def test_a_group_is_corrected_among_itself():
    rows = findings.of_group(table(), "all")
    assert rows["distance"].tolist() == ["a", "b"]
    assert rows["holm_tree"].tolist() == holm(pd.Series([0.001, 0.001])).tolist() == [0.002, 0.002]


def test_directions_are_counted_in_which_a_distance_holds():
    rows = [("a", 1, 0.01), ("b", 1, 0.001), ("a", 2, 0.2), ("b", 2, 0.01), ("c", 1, 1.0), ("c", 2, 0.05)]
    table = pd.DataFrame(rows, columns=["predictor", "component", "holm"]).assign(p=0.01)
    assert findings.directions(table) == ({"b": 2, "a": 1, "c": 0}, 2)
    assert list(findings.directions(table)[0]) == ["b", "a", "c"]
    assert findings.directions(table.assign(p=np.nan)) == ({}, 0)


@pytest.mark.parametrize(
    ("holm", "said"),
    [
        ((0.001, 0.5), "**Overlap goes with syntax in 1 of its 1 main directions**, not with script (p"),
        ((0.2, 0.5), "**Overlap goes with none** of syntax, script (p"),
    ],
)
def test_the_page_says_what_languages_one_by_one_go_with(holm, said):
    table = pd.DataFrame({"predictor": ["syntactic", "script"], "component": 1, "p": 0.01, "holm": holm})
    assert said in modelled.first(table, "Overlap")
    assert modelled.first(table.assign(p=np.nan), "Overlap") == ""
