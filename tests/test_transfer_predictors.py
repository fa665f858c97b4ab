from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from neutral import association
from neutral.errors import NeutralError
from neutral.transfer.predictors import foretold

pytestmark = pytest.mark.numeric

CODES = ["en", "fr", "de", "ru", "hi"]


def table(square, codes=CODES, *, once=False, **more):
    """A square of ordered pairs as a table; `once` gives each unordered pair in one direction."""
    pairs = [(i, j) for i in range(len(codes)) for j in range(len(codes)) if i != j and (not once or i < j)]
    rows = [{**more, "source": codes[i], "target": codes[j], "value": square[i, j]} for i, j in pairs]
    return pd.DataFrame(rows)


def without(values, classes):
    """Take out of values what is constant in classes, by least squares with an indicator for each class."""
    design = np.column_stack([(each == one).astype(float) for each in classes for one in np.unique(each)])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def plain(cost, predictor, controls, sides):
    """The partial correlation of ranks and its exact p, a permutation at a time."""
    n = len(cost)
    off = ~np.eye(n, dtype=bool)
    places = np.nonzero(off)
    classes = [np.zeros(n * (n - 1)), *(places[["source", "target"].index(side)] for side in sides)]
    y = without(rankdata(predictor[off]), classes)
    z = np.array([without(rankdata(control[off]), classes) for control in controls]).reshape(len(controls), n * (n - 1))
    ranks = np.zeros((n, n))
    ranks[off] = rankdata(cost[off])

    def partial(order):
        x = without(ranks[np.ix_(order, order)][off], classes)
        rest = [v - z.T @ np.linalg.lstsq(z.T, v, rcond=None)[0] for v in (x, y)]
        return np.corrcoef(*rest)[0, 1]

    found = np.array([partial(list(order)) for order in permutations(range(n))])
    return found[0], np.mean(abs(found) >= abs(found[0]) - 1e-9)


@pytest.mark.parametrize("sides", [(), ("target",), ("source", "target")])
def test_ordered_pairs_are_correlated_as_a_plain_loop_does(sides):
    rng = np.random.default_rng(0)
    for _ in range(4):
        cost, one, other = rng.standard_normal((3, 5, 5))
        one, other = one + cost, (other + other.T).round(1)  # the second is symmetric and has ties
        found = foretold(
            table(cost),
            pd.concat([table(one, predictor="one"), table(other, predictor="other", once=True)]),
            apart=sides,
        )
        assert found["held"].tolist() == ["", "other", "", "one"]
        expected = [(one, ()), (one, (other,)), (other, ()), (other, (one,))]
        for row, (predictor, controls) in zip(found.itertuples(), expected, strict=True):
            rho, p = plain(cost, predictor, controls, sides)
            assert row.rho == row.tested == pytest.approx(rho)
            assert row.p == pytest.approx(p)
            assert (row.permutations, row.exact, row.languages, row.pairs) == (120, True, 5, 20)


def test_of_symmetric_costs_it_is_the_mantel_test():
    rng = np.random.default_rng(1)
    cost, near = rng.standard_normal((2, 5, 5))
    cost, near = cost + cost.T, near + near.T
    for within in (None, {"en": 1, "fr": 1, "de": 1, "ru": 2, "hi": 2}):
        ours = foretold(table(cost), table(near, predictor="near"), within=within).iloc[0]
        theirs = association.associations(
            table(cost, once=True, group="all"), table(near, once=True, distance="near"), within=within
        ).iloc[0]
        assert (ours["rho"], ours["tested"], ours["p"]) == pytest.approx((theirs["rho"], theirs["tested"], theirs["p"]))
    off = np.triu_indices(5, 1)
    assert ours["rho"] == pytest.approx(spearmanr(cost[off], near[off]).statistic)


def test_what_a_target_loses_with_any_mask_is_no_pair():
    """The costs are the targets' own: a predictor of targets foretells them, and nothing of pairs."""
    rng = np.random.default_rng(2)
    codes = [f"l{i}" for i in range(9)]
    own = rng.permutation(9).astype(float)
    cost = own[None, :] + 0.01 * rng.standard_normal((9, 9))
    hard = table(np.tile(own, (9, 1)), codes, predictor="hard")
    pairs = table(rng.standard_normal((9, 9)), codes, predictor="pairs")
    alone = foretold(table(cost, codes), hard, count=199).iloc[0]
    assert alone["rho"] > 0.9
    assert alone["p"] == pytest.approx(1 / 200)
    apart = foretold(table(cost, codes), pd.concat([hard, pairs]), apart=["target"], count=199)
    assert np.isnan(apart.set_index(["predictor", "held"]).loc[("hard", ""), "rho"])
    assert apart.set_index(["predictor", "held"]).loc[("pairs", ""), "p"] > 0.01


@pytest.mark.long
def test_unrelated_predictors_are_found_as_often_as_stated():
    rng = np.random.default_rng(3)
    codes = [f"l{i}" for i in range(7)]
    found = []
    for _ in range(300):
        effects = 2 * rng.standard_normal((4, 7, 1))  # of sources and targets, in both
        cost, other = (rng.standard_normal((7, 7)) + effects[i] + effects[i + 1].T for i in (0, 2))
        predictor = table(other, codes, predictor="other")
        found.append(foretold(table(cost, codes), predictor, apart=["target"], count=99).iloc[0]["p"])
    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.09


def test_languages_without_a_value_are_left_out_and_few_are_not_tested():
    rng = np.random.default_rng(4)
    cost, near = rng.standard_normal((2, 5, 5))
    near[0, 4] = near[4, 0] = np.nan
    found = foretold(table(cost), table(near, predictor="near")).iloc[0]
    assert (found["languages"], found["pairs"], found["permutations"]) == (4, 12, 24)
    found = foretold(table(cost[:3, :3], CODES[:3]), table(near, predictor="near")).iloc[0]
    assert np.isnan(found["rho"])
    assert found["permutations"] == 0


def test_what_cannot_be_is_said():
    cost = table(np.eye(5))
    with pytest.raises(NeutralError, match="no side 'mask'"):
        foretold(cost, table(np.eye(5), predictor="near"), apart=["mask"])
    with pytest.raises(NeutralError, match="there is no predictor"):
        foretold(cost, cost)
    with pytest.raises(NeutralError, match="nothing to foretell"):
        foretold(cost, table(np.eye(5), predictor="near").iloc[:0])
