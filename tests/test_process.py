"""The check at the level of languages: covariances, GLS and F against plain versions, and languages of known shares."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from neutral.association.coordinates import principal_coordinates
from neutral.association.covariances import apart, phylogenetic, spatial
from neutral.association.gaussian import processes
from neutral.association.gls import gls
from neutral.association.kenward_roger import adjusted, f_test
from neutral.association.neighbours import RADIUS
from neutral.association.process import COMPONENTS, MEANING, components
from neutral.association.properties import properties
from neutral.errors import NeutralError
from neutral.languages import glottolog, language

pytestmark = pytest.mark.numeric

SPOKEN = (
    "en de nl sv da nb is fr es pt it ro ca ru uk pl cs bg sr lt lv fa hi ur bn mr gu el sq hy ar he am ha so fi et hu "
    "tr az kk uz ky zh my bo id ms tl mg mi sw zu xh yo ig rw ta te kn ml vi km th lo ja ko eu ka mn"
)
CODES = SPOKEN.split()


def drawn(rng, count, codes, phylogeny=0.0, space=0.0, range_km=1000.0):
    """Draw scores (count, n) that consist of these shares, the rest each language's own."""
    n = len(codes)
    covariance = phylogeny * phylogenetic(codes) + space * spatial(apart(codes), range_km)
    return rng.normal(size=(count, n)) @ np.linalg.cholesky(covariance + (1 - phylogeny - space) * np.eye(n)).T


def overlap(scores, codes, groups=("all",)):
    """A table of overlaps whose principal coordinates are the rows of `scores` (k, n), the first the longest."""
    rows = []
    weights = 0.01 / 4.0 ** np.arange(len(scores))
    for group in groups:
        for i, j in combinations(range(len(codes)), 2):
            distance = (weights * (scores[:, i] - scores[:, j]) ** 2).sum()
            rows.append((group, codes[i], codes[j], 1 - distance))
    return pd.DataFrame(rows, columns=["group", "source", "target", "value"])


def test_relatives_covary_by_the_size_of_their_smallest_common_group():
    codes = CODES[:30]
    covariance = phylogenetic(codes)
    below = {code: {group.glottocode for group in glottolog.path(language(code).glottocode)} for code in codes}
    for i, j in combinations(range(len(codes)), 2):
        common = below[codes[i]] & below[codes[j]]
        size = min((sum(group in each for each in below.values()) for group in common), default=len(codes))
        assert covariance[i, j] == pytest.approx(1 - (size - 1) / (len(codes) - 1))
    everything = phylogenetic(CODES)
    assert np.linalg.eigvalsh(everything).min() > 0
    assert everything[CODES.index("eu")].sum() == 1  # Basque has no relatives
    assert np.isnan(phylogenetic(["en", "de", "my run"])[2]).all()


def test_kilometres_are_those_of_the_law_of_cosines():
    kilometres = apart(["en", "sw", "mi", "my run"])
    places = [np.radians((language(code).latitude, language(code).longitude)) for code in ("en", "sw", "mi")]
    for i, j in combinations(range(3), 2):
        (a, east), (b, other) = places[i], places[j]
        plain = RADIUS * np.arccos(np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(east - other))
        assert kilometres[i, j] == pytest.approx(plain)
    assert np.isnan(kilometres[3]).all()
    assert np.linalg.eigvalsh(spatial(apart(CODES), 8000)).min() > -1e-12


def plain(phi, y, x, covariances, restricted):
    v = np.eye(len(y)) + sum(f**2 * c for f, c in zip(phi, covariances, strict=True))
    inverse = np.linalg.inv(v)
    information = x.T @ inverse @ x
    beta = np.linalg.solve(information, x.T @ inverse @ y)
    rss = (y - x @ beta) @ inverse @ (y - x @ beta)
    free = len(y) - x.shape[1] * restricted
    logs = np.linalg.slogdet(v)[1] + restricted * np.linalg.slogdet(information)[1]
    return free * np.log(rss) + logs, beta, np.linalg.inv(information) * rss / free


@pytest.mark.parametrize("restricted", [True, False])
def test_gls_is_that_of_the_formula(restricted):
    rng = np.random.default_rng(1)
    codes = CODES[:40]
    covariances = np.array([phylogenetic(codes), spatial(apart(codes), 1000)])
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 2))])
    y = drawn(rng, 4, codes, 0.5, 0.3)
    fits = gls(y, x, covariances, restricted=restricted)
    for row in range(4):
        phi = np.sqrt(fits.variances[row, :2] / fits.variances[row, 2])
        deviance, beta, covariance = plain(phi, y[row], x, covariances, restricted)
        np.testing.assert_allclose(fits.beta[row], beta, atol=1e-8)
        np.testing.assert_allclose(fits.covariance[row], covariance, atol=1e-8)
        told = (y[row], x, covariances, restricted)
        starts = [(0.5, 0.5), (2, 0.1), (0.1, 2)]
        best = min(minimize(lowered, each, told, bounds=[(0, None)] * 2).fun for each in starts)
        assert deviance <= best + 2e-3  # without noise the deviance is flat
    again = gls(np.tile(y, (20, 1)), x, covariances, restricted=restricted)
    np.testing.assert_allclose(again.loglik[-4:], fits.loglik, atol=1e-8)


def lowered(*told):
    return plain(*told)[0]


def test_kenward_and_roger_give_the_degrees_of_freedom_of_an_analysis_of_variance():
    rng = np.random.default_rng(2)
    groups, each = 8, 5
    member = np.repeat(np.eye(groups), each, axis=0)
    between, within = np.repeat(np.arange(groups) % 2, each), np.tile(np.arange(each) % 2, groups)
    within_2 = np.tile(np.arange(each) % 3 == 1, groups)
    x = np.column_stack([np.ones(groups * each), between, within, within_2]).astype(float)
    y = member @ rng.normal(size=groups) * 1.5 + rng.normal(size=groups * each)
    fits = gls(y[None], x, (member @ member.T)[None])
    model = adjusted(x, np.array([member @ member.T, np.eye(len(y))]), fits.variances[0])
    f, df, p = f_test(fits.beta[0], [1], model)
    means = y.reshape(groups, each).mean(axis=1)
    one, other = means[::2], means[1::2]
    pooled = (one.var(ddof=1) + other.var(ddof=1)) / 2
    assert df == pytest.approx(groups - 2, rel=1e-3)
    assert f == pytest.approx((one.mean() - other.mean()) ** 2 / (pooled * 2 / 4), rel=1e-3)
    assert 0 < p < 1
    both = f_test(fits.beta[0], [2, 3], model)
    assert both[1] == pytest.approx(groups * (each - 1) - 2, rel=1e-3)
    full = np.column_stack([member, x[:, 2:]])
    rest = [y - part @ np.linalg.lstsq(part, y, rcond=None)[0] for part in (member, full)]
    classic = ((rest[0] @ rest[0] - rest[1] @ rest[1]) / 2) / (rest[1] @ rest[1] / (groups * (each - 1) - 2))
    assert both[0] == pytest.approx(classic, rel=1e-3)


def test_principal_coordinates_keep_distances():
    rng = np.random.default_rng(3)
    kept = rng.random((12, 300)) < 0.5
    both = (kept[:, None] & kept).sum(axis=2) / (kept[:, None] | kept).sum(axis=2)
    scores, shares = principal_coordinates(both, 11)
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 0).all()
    np.testing.assert_allclose(scores.std(axis=1, ddof=1), 1)
    assert (scores.max(axis=1) >= -scores.min(axis=1)).all()
    size = ((1 - both).sum() / 2 / 12 / 11) * shares  # of the squared distances' mean, each coordinate's part
    again = ((scores[:, :, None] - scores[:, None]) ** 2 * size[:, None, None]).sum(axis=0)
    np.testing.assert_allclose(again, 1 - both, atol=1e-9)
    assert principal_coordinates(np.ones((5, 5)), 3)[0].shape == (0, 5)


@pytest.mark.long
def test_shares_come_back_and_what_is_not_there_is_seldom_found():
    rng = np.random.default_rng(4)
    tree, kilometres = phylogenetic(CODES), apart(CODES)
    x = np.column_stack([np.ones(len(CODES)), rng.normal(size=len(CODES))])
    relatives = processes(drawn(rng, 40, CODES, phylogeny=0.7), x, tree, kilometres, ([1],))
    assert (relatives.phylogeny_p < 0.05).mean() > 0.7
    assert (relatives.space_p < 0.05).mean() < 0.2
    assert relatives.phylogeny.mean() > 0.45 > 0.3 > relatives.space.mean()
    neighbours = processes(drawn(rng, 40, CODES, space=0.8), x, tree, kilometres, ([1],))
    assert (neighbours.space_p < 0.05).mean() > 0.7
    assert (neighbours.phylogeny_p < 0.05).mean() < 0.2
    for each in (relatives, neighbours):
        np.testing.assert_allclose(each.r2 + each.phylogeny + each.space + each.noise, 1)
        assert (each.p < 0.05).mean() < 0.2


@pytest.mark.long
@pytest.mark.parametrize("shares", [{}, {"phylogeny": 0.6}, {"space": 0.6}, {"phylogeny": 0.4, "space": 0.3}])
def test_the_tests_hold_their_level(shares):
    rng = np.random.default_rng(5)
    tree, kilometres = phylogenetic(CODES), apart(CODES)
    like_a_family = drawn(rng, 1, CODES, phylogeny=0.7)[0]
    x = np.column_stack([np.ones(len(CODES)), like_a_family, rng.normal(size=len(CODES))])
    found = processes(drawn(rng, 400, CODES, **shares), x, tree, kilometres, ([1], [2], [1, 2]))
    assert ((found.p < 0.05).mean(axis=0) < 0.08).all()
    if "phylogeny" not in shares:
        assert (found.phylogeny_p < 0.05).mean() < 0.08
    if "space" not in shares:
        assert (found.space_p < 0.05).mean() < 0.08


def predictors(rng):
    scripts = [language(code).script for code in CODES]
    return pd.DataFrame({"script": scripts, "bits": rng.normal(size=len(CODES))}, index=CODES)


def test_a_table_says_what_each_direction_consists_of():
    rng = np.random.default_rng(6)
    known = predictors(rng)
    scores = drawn(rng, 2, CODES, phylogeny=0.5)
    scores[0] += 1.5 * known["bits"].to_numpy()
    table = components(overlap(scores, CODES, ("0", "1")), predictors=known, count=2)
    assert tuple(table.columns) == COMPONENTS
    assert table[["group", "component", "predictor"]].to_numpy().tolist() == [
        [group, component, name] for group in "01" for component in (1, 2) for name in ("script", "bits")
    ]
    first = table.set_index(["group", "component", "predictor"]).loc[("0", 1)]
    assert abs(first.loc["bits", "beta"]) > 0.5
    assert first.loc["bits", "holm"] < 1e-6
    assert first.loc["script", "columns"] > 1
    assert np.isnan(first.loc["script", "beta"])
    np.testing.assert_allclose(table[["r2", "phylogeny", "space", "noise"]].sum(axis=1), 1)
    assert table["share"].between(0, 1).all()
    assert set(table["languages"]) == {len(CODES)}


def test_a_distance_comes_in_by_its_own_directions():
    rng = np.random.default_rng(7)
    cause = rng.normal(size=(1, len(CODES)))
    similarity = overlap(np.vstack([cause + 0.3 * rng.normal(size=cause.shape), rng.normal(size=cause.shape)]), CODES)
    pairs = overlap(cause, CODES).drop(columns="group")
    distances = pairs.assign(distance="syntax", value=np.sqrt(1 - pairs["value"]))
    table = components(similarity, distances=distances, kinds=["syntax"], count=2).set_index("component")
    assert table.loc[1, "p"] < 1e-6 < 0.01 < table.loc[2, "p"]


def test_languages_without_family_place_property_or_pair_are_left_out_and_named():
    rng = np.random.default_rng(8)
    codes = [*CODES, "my run"]
    table = overlap(rng.normal(size=(2, len(codes))), codes)
    known = predictors(rng)
    known.loc["sw", "script"] = None
    lacking = table[~((table["source"] == "en") & table["target"].isin(["de", "ja"]))]
    found = components(lacking, predictors=known, count=1)
    assert set(found["left_out"]) == {"en, sw, my run"}
    assert set(found["languages"]) == {len(CODES) - 2}
    assert set(components(table, CODES[:20], count=1)["languages"]) == {20}
    variants = overlap(rng.normal(size=(2, 14)), [*CODES[:12], "en-GB", "pt-BR"])
    assert set(components(variants, count=1)["left_out"]) == {"en-GB, pt-BR"}


def test_what_cannot_be_known_is_nan():
    rng = np.random.default_rng(9)
    few = components(overlap(rng.normal(size=(2, 8)), CODES[:8]), count=2)
    assert few["component"].tolist() == [1, 2]
    assert few["share"].notna().all()
    assert few[["phylogeny", "phylogeny_p", "p"]].isna().all(axis=None)
    known = predictors(rng).assign(same=1.0)
    table = components(overlap(rng.normal(size=(1, len(CODES))), CODES), predictors=known, count=1)
    constant = table.set_index("predictor").loc["same"]
    assert constant[["beta", "f", "p"]].isna().all()
    assert constant["phylogeny"] >= 0


def test_predictors_that_follow_from_one_another_and_missing_distances_are_one_line():
    rng = np.random.default_rng(10)
    known = predictors(rng)
    table = overlap(rng.normal(size=(1, len(CODES))), CODES)
    with pytest.raises(NeutralError, match="follow from one another"):
        components(table, predictors=known.assign(twice=2 * known["bits"]))
    with pytest.raises(NeutralError, match="no table of distances"):
        components(table, kinds=["syntax"])
    with pytest.raises(NeutralError, match="no distance 'syntax'"):
        components(table, distances=table.rename(columns={"group": "distance"}), kinds=["syntax"])


def test_every_p_is_said_in_words():
    assert set(MEANING) == {column for column in COMPONENTS if column == "p" or column.endswith("_p")}


def test_properties_are_those_of_the_full_model_and_of_the_whole_text():
    bits = pd.DataFrame(
        [("full", "en", 1.5), ("full", "en", 2.5), ("wanda", "en", 9), ("full", "de", 1)],
        columns=["method", "language", "value"],
    )
    texts = pd.DataFrame([{"language": "de", "tokens": 1000, "unknown": 0.1, "fallback": 0.2}])
    known = properties(["de", "en", "my run"], bits, texts)
    assert known.loc["en", "bits"] == 2
    assert known.loc["de", ["script", "bits", "tokens"]].tolist() == ["Latn", 1, 3]
    assert known.loc["de", "fallback"] == pytest.approx(0.3)
    assert known.loc["my run"].isna().all()
    assert list(properties(["de"], pd.DataFrame(columns=bits.columns), pd.DataFrame()).columns) == ["script"]
