"""Benjamini and Hochberg's correction gives the numbers of their paper, and of SciPy."""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from neutral.association import benjamini_hochberg

PAPER = np.array(  # section 4.1 of the paper
    [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
    ]
)


def test_the_papers_example_rejects_four_of_fifteen():
    adjusted = benjamini_hochberg(PAPER)
    assert (adjusted <= 0.05).sum() == 4
    np.testing.assert_allclose(adjusted[:4], [0.0015, 0.003, 0.0095, 0.035625])
    assert adjusted[5] == adjusted[6] == PAPER[6] * 15 / 7  # never above a larger one's


def test_any_order_with_ties_as_scipy_does():
    p = np.round(np.random.default_rng(0).uniform(size=200) ** 3, 2)
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p))


def test_what_is_no_test_stays_out_and_a_series_stays_a_series():
    p = pd.Series([0.04, np.nan, 0.01], index=["a", "b", "c"], name="p")
    pd.testing.assert_series_equal(
        benjamini_hochberg(p), pd.Series([0.04, np.nan, 0.02], index=["a", "b", "c"], name="p")
    )
