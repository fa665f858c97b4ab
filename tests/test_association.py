"""Association of similarities with distances: against plain versions, hand counts and published values."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from neutral.association import ASSOCIATIONS, REGRESSION, associations, holm, orders, regression
from neutral.association.mantel import mantel
from neutral.association.mrm import mrm
from neutral.association.squares import complete
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

CODES = ["en", "de", "fr", "es", "ar", "zh"]
BLOCKS = {"en": "I", "de": "I", "fr": "I", "es": "I", "ar": "A", "zh": "S"}


def tidy(by, squares, codes=CODES):
    rows = [
        (name, a, b, square[codes.index(a)][codes.index(b)])
        for name, square in squares.items()
        for a, b in combinations(codes, 2)
    ]
    return pd.DataFrame(rows, columns=[by, "source", "target", "value"])


def square(seed, n=6, levels=None):
    """Random symmetric numbers; of few `levels`, so with ties."""
    rng = np.random.default_rng(seed)
    values = rng.random((n, n)) if levels is None else rng.integers(0, levels, (n, n)).astype(float)
    return np.triu(values, 1) + np.triu(values, 1).T


def pairs(matrix, order=None):
    matrix = np.asarray(matrix)
    if order is not None:
        matrix = matrix[np.ix_(order, order)]
    return matrix[np.triu_indices(len(matrix), 1)]


def residual(vector, columns):
    return vector - columns @ np.linalg.lstsq(columns, vector, rcond=None)[0]


def means_of(blocks, codes=CODES):
    """One column a pair of blocks; of a single block that is the constant."""
    named = [tuple(sorted((blocks[a], blocks[b]))) for a, b in combinations(codes, 2)]
    return np.array([[name == other for other in dict.fromkeys(named)] for name in named], dtype=float)


def plain_partial(similarity, distance, controls, columns, order):
    """The correlation that is tested, by least squares, after permuting the similarity."""
    x = rankdata(pairs(similarity, order))
    full = np.column_stack([columns, *(rankdata(pairs(control)) for control in controls)])
    return np.corrcoef(residual(x, full), residual(rankdata(pairs(distance)), full))[0, 1]


def plain_t(similarity, distances, columns, order):
    """Coefficients over their standard errors, and R², of the ordinary least squares in ranks."""
    y = residual(rankdata(pairs(similarity, order)), columns)
    x = np.column_stack([residual(rankdata(pairs(distance)), columns) for distance in distances])
    inverse = np.linalg.inv(x.T @ x)
    b = inverse @ x.T @ y
    error = ((y - x @ b) ** 2).sum()
    free = len(y) - columns.shape[1] - x.shape[1]
    return b / np.sqrt(np.diag(inverse) * error / free), 1 - error / (y**2).sum()


def plain_orders(blocks, codes=CODES):
    return [
        order
        for order in permutations(range(len(codes)))
        if all(blocks[codes[i]] == blocks[codes[place]] for place, i in enumerate(order))
    ]


def test_languages_on_a_line_have_the_p_value_counted_by_hand():
    """Of 24 orders two keep all distances on a line, as they are and mirrored, and none turns them round."""
    place = np.arange(4)
    line = abs(place[:, None] - place)
    table = associations(tidy("group", {"all": -line}, CODES[:4]), tidy("distance", {"road": line}, CODES[:4]))
    row = table.iloc[0]
    assert (row["rho"], row["p"], row["permutations"], row["exact"]) == (pytest.approx(-1), 2 / 24, 24, True)
    assert (row["languages"], row["pairs"], row["left_out"]) == (4, 6, "")


def test_the_example_of_the_package_mantel_is_reproduced():
    """Documentation and tests of jwcarr/mantel 2.2: Pearson's and Spearman's correlation; of 24 orders one is as high.

    The lowest of Pearson's is -0.68, so that two sides have the p of one.
    """
    one, other = np.array([[0.2, 0.4, 0.3, 0.6, 0.9, 0.4]]), np.array([[0.3, 0.3, 0.2, 0.7, 0.8, 0.3]])
    every = orders(CODES[:4])
    assert mantel(one, other, every).rho.item() == pytest.approx(0.8316554899054915, abs=1e-12)
    values = mrm(one, other, every, by_ranks=False)
    assert values.beta.item() == pytest.approx(0.9148936170212766, abs=1e-12)
    assert (values.p.item(), values.r2_p.item()) == (pytest.approx(1 / 24), pytest.approx(1 / 24))


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("controls", [0, 1, 2])
@pytest.mark.parametrize("blocks", [None, BLOCKS])
def test_mantel_agrees_with_a_plain_one(levels, controls, blocks):
    similarity, distance, *held = (square(seed, levels=levels) for seed in range(2 + controls))
    all_in_one = dict.fromkeys(CODES, "")
    columns, every = means_of(blocks or all_in_one), plain_orders(blocks or all_in_one)
    permuted = np.array([plain_partial(similarity, distance, held, columns, order) for order in every])
    expected = permuted[0]
    names = [f"control {i}" for i in range(controls)]
    distances = {"distance": distance, **dict(zip(names, held, strict=True))}
    table = associations(tidy("group", {"all": similarity}), tidy("distance", distances), within=blocks, controls=names)
    row = table.iloc[0]
    assert row["tested"] == pytest.approx(expected)
    assert row["p"] == np.mean(abs(permuted) >= abs(expected) - 1e-9)
    assert row["rho"] == pytest.approx(
        plain_partial(similarity, distance, held, means_of(all_in_one), range(len(CODES)))
    )
    assert row["permutations"] == len(every) == (24 if blocks else 720)


def test_rho_is_spearmans_whatever_is_permuted():
    similarity, distance = square(0), square(1, levels=3)
    expected = spearmanr(pairs(similarity), pairs(distance)).statistic
    for within in (None, BLOCKS):
        table = associations(tidy("group", {"all": similarity}), tidy("distance", {"d": distance}), within=within)
        assert table["rho"].item() == pytest.approx(expected)


def test_what_is_expected_within_families_is_the_mean_over_the_permutations():
    similarity, distance = square(0), square(1, levels=3)
    tables = tidy("group", {"all": similarity}), tidy("distance", {"d": distance})
    every = [spearmanr(pairs(similarity, order), pairs(distance)).statistic for order in plain_orders(BLOCKS)]
    row = associations(*tables, within=BLOCKS).iloc[0]
    assert row["expected"] == pytest.approx(np.mean(every))
    assert row["p"] == np.mean(abs(every - np.mean(every)) >= abs(every[0] - np.mean(every)) - 1e-9)
    assert associations(*tables)["expected"].item() == pytest.approx(0, abs=1e-12)


def test_residuals_are_permuted_when_asked():
    similarity, distance, control = (square(seed) for seed in range(3))
    constant = np.ones((15, 1))
    full = np.column_stack([constant, rankdata(pairs(control))])
    left = np.zeros((6, 6))
    left[np.triu_indices(6, 1)] = residual(rankdata(pairs(similarity)), full)
    left += left.T
    right = residual(rankdata(pairs(distance)), full)
    every = [np.corrcoef(residual(pairs(left, o), full), right)[0, 1] for o in permutations(range(6))]
    one, other, held = (pairs(s)[None] for s in (similarity, distance, control))
    found = mantel(one, other, orders(CODES), held, residuals=True)
    assert found.p.item() == np.mean(np.abs(every) >= abs(every[0]) - 1e-9)


@pytest.mark.parametrize("blocks", [None, BLOCKS])
def test_the_regression_agrees_with_a_plain_one(blocks):
    similarity, *distances = (square(seed) for seed in range(3))
    all_in_one = dict.fromkeys(CODES, "")
    every = plain_orders(blocks or all_in_one)
    fits = [plain_t(similarity, distances, means_of(blocks or all_in_one), order) for order in every]
    t, r2 = np.array([fit[0] for fit in fits]), np.array([fit[1] for fit in fits])
    table = regression(
        tidy("group", {"all": similarity}),
        tidy("distance", dict(zip("ab", distances, strict=True))),
        "ab",
        within=blocks,
    )
    np.testing.assert_allclose(table["p"], (abs(t) >= abs(t[0]) - 1e-9).mean(axis=0))
    assert table["r2_p"].tolist() == [np.mean(r2 >= r2[0] - 1e-9)] * 2
    y, x = (
        np.array([(v - v.mean()) / v.std() for v in map(rankdata, map(pairs, squares))])
        for squares in ([similarity], distances)
    )
    beta = np.linalg.lstsq(x.T, y[0], rcond=None)[0]
    np.testing.assert_allclose(table["beta"], beta)
    np.testing.assert_allclose(table["r2"], 1 - ((y[0] - beta @ x) ** 2).mean())
    if blocks is None:
        np.testing.assert_allclose(table["tested"], beta)


@pytest.mark.parametrize("blocks", [None, BLOCKS])
def test_a_regression_on_two_distances_tests_as_the_partial_mantel_test_does(blocks):
    similarity = tidy("group", {"all": square(0)})
    distances = tidy("distance", {"a": square(1), "b": square(2)})
    beside = regression(similarity, distances, ["a", "b"], within=blocks, count=99)
    partial = associations(similarity, distances, controls=["b"], within=blocks, count=99)
    assert beside["p"].iloc[0] == partial["p"].item()
    assert partial["distance"].tolist() == ["a"]  # the control itself is left out


@pytest.mark.parametrize("blocks", [None, BLOCKS])
def test_p_is_exact_when_every_order_of_the_data_is_as_likely(blocks):
    """Over all orders that data can come in, p ≤ α for a share of at most α, and of just α without ties."""
    codes = CODES[:5] if blocks is None else CODES
    every = orders(codes, within=blocks)
    least = np.arange(1, len(every) + 1) / len(every)
    one, other = pairs(square(3, len(codes)))[every.pairs()], pairs(square(4, len(codes)))[None]
    np.testing.assert_allclose(np.sort(mrm(one, other, every, by_ranks=False).p[:, 0]), least)
    for levels in (None, 2):  # ranks tie now and then, two levels often
        one = pairs(square(3, len(codes), levels))[every.pairs()]
        assert (np.sort(mantel(one, other, every).p[:, 0]) >= least - 1e-12).all()


def test_draws_come_close_to_all_permutations_and_count_the_observed_one():
    similarity, distances = tidy("group", {"all": square(5)}), tidy("distance", {"d": square(6)})
    exact = associations(similarity, distances, count=719).iloc[0]
    drawn = associations(similarity, distances, count=718).iloc[0]
    assert (exact["permutations"], exact["exact"]) == (720, True)
    assert (drawn["permutations"], drawn["exact"]) == (718, False)
    assert drawn["p"] == pytest.approx(exact["p"], abs=0.06)
    assert round(drawn["p"] * 719) == pytest.approx(drawn["p"] * 719)
    assert associations(similarity, distances, count=718).equals(associations(similarity, distances, count=718))
    line = np.arange(10)
    perfect = abs(line[:, None] - line)
    codes = list("abcdefghij")
    few = associations(tidy("group", {"all": -perfect}, codes), tidy("distance", {"d": perfect}, codes), count=99)
    assert few["p"].item() == 1 / 100  # never 0


def test_only_languages_of_one_block_are_exchanged():
    many = orders(CODES, within=BLOCKS)
    assert (len(many), many.exact, many.smallest) == (24, True, 1 / 24)
    assert sorted(map(tuple, many.array)) == sorted(plain_orders(BLOCKS))
    assert many.array[0].tolist() == list(range(6))
    two = orders(CODES, within={**BLOCKS, "ar": "A", "zh": "A"})
    assert len(two) == 48
    drawn = orders(CODES, within=BLOCKS, count=10)
    assert (drawn.array.shape, drawn.exact, drawn.smallest) == ((10, 6), False, 1 / 11)
    assert (drawn.array[:, 4:] == [4, 5]).all()
    assert (np.sort(drawn.array) == np.arange(6)).all()
    assert len(orders(CODES, within={"en": "I", "de": "I"})) == 2  # who has no block stays


def test_permutations_of_pairs_can_be_taken_some_at_a_time():
    every = orders(list("abcde"))
    assert np.array_equal(every.pairs(7, 30), every.pairs()[7:30])
    assert np.array_equal(np.concatenate([every.pairs(i, i + 50) for i in range(0, 120, 50)]), every.pairs())


def test_pairs_move_as_rows_and_columns_do():
    values = square(0)
    every = orders(CODES)
    moved = pairs(values)[every.pairs()]
    for order, vector in zip(every.array[::97], moved[::97], strict=True):
        np.testing.assert_array_equal(vector, pairs(values, order))


def test_draws_are_uniform():
    drawn = orders("abcdefgh", count=8000, seed=1).array
    counts = np.array([np.bincount(column, minlength=8) for column in drawn.T])
    assert abs(counts - 1000).max() < 150  # five standard deviations


def test_without_anything_to_exchange_there_is_no_p():
    similarity, distances = tidy("group", {"all": square(0)}), tidy("distance", {"a": square(1), "b": square(2)})
    alone = {code: code for code in CODES}
    for table in (
        associations(similarity, distances, within=alone),
        regression(similarity, distances, ["a", "b"], within=alone),
    ):
        assert table["p"].isna().all()
        assert table["holm"].isna().all()
        assert (table["permutations"] == 0).all()
        assert not table["exact"].any()
    assert associations(similarity, distances, within=alone)["rho"].notna().all()


def test_a_distance_that_no_permutation_changes_has_no_p():
    between = np.array([[0 if BLOCKS[a] == BLOCKS[b] else 1 for a in CODES] for b in CODES])
    table = associations(tidy("group", {"all": square(0)}), tidy("distance", {"family": between}), within=BLOCKS)
    assert not np.isnan(table["rho"].item())
    assert np.isnan(table["p"].item())
    assert table["permutations"].item() == 0


def test_what_is_constant_has_no_correlation_and_takes_no_part_in_holms_correction():
    same = np.ones((6, 6)) / 3 + np.triu(np.full((6, 6), 1e-16), 1)  # equal up to rounding
    table = associations(
        tidy("group", {"0": square(0), "1": same}), tidy("distance", {"a": square(1), "same": same, "b": square(2)})
    )
    assert table[["group", "distance"]].to_numpy().tolist() == [[g, d] for g in "01" for d in ("a", "same", "b")]
    there = table["rho"].notna()
    assert there.tolist() == [True, False, True, False, False, False]
    assert table["p"].notna().equals(there)
    np.testing.assert_allclose(table.loc[there, "holm"], holm(table.loc[there, "p"]))
    fitted = regression(
        tidy("group", {"0": square(0)}), tidy("distance", {"a": square(1), "same": same}), ["a", "same"]
    )
    assert fitted["beta"].notna().tolist() == [True, False]
    alone = regression(tidy("group", {"0": square(0)}), tidy("distance", {"a": square(1)}), ["a"])
    assert fitted["r2"].iloc[0] == pytest.approx(alone["r2"].item())


def test_languages_without_a_distance_are_left_out_and_named():
    lacking = square(1)
    lacking[4, :] = lacking[:, 4] = np.nan  # Arabic is not known
    lacking[0, 5] = lacking[5, 0] = np.nan  # nor English with Chinese: of two, the last goes
    similarity = tidy("group", {"0": square(0), "1": square(3)})
    distances = tidy("distance", {"a": square(2), "b": lacking})
    table = associations(similarity, distances)
    assert table["left_out"].tolist() == ["", "ar, zh", "", "ar, zh"]
    assert table["languages"].tolist() == [6, 4, 6, 4]
    assert table["pairs"].tolist() == [15, 6, 15, 6]
    fewer = associations(
        tidy("group", {"0": square(0)[:4, :4]}, CODES[:4]), tidy("distance", {"b": lacking[:4, :4]}, CODES[:4])
    )
    assert table["rho"].iloc[1] == pytest.approx(fewer["rho"].item())
    assert table["p"].iloc[1] == fewer["p"].item()
    controlled = associations(similarity, distances, controls=["b"])
    assert controlled["left_out"].tolist() == ["ar, zh"] * 2
    fitted = regression(similarity, distances, ["a", "b"])
    assert fitted["left_out"].unique().tolist() == ["ar, zh"]
    hole = associations(similarity[similarity["target"] != "zh"], distances.assign(value=1.0 * distances.index))
    assert set(hole["languages"]) == {5}  # a language that only the distances know is none of these


def test_the_language_with_most_missing_pairs_is_dropped_first():
    missing = np.zeros((5, 5), dtype=bool)
    missing[1, [0, 2, 3]] = missing[[0, 2, 3], 1] = True
    assert complete(missing).tolist() == [0, 2, 3, 4]
    assert complete(np.zeros((3, 3), dtype=bool)).tolist() == [0, 1, 2]
    assert complete(~np.eye(4, dtype=bool)).tolist() == [0]


@pytest.mark.parametrize("n", [0, 2, 3])
def test_too_few_languages_give_no_numbers_but_rows(n):
    codes = CODES[:n]
    similarity = tidy("group", {"all": square(0, n)}, codes)
    distances = tidy("distance", {"d": square(1), "e": square(2)})
    for table in (associations(similarity, distances), regression(similarity, distances, ["d", "e"])):
        assert len(table) == (2 if n else 0)
        assert table["p"].isna().all()
        assert (table["languages"] == n).all()


def test_pairs_in_both_directions_count_by_their_mean_and_order_does_not_matter():
    asymmetric = np.random.default_rng(0).random((6, 6))
    both = pd.DataFrame(
        [("all", a, b, asymmetric[i, j]) for i, a in enumerate(CODES) for j, b in enumerate(CODES)],
        columns=["group", "source", "target", "value"],
    )
    distances = tidy("distance", {"d": square(1)})
    once = tidy("group", {"all": (asymmetric + asymmetric.T) / 2})
    assert associations(both, distances).equals(associations(once, distances))
    turned = distances.rename(columns={"source": "target", "target": "source"}).sample(frac=1, random_state=0)
    assert associations(once, turned).equals(associations(once, distances))


def test_many_groups_at_once_are_as_each_alone():
    squares = {str(i): square(i) for i in range(5)}
    distances = tidy("distance", {"a": square(8), "b": square(9), "c": square(10)})
    together = associations(tidy("group", squares), distances, controls=["c"], within=BLOCKS)
    fitted = regression(tidy("group", squares), distances, ["a", "b"])
    for name, values in squares.items():
        one = associations(tidy("group", {name: values}), distances, controls=["c"], within=BLOCKS)
        pd.testing.assert_frame_equal(
            together[together["group"] == name].drop(columns="holm").reset_index(drop=True), one.drop(columns="holm")
        )
        one = regression(tidy("group", {name: values}), distances, ["a", "b"])
        pd.testing.assert_frame_equal(
            fitted[fitted["group"] == name].drop(columns="holm").reset_index(drop=True), one.drop(columns="holm")
        )
    assert tuple(together.columns) == ASSOCIATIONS
    assert tuple(fitted.columns) == REGRESSION


def test_a_true_association_is_found_and_only_that():
    rng = np.random.default_rng(0)
    codes = list("abcdefghijk")
    squares = {name: square(seed, 11) for seed, name in enumerate(("true", "other", "third"))}
    noise = rng.normal(0, 0.05, (11, 11))
    similar = 1 - squares["true"] + (noise + noise.T)
    families = dict.fromkeys(codes[:8], "large")
    for within in (None, families):
        table = associations(tidy("group", {"all": similar}, codes), tidy("distance", squares, codes), within=within)
        assert (table["holm"] < 0.001).tolist() == [True, False, False]
        assert table["rho"].iloc[0] < -0.9
        fitted = regression(
            tidy("group", {"all": similar}, codes), tidy("distance", squares, codes), squares, within=within
        )
        assert (fitted["holm"] < 0.001).tolist() == [True, False, False]
        assert fitted["r2_p"].iloc[0] < 0.001


def test_what_the_families_bring_about_is_not_found_within_them():
    """Relatives are alike in both, and there is nothing else: the correlation of all pairs is no evidence within."""
    near = np.array([[0 if BLOCKS[a] == BLOCKS[b] else 5 for a in CODES] for b in CODES])
    similarity, distances = tidy("group", {"all": square(20) - near}), tidy("distance", {"d": near + square(21)})
    assert associations(similarity, distances)["p"].item() < 0.06
    inside = associations(similarity, distances, within=BLOCKS)
    assert inside["rho"].item() < -0.6
    assert abs(inside["tested"].item()) < 0.5
    assert inside["p"].item() > 0.1


def test_distances_that_follow_from_one_another_are_named():
    a, b = square(1), square(2)
    distances = tidy("distance", {"a": a, "b": b, "twice a": 2 * a})
    with pytest.raises(NeutralError, match=r"a, twice a follow from one another; leave one of them out"):
        regression(tidy("group", {"all": square(0)}), distances, ["a", "b", "twice a"])


def test_holm_has_the_known_answer_and_leaves_out_what_is_no_test():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    series = holm(pd.Series([0.6, np.nan, 0.5, 0.01], index=list("abcd"), name="p"))
    assert (series.name, list(series.index)) == ("p", list("abcd"))
    np.testing.assert_allclose(series, [1, np.nan, 1, 0.03])
    assert holm(np.array([])).size == 0


def test_mistakes_are_said_in_one_line():
    similarity, distances = tidy("group", {"all": square(0)}), tidy("distance", {"a": square(1), "b": square(2)})
    with pytest.raises(NeutralError, match="no distance 'c' in the table; there are a, b"):
        associations(similarity, distances, controls=["c"])
    with pytest.raises(NeutralError, match="no distance 'c'"):
        regression(similarity, distances, ["c"])
    with pytest.raises(NeutralError, match="at least one distance"):
        regression(similarity, distances, [])
    with pytest.raises(NeutralError, match="there is no group"):
        associations(similarity.drop(columns="group"), distances)
    with pytest.raises(NeutralError, match="there is no distance"):
        associations(similarity, distances.rename(columns={"distance": "kind"}))
    with pytest.raises(NeutralError, match="at least 1"):
        associations(similarity, distances, count=0)
