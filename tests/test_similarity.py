"""Overlap folded to languages, distances filled in, and networks of either."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from neutral import typology
from neutral.errors import NeutralError
from neutral.typology import graphs, maps, similarity

CODES = ("en", "de", "fr", "sw")


def pairs(members, group="all"):
    rows = [(group, a, b, float(i)) for i, (a, b) in enumerate(combinations(members, 2))]
    return pd.DataFrame(rows, columns=["group", "source", "target", "value"])


def square(values):
    values = np.array(values, dtype=float)
    return pd.DataFrame(values + values.T, index=list(CODES), columns=list(CODES))


def test_masks_of_one_language_count_by_their_mean_and_those_of_none_not_at_all():
    spoken = similarity.languages(["en", "de 2", "my run", "de"])
    assert (spoken.codes, spoken.others, spoken.repeated) == (("en", "de"), ("my run",), True)
    assert spoken.families == {"en": "Indo-European", "de": "Indo-European"}
    table = similarity.similarity(pairs(["en", "de 2", "my run", "de"]), spoken)  # 0: en, de 2; 2: en, de
    assert table.values.tolist() == [["all", "en", "de", 1.0]]


def test_masks_of_different_languages_keep_their_pairs():
    spoken = similarity.languages(CODES)
    assert not spoken.repeated
    pd.testing.assert_frame_equal(similarity.similarity(pairs(CODES).assign(chance=0), spoken), pairs(CODES))
    whole = similarity.square(pairs(CODES), CODES)
    assert np.diag(whole).tolist() == [1] * 4
    assert whole.loc["sw", "en"] == whole.loc["en", "sw"] == 2
    assert np.isnan(similarity.square(pairs(CODES[:3]), CODES).loc["en", "sw"])
    turned = pairs(CODES).rename(columns={"source": "target", "target": "source"}).iloc[::-1]
    pd.testing.assert_frame_equal(similarity.square(turned, CODES), whole)


def test_points_have_overlap_distance_and_relation_of_every_pair():
    far = typology.distances(CODES, ["family"])
    table = similarity.points(pairs(CODES), far, "family", similarity.languages(CODES)).set_index(["source", "target"])
    assert table.loc[("en", "de"), ["value", "distance", "relation"]].tolist() == [0, 0, "same branch"]
    assert table.loc[("en", "sw"), ["value", "distance", "relation"]].tolist() == [2, 1, "same script"]


def test_stored_distances_go_first_and_what_nobody_knows_is_left_out():
    stored = pd.DataFrame(
        [("types", "en", "de", 0.5), ("script", "en", "de", 9.0), ("own", "en", "de", 1.0), ("size", "en", "de", None)],
        columns=["distance", "source", "target", "value"],
    )
    table = typology.filled(stored, ("en", "de"))
    assert table[table["distance"] == "script"]["value"].tolist() == [9.0]
    kinds = typology.kinds_in(table)
    assert kinds[-2:] == ["types", "own"]
    assert "size" not in kinds
    assert "syntactic" in kinds
    assert typology.kinds_in(typology.filled(pd.DataFrame(), ("en", "de"))) == [*kinds[: kinds.index("types")]]


def test_nearness_is_1_for_the_nearest_two_and_0_for_the_furthest():
    near = typology.nearness(square([[0, 1, 2, 3], [0, 0, 2, 3], [0, 0, 0, 3], [0, 0, 0, 0]]))
    assert near.loc["en", "de"] == 1
    assert near.loc["en", "fr"] == 0.5
    assert near.loc["en", "sw"] == 0
    assert (typology.nearness(square(np.triu(np.ones((4, 4)), 1))).to_numpy()[0, 1:] == 1).all()


@pytest.mark.parametrize(
    ("how", "amount", "edges"), [("share", 50, 3), ("share", 1, 1), ("strongest", 1, 3), ("tree", 0, 3)]
)
def test_a_network_joins_as_many_pairs_as_it_is_asked_for(how, amount, edges):
    weights = square([[0, 0.9, 0.8, 0.1], [0, 0, 0.7, 0.2], [0, 0, 0, 0.3], [0, 0, 0, 0]])
    families = typology.families(CODES)
    network = graphs.network(weights, 1 - weights, families, how, amount)
    assert len(network.edges) == edges
    assert network.span == (0.1, 0.9)
    assert network.weakest == pytest.approx(1 - network.edges["weight"].min())
    assert network.shared(network) == edges
    every = graphs.network(weights, weights, families, "share", 100)
    assert every.shared(network) == edges
    with pytest.raises(NeutralError, match="share, strongest, tree"):
        graphs.network(weights, weights, families, "all")


def test_a_third_of_the_languages_and_three_at_least_are_neighbours_in_a_map():
    assert [maps.usual_neighbours(n) for n in (4, 11, 30, 100)] == [3, 4, 10, 15]


def test_pairs_that_a_graph_joins_and_nearest_languages_of_a_square():
    pairs = pd.DataFrame({"source": ["en", "en", "fr"], "target": ["fr", "sw", "sw"], "value": [0.3, 0.2, 0.1]})
    edges = pd.DataFrame({"source": ["sw", "fr"], "target": ["fr", "en"]})
    assert similarity.joined(pairs, edges)["value"].tolist() == [0.3, 0.1]
    assert similarity.joined(pairs, edges[:0]).empty
    far = pd.DataFrame([[0, 1, 3], [1, 0, 2], [3, 2, 0]], index=["en", "fr", "sw"], columns=["en", "fr", "sw"])
    assert similarity.neighbours(far) == {"en": "fr", "fr": "en", "sw": "fr"}
