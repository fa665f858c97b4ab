"""What fine-tuning came to: means over seeds, the gain over the full model, and rows of before."""

import numpy as np
import pandas as pd
import pytest
import synthetic

from neutral import figures
from neutral.bootstrap import gain_interval
from neutral.compression import downstream


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    return synthetic.compression_study(tmp_path_factory.mktemp("study") / "tables").table("finetune")


def test_scores_are_means_over_seeds_beside_the_full_model_under_the_same_seeds(tuned):
    tuned = tuned[~((tuned["table"].str.startswith("svd")) & (tuned["seed"] == 2))]
    scores = downstream.scores(tuned).set_index(["metric", "method", "train"])
    rows = tuned[(tuned["metric"] == "pearson") & (tuned["train"] == "none") & tuned["table"].str.startswith("svd")]
    row = scores.loc[("pearson", "svd", "none")]
    assert row["value"] == pytest.approx(rows["value"].mean())
    assert (row["low"], row["high"]) == (rows["value"].min(), rows["value"].max())
    assert row["seeds"] == 2
    assert row["gain"] == pytest.approx(-0.3)  # the third seed of the full model is no part of it
    assert np.isnan(row["p"])  # this study keeps no examples of it
    assert (row["numbers"], row["line"]) == (0, "svd 10 × by parameters")
    assert len(scores) == 3 * 6


def test_the_gain_has_the_interval_of_the_paired_bootstrap_over_the_examples(tuned):
    scores = downstream.scores(tuned).set_index(["metric", "method", "train"])
    rows = tuned[tuned["metric"] == "matthews"].set_index(["table", "train", "seed"])["parts"]
    keys = [("svd_parameters_10_uniform", "none"), ("full", "table")]
    pairs = [tuple(np.array(rows[(*key, seed)], dtype=float).T for key in keys) for seed in range(3)]
    expected = gain_interval("matthews", pairs)
    row = scores.loc[("matthews", "svd", "none")]
    assert tuple(row[["gain", "gain_low", "gain_high", "p"]]) == pytest.approx(expected)
    assert np.isnan(scores.loc[("matthews", "full", "table")]["gain_low"])


def test_rows_of_before_are_read_as_what_they_were():
    common = {"data": "own", "seed": 0, "metric": "accuracy", "loss": 0.1, "examples": 9, "steps": 500}
    rows = [("full", 6400, 0.9), ("svd_parameters_10_uniform", 640, 0.7), ("int4_bytes_7.53_uniform", 0, 0.8)]
    older = pd.DataFrame([{**common, "table": table, "numbers": n, "value": value} for table, n, value in rows])
    scores = downstream.scores(older)
    assert scores["train"].tolist() == ["table", "factors", "none"]
    assert scores["gain"].tolist() == pytest.approx([0, -0.2, -0.1])
    assert set(scores["setting"]) == {"own (500 steps of 32, rate 5e-05)"}
    assert downstream.scores(pd.DataFrame()).empty
    assert downstream.scores(older[1:])["gain"].isna().all()


def test_a_table_trained_in_part_stands_beside_the_same_with_all_its_factors(tuned):
    scores = downstream.scores(tuned[tuned["metric"] == "spearman"])
    pairs = downstream.pairs_of_ways(scores).set_index("line")
    assert pairs.loc["svd 10 × by parameters"].tolist()[:1] == ["none"]
    assert pairs.loc["autoencoder linear 10 × by parameters", "all"] == pytest.approx(0.78 - 0.05 + 0.01)
    assert "int4 7.53 × by bytes" not in pairs.index


def test_a_figure_has_a_mark_for_each_way_and_a_line_for_the_full_model(tuned):
    scores = downstream.scores(tuned[tuned["metric"] == "pearson"])
    figure = figures.scores_by_table(scores, "pearson")
    assert [trace.name for trace in figure.data] == [f"trains {what}" for what in downstream.TRAINS.values()]
    assert figure.layout.shapes[0].y0 == pytest.approx(0.81)
    frozen = figure.data[-1]
    assert list(frozen.y) == pytest.approx([0.51, 0.8])
    assert list(frozen.error_y.array) == pytest.approx([0.01, 0.01])
