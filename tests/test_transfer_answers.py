"""What a transfer matrix comes to, on scores that one can check in one's head; and which seed is looked at."""

import numpy as np
import pandas as pd
import pytest

from neutral.transfer import answers, association, results, seeds

F1 = {  # source -> target -> score
    "en": {"en": 0.8, "fr": 0.6, "de": 0.05},
    "fr": {"en": 0.6, "fr": 0.7, "de": 0.15},
    "de": {"en": 0.2, "fr": 0.1, "de": 0.10},
    "full": {"en": 0.1, "fr": 0.1, "de": 0.05},
}


def matrix(scores=F1, metric="f1", seeds=(0,)):
    rows = [
        {"source": s, "target": t, "seed": seed, "metric": metric, "value": value, "parts": None}
        for s, of in scores.items()
        for t, value in of.items()
        for seed in seeds
    ]
    return results.against_own(results.matrix(pd.DataFrame(rows)))


def test_the_mask_that_loses_least_on_others_comes_first():
    ranked = answers.ranked(matrix())
    assert ranked["source"].tolist() == ["fr", "en", "de"]
    assert ranked["value"].iloc[0] == pytest.approx(((0.6 - 0.8) / 0.8 + (0.15 - 0.1) / 0.1) / 2)
    turned = {s: {t: 1 / value for t, value in of.items()} for s, of in F1.items()}
    assert answers.ranked(matrix(turned, "perplexity"))["source"].iloc[-1] == "de"


def test_costs_are_of_one_source_or_of_all_pairs_of_languages():
    full = answers.change(matrix(), "full")
    costs = [1 - 0.1 / 0.8, 1 - 0.1 / 0.7, 0.5]
    assert full == pytest.approx((np.mean(costs), min(costs), max(costs), 3)), "above 0 is worse, whatever the metric"
    assert answers.change(matrix(metric="perplexity"), "full").cost == pytest.approx(-np.mean(costs))
    assert answers.change(matrix()).n == 6
    assert answers.change(matrix(), "core") is None


def test_a_full_model_near_its_masks_is_not_far():
    assert answers.full_cost(matrix()) == pytest.approx(answers.change(matrix(), "full").cost)
    near = {**F1, "full": {"en": 0.7, "fr": 0.7, "de": 0.1}}
    assert np.isnan(answers.full_cost(matrix(near)))
    assert np.isnan(answers.full_cost(matrix({"en": F1["en"]})))


def test_own_masks_below_half_the_median_have_hardly_learnt_where_higher_is_better():
    assert answers.unlearnt(matrix()) == {"de": 0.10}
    assert answers.unlearnt(matrix(metric="perplexity")) == {}


def test_significant_cells_are_counted_by_their_side_and_baselines_left_out():
    tested = pd.DataFrame(
        [("en", "fr", -1, 0.01), ("fr", "en", 1, 0.04), ("de", "en", -1, 0.2), ("full", "en", -1, 0.01)],
        columns=["source", "target", "gain", "p"],
    )
    assert answers.answers(tested) == (1, 1, 1, 3), "0.01 is 0.03 after the correction"
    assert answers.answers(tested.head(0)) == (0, 0, 0, 0)
    assert answers.different(tested) == [("en", "fr"), ("fr", "en"), ("full", "en")]


def test_what_succeeds_by_the_papers_rule_is_no_own_mask_and_needs_two_seeds():
    assert answers.judged(matrix()) == (0, 0)
    table = matrix(seeds=(0, 1))  # equal under both: no deviation, so only what is as good or better
    assert answers.judged(table) == (1, 6)
    assert answers.successful(table) == [("fr", "de")]


def test_wins_are_counted_where_both_are_known():
    table = pd.DataFrame({"metric": "perplexity", "core": [3.0, 5.0, 2.0], "random": [4.0, 4.0, np.nan]})
    assert answers.wins(table, "core", "random") == (1, 2)


def test_points_of_overlap_and_cost_are_of_pairs_that_have_both():
    overlap = pd.DataFrame([("all", "en", "fr", 0.9)], columns=["group", "source", "target", "value"])
    points = answers.against_overlap(matrix(), overlap)
    assert points[["source", "target", "overlap"]].values.tolist() == [["en", "fr", 0.9], ["fr", "en", 0.9]]
    assert points["cost"].tolist() == pytest.approx([1 - 0.6 / 0.7, 1 - 0.6 / 0.8])


def test_a_mixtures_mean_is_over_targets_that_all_have():
    rows = [
        ("ner", "en+fr", s, t, "0", "f1", v) for s, t, v in (("full", "de", 10), ("full", "ru", 20), ("own", "de", 16))
    ]
    columns = ["task", "mixture", "source", "target", "seeds", "metric", "value"]
    square = answers.mixture_square(pd.DataFrame(rows, columns=columns))
    assert square["mean"].to_dict() == {"full": 10, "own": 16}
    assert answers.behind(square["mean"], "f1")
    assert not answers.behind(square["mean"], "perplexity")
    assert not answers.behind(square["mean"].drop("own"), "f1")


def test_a_mixtures_mean_of_perplexities_is_geometric():
    rows = [
        ("mlm", "en+fr", s, t, "1", "perplexity", v)
        for s, t, v in (("own", "de", 10), ("own", "ru", 1000), ("en+fr", "de", 20), ("en+fr", "ru", 2000))
    ]
    columns = ["task", "mixture", "source", "target", "seeds", "metric", "value"]
    square = answers.mixture_square(pd.DataFrame(rows, columns=columns))
    assert square["mean"].to_dict() == pytest.approx({"own": 100, "en+fr": 200})


@pytest.mark.parametrize(
    ("runs", "mask_seed", "method", "usual"),
    [
        ({0: 9, 1: 9}, 0, "magnitude", 1),  # own masks are fitted to seed 0
        ({0: 9, 1: 9}, 0, "wanda", None),  # which finds masks without that training
        ({0: 9, 1: 9}, None, "magnitude", None),
        ({0: 9, 1: 4}, 0, "magnitude", 0),  # no other has as many
        ({1: 9, 2: 4}, 0, "magnitude", 1),
    ],
)
def test_the_usual_seed_has_most_runs_and_gives_own_masks_new_examples(runs, mask_seed, method, usual):
    runs = pd.Series(runs)
    assert seeds.usual(runs, mask_seed, method) == usual
    assert seeds.alike(runs, 1, mask_seed, method) == (1 if runs.get(1) == runs.max() else usual)


def test_own_masks_are_fitted_to_the_seed_they_were_found_under():
    runs = pd.Series({0: 9, 1: 9})
    assert seeds.fitted(runs, 0, "magnitude") == 0, "seed 0 is a seed like others"
    assert seeds.fitted(runs, 0, "magnitude", seed=1) is None
    assert seeds.fitted(runs, 2, "magnitude") is None


def test_overlap_that_falls_with_loss_goes_with_transfer():
    codes = ["en", "de", "fr", "es", "ru"]
    pairs = [(a, b) for i, a in enumerate(codes) for b in codes[i + 1 :]]
    overlap = pd.DataFrame(
        [("all", a, b, i) for i, (a, b) in enumerate(pairs)], columns=["group", "source", "target", "value"]
    )
    score = {frozenset(pair): 0.1 + 0.05 * i for i, pair in enumerate(pairs)}
    scores = {a: {b: score.get(frozenset((a, b)), 1.0) for b in codes} for a in codes}
    table = association.with_overlap(matrix(scores), overlap).set_index("scheme")
    assert table.loc["plain", "rho"] == pytest.approx(-1)
    assert list(table.index) == ["plain", "family"]
    turned = association.with_overlap(matrix(scores, "perplexity"), overlap)
    assert turned["rho"].tolist() == pytest.approx([1, 1])
    assert association.with_overlap(matrix(scores), pd.DataFrame()).empty
