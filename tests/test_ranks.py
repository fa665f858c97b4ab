"""Ranks are scipy's, which takes a second to import."""

import numpy as np
import pytest
from scipy.stats import rankdata

from neutral.association.vectors import ranks
from neutral.ties import merged


@pytest.mark.parametrize("shape", [(5,), (3, 55), (2, 3, 20), (0, 4), (3, 0), (1, 8128)])
@pytest.mark.parametrize("seed", range(10))
def test_ranks_are_those_of_scipy_with_ties_and_missing_values(shape, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 6, shape).astype(float) if seed % 2 else rng.normal(size=shape)
    if seed % 5 == 0 and values.size:
        values.flat[rng.integers(values.size)] = np.nan
    np.testing.assert_array_equal(ranks(values), rankdata(merged(values), axis=-1), strict=True)
