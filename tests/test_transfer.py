"""The tables of a transfer experiment on made runs whose answers are known, and the published ones."""

import numpy as np
import pandas as pd
import pytest

from neutral.bootstrap import gain_interval
from neutral.errors import NeutralError
from neutral.metrics import METRICS, better, metric
from neutral.search import winning
from neutral.study import Study
from neutral.transfer import published, results
from neutral.transfer.sources import MaskSource

pytestmark = pytest.mark.numeric


def row(source, target, value, seed=0, metric="perplexity", sparsity=0.5, parts=None, **more):
    full = source == "full"
    return {
        "task": "mlm",
        "source_task": "mlm",
        "method": "full" if full else "magnitude",
        "sparsity": 0.0 if full else sparsity,
        "seed": seed,
        "source": source,
        "target": target,
        "metric": metric,
        "value": value,
        "untrained": 10 * value,
        "parts": parts,
        "steps": 5,
        **more,
    }


@pytest.fixture
def table():
    values = {
        "en": {"en": 4.0, "fr": 5.0, "random": 8.0, "full": 3.9},
        "fr": {"en": 6.0, "fr": 5.0, "random": 9.0, "full": 5.0},
    }
    rows = [row(s, t, v + 0.1 * seed, seed) for t, cells in values.items() for s, v in cells.items() for seed in (0, 1)]
    return pd.DataFrame([*rows, row("en", "fr", 99.0, sparsity=0.8)])


def test_a_matrix_has_means_over_seeds_and_the_full_model(table):
    found = results.matrix(results.select(table, "mlm", 0.5)).set_index(["source", "target"])
    assert len(found) == 8
    assert found.loc[("fr", "en"), "value"] == pytest.approx(5.05)
    assert found.loc[("fr", "en"), "std"] == pytest.approx(np.std([5.0, 5.1], ddof=1))
    assert found.loc[("full", "fr"), "value"] == pytest.approx(5.05)
    assert results.matrix(results.select(table, "ner", 0.5)).empty
    assert set(results.matrix(results.select(table, "mlm", 0.5, languages=["fr"]))["source"]) == {
        "fr",
        "random",
        "full",
    }


def test_changes_against_the_own_mask_follow_the_paper(table):
    found = results.against_own(results.matrix(results.select(table, "mlm", 0.5))).set_index(["source", "target"])
    assert found.loc[("fr", "en"), "relative"] == pytest.approx((5.05 - 4.05) / 4.05)
    assert found.loc[("fr", "en"), "gain"] == pytest.approx(-1.0), "a higher perplexity is no gain"
    assert not found.loc[("fr", "en"), "successful"]
    assert found.loc[("full", "en"), "successful"]
    drop = results.relative_drop(results.matrix(results.select(table, "mlm", 0.5))).set_index("source")
    assert drop.loc["en", "value"] == pytest.approx((6.05 - 5.05) / 5.05)
    assert drop.loc["random", "targets"] == 2


def test_runs_are_compared_under_the_seeds_that_both_have(table):
    more = pd.DataFrame([row("en", "en", 40.0, seed=2), row("random", "en", 3.0, seed=3)])
    matrix = results.matrix(results.select(pd.concat([table, more]), "mlm", 0.5))
    found = results.against_own(matrix).set_index(["source", "target"])
    assert found.loc[("fr", "en"), "gain"] == pytest.approx(-1.0), "the own mask's third seed is not the other's"
    assert found.loc[("random", "en"), "gain"] == pytest.approx(4.05 - 8.05)
    assert found.loc[("en", "en"), "value"] == pytest.approx((4.0 + 4.1 + 40) / 3)
    assert found.loc[("en", "en"), "gain"] == 0
    lonely = results.matrix(results.select(pd.DataFrame([row("fr", "en", 5.0)]), "mlm", 0.5))
    assert results.against_own(lonely)[["gain", "relative", "paired"]].isna().all(axis=None)


def test_a_run_that_diverged_or_was_written_twice_does_no_harm(table):
    more = pd.DataFrame([row("fr", "en", np.nan, seed=2), row("en", "en", 8.0, seed=2), row("fr", "en", 6.0, seed=0)])
    rows = results.select(pd.concat([table, more]), "mlm", 0.5)
    found = results.against_own(results.matrix(rows)).set_index(["source", "target"])
    assert found.loc[("fr", "en"), "gain"] == pytest.approx(4.05 - (6.0 + 5.1) / 2), (
        "the last of two, less the diverged"
    )
    zero = pd.DataFrame([row("en", "en", 0.0, metric="f1"), row("fr", "en", 0.5, metric="f1")])
    cell = results.against_own(results.matrix(results.select(zero, "mlm", 0.5))).iloc[1]
    assert cell["gain"] == 0.5
    assert np.isnan(cell["relative"])
    endless = np.column_stack([np.full(9, np.inf), np.ones(9)])
    assert np.isnan(gain_interval("perplexity", [(endless, endless)])[3])
    assert np.isnan(gain_interval("perplexity", [(endless, np.ones((9, 2)))])[3])


def test_a_transfer_within_one_deviation_of_the_own_mask_succeeds():
    rows = [row("en", "en", v, s, metric="f1") for s, v in enumerate((0.6, 0.7, 0.8))]
    rows += [row(source, "en", v, s, metric="f1") for source, v in (("de", 0.65), ("fr", 0.5)) for s in range(3)]
    found = results.against_own(results.matrix(results.select(pd.DataFrame(rows), "mlm", 0.5))).set_index("source")
    assert found["successful"].to_dict() == {"en": True, "de": True, "fr": False}


def test_one_seed_gives_no_verdict_by_standard_deviation(table):
    one = results.against_own(results.matrix(results.select(table[table["seed"] == 0], "mlm", 0.5)))
    assert one["successful"].isna().all()


def test_an_own_mask_of_another_seed_takes_the_place_of_the_own_one(table):
    again = [row("reseeded 2", t, v + 0.1 * seed, seed) for t, v in (("en", 4.5), ("fr", 4.0)) for seed in (0, 1)]
    rows = results.select(pd.concat([table, pd.DataFrame(again)]), "mlm", 0.5)
    usual = results.against_own(results.matrix(rows)).set_index(["source", "target"])
    assert usual.loc[("reseeded 2", "en"), "relative"] == pytest.approx((4.55 - 4.05) / 4.05)
    assert set(results.relative_drop(results.matrix(rows))["source"]) == {"en", "fr", "random", "full", "reseeded 2"}
    found = results.against_own(results.matrix(results.reseeded(rows, 2))).set_index(["source", "target"])
    assert len(found) == len(usual) - 2
    assert found.loc[("en", "en"), "value"] == pytest.approx(4.55)
    assert found.loc[("fr", "en"), "relative"] == pytest.approx((5.05 - 4.55) / 4.55)
    assert found.loc[("en", "fr"), "gain"] == pytest.approx(-2.0)
    assert results.matrix(results.reseeded(rows, 3)).query("source == target").empty, "nothing was found under seed 3"


def test_values_are_functions_of_the_parts():
    right = np.array([[3, 4, 5], [1, 2, 2]])
    assert METRICS["f1"].value(right.sum(axis=0)) == pytest.approx(2 * 4 / (6 + 7))
    assert METRICS["accuracy"].value(np.array([3, 4])) == 0.75
    assert METRICS["perplexity"].value(np.array([2 * np.log(3), 2])) == pytest.approx(3)
    assert better("f1", 0.9, 0.8) > 0 > better("perplexity", 9, 8)
    with pytest.raises(NeutralError, match="no such metric"):
        metric("bleu")


def test_the_bootstrap_is_a_plain_one_done_at_once():
    draw = np.random.default_rng(3)
    one, other = (np.column_stack([draw.gamma(2, 1, 40), np.full(40, 5.0)]) for _ in range(2))
    gain, low, high, p = gain_interval("perplexity", [(one, other)], repeats=4000, seed=1)
    value = METRICS["perplexity"].value
    assert gain == pytest.approx(value(other.sum(axis=0)) - value(one.sum(axis=0)))
    plain = []
    for _ in range(4000):
        places = draw.integers(0, 40, 40)
        plain.append(value(other[places].sum(axis=0)) - value(one[places].sum(axis=0)))
    spread = np.std(plain)
    assert low == pytest.approx(np.quantile(plain, 0.025), abs=0.15 * spread)
    assert high == pytest.approx(np.quantile(plain, 0.975), abs=0.15 * spread)
    assert p == pytest.approx(2 * min(np.mean(np.array(plain) <= 0), np.mean(np.array(plain) >= 0)), abs=0.05)


def test_the_bootstrap_of_several_seeds_resamples_the_same_examples_and_averages_the_gains():
    draw = np.random.default_rng(6)

    def spans(rate):
        true = draw.integers(1, 4, 60)
        predicted = draw.integers(1, 4, 60)
        return np.column_stack([draw.binomial(np.minimum(true, predicted), rate), predicted, true])

    pairs = [(spans(0.7), spans(0.6)), (spans(0.8), spans(0.5)), (spans(0.6), spans(0.6))]
    gain, low, high, p = gain_interval("f1", pairs, repeats=4000, seed=1)

    def plainly(places):
        f1 = [[2 * part[places, 0].sum() / part[places, 1:].sum() for part in pair] for pair in pairs]
        return np.mean([one - other for one, other in f1])

    assert gain == pytest.approx(plainly(np.arange(60)))
    plain = [plainly(draw.integers(0, 60, 60)) for _ in range(4000)]
    spread = np.std(plain)
    assert low == pytest.approx(np.quantile(plain, 0.025), abs=0.15 * spread)
    assert high == pytest.approx(np.quantile(plain, 0.975), abs=0.15 * spread)
    assert p == pytest.approx(2 * np.mean(np.array(plain) <= 0), abs=0.03)


def test_the_bootstrap_rejects_no_more_often_than_it_says_and_sees_what_is_there():
    draw, rejected, seen = np.random.default_rng(4), 0, 0
    for i in range(200):
        base = draw.gamma(2, 1, 60)
        parts = [np.column_stack([base + 0.3 * draw.standard_normal(60), np.full(60, 1.0)]) for _ in range(2)]
        rejected += gain_interval("perplexity", [tuple(parts)], repeats=400, seed=i)[3] < 0.05
        parts[0][:, 0] += 0.2
        seen += gain_interval("perplexity", [tuple(parts)], repeats=400, seed=i)[3] < 0.05
    assert rejected < 24  # 10 expected; 24 has a chance of 1 in 20,000
    assert seen > 150


def test_a_better_source_is_significant_and_a_like_one_is_not():
    draw = np.random.default_rng(5)
    base = draw.gamma(4, 0.25, 50)
    parts = {"en": base, "fr": base - 0.2, "de": base + 0.01 * draw.standard_normal(50)}
    rows = [row(s, "en", float(np.exp(x.mean())), parts=[x.tolist(), [1.0] * 50]) for s, x in parts.items()]
    found = results.bootstrap(pd.DataFrame(rows)).set_index("source")
    assert list(found.index) == ["fr", "de"]
    assert found.loc["fr", "low"] > 0
    assert found.loc["fr", "p"] < 0.01 < found.loc["de", "p"]
    assert results.bootstrap(pd.DataFrame([row("en", "en", 3.0)])).empty


def test_the_check_without_training_foretells_what_it_ranks_alike(table):
    many = [
        row(s, t, 4 + abs(i - j), untrained=40 + abs(i - j) ** 2)
        for i, s in enumerate("abcdef")
        for j, t in enumerate("abcdef")
    ]
    found = results.foretold(results.matrix(results.select(pd.DataFrame(many), "mlm", 0.5))).set_index("target")
    assert found.loc["a", "rho"] == pytest.approx(1)
    assert found.loc["all", "rho"] == pytest.approx(1)
    assert found.loc["all", "n"] == 30
    assert np.isnan(
        results.foretold(results.matrix(results.select(table, "mlm", 0.5))).set_index("target").loc["en", "rho"]
    )


def test_runs_of_own_masks_alone_foretell_nothing_and_are_no_error():
    rows = pd.DataFrame(
        [{"source": code, "target": code, "metric": "f1", "value": 0.5, "untrained": 0.1, "seed": 1} for code in "ab"]
    ).assign(task="mlm", source_task="mlm", sparsity=0.5, method="wanda")
    said = results.foretold(results.matrix(results.select(rows, "mlm", 0.5, method="wanda")))
    assert said["target"].tolist() == ["all"]
    assert said["n"].tolist() == [0]


def test_the_core_is_laid_beside_the_best_single_mask():
    cells = {"en": {"en": 4, "fr": 5, "de": 4.5, "core": 4.2, "random": 9}, "fr": {"fr": 5}}
    table = pd.DataFrame([row(s, t, v) for t, c in cells.items() for s, v in c.items()] + [row("de", "de", 5)])
    other_seed = pd.DataFrame([row("en", "en", 40, seed=1), row("fr", "en", 1, seed=1)])
    found = results.left_out(pd.concat([table, other_seed])).set_index("target")
    assert found.loc["en", ["own", "core", "best", "mean"]].tolist() == pytest.approx([4, 4.2, 4.5, 4.75])
    assert np.isnan(found.loc["en", "full"])
    assert list(found.index) == ["en"], "no core was trained on French"


def scores(values, seeds=(0, 1, 2), spread=0.1, parts=True):
    rows = []
    draw = np.random.default_rng(6)
    base = draw.gamma(4, 0.25, 60)
    for sparsity, value in values.items():
        for seed in seeds:
            loss = base + np.log(value) - base.mean() + 0.02 * draw.standard_normal(60)
            rows.append(
                {
                    "task": "mlm",
                    "method": "magnitude" if sparsity else "full",
                    "language": "en",
                    "sparsity": sparsity,
                    "seed": seed,
                    "variant": "trained",
                    "steps": 5,
                    "metric": "perplexity",
                    "value": value + spread * (seed - 1),
                    "parts": [loss.tolist(), [1.0] * 60] if parts else None,
                }
            )
    return pd.DataFrame(rows)


def test_a_ticket_wins_up_to_where_it_is_lost():
    table = winning.levels(scores({0.0: 4.0, 0.1: 3.95, 0.3: 4.05, 0.5: 4.3, 0.7: 6.0}), "mlm")
    assert table["within_std"].tolist() == [True, True, False, False]
    assert not table["not_worse"].tolist()[-1]
    won = winning.winners(table).set_index("rule")
    assert won.loc["within_std", "sparsity"] == 0.3
    assert won.loc["within_std", "full"] == pytest.approx(4.0)
    assert won.loc["not_worse", "sparsity"] < 0.7


def test_runs_of_both_commands_count_once(tmp_path):
    study = Study.create(tmp_path, {"title": "Both"})
    study.extend("score", scores({0.0: 4.0, 0.5: 4.1}, seeds=(0,), spread=0).to_dict("records"))
    assert len(winning.runs(study)) == 2
    cells = [("full", "en", 5.0, 0), ("full", "en", 4.2, 1), ("en", "en", 4.3, 1), ("random", "en", 9.0, 0)]
    study.extend("transfer", [row(*cell) for cell in cells] + [row("fr", "en", 8.0), row("core", "en", 8.0)])
    study.extend("transfer", [row("en", "en", 7.0, 1, source_task="ner"), row("full", "en", 1.0, 5, steps=50)])
    found = winning.runs(study).set_index(["method", "seed"])["value"].to_dict()
    assert found == {
        ("full", 0): 4.0,
        ("magnitude", 0): 4.1,
        ("full", 1): 4.2,
        ("magnitude", 1): 4.3,
        ("random", 0): 9.0,
    }
    level = winning.levels(winning.runs(study), "mlm").iloc[0]
    assert (level["seeds"], level["full_seeds"], level["full"]) == (2, 2, pytest.approx(4.1))


def test_a_rule_that_cannot_be_applied_says_nothing():
    single = winning.levels(scores({0.0: 4.0, 0.5: 4.0}, seeds=(0,), parts=False), "mlm")
    assert single["within_std"].isna().all()
    assert single["not_worse"].isna().all()
    assert winning.winners(single).empty
    assert winning.levels(pd.DataFrame(), "mlm").empty


def test_the_published_tables_are_in_the_form_of_ours():
    assert published.experiments() == [
        ("bert-base-multilingual-cased", "mlm"),
        ("bert-base-multilingual-cased", "xnli"),
        ("bert-base-multilingual-cased", "ner"),
        ("google/mt5-base", "xnli"),
    ]
    mlm = published.transfer("bert-base-multilingual-cased", "mlm")
    assert list(mlm.columns) == results.COLUMNS
    assert len(mlm) == 12 * 11
    against = results.against_own(mlm).set_index(["source", "target"])
    assert (against.loc[against.index.get_level_values(0) != "full", "gain"] <= 0).all(), (
        "the own mask is the best (their remark)"
    )
    drop = results.relative_drop(published.transfer("bert-base-multilingual-cased", "ner"))
    assert set(drop["source"]) >= {"en", "full"}
    assert published.winning_tickets()["sparsity"].between(0.2, 0.7).all()
    assert published.seed_overlap().set_index("task")["jaccard"]["ner"] == pytest.approx(0.9866)
    with pytest.raises(NeutralError, match="no transfer table of mBERT on pos"):
        published.transfer("mBERT", "pos")


def test_gains_that_cancel_out_are_none():
    """0.8 - 0.7 is more than 0.7 - 0.6 by rounding; over two seeds that is no gain."""
    right = {share: np.array([[share * 10 > i, 1] for i in range(10)], dtype=float) for share in (0.6, 0.7, 0.8)}
    assert 0.8 - 0.7 > 0.7 - 0.6
    pairs = [(right[0.8], right[0.7]), (right[0.6], right[0.7])]
    gain, low, high, _ = gain_interval("accuracy", pairs, repeats=400)
    assert gain == 0
    assert low <= 0 <= high
    even = [(one, one) for one, _ in pairs]
    assert gain_interval("accuracy", even, repeats=400) == (0, 0, 0, 1)


def test_a_ticket_of_the_full_models_score_wins_whatever_rounding_does():
    """Three seeds of 0.7 have another mean, in the last digit, than one."""
    shares = [(0.0, seed) for seed in range(3)] + [(0.5, 0)]
    table = scores({0.0: 4.0, 0.5: 4.0}, parts=False)
    table = pd.concat([table[(table["sparsity"] == s) & (table["seed"] == seed)] for s, seed in shares])
    for value in np.arange(1, 40) / 7:
        won = winning.levels(table.assign(value=value), "mlm")
        assert won["within_std"].tolist() == [True], value


@pytest.mark.parametrize("text", ["en", "en+fa", "full", "core", "thinned 0.2", "thinned 0.05", "reseeded 2"])
def test_a_source_is_written_as_it_was_read(text):
    assert str(MaskSource.parse(text)) == text


def test_a_source_says_what_it_is():
    assert [MaskSource.parse(text).is_language for text in ("en", "en+fa", "core", "thinned 0.2", "reseeded 2")] == [
        True,
        *[False] * 4,
    ]
    assert MaskSource.parse("thinned 0.2") == MaskSource("thinned", sparsity=0.2)
    assert MaskSource.parse("reseeded 12").seed == 12
