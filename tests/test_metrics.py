"""Metrics as functions of sums, against scikit-learn and SciPy, also over resampled examples."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from neutral.bootstrap import gain_interval
from neutral.metrics import METRICS, parts_of

BY_OTHERS = {
    "accuracy": lambda predicted, true: accuracy_score(true, predicted),
    "f1": lambda predicted, true: f1_score(true, predicted, zero_division=0),
    "matthews": lambda predicted, true: matthews_corrcoef(true, predicted),
    "pearson": lambda predicted, true: pearsonr(predicted, true)[0],
    "spearman": lambda predicted, true: spearmanr(predicted, true)[0],
}


def drawn(name, draw):
    """Predictions and truth: classes, or numbers with ties, far from 0."""
    n = int(draw.integers(4, 40))
    if name in ("pearson", "spearman"):
        true = draw.normal(size=n).round(1) + 1000
        return (true + draw.normal(size=n)).round(0), true
    return draw.integers(0, 2, n), draw.integers(0, 2, n)


@pytest.mark.filterwarnings("ignore")  # of constant samples
@pytest.mark.parametrize("name", list(BY_OTHERS))
def test_a_metric_is_what_others_compute_also_of_a_resample(name):
    draw = np.random.default_rng(0)
    for _ in range(25):
        predicted, true = drawn(name, draw)
        parts = parts_of(name, predicted, true)
        counts = draw.multinomial(len(true), np.full(len(true), 1 / len(true)), size=3)
        again = [np.repeat(np.arange(len(true)), count) for count in counts]
        expected = [BY_OTHERS[name](predicted[which], true[which]) for which in [np.arange(len(true)), *again]]
        measured = [METRICS[name].over(parts), *METRICS[name].over(parts, counts)]
        np.testing.assert_allclose(measured, expected, atol=1e-9)


def test_classes_that_are_never_predicted_give_no_error():
    zeros, true = np.zeros(4), np.array([0, 1, 1, 0])
    assert METRICS["matthews"].over(parts_of("matthews", zeros, true)) == 0
    assert METRICS["f1"].over(parts_of("f1", zeros, true)) == 0
    assert np.isnan(METRICS["spearman"].over(parts_of("spearman", zeros, true)))


def test_the_paired_bootstrap_ranks_anew_in_every_sample():
    draw = np.random.default_rng(1)
    true = draw.normal(size=25)
    pair = [parts_of("spearman", true + noise * draw.normal(size=25), true) for noise in (0.3, 2.0)]
    gain, low, high, _ = gain_interval("spearman", [tuple(pair)], repeats=300, seed=4)
    counts = np.random.default_rng(4).multinomial(25, np.full(25, 1 / 25), size=300)
    plain = []
    for count in counts:
        which = np.repeat(np.arange(25), count)
        first, second = (spearmanr(*parts[which].T)[0] for parts in pair)
        plain.append(first - second)
    assert gain == pytest.approx(spearmanr(*pair[0].T)[0] - spearmanr(*pair[1].T)[0])
    assert (low, high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])))
