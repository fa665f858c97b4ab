"""Tables of a compression study: sizes, perplexity ratios, breaking points, and which error foretells perplexity."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from neutral.compression import predictions, results, steps
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

LANGUAGES = ("en", "sw", "zh")


def size(method, ratio, *, by="parameters", seed=0, cosine=0.1, rmse=0.1, rank=None, **more):
    """A row of kind "table"; by bytes the size reached is a little above what was asked."""
    reached = {
        "ratio_parameters": ratio,
        "ratio_bytes": 1.01 * ratio,
        "parameters": 1000 / ratio,
        "bytes": 4000 / ratio,
    }
    errors = {"cosine": cosine, "rmse": rmse, "mae": 0.8 * rmse, "power": rmse**0.6}
    key = {"method": method, "by": by, "ratio": ratio, "weights": "uniform", "trimmed": False, "variant": ""}
    return key | reached | errors | {"norm_ratio": 1.0, "neighbours": 0.5, "rank": rank, "seed": seed} | more


def score(method, ratio, language, nats, *, by="parameters", where="input", words=False, seed=0, **more):
    """A row of kind "perplexity", `nats` above a full model of perplexity e²."""
    key = {"method": method, "by": by, "ratio": ratio, "weights": "uniform", "trimmed": False, "variant": ""}
    value = {"value": float(np.exp(2 + nats)), "loss": 2 + nats, "tokens": 100}
    return key | {"language": language, "where": where, "words": words, "seed": seed} | value | more


def full(languages=LANGUAGES, words=False):
    """The full model's rows."""
    said = {"where": "full", "by": "", "weights": "", "words": words}
    return [score("full", 1.0, code, 0.0, **said) for code in languages]


def study_of(nats, methods=("svd", "direction"), ratios=(2.0, 4.0, 8.0)):
    """Tables and perplexities where `nats(method, ratio, place of the language)` is lost."""
    sizes = [size(m, r, cosine=0.1 * i + 0.01 * r) for i, m in enumerate(methods, 1) for r in ratios]
    rows = [score(m, r, c, nats(m, r, i)) for m in methods for r in ratios for i, c in enumerate(LANGUAGES)]
    table = results.tables(pd.DataFrame(sizes))
    return table, results.scores(pd.DataFrame(full() + rows), table)


def test_a_factor_is_the_perplexity_over_the_full_models_in_the_same_language():
    _, scores = study_of(lambda method, ratio, i: 0.1 * i * ratio)
    row = scores[(scores["method"] == "svd") & (scores["ratio"] == 4.0) & (scores["language"] == "zh")].iloc[0]
    assert row["factor"] == pytest.approx(np.exp(0.8))
    assert row["value"] == pytest.approx(np.exp(2.8))
    assert row["ratio_bytes"] == pytest.approx(4.04)


def test_seeds_are_averaged_in_sizes_and_in_nats():
    sizes = results.tables(pd.DataFrame([size("pq", 8.0, seed=s, cosine=0.1 + 0.2 * s) for s in (0, 1)]))
    rows = [score("pq", 8.0, "en", nats, seed=s) for s, nats in ((0, 0.0), (1, 0.4))]
    scores = results.scores(pd.DataFrame(full() + rows), sizes)
    assert sizes["cosine"].tolist() == pytest.approx([0.2])
    assert scores["nats"].tolist() == pytest.approx([0.2])


def test_masking_of_whole_words_is_compared_with_the_full_model_masked_likewise():
    sizes = results.tables(pd.DataFrame([size("svd", 2.0)]))
    words = [row | {"loss": 3.0} for row in full(words=True)]
    rows = [score("svd", 2.0, "en", 0.5), score("svd", 2.0, "en", 1.5, words=True)]
    scores = results.scores(pd.DataFrame(full() + words + rows), sizes).set_index("words")
    assert scores["nats"].to_dict() == pytest.approx({False: 0.5, True: 0.5})


def test_what_has_no_size_or_no_full_model_is_left_out():
    sizes = results.tables(pd.DataFrame([size("svd", 2.0)]))
    rows = [score("svd", 2.0, "en", 0.5), score("svd", 4.0, "en", 0.5), score("svd", 2.0, "xx", 0.5)]
    scores = results.scores(pd.DataFrame(full() + rows), sizes)
    assert scores[["ratio", "language"]].to_numpy().tolist() == [[2.0, "en"]]


def test_rows_that_say_nothing_of_weights_variant_or_trimming_are_plain():
    bare = {k: v for k, v in size("svd", 2.0).items() if k not in ("weights", "trimmed", "variant")}
    found = results.tables(pd.DataFrame([bare, size("direction", 2.0, variant=None)]))
    assert found["line"].tolist() == ["svd", "direction"]
    assert found["trimmed"].dtype == bool


def test_a_loss_beyond_floats_is_a_factor_not_an_error():
    sizes = results.tables(pd.DataFrame([size("svd", 2.0)]))
    scores = results.scores(pd.DataFrame([*full(), score("svd", 2.0, "en", 5.0) | {"loss": 900.0}]), sizes)
    assert np.isfinite(scores["factor"]).all()


def test_the_mean_over_languages_is_geometric():
    _, scores = study_of(lambda method, ratio, i: float(i))
    found = results.mean(scores)
    assert found["factor"].to_numpy() == pytest.approx(np.e)
    assert found["low"].to_numpy() == pytest.approx(1)
    assert found["high"].to_numpy() == pytest.approx(np.e**2)
    assert (found["n"] == 3).all()


def test_by_parameters_and_by_bytes_are_never_mixed():
    rows = [size("svd", 4.0), size("svd", 4.0, by="bytes"), size("int8", 3.97, by="bytes")]
    found = results.tables(pd.DataFrame(rows))
    assert results.at_size(found, "parameters")["size"].tolist() == [4.0]
    assert results.at_size(found, "bytes")["size"].tolist() == pytest.approx([3.97 * 1.01, 4.04])


def test_a_method_without_the_weights_that_are_asked_for_keeps_what_it_has():
    rows = [size("svd", 2.0), size("direction", 2.0), size("direction", 2.0, weights="sqrt")]
    found = results.tables(pd.DataFrame(rows))
    assert results.usual(found, "sqrt")["line"].tolist() == ["svd", "direction, √frequency"]
    assert results.usual(found)["line"].tolist() == ["svd", "direction"]


def test_a_breaking_point_is_interpolated_on_logarithmic_axes():
    # nats = 0.1 · log2(ratio): passes ln 1.2 at 2^(10 ln 1.2), which lies between two measured ratios.
    _, scores = study_of(lambda method, ratio, i: 0.1 * np.log2(ratio), methods=("svd",))
    found = results.breaking(scores, limits=[1.2])
    expected = 2 ** (10 * np.log(1.2))
    assert found["ratio"].to_numpy() == pytest.approx(expected)
    assert set(found["language"]) == {*LANGUAGES, results.ALL}
    assert (found["bound"] == "").all()


@pytest.mark.parametrize(
    ("nats", "expected"),
    [
        ([0.0, 0.1, 0.2], (8.0, "above")),
        ([0.9, 1.0, 2.0], (2.0, "below")),
        ([0.0, 1.0, 0.0], (2 * 2**0.5, "")),  # the first crossing counts, though it comes back
    ],
)
def test_what_never_breaks_or_is_broken_from_the_start_is_said_as_a_bound(nats, expected):
    ratio, bound = results.crossing(np.array([2.0, 4.0, 8.0]), np.array(nats), 0.5)
    assert (ratio, bound) == (pytest.approx(expected[0]), expected[1])


def test_the_line_that_reaches_furthest_comes_first_and_names_the_language_that_breaks_first():
    slope = {"svd": 0.3, "direction": 0.1, "pq": 9.0}
    _, scores = study_of(lambda m, ratio, i: slope[m] * (1 + i) * np.log2(ratio / 2), methods=tuple(slope))
    found = results.reach(results.breaking(scores, limits=[1.1]))
    assert found["line"].tolist() == ["direction", "svd", "pq"]
    assert (found["language"] == "zh").all()
    assert found["ratio"].iloc[0] == pytest.approx(2 * 2 ** (np.log(1.1) / 0.3))


def test_a_language_broken_before_the_first_ratio_breaks_before_one_broken_after_it():
    _, scores = study_of(lambda m, ratio, i: (0.0, 0.0, 1.0)[i] + 0.2 * (i == 1) * (ratio > 2), methods=("svd",))
    assert results.reach(results.breaking(scores, [1.1]))[["language", "bound"]].to_numpy().tolist() == [
        ["zh", "below"]
    ]


def test_an_unknown_line_is_refused_with_those_there_are():
    table, _ = study_of(lambda *_: 0.0)
    with pytest.raises(NeutralError, match="no results of pq; there are svd, direction"):
        results.one_line(table, "pq")


@pytest.mark.parametrize(
    "make", [results.tables, results.mean, results.breaking, lambda t: results.groups(t, "script")]
)
def test_a_study_without_results_gives_empty_tables(make):
    assert make(pd.DataFrame()).empty
    assert results.scores(pd.DataFrame(), results.tables(pd.DataFrame())).empty


def made_points(n=24, seed=0, follow="cosine"):
    """Points whose mean nats have the order of one error, with three languages around it."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        errors = dict(zip(results.ERRORS, random.random(4), strict=True))
        method = ("svd", "direction", "pq", "int4")[i % 4]
        nats = {code: errors[follow] ** 3 + 0.01 * j for j, code in enumerate(LANGUAGES)}
        key = {"method": method, "by": "bytes", "ratio": float(2 + i), "weights": "uniform", "trimmed": False}
        rows.append({**key, "variant": "", "line": method, "rank": None, **errors, results.ALL: nats["sw"], **nats})
    return pd.DataFrame(rows)


def test_the_error_that_orders_the_perplexities_has_correlation_one():
    found = predictions.correlations(made_points(), draws=50).set_index(["language", "error"])
    assert found.loc[(results.ALL, "cosine"), "rho"] == pytest.approx(1)
    assert found.loc[("zh", "cosine"), ["low", "high"]].tolist() == pytest.approx([1, 1])
    assert found.loc[("zh", "rmse"), "rho"] < 0.6
    assert found.loc[("zh", "rmse"), "lead_low"] > 0
    other = predictions.correlations(made_points(follow="rmse"), draws=50).set_index(["language", "error"])
    assert other.loc[(results.ALL, "rmse"), "lead_high"] < 0


def test_the_rank_correlation_is_scipys_with_ties():
    random = np.random.default_rng(0)
    one, other = random.integers(0, 5, (30, 2)).astype(float), random.integers(0, 5, (30, 3)).astype(float)
    expected = [[spearmanr(a, b).statistic for b in other.T] for a in one.T]
    np.testing.assert_allclose(predictions.spearman(one, other), expected)


@pytest.mark.parametrize("unit", predictions.UNITS)
def test_the_bootstrap_is_that_of_plain_resampling_and_the_same_for_the_same_seed(unit):
    table = made_points(follow="mae")
    found = predictions.correlations(table, unit=unit, draws=40, seed=3)
    pd.testing.assert_frame_equal(found, predictions.correlations(table, unit=unit, draws=40, seed=3))
    random, drawn = np.random.default_rng(3), []
    methods = sorted(set(table["method"]))
    for _ in range(40):
        if unit == "table":
            rows = table.iloc[random.integers(0, len(table), len(table))]
        else:
            names = [methods[i] for i in random.integers(0, len(methods), len(methods))]
            rows = pd.concat([table[table["method"] == name] for name in names])
        drawn.append(spearmanr(rows["cosine"], rows["en"]).statistic - spearmanr(rows["rmse"], rows["en"]).statistic)
    row = found[(found["language"] == "en") & (found["error"] == "rmse")].iloc[0]
    assert row[["lead_low", "lead_high"]].tolist() == pytest.approx(np.quantile(drawn, (0.025, 0.975)).tolist())


def test_three_tables_have_no_rank_correlation_and_an_unknown_unit_is_refused():
    assert predictions.correlations(made_points(3)).empty
    with pytest.raises(NeutralError, match="resample by table or by method"):
        predictions.correlations(made_points(), unit="language")


def test_only_disagreeing_pairs_are_counted():
    table = pd.DataFrame({"cosine": [1.0, 2.0, 3.0], "rmse": [2.0, 1.0, 3.0], results.ALL: [0.1, 0.2, 0.3]})
    assert predictions.disagreements(table) == (1, 1.0)  # of the first two; perplexity sides with cosine
    count, share = predictions.disagreements(table.assign(rmse=table["cosine"]))
    assert (count, np.isnan(share)) == (0, True)


def test_points_have_a_row_a_table_and_the_mean_of_its_languages():
    _, scores = study_of(lambda method, ratio, i: float(i))
    table = predictions.points(scores, "input", False)
    assert len(table) == 6
    assert predictions.languages_of(table) == [results.ALL, "en", "sw", "zh"]
    assert table[results.ALL].tolist() == pytest.approx([1.0] * 6)
    assert predictions.points(scores, "both", False).empty


def test_direction_against_svd_counts_wins_at_equal_rank():
    ratios = [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    sizes = [size("svd", r, rank=int(60 / r), cosine=0.2, rmse=0.1) for r in ratios]
    sizes += [size("direction", r, rank=int(60 / r), cosine=0.1, rmse=0.2) for r in ratios]
    sizes += [size("autoencoder", 2.0, rank=30, variant="elu")]
    rows = [score("svd", r, c, 0.5) for r in ratios for c in LANGUAGES]
    rows += [score("direction", r, c, 0.5 - 0.1 * (r > 2)) for r in ratios for c in LANGUAGES]
    scores = results.scores(pd.DataFrame(full() + rows), results.tables(pd.DataFrame(sizes)))
    found = predictions.paired(predictions.points(scores, "input", False)).set_index("measure")
    assert found.loc["cosine", ["wins", "losses"]].tolist() == [6, 0]
    assert found.loc["cosine", "p"] == pytest.approx(2 / 2**6)
    assert found.loc["rmse", ["wins", "losses"]].tolist() == [0, 6]
    assert found.loc["perplexity", ["wins", "losses", "ties"]].tolist() == [5, 0, 1]
    assert found.loc["perplexity", "ratio"] == pytest.approx(np.exp(-0.5 / 6))
    assert found.loc["cosine", "ratio"] == pytest.approx(0.5)


def test_without_two_methods_at_one_rank_there_is_no_pair():
    _, scores = study_of(lambda *_: 0.0)
    assert predictions.paired(predictions.points(scores, "input", False)).empty


@pytest.mark.parametrize("seed", range(5))
def test_what_differs_by_rounding_is_a_tie(seed):
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({name: draw.integers(1, 5, 12) / 7 for name in (*results.ERRORS, results.ALL, "en")})
    table = table.assign(**{name: "" for name in predictions._NO_LANGUAGE if name not in table})
    wrong = table.copy()
    for name in (*results.ERRORS, results.ALL, "en"):
        wrong[name] *= 1 + 1e-16 * draw.integers(-9, 10, 12)
    one, other = (predictions.correlations(each, draws=20) for each in (table, wrong))
    pd.testing.assert_frame_equal(one, other)
    assert predictions.disagreements(table) == predictions.disagreements(wrong)


def stepped(step, chosen, training, losses, seed=0, method="svd"):
    key = {"method": method, "by": "parameters", "ratio": 5.0, "weights": "uniform", "variant": "randomized"}
    return key | {"trimmed": False, "seed": seed, "unit": "iterations", "step": step, "chosen": chosen} | {
        "training": training, "losses": losses, "cosine": 0.1, "rmse": 0.1, "mae": 0.1, "power": 0.1, "norm_ratio": 1.0
    }  # fmt: skip


def whole(training, losses):
    key = {"method": "full", "by": "", "ratio": 1.0, "weights": "", "variant": "", "trimmed": False, "seed": 0}
    return key | {"training": training, "losses": losses}


def test_steps_are_perplexities_over_the_full_models():
    full = whole(3.0, {"en": 3.0, "sw": 4.0})
    curves = steps.curves(pd.DataFrame([full, stepped(2, True, 3.5, {"en": 3.2, "sw": 4.6})]))
    (row,) = curves.to_dict("records")
    assert row["line"] == "svd randomized"
    assert row["training"] == pytest.approx(np.exp(0.5))
    assert row["held_out"] == pytest.approx(np.exp(0.4))
    alone = steps.curves(pd.DataFrame([full, stepped(2, True, 3.5, {"en": 3.2, "sw": 4.6})]), "sw")
    assert alone["held_out"].tolist() == pytest.approx([np.exp(0.6)])
    assert steps.curves(pd.DataFrame()).empty
    assert steps.curves(pd.DataFrame([stepped(2, True, 3.5, {"en": 3.2})])).empty  # nothing to compare with


def test_the_honest_choice_stands_beside_the_one_on_the_reported_text():
    rows = [
        stepped(n, n == kept, 3.5, {"en": 3.0 + nats}, seed)
        for seed, kept, found in ((0, 2, {1: 0.5, 2: 0.4, 9: 0.2}), (1, 1, {1: 0.3, 2: 0.3, 9: 0.6}))
        for n, nats in found.items()
    ]
    choices = steps.choices(steps.curves(pd.DataFrame([whole(3.0, {"en": 3.0}), *rows])))
    assert choices[["seed", "step", "least_step"]].to_numpy().tolist() == [[0, 2, 9], [1, 1, 1]]
    assert choices["gain"].tolist() == pytest.approx([1 - np.exp(-0.2), 0.0])


def test_scores_line_by_line_are_compared_with_the_full_models_line_by_line():
    sizes = results.tables(pd.DataFrame([size("svd", 2.0)]))
    rows = [score("svd", 2.0, "en", 8.0)]
    by_line = [
        {**row, "scoring": "lines", "loss": row["loss"] + extra} for row, extra in ((full()[0], 1), (rows[0], 3))
    ]
    scores = results.scores(pd.DataFrame([*full(), *rows, *by_line]), sizes).set_index("scoring")
    assert set(scores.index) == {"blocks", "lines"}
    assert scores.at["lines", "nats"] == pytest.approx(scores.at["blocks", "nats"] + 2)
    assert set(results.mean(scores.reset_index())["scoring"]) == {"blocks", "lines"}
