"""Graphs, trees and maps of languages on squares whose structure is known."""

from itertools import combinations

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from neutral.errors import NeutralError
from neutral.typology import folding, graphs, maps, trees

pytestmark = pytest.mark.numeric

NAMES = ["a", "b", "c", "d", "e", "f"]
GROUPS = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1, "f": 1}


@pytest.fixture
def similarity():
    """Two groups of three: alike within, different between."""
    draw = np.random.default_rng(0)
    square = pd.DataFrame(np.eye(6), index=NAMES, columns=NAMES)
    for a, b in combinations(NAMES, 2):
        square.loc[a, b] = square.loc[b, a] = (0.9 if GROUPS[a] == GROUPS[b] else 0.3) + 0.02 * draw.random()
    return square


def test_edges_are_those_above_the_threshold(similarity):
    drawn = graphs.graph(similarity, threshold=0.5)
    assert drawn.number_of_edges() == 6
    assert all(GROUPS[a] == GROUPS[b] for a, b in drawn.edges)
    assert set(graphs.graph(similarity, threshold=2)) == set(NAMES), "languages without an edge stay"
    assert graphs.graph(similarity).number_of_edges() == 15


def test_each_language_keeps_its_strongest(similarity):
    drawn = graphs.graph(similarity, strongest=1)
    for node in NAMES:
        best = similarity.loc[node].drop(node).idxmax()
        assert drawn.has_edge(node, best)
    assert drawn.number_of_edges() <= 6


def test_the_spanning_tree_is_the_one_of_greatest_similarity(similarity):
    drawn = graphs.graph(similarity, tree=True)
    assert nx.is_tree(drawn)
    best = max(
        sum(similarity.at[a, b] for a, b in edges)
        for edges in combinations(combinations(NAMES, 2), 5)
        if nx.is_tree(nx.Graph(edges)) and len(nx.Graph(edges)) == 6
    )
    assert drawn.size("weight") == pytest.approx(best)


def test_communities_are_the_groups_and_agree_with_them(similarity):
    drawn = graphs.graph(similarity)
    found = graphs.communities(drawn)
    assert sorted(map(sorted, found)) == [["a", "b", "c"], ["d", "e", "f"]]
    assert graphs.agreement(found, GROUPS) == 1
    weights = {e: similarity.at[e] for e in drawn.edges}
    total, degree = sum(weights.values()), dict(drawn.degree(weight="weight"))
    by_hand = sum(
        (sum(w for e, w in weights.items() if set(e) <= group) / total)
        - (sum(degree[n] for n in group) / (2 * total)) ** 2
        for group in found
    )
    assert graphs.modularity(drawn, found) == pytest.approx(by_hand)


def test_the_adjusted_rand_index_is_that_of_scikit_learn():
    from sklearn.metrics import adjusted_rand_score

    draw = np.random.default_rng(1)
    for _ in range(50):
        ours, theirs = draw.integers(0, 3, 9), draw.integers(0, 4, 9)
        groups = [set(np.flatnonzero(ours == k).tolist()) for k in set(ours.tolist())]
        value = graphs.agreement(groups, dict(enumerate(theirs.tolist())))
        assert value == pytest.approx(adjusted_rand_score(theirs, ours))
    assert np.isnan(graphs.agreement([{1, 2, 3}], {1: 0, 2: 0, 3: 0}))


def test_the_layout_does_not_depend_on_the_edges_and_puts_the_alike_together(similarity):
    places = graphs.layout(similarity).set_index("language")[["x", "y"]]
    assert places.equals(graphs.layout(similarity).set_index("language")[["x", "y"]])

    def apart(pairs):
        return np.mean([np.hypot(*(places.loc[a] - places.loc[b])) for a, b in pairs])

    pairs = list(combinations(NAMES, 2))
    within = [p for p in pairs if GROUPS[p[0]] == GROUPS[p[1]]]
    assert apart(within) < 0.5 * apart([p for p in pairs if p not in within])


def test_what_makes_no_graph_is_refused(similarity):
    with pytest.raises(NeutralError, match="choose one"):
        graphs.graph(similarity, threshold=0.5, tree=True)
    with pytest.raises(NeutralError, match="square"):
        graphs.graph(similarity.iloc[:3])
    with pytest.raises(NeutralError, match="at least 0"):
        graphs.communities(graphs.graph(similarity - 0.5))
    assert np.isnan(graphs.modularity(graphs.graph(similarity, threshold=2), [{n} for n in NAMES]))


def test_an_ultrametric_is_kept_by_its_tree():
    """Distances that are a tree's heights come back exactly."""
    heights = pd.DataFrame(
        [[0, 1, 4, 4], [1, 0, 4, 4], [4, 4, 0, 2], [4, 4, 2, 0]], index=list("abcd"), columns=list("abcd"), dtype=float
    )
    made = trees.tree(heights)
    assert trees.heights(made, list("abcd")).equals(heights)
    assert trees.cophenetic_correlation(made, heights) == pytest.approx(1)
    drawn = folding.fold(made, list("abcd"), dict.fromkeys("abcd"))
    assert sorted(drawn.brackets.groupby("line")["height"].max()) == [1, 2, 4]
    assert {*drawn.rows[0], *drawn.rows[1]} in ({"a", "b"}, {"c", "d"})


def test_a_tree_of_groups_agrees_with_the_groups(similarity):
    made = trees.tree(1 - similarity)
    families = pd.DataFrame([[float(GROUPS[a] != GROUPS[b]) for b in NAMES] for a in NAMES], index=NAMES, columns=NAMES)
    assert trees.cophenetic_correlation(made, families) > 0.99
    assert np.isnan(trees.cophenetic_correlation(made, families * 0))
    with pytest.raises(NeutralError, match="have none"):
        trees.tree((1 - similarity).mask(np.eye(6, k=1) > 0))
    with pytest.raises(NeutralError, match="at least two"):
        trees.tree(similarity.iloc[:1, :1])


def test_mds_gives_points_in_the_plane_back():
    draw = np.random.default_rng(2)
    points = draw.standard_normal((6, 2))
    square = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    found = maps.by_mds(pd.DataFrame(square, index=NAMES, columns=NAMES))
    again = found[["x", "y"]].to_numpy()
    assert np.allclose(np.sqrt(((again[:, None] - again[None]) ** 2).sum(axis=2)), square)
    assert found.attrs["kept"] == pytest.approx(1)


@pytest.mark.long
def test_umap_keeps_groups_together_and_is_the_same_every_time(similarity):
    one, again = (maps.by_umap(1 - similarity, neighbours=2) for _ in range(2))
    assert one.equals(again)
    assert list(one["language"]) == NAMES
    assert np.isfinite(one[["x", "y"]].to_numpy()).all()


def test_maps_refuse_what_they_cannot_draw(similarity):
    for wrong, said in (({"neighbours": 6}, "from 2 to 5"), ({"neighbours": 1}, "from 2 to 5")):
        with pytest.raises(NeutralError, match=said):
            maps.by_umap(1 - similarity, **wrong)
    with pytest.raises(NeutralError, match="at least four"):
        maps.by_umap((1 - similarity).iloc[:3, :3])
    with pytest.raises(NeutralError, match="every pair"):
        maps.by_mds((1 - similarity).mask(np.eye(6, k=1) > 0))


def noisy(square, seed):
    """The square with errors in its last digits, other ones in every pair."""
    noise = np.random.default_rng(seed).integers(-4, 5, square.shape) * 1e-16
    noise = np.triu(noise, 1)
    return square * (1 + noise + noise.T)


@pytest.mark.parametrize("seed", range(5))
def test_edges_communities_and_trees_do_not_hang_on_rounding(seed):
    """Every pair of a group is as alike, so that all is decided by ties."""
    even = pd.DataFrame(
        [[1.0 if a == b else 0.9 if GROUPS[a] == GROUPS[b] else 0.3 for b in NAMES] for a in NAMES],
        index=NAMES,
        columns=NAMES,
    )
    wrong = noisy(even, seed)
    for options in ({"threshold": 0.9}, {"threshold": 0.3}, {"strongest": 1}, {"strongest": 3}, {"tree": True}, {}):
        one, other = (graphs.graph(square, **options) for square in (even, wrong))
        assert set(map(frozenset, one.edges)) == set(map(frozenset, other.edges)), options
        assert graphs.communities(one) == graphs.communities(other)
    rows, others = (folding.fold(trees.tree(1 - square), NAMES, GROUPS).rows for square in (even, wrong))
    assert rows == others
    flat = noisy(pd.DataFrame(1.0 - np.eye(6), index=NAMES, columns=NAMES), seed)
    assert np.isnan(trees.cophenetic_correlation(trees.tree(flat), 1 - even))
    assert graphs.layout(flat).equals(graphs.layout(flat.round(9)))
    assert graphs.communities(graphs.graph(pd.DataFrame([[1, 0.5, -1e-17], [0.5, 1, 0], [-1e-17, 0, 1]])))


@pytest.mark.parametrize("seed", range(5))
def test_a_map_of_two_languages_does_not_hang_on_rounding(seed):
    pair = pd.DataFrame([[0.0, 0.7], [0.7, 0.0]], index=["a", "b"], columns=["a", "b"])
    found = maps.by_mds(noisy(pair, seed))
    assert found["x"].tolist() == pytest.approx([0.35, -0.35])
    assert found["y"].tolist() == [0, 0]
