"""Moran's eigenvectors, Moran's I, and draws that keep the spectrum: against plain versions and known answers."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from neutral.association import associations, moran, neighbours, regression
from neutral.association.mantel import mantel
from neutral.association.mrm import mrm
from neutral.association.permutations import two_sided
from neutral.association.vectors import left_over, one_class, permuted_products, ranks
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

CODES = ["en", "de", "nl", "fr", "es", "ru", "hi", "ar", "zh"]


def weights(n, seed=0):
    values = np.random.default_rng(seed).random((n, n))
    return np.triu(values, 1) + np.triu(values, 1).T


def table(by, squares, codes=CODES):
    rows = [
        (name, a, b, square[codes.index(a), codes.index(b)])
        for name, square in squares.items()
        for a, b in combinations(codes, 2)
    ]
    return pd.DataFrame(rows, columns=[by, "source", "target", "value"])


def plain_draw(similarity, vectors, turns, draw):
    """A draw by principal coordinates: their loadings on the patterns, put onto patterns that are turned two by two."""
    distances = np.sqrt(3 * np.ptp(similarity) - similarity + similarity.min())  # large enough to be Euclidean
    n = len(vectors)
    centre = np.eye(n) - 1 / n
    gram = -centre @ squareform(distances**2) @ centre / 2
    values, axes = np.linalg.eigh(gram)
    assert values.min() > -1e-9
    loadings = vectors.T @ (axes * np.sqrt(np.maximum(values, 0)))
    order, signed = turns.order[draw], turns.signs[draw] * vectors
    turned = signed.copy()
    for pair, angle in enumerate(turns.angles[draw]):
        one, other = order[2 * pair : 2 * pair + 2]
        turned[:, one] = np.cos(angle) * signed[:, one] - np.sin(angle) * signed[:, other]
        turned[:, other] = np.sin(angle) * signed[:, one] + np.cos(angle) * signed[:, other]
    return -(pdist(turned @ loadings) ** 2)


@pytest.mark.parametrize("n", [4, 7, 8])
def test_products_are_those_of_draws_of_principal_coordinates(n):
    rng = np.random.default_rng(n)
    m = n * (n - 1) // 2
    similarities, columns = rng.random((2, m)), left_over(rng.random((3, m)), one_class(m)).T
    draws = moran.spectral(weights(n), count=5, seed=1)
    found = permuted_products(similarities, columns, draws)
    turns = draws.turned()
    for draw in range(5):
        for g, similarity in enumerate(similarities):
            drawn = plain_draw(similarity, draws.vectors, turns, draw)
            drawn = drawn - drawn.mean()
            np.testing.assert_allclose(found[draw, g], drawn @ columns / np.linalg.norm(drawn), atol=2e-5)


def test_a_draw_keeps_the_power_of_every_two_patterns_and_nearly_morans_i():
    n = 30
    near = neighbours.great_circle(np.column_stack([np.linspace(-40, 40, n), np.linspace(0, 90, n)]))
    near = np.exp(-near / 2000)
    draws = moran.spectral(near, count=50, seed=0)
    smooth = draws.vectors[:, :4] @ np.random.default_rng(0).normal(size=(4, 3))
    turned = draws.turned().of(draws.vectors, 0, 50)
    np.testing.assert_allclose(
        turned.swapaxes(1, 2) @ turned, np.broadcast_to(np.eye(n - 1), (50, n - 1, n - 1)), atol=1e-9
    )
    loadings, order = draws.vectors.T @ smooth, draws.turned().order
    real, drawn = moran.morans_i(smooth, near).observed, []
    for each, places in zip(turned, order, strict=True):
        power = (draws.vectors.T @ each @ loadings) ** 2, loadings**2
        of_drawn, of_real = (one[places[:-1]].reshape(-1, 2, 3).sum(axis=(1, 2)) for one in power)
        np.testing.assert_allclose(of_drawn, of_real, atol=1e-9)
        drawn.append(moran.morans_i(each @ loadings, near).observed)
    assert real > 0.2
    assert np.mean(drawn) == pytest.approx(real, rel=0.1)
    shuffled = np.random.default_rng(1).permutation(smooth)
    assert abs(moran.morans_i(shuffled, near).observed) < 0.15


@pytest.mark.parametrize("seed", [8, 11])
def test_p_does_not_hang_on_the_order_of_languages_where_eigenvalues_are_multiple(seed):
    """Two families of three and eight languages alone: without new bases p goes from 0.36 to 0.81, or 0.03 to 0.30."""
    family = np.array([0, 0, 0, 1, 1, 1, *range(2, 10)])
    near = 0.6 * ((family[:, None] == family) & ~np.eye(14, dtype=bool))
    draw = np.random.default_rng(seed)
    one = np.where(np.arange(14) < 6, 0, draw.random(14) ** 4)
    other = one + 0.3 * draw.random(14)
    similarity, distance = -abs(one[:, None] - one), abs(other[:, None] - other)
    found = []
    for shuffled in range(4):
        order = np.random.default_rng(100 + shuffled).permutation(14)
        weights, *sides = (each[np.ix_(order, order)] for each in (near, similarity, distance))
        draws = moran.spectral(weights, count=1999, seed=0)
        assert draws.shared == ((2, 9), (9, 13))
        found.append(mantel(*(squareform(side)[None] for side in sides), draws).p.item())
    assert np.ptp(found) < 0.05


def test_draws_in_new_bases_are_orthonormal_and_those_of_single_eigenvalues_stay_as_they_are():
    blocks = np.kron(np.eye(4), np.ones((2, 2))) - np.eye(8)
    draws = moran.spectral(blocks, count=20, seed=0)
    turned = draws.turned().of(draws.vectors, 5, 20)
    np.testing.assert_allclose(turned.swapaxes(1, 2) @ turned, np.broadcast_to(np.eye(7), (15, 7, 7)), atol=1e-9)
    np.testing.assert_allclose(turned.sum(axis=1), 0, atol=1e-9)
    single = moran.spectral(weights(8), count=20, seed=0)
    assert single.shared == ()
    assert single.turned().bases == ()
    assert moran.spectral(np.ones((3, 3)), count=5, seed=0).count == 0


def test_morans_i_has_the_answer_counted_by_hand_and_the_mean_of_all_permutations():
    """Four in a row, 1 2 3 4: the products of neighbours are 0.75, -0.25 and 0.75, the squares 5 together."""
    row = np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1)
    assert moran.morans_i(np.arange(4.0), row).observed == pytest.approx(4 / 6 * 2 * 1.25 / 5)
    values, near = np.random.default_rng(0).random(6), weights(6)
    every = [moran.morans_i(values[list(order)], near).observed for order in permutations(range(6))]
    assert np.mean(every) == pytest.approx(moran.morans_i(values, near).expected)
    assert moran.morans_i(values, near).expected == pytest.approx(-1 / 5)


def test_eigenvectors_are_those_of_the_centred_weights_the_constant_left_out():
    near = weights(7)
    centre = np.eye(7) - 1 / 7
    vectors, values = moran.eigenvectors(near)
    np.testing.assert_allclose(centre @ near @ centre @ vectors, vectors * values, atol=1e-12)
    np.testing.assert_allclose(vectors.sum(axis=0), 0, atol=1e-12)
    assert (np.diff(values) <= 1e-12).all()


@pytest.mark.parametrize("controls", [0, 1])
def test_the_mantel_test_counts_draws_as_far_from_their_mean_as_the_real_one(controls):
    n, m = 8, 28
    rng = np.random.default_rng(0)
    similarity, distance, control = ranks(rng.random((3, 1, m)))
    draws = moran.spectral(weights(n), count=199, seed=3)
    vectors, turns = draws.vectors, draws.turned()
    span = np.column_stack([np.ones(m), *([control[0]] * controls)])
    left = [each - span @ np.linalg.lstsq(span, each, rcond=None)[0] for each in (similarity[0], distance[0])]
    real = np.corrcoef(*left)[0, 1]
    drawn = []
    for draw in range(199):
        one = plain_draw(similarity[0], vectors, turns, draw)
        drawn.append(np.corrcoef(one - span @ np.linalg.lstsq(span, one, rcond=None)[0], left[1])[0, 1])
    found = mantel(similarity, distance, draws, control if controls else None)
    assert found.rho.item() == pytest.approx(real)
    assert found.expected.item() == pytest.approx(np.mean(drawn), abs=1e-4)
    assert found.tested.item() == pytest.approx(real - np.mean(drawn), abs=1e-4)
    hits = (abs(np.array(drawn) - np.mean(drawn)) >= abs(real - np.mean(drawn))).sum()
    assert found.p.item() == pytest.approx((hits + 1) / 200, abs=0.011)


def test_a_regression_on_two_distances_tests_as_the_partial_test_does():
    one, far = table("group", {"all": weights(9)}), table("distance", {"a": weights(9, 1), "b": weights(9, 2)})
    along = neighbours.on_globe(CODES)
    beside = regression(one, far, ["a", "b"], along=along, count=99)
    partial = associations(one, far, controls=["b"], along=along, count=99)
    assert beside["p"].iloc[0] == pytest.approx(partial["p"].item(), abs=0.05)


def test_what_only_the_map_brings_about_is_found_plain_and_not_on_the_globe():
    place = pd.Series({code: i for i, code in enumerate(CODES)})
    near = pd.DataFrame(np.exp(-abs(place.to_numpy()[:, None] - place.to_numpy()) / 3), index=CODES, columns=CODES)
    hits = {"plain": 0, "globe": 0}
    root = np.linalg.cholesky(near.to_numpy())
    for seed in range(40):
        one, other = root @ np.random.default_rng(seed).normal(size=(2, 9, 3))
        tables = table("group", {"all": -squareform(pdist(one))}), table("distance", {"d": squareform(pdist(other))})
        hits["plain"] += associations(*tables, count=99)["p"].item() <= 0.05
        hits["globe"] += associations(*tables, count=99, along=near)["p"].item() <= 0.05
    assert hits["plain"] >= 2 * hits["globe"]
    assert hits["globe"] <= 7


def test_languages_of_unknown_family_or_place_are_left_out_and_named():
    for near, unknown in ((neighbours.on_tree, "epo"), (neighbours.on_globe, "tlh")):  # Esperanto, Klingon
        codes = [*CODES, unknown]
        one, far = table("group", {"all": weights(10)}, codes), table("distance", {"a": weights(10, 1)}, codes)
        row = associations(one, far, along=near(codes), count=99).iloc[0]
        assert (row["left_out"], row["languages"], row["permutations"], row["exact"]) == (unknown, 9, 99, False)
    alone = ["en", "ar", "zh", "sw"]  # nobody is nearer to anyone on the tree
    one, far = table("group", {"all": weights(4)}, alone), table("distance", {"a": weights(4, 1)}, alone)
    row = associations(one, far, along=neighbours.on_tree(alone), count=99).iloc[0]
    assert np.isnan(row["p"])
    assert (row["permutations"], np.isnan(row["rho"])) == (0, False)
    with pytest.raises(NeutralError, match="not both"):
        associations(one, far, along=neighbours.on_globe(alone), within={})


def test_a_quarter_of_the_globe_is_ten_thousand_kilometres():
    apart = neighbours.great_circle(np.array([[0, 0], [0, 90], [90, 0], [0, 180.0]]))
    np.testing.assert_allclose(apart[0], [0, 10007.557, 10007.557, 20015.115], atol=0.01)
    assert neighbours.on_tree(["en", "de", "fr", "zh"]).loc["en"].is_monotonic_decreasing


def test_draws_are_the_same_whatever_else_is_drawn():
    draws = moran.spectral(weights(8), count=50, seed=0)
    values, column = (
        np.random.default_rng(0).random((3, 28)),
        left_over(np.random.default_rng(1).random((1, 28)), one_class(28)).T,
    )
    whole, alone = draws.products(values, column), draws.products(values[1:2], column)
    np.testing.assert_allclose(whole[:, 1:2], alone, atol=1e-5)
    assert np.isnan(two_sided(np.array([np.nan]), whole[:, :1, 0], exact=False)).all()
    assert mrm(values, column.T, draws).p.shape == (3, 1)
