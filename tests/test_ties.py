"""Numbers that are equal but for rounding, against a plain loop."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from neutral.metrics import rank_correlation
from neutral.ties import ROUNDING, merged

pytestmark = pytest.mark.numeric


def plain_merged(values, within):
    found = list(values)
    rising = sorted(range(len(values)), key=lambda i: values[i])
    for before, i in pairwise(rising):
        if values[i] - values[before] <= within:
            found[i] = found[before]
    return found


@pytest.mark.parametrize("seed", range(10))
def test_merged_values_agree_with_a_plain_loop(seed):
    draw = np.random.default_rng(seed)
    values = draw.integers(-3, 4, (4, 30)) / 7 * (1 + 1e-15 * draw.integers(-3, 4, (4, 30)))
    found = merged(values)
    assert found.tolist() == [plain_merged(row, ROUNDING * abs(row).max()) for row in values]
    assert len(np.unique(found[0])) <= 7
    np.testing.assert_array_equal(merged(values.T, axis=0), found.T)
    np.testing.assert_array_equal(merged(values, within=0.2), [plain_merged(row, 0.2) for row in values])


def test_values_that_stand_alone_keep_their_bits():
    values = np.random.default_rng(0).normal(size=100)
    assert merged(values).tobytes() == values.tobytes()


def test_what_is_not_finite_stays():
    values = [np.nan, 1.0, np.inf, -np.inf, 1.0 + 1e-15, np.nan, np.inf]
    np.testing.assert_array_equal(merged(values), [np.nan, 1, np.inf, -np.inf, 1, np.nan, np.inf])
    assert merged([]).shape == (0,)
    assert merged(np.zeros((2, 0))).shape == (2, 0)
    assert merged([1e-300, 0.0, 1.0]).tolist() == [0, 0, 1]


def test_a_rank_correlation_is_scipys_with_ties_missing_values_and_rounding():
    random = np.random.default_rng(0)
    for n in (3, 5, 40):
        one, other = random.integers(0, 6, (2, n)).astype(float)
        one[0], one[1] = 0, 9
        other[0], other[1] = 9, 0
        expected = spearmanr(one, other).statistic
        columns = pd.Series(one), pd.Series(other)
        assert rank_correlation(*columns) == pytest.approx(expected)
        shaken = columns[0] * (1 + 1e-15 * random.standard_normal(n))
        assert rank_correlation(shaken, columns[1]) == pytest.approx(expected)
        ends = pd.Series([np.nan, 3.0]), pd.Series([1.0, 3.0])
        longer = [pd.concat(both) for both in zip(columns, ends, strict=True)]
        more = spearmanr(*(column.to_numpy()[[*range(n), n + 1]] for column in longer)).statistic
        assert rank_correlation(*longer) == pytest.approx(more)
    assert np.isnan(rank_correlation(pd.Series([1.0, 1.0, 1.0]), pd.Series([1.0, 2.0, 3.0])))
    assert np.isnan(rank_correlation(pd.Series([1.0, 2.0]), pd.Series([1.0, 2.0])))
