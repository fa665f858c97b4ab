"""Scores and the functional check as tables."""

import math

import pandas as pd
import pytest

from neutral.search import evaluations
from neutral.study import Study

pytestmark = pytest.mark.numeric


def row(method, language, sparsity, value, seed=0, variant="trained"):
    return {
        "task": "mlm",
        "method": method,
        "language": language,
        "sparsity": sparsity,
        "seed": seed,
        "variant": variant,
        "metric": "perplexity",
        "value": value,
    }


def test_a_score_is_compared_with_the_full_model_treated_likewise():
    table = pd.DataFrame(
        [
            row("full", "en", 0.0, 10.0),
            row("full", "en", 0.0, 20.0, variant="untrained"),
            row("magnitude", "en", 0.5, 30.0),
            row("wanda", "en", 0.5, 30.0, variant="untrained"),
        ]
    )
    found = evaluations.scores(table, "mlm").set_index("method")
    assert found.loc["magnitude", "ratio"] == pytest.approx(3.0)
    assert found.loc["wanda", "ratio"] == pytest.approx(1.5)


def test_means_of_perplexity_are_geometric():
    table = pd.DataFrame(
        [row("full", "en", 0.0, 10.0, s) for s in (0, 1)]
        + [row("magnitude", "en", 0.5, 20.0, 0), row("magnitude", "en", 0.5, 80.0, 1)]
        + [row("full", "sw", 0.0, 100.0), row("magnitude", "sw", 0.5, 100.0)]
    )
    found = evaluations.scores(table, "mlm")
    assert found.set_index("language").loc["en", "value"] == pytest.approx(40.0)
    curve = evaluations.curves(found).iloc[0]
    assert curve["value"] == pytest.approx(math.sqrt(4.0 * 1.0))
    assert (curve["low"], curve["high"], curve["n"]) == (pytest.approx(1.0), pytest.approx(4.0), 2)


def test_a_mask_is_compared_with_the_full_model_under_the_masks_own_seeds():
    table = [row("full", "en", 0.0, 10.0, 0), row("full", "en", 0.0, 40.0, 1)]
    table += [row("magnitude", "en", 0.5, 20.0, 0), row("magnitude", "en", 0.5, 80.0, 1)]
    table += [row("magnitude", "en", 0.8, 120.0, 1), row("random", "en", 0.8, 60.0, 2)]
    scores = evaluations.scores(pd.DataFrame(table), "mlm").set_index(["method", "sparsity"])
    assert scores["full"].tolist() == pytest.approx([20.0, 40.0, 20.0])
    assert scores["ratio"].tolist() == pytest.approx([2.0, 3.0, 3.0])


def test_a_score_without_the_full_model_has_no_ratio():
    found = evaluations.scores(pd.DataFrame([row("magnitude", "en", 0.5, 20.0)]), "mlm")
    assert math.isnan(found["ratio"].item())
    assert evaluations.curves(found).empty


def test_the_functional_check_is_relative_to_the_texts_own_mask(studies):
    table = Study(studies / "encoder").table("functional")
    found = evaluations.functional(table, "mlm", "magnitude", 0.5)
    square = found.pivot(index="source", columns="target", values="ratio")
    assert all(square.loc[code, code] == pytest.approx(1.0) for code in square.columns)
    assert square.loc["random"].min() == pytest.approx(60.0)
    assert len(found) == 11 * (11 + 3)
    some = evaluations.functional(table, "mlm", "magnitude", 0.5, ("en", "sw"))
    assert set(some["target"]) == {"en", "sw"}
    assert set(some["source"]) == {"en", "sw", "full", "pretrained", "random"}
    assert evaluations.checked(table, "mlm", "magnitude") == [0.5]


def test_nothing_measured_gives_empty_tables_with_their_columns():
    empty = pd.DataFrame()
    assert list(evaluations.scores(empty, "mlm").columns) == evaluations.SCORE_COLUMNS
    assert evaluations.curves(evaluations.scores(empty, "mlm")).empty
    assert list(evaluations.functional(empty, "mlm", "wanda", 0.5).columns) == evaluations.FUNCTIONAL_COLUMNS
    assert evaluations.checked(empty, "mlm", "wanda") == []
