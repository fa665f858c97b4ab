"""Mixed models of pairs: against the plain formula, statsmodels, and simulated languages whose effects are known."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import pdist
from scipy.stats import kstest

from neutral.association.mixed import mixed, separate, standardised
from neutral.association.mlpe import COMPARED, EXPLAINED, MEANING, NULL, compared, explained
from neutral.association.newton import minima
from neutral.association.pairs import pairs, sums
from neutral.association.reml import fitted
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

CODES = [f"l{i}" for i in range(12)]
FAMILIES = dict(zip(CODES, "aaaaabbbccde", strict=True))
AREAS = dict(zip(CODES, "xxxyyyyyyzzz", strict=True))
BLOCKS = {"family": FAMILIES, "area": AREAS}


def designs(codes, blocks):
    """What pairs share, said line by line: one matrix of ones and zeros (m, columns) an effect."""
    couples = list(combinations(codes, 2))
    matrices = [np.array([[code in couple for code in codes] for couple in couples], dtype=float)]
    for block in blocks.values():
        names = [tuple(sorted((block[a], block[b]))) for a, b in couples]
        matrices.append(np.array([[name == other for other in sorted(set(names))] for name in names], dtype=float))
    return matrices


def plain(y, x, matrices, phi, restricted):
    """Deviance, coefficients, standard errors and log-likelihood by the formulas, with the whole covariance."""
    m, p = x.shape
    v = np.eye(m) + sum(f**2 * z @ z.T for f, z in zip(phi, matrices, strict=True))
    inverse = np.linalg.inv(v)
    information = x.T @ inverse @ x
    beta = np.linalg.solve(information, x.T @ inverse @ y)
    rss = (y - x @ beta) @ inverse @ (y - x @ beta)
    free = m - p * restricted
    logs = np.linalg.slogdet(v)[1] + restricted * np.linalg.slogdet(information)[1]
    deviance = free * np.log(rss) + logs
    se = np.sqrt(np.diag(np.linalg.inv(information)) * rss / free)
    return deviance, beta, se, -0.5 * (deviance + free * (1 + np.log(2 * np.pi / free)))


def lowered(phi, y, x, matrices, restricted):
    return plain(y, x, matrices, phi, restricted)[0]


def drawn(rng, count, deviations, codes=CODES, blocks=BLOCKS):
    """Draw similarities (count, m) with effects of these standard deviations, beside 1 for the residual."""
    matrices = designs(codes, blocks)
    noise = rng.normal(size=(count, len(matrices[0])))
    return noise + sum(
        d * rng.normal(size=(count, z.shape[1])) @ z.T for d, z in zip(deviations, matrices, strict=True)
    )


def tidy(by, vectors, codes=CODES):
    parts = []
    for name, vector in vectors.items():
        source, target = zip(*combinations(codes, 2), strict=True)
        parts.append(pd.DataFrame({by: name, "source": source, "target": target, "value": vector}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("blocks", [{}, {"family": FAMILIES}, BLOCKS])
def test_a_fit_is_that_of_the_dense_covariance(restricted, blocks):
    rng = np.random.default_rng(len(blocks))
    shared, matrices = pairs(CODES, blocks), designs(CODES, blocks)
    x = np.vstack([np.ones(shared.m), rng.normal(size=(2, shared.m))])
    y = np.vstack([drawn(rng, 1, rng.uniform(0, 1.5, 1 + len(blocks)), blocks=blocks) for _ in range(3)])
    fits = fitted(sums(shared, x, y), restricted=restricted)
    for row in range(3):
        deviance, beta, se, loglik = plain(y[row], x.T, matrices, fits.phi[row], restricted)
        np.testing.assert_allclose(fits.beta[row], beta, atol=1e-9)
        np.testing.assert_allclose(fits.se[row], se, atol=1e-9)
        np.testing.assert_allclose(fits.loglik[row], loglik, atol=1e-8)
        starts = ([0.5] * len(matrices), [0.05, 1, 0.1][: len(matrices)], [1, 0.1, 1][: len(matrices)])
        bounds, told = [(0, None)] * len(matrices), (y[row], x.T, matrices, restricted)
        best = min(minimize(lowered, start, told, bounds=bounds).fun for start in starts)
        assert deviance <= best + 1e-5


def test_a_fit_is_that_of_statsmodels():
    from statsmodels.regression.mixed_linear_model import MixedLM

    rng = np.random.default_rng(4)
    codes = [f"l{i}" for i in range(16)]
    blocks = {"family": {code: i // 3 for i, code in enumerate(codes)}}
    shared, matrices = pairs(codes, blocks), designs(codes, blocks)
    x = rng.normal(size=(1, shared.m))
    y = drawn(rng, 1, (1, 1), codes, blocks) + 0.4 * x
    names = [f"c{i}" for i in range(len(codes))]
    data = pd.DataFrame(matrices[0], columns=names).assign(y=y[0], x=x[0], family=matrices[1].argmax(axis=1), one=1)
    effects = {"language": f"0 + {' + '.join(names)}", "family": "0 + C(family)"}
    model = MixedLM.from_formula("y ~ x", groups="one", vc_formula=effects, data=data)
    added = sums(shared, np.vstack([np.ones(shared.m), x]), y)
    for restricted in (True, False):
        ours, theirs = fitted(added, restricted=restricted), model.fit(reml=restricted)
        np.testing.assert_allclose(ours.beta[0], theirs.fe_params, atol=1e-4)
        np.testing.assert_allclose(ours.se[0], theirs.bse_fe, atol=1e-3)
        variances = dict(zip(model.exog_vc.names, theirs.vcomp, strict=True))
        np.testing.assert_allclose(
            ours.variances[0], [variances["language"], variances["family"], theirs.scale], atol=2e-3
        )
        if not restricted:
            assert ours.loglik[0] == pytest.approx(theirs.llf, abs=1e-3)


def test_three_eigenspaces_make_up_the_covariance_without_blocks():
    shared = pairs(CODES)
    z = designs(CODES, {})[0]
    values = np.linalg.eigvalsh(np.eye(shared.m) + 0.7**2 * z @ z.T)
    rounded, counts = np.unique(values.round(8), return_counts=True)
    assert counts.tolist() == [12 * 9 / 2, 11, 1]
    np.testing.assert_allclose(rounded, [1, 1 + 10 * 0.49, 1 + 22 * 0.49])
    added = sums(shared, np.ones((1, shared.m)), np.ones((1, shared.m)))
    weights, logs = added.weights(np.array([0.7]))
    inner = (weights @ added.inner.reshape(2, -1)).reshape(2, 2)[0, 0] * 0.49 + 1
    assert logs + np.log(inner) == pytest.approx(np.log(values).sum())


def test_known_effects_come_back():
    rng = np.random.default_rng(0)
    codes = [f"l{i}" for i in range(40)]
    blocks = {"family": {code: i // 4 for i, code in enumerate(codes)}}
    shared = pairs(codes, blocks)
    x = rng.normal(size=(1, shared.m))
    y = drawn(rng, 200, (0.8, 0.6), codes, blocks) + 0.05 * x
    fits = fitted(sums(shared, np.vstack([np.ones(shared.m), x]), y), restricted=True, degrees=True)
    np.testing.assert_allclose(fits.variances.mean(axis=0), [0.64, 0.36, 1], atol=0.03)
    assert fits.beta[:, 1].mean() == pytest.approx(0.05, abs=0.006)
    inside = abs(fits.beta[:, 1] - 0.05) < 1.96 * fits.se[:, 1]
    assert 0.91 < inside.mean() < 0.99


@pytest.mark.parametrize("deviations", [(0, 0, 0), (1, 0.8, 0.5)])
def test_p_is_uniform_where_nothing_is_explained(deviations):
    rng = np.random.default_rng(3)
    shared = pairs(CODES, BLOCKS)
    p = separate(drawn(rng, 600, deviations), rng.normal(size=(1, shared.m)), shared, by_ranks=False)
    assert kstest(p[0].ravel(), "uniform").pvalue > 0.01
    assert 0.03 < (p[0] < 0.05).mean() < 0.075
    assert 0.03 < (p[1] < 0.05).mean() < 0.085  # the χ² of a likelihood ratio holds for many languages


def test_a_distance_that_follows_languages_is_not_found_too_often_although_the_plain_regression_does():
    rng = np.random.default_rng(5)
    shared = pairs(CODES)
    y, x = drawn(rng, 300, (1.5,), blocks={}), drawn(rng, 1, (1.5,), blocks={})
    assert (separate(y, x, shared, by_ranks=False)[0] < 0.05).mean() < 0.08
    r = standardised(y, by_ranks=False) @ standardised(x, by_ranks=False)[0] / shared.m
    assert (abs(r) * np.sqrt((shared.m - 2) / (1 - r**2)) > 2).mean() > 0.15


def test_satterthwaite_counts_languages_for_what_languages_differ_in_and_pairs_for_what_pairs_do():
    rng = np.random.default_rng(6)
    shared, z = pairs(CODES), designs(CODES, {})[0]
    of_languages, of_pairs = z @ rng.normal(size=12), rng.normal(size=shared.m)
    y = drawn(rng, 20, (2,), blocks={})
    for x, least, most in ((of_languages, 9, 11), (of_pairs, 45, 64)):
        fits = fitted(sums(shared, np.vstack([np.ones(shared.m), x]), y), restricted=True, degrees=True)
        assert ((fits.df[:, 1] > least) & (fits.df[:, 1] < most)).all(), fits.df[:, 1]


def table(seed=1, count=2):
    rng = np.random.default_rng(seed)
    x = {name: rng.normal(size=66) for name in ("place", "syntax", "noise")}
    y = drawn(rng, count, (0.5, 0.5, 0.3)) - 0.6 * x["place"] - 0.3 * x["syntax"]
    return tidy("group", {str(i): values for i, values in enumerate(y)}), tidy("distance", x)


def test_a_table_says_what_each_distance_explains_alone_and_beside_the_others():
    similarity, distances = table()
    found = explained(similarity, distances, ["place", "syntax", "noise"], families=FAMILIES, areas=AREAS)
    assert tuple(found.columns) == EXPLAINED
    assert found[["group", "distance"]].to_numpy().tolist() == [
        [group, kind] for group in "01" for kind in ("place", "syntax", "noise")
    ]
    first = found.set_index(["group", "distance"]).loc["0"]
    assert first.loc["place", "beta"] < -0.3
    assert first.loc["place", "p"] < 0.01 < 0.05 < first.loc["noise", "p"]
    assert (first.loc["place", ["aic", "bic"]] < 0).all()
    assert (first.loc["noise", ["aic", "bic"]] > -2).all()
    assert first.loc["place", "r2_added"] > first.loc["noise", "r2_added"]
    parts = found[["r2", "language", "family", "area", "residual"]].sum(axis=1)
    np.testing.assert_allclose(parts, 1)
    np.testing.assert_allclose(found["r2_conditional"], 1 - found["residual"])
    np.testing.assert_allclose(found["t"], found["beta"] / found["se"])
    assert (found["holm"] >= found["p"]).all()
    assert found.groupby("group")["weight"].sum().between(0, 1).all()  # the rest is the null model's


def test_a_table_has_the_numbers_of_the_plain_formula():
    similarity, distances = table()
    found = explained(similarity, distances, ["place", "syntax"], by_ranks=False).iloc[0]
    z = designs(CODES, {})
    y = standardised(similarity["value"].to_numpy()[:66], by_ranks=False)
    x = [standardised(distances["value"].to_numpy()[first : first + 66], by_ranks=False) for first in (0, 66)]
    one = np.ones(66)

    def best(columns, restricted):
        options = np.linspace(0, 2, 4001)
        phi = options[np.argmin([plain(y, columns, z, [each], restricted)[0] for each in options[::20]]) * 20]
        near = np.linspace(max(0, phi - 0.01), phi + 0.01, 201)
        phi = near[np.argmin([plain(y, columns, z, [each], restricted)[0] for each in near])]
        return plain(y, columns, z, [phi], restricted)

    alone, both = np.column_stack([one, x[0]]), np.column_stack([one, *x])
    reml = best(alone, True)
    assert (found["beta"], found["se"]) == pytest.approx((reml[1][1], reml[2][1]), abs=1e-4)
    assert found["partial"] == pytest.approx(best(both, True)[1][1], abs=1e-4)
    unique = found["partial"] ** 2 * (1 - (x[0] @ x[1] / 66) ** 2)
    shares = explained(similarity, distances, ["place", "syntax"], by_ranks=False).iloc[1]
    assert 0 < found["r2_added"] < unique < 1
    assert shares["r2_added"] > 0
    ratio = 2 * (best(alone, False)[3] - best(one[:, None], False)[3])
    assert found["lr"] == pytest.approx(ratio, abs=1e-4)
    assert (found["aic"], found["bic"]) == pytest.approx((2 - ratio, np.log(66) - ratio), abs=1e-4)


def test_models_are_compared_with_the_largest_inside_them():
    similarity, distances = table()
    models = {"place": ["place"], "both": ["place", "syntax"], "all": ["place", "syntax", "noise"], "noise": ["noise"]}
    found = compared(similarity, distances, models, families=FAMILIES)
    assert tuple(found.columns) == COMPARED
    first = found[found["group"] == "0"].set_index("model")
    assert list(first.index) == [NULL, *models]
    assert first["against"].to_dict() == {NULL: "", "place": NULL, "both": "place", "all": "both", "noise": NULL}
    assert first["lr_df"].tolist()[1:] == [1, 1, 1, 1]
    assert first.loc["both", "lr"] == pytest.approx(2 * (first.loc["both", "loglik"] - first.loc["place", "loglik"]))
    assert first["weight"].sum() == pytest.approx(1)
    assert first["weight"].idxmax() == first["aic"].idxmin() in ("both", "all")
    assert first.loc[NULL, ["aic", "bic", "r2"]].tolist() == [0, 0, 0]
    single = explained(similarity, distances, ["place", "syntax", "noise"], families=FAMILIES)
    assert first.loc["place", "aic"] == pytest.approx(single.loc[0, "aic"], abs=1e-5)


def test_controls_are_in_every_model_and_take_away_what_they_explain():
    rng = np.random.default_rng(8)
    cause = rng.normal(size=66)
    x = {"near": cause + 0.5 * rng.normal(size=66), "cause": cause}
    similarity = tidy("group", {"0": drawn(rng, 1, (0.5, 0, 0))[0] - cause})
    distances = tidy("distance", x)
    assert explained(similarity, distances, ["near"]).loc[0, "p"] < 1e-4
    assert explained(similarity, distances, ["near"], controls=["cause"]).loc[0, "p"] > 0.01


def test_languages_without_a_distance_are_left_out_and_named():
    similarity, distances = table()
    lacking = (distances["distance"] == "syntax") & ((distances["source"] == "l3") | (distances["target"] == "l3"))
    found = explained(similarity, distances.assign(value=distances["value"].mask(lacking)), ["place", "syntax"])
    assert set(found["left_out"]) == {"l3"}
    assert set(found["languages"]) == {11}
    assert set(found["pairs"]) == {55}
    some = explained(similarity, distances, ["place", "syntax"], languages=CODES[:9], families=FAMILIES)
    assert set(some["languages"]) == {9}
    assert set(some["left_out"]) == {", ".join(CODES[9:])}


def test_what_cannot_be_known_is_nan_and_not_a_number_or_an_error():
    similarity, distances = table(count=1)
    constant = tidy("distance", {"constant": np.ones(66)})
    twice = distances[distances["distance"] == "place"].assign(distance="twice")
    everything = pd.concat([distances, constant, twice])
    found = explained(similarity, everything, ["place", "constant", "twice"]).set_index("distance")
    assert found.loc["constant", ["beta", "p", "lr_p", "partial"]].isna().all()
    assert found.loc["place", ["beta", "p", "lr_p"]].notna().all()
    assert found["partial"].isna().all()  # place and twice are the same
    assert found.loc["constant", "weight"] == 0
    flat = explained(similarity.assign(value=1.0), distances, ["place"]).iloc[0]
    assert flat[["beta", "p", "lr_p", "aic", "weight", "r2", "residual"]].isna().all()
    itself = distances[distances["distance"] == "place"].rename(columns={"distance": "group"})
    exact = explained(itself, distances, ["place"])
    assert exact.loc[0, ["beta", "p", "lr_p"]].isna().all()
    some = similarity[similarity["source"].isin(CODES[:4]) & similarity["target"].isin(CODES[:4])]
    assert np.isnan(explained(some, distances, ["place"]).loc[0, "p"])


def test_an_effect_that_pairs_cannot_tell_apart_is_left_out():
    assert pairs(CODES, {"family": dict.fromkeys(CODES, "a")}).effects == ("language",)
    assert pairs(CODES, {"family": {}}).effects == ("language",)
    assert pairs(CODES, {"family": FAMILIES, "area": FAMILIES}).effects == ("language", "family")
    assert pairs(CODES, {"family": FAMILIES, "area": None}).effects == ("language", "family")
    unknown = pairs(CODES, {"family": FAMILIES | {"l0": "", "l1": ""}}).blocks["family"]
    assert unknown.max() + 1 == 7 * 8 / 2 - 4  # of seven families, four have one language
    numbered = pairs(CODES, {"family": {code: "abcde".index(family) for code, family in FAMILIES.items()}})
    assert (numbered.blocks["family"] == pairs(CODES, {"family": FAMILIES}).blocks["family"]).all()


def test_a_start_near_by_or_many_similarities_at_once_change_nothing():
    rng = np.random.default_rng(9)
    shared = pairs(CODES, BLOCKS)
    y = standardised(drawn(rng, 130, (0.5, 0.5, 0.5)), by_ranks=False)
    x = standardised(rng.normal(size=(1, 66)), by_ranks=False)
    null = mixed(y, x[:0], shared)
    near, new, few = mixed(y, x, shared, like=null), mixed(y, x, shared), mixed(y[125:], x, shared)
    np.testing.assert_allclose(near.loglik, new.loglik, atol=1e-5)
    np.testing.assert_allclose(near.p, new.p, atol=1e-3)
    np.testing.assert_allclose(new.p[125:], few.p, atol=1e-9)


def test_a_wrong_request_is_one_line():
    similarity, distances = table(count=1)
    for kinds, controls in ((), ()), (("place",), ("place",)), (("nowhere",), ()):
        with pytest.raises(NeutralError) as error:
            explained(similarity, distances, kinds, controls=controls)
        assert "\n" not in str(error.value)
    with pytest.raises(NeutralError, match="cannot be called"):
        compared(similarity, distances, {NULL: ["place"]})


def test_every_p_is_said_in_words():
    assert set(MEANING) == {column for column in EXPLAINED if column == "p" or column.endswith("_p")}


def test_a_search_leaves_the_ridge_at_a_variance_of_zero():
    def function(points, which):
        return ((points**2 - 1) ** 2).sum(axis=-1)  # lowest at 1, a ridge at 0

    np.testing.assert_allclose(minima(function, np.array([[1e-9, 0.5], [0.0, 3.0]])), 1, atol=1e-3)


def test_distances_in_unrelated_traits_are_found_as_often_as_chance_finds_them():
    rng = np.random.default_rng(11)
    codes = [f"l{i}" for i in range(25)]
    y = np.array([-pdist(rng.normal(size=(25, 3))) for _ in range(200)])
    x = np.array([pdist(rng.normal(size=(25, 1))), pdist(rng.normal(size=(25, 5)))])
    assert ((separate(y, x, pairs(codes))[0] < 0.05).mean(axis=0) < 0.1).all()
