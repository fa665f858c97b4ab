"""Representation similarity: invariances, identity, independence, and direct implementations of the formulas."""

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm

from neutral.errors import MismatchError, NeutralError
from neutral.inside import representations
from neutral.inside.representations import canonical_correlations, compare, geometry

pytestmark = pytest.mark.numeric

MEASURES = representations.MEASURES


def states(n=80, d=6, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=(n, d)) @ np.diag(np.linspace(0.5, 3, d)) + 5


def related(seed=0, noise=1.0):
    first = states(seed=seed)
    mixing = np.random.default_rng(seed + 50).normal(size=(6, 7))
    return first, first @ mixing + noise * states(d=7, seed=seed + 100)


def values(first, second, **options):
    found = compare(geometry(first, **options), geometry(second, **options), shuffles=0)
    return {name: value for name, (value, _) in found.items()}


def rotation(d, seed=3):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def plain_cca(first, second):
    """Correlations and variates from the covariances: whiten both, singular values of what lies between."""
    x, y = first - first.mean(0), second - second.mean(0)
    whiten_x, whiten_y = (np.linalg.inv(np.real(sqrtm(each.T @ each))) for each in (x, y))
    left, correlations, right = np.linalg.svd(whiten_x @ x.T @ y @ whiten_y, full_matrices=False)
    return x @ whiten_x @ left, correlations, y @ whiten_y @ right.T


def plain_reduced(first, variance, most):
    """Return (n, k): projections on the principal directions that hold the variance, `most` at most."""
    x = first - first.mean(0)
    strength, directions = np.linalg.eigh(x.T @ x)
    strength, directions = strength[::-1], directions[:, ::-1]
    k = next(i for i in range(1, len(strength) + 1) if strength[:i].sum() >= variance * strength.sum() * (1 - 1e-12))
    return x @ directions[:, : min(k, most)]


def plain_svcca(first, second, variance=0.99, most=10**9):
    return plain_cca(plain_reduced(first, variance, most), plain_reduced(second, variance, most))[1].mean()


def plain_pwcca(first, second, variance=0.99, most=10**9):
    reduced = [plain_reduced(each, variance, most) for each in (first, second)]
    variates_x, correlations, variates_y = plain_cca(*reduced)
    found = []
    for variates, raw in ((variates_x, first), (variates_y, second)):
        x = raw - raw.mean(0)
        weight = [sum(abs(h @ x[:, j]) for j in range(x.shape[1])) for h in variates.T]
        found.append(sum(w * c for w, c in zip(weight, correlations, strict=True)) / sum(weight))
    return np.mean(found)


def plain_hsic(gram, other):
    """The unbiased estimator of Song et al. (2012), term by term."""
    n = len(gram)
    k, l = (each - np.diag(np.diag(each)) for each in (gram, other))  # noqa: E741
    one = np.ones(n)
    first = np.trace(k @ l)
    second = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    third = 2 / (n - 2) * (one @ k @ l @ one)
    return (first + second - third) / (n * (n - 3))


def plain_cka(first, second):
    k, l = first @ first.T, second @ second.T  # noqa: E741
    return plain_hsic(k, l) / np.sqrt(plain_hsic(k, k) * plain_hsic(l, l))


@pytest.mark.parametrize("seed", range(6))
def test_measures_agree_with_direct_implementations(seed):
    first, second = related(seed)
    found = values(first, second)
    assert found["svcca"] == pytest.approx(plain_svcca(first, second))
    assert found["pwcca"] == pytest.approx(plain_pwcca(first, second))
    assert found["cka"] == pytest.approx(plain_cka(first, second))


def test_the_cap_on_directions_agrees_with_direct_implementations():
    first, second = related()
    found = values(first, second, directions=3 / 80)
    assert geometry(first, directions=3 / 80).basis.shape == (80, 3)
    assert found["svcca"] == pytest.approx(plain_svcca(first, second, most=3))
    assert found["pwcca"] == pytest.approx(plain_pwcca(first, second, most=3))


def test_equal_sets_are_one():
    assert values(states(), states()) == pytest.approx(dict.fromkeys(MEASURES, 1))


def test_rotation_shift_and_scale_change_svcca_and_cka_not():
    first, second = related()
    before, after = values(first, second), values(3 * first @ rotation(6) - 2, second @ rotation(7) + 1)
    assert (after["svcca"], after["cka"]) == pytest.approx((before["svcca"], before["cka"]))


def test_scale_and_shift_change_pwcca_not():
    first, second = related()
    assert values(3 * first - 2, 0.1 * second)["pwcca"] == pytest.approx(values(first, second)["pwcca"])


def test_canonical_correlations_do_not_change_under_invertible_maps():
    first, second = related()
    mixing = np.random.default_rng(9).normal(size=(6, 6))
    all_of = {"variance": 1.0, "directions": 1.0}
    before = canonical_correlations(geometry(first, **all_of), geometry(second, **all_of))
    after = canonical_correlations(geometry(first @ mixing + 1, **all_of), geometry(second, **all_of))
    assert len(before) == 6
    np.testing.assert_allclose(after, before)


def test_similarity_is_the_same_both_ways():
    first, second = related()
    assert values(first, second) == pytest.approx(values(second, first))


def test_independent_sets_are_at_chance():
    found = [compare(geometry(states(264, 300, s)), geometry(states(264, 300, s + 500)), shuffles=5) for s in range(4)]
    for measure in MEASURES:
        value, chance = np.mean([each[measure] for each in found], axis=0)
        assert value == pytest.approx(chance, abs=0.01)
    assert abs(np.mean([each["cka"][0] for each in found])) < 0.01


def test_the_cap_keeps_chance_where_the_docstring_says():
    """Squared correlations of independent q-dimensional subspaces of n - 1 dimensions are q / (n - 1) in the mean."""
    first, second = (geometry(states(264, 300, seed)) for seed in (0, 1))
    assert first.basis.shape[1] == 52
    assert np.mean(canonical_correlations(first, second) ** 2) == pytest.approx(52 / 263, abs=0.01)
    assert compare(first, second)["svcca"][1] == pytest.approx(0.38, abs=0.03)


def test_without_the_cap_unrelated_sets_correlate_perfectly():
    both = [geometry(states(60, 80, seed), variance=1.0, directions=1.0) for seed in (0, 1)]
    assert canonical_correlations(*both).mean() == pytest.approx(1)


def test_biased_cka_of_unrelated_sets_is_far_above_zero():
    """Why it is debiased: with d = n the plain CKA of independent sets is about a half."""
    n = 200
    grams = []
    for seed in (0, 1):
        x = np.random.default_rng(seed).normal(size=(n, n))
        x = x - x.mean(0)
        grams.append(x @ x.T)
    plain = np.vdot(*grams) / (np.linalg.norm(grams[0]) * np.linalg.norm(grams[1]))
    assert plain > 0.4


def test_chance_is_seeded():
    both = [geometry(each) for each in related()]
    assert compare(*both, seed=1) == compare(*both, seed=1)
    assert compare(*both, seed=1) != compare(*both, seed=2)


def test_chance_is_the_mean_over_shuffled_sentences():
    first, second = related()
    draw = np.random.default_rng(7)
    orders = [draw.permutation(80) for _ in range(3)]
    found = compare(geometry(first), geometry(second), shuffles=3, seed=7)
    assert found["svcca"][1] == pytest.approx(np.mean([plain_svcca(first, second[o]) for o in orders]))
    assert found["pwcca"][1] == pytest.approx(np.mean([plain_pwcca(first, second[o]) for o in orders]))
    assert found["cka"][1] == pytest.approx(np.mean([plain_cka(first, second[o]) for o in orders]))


def test_states_that_are_all_equal_have_no_similarity():
    flat = np.full((20, 6), 0.1, dtype=np.float32)
    assert all(np.isnan(value) for value in values(flat, states(20)).values())


def test_few_or_unequal_sentences_are_refused():
    with pytest.raises(NeutralError, match="4 sentences at least; got 3"):
        geometry(states(3))
    with pytest.raises(MismatchError, match="80 and 79"):
        compare(geometry(states()), geometry(states(79)))


def test_the_table_has_a_row_a_layer():
    row = {"task": "mlm", "method": "full", "sparsity": 0.0, "seed": 0, "mask": "full", "source": "en", "target": "sw"}
    row |= {"measure": "cka", "layers": ["embeddings", "encoder 0"], "value": [0.5, 0.25], "chance": [0.0, 0.125]}
    table = representations.table(pd.DataFrame([row | {"sentences": 9}]))
    assert list(table.columns) == representations.COLUMNS
    assert table["value"].tolist() == [0.5, 0.25]
    assert table["chance"].tolist() == [0.0, 0.125]
    assert table["layer"].tolist() == ["embeddings", "encoder 0"]
    assert list(representations.table(pd.DataFrame()).columns) == representations.COLUMNS
