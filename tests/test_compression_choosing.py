"""A language and a tolerance give a method, a ratio and megabytes: by a study's curves, and no farther than these."""

import argparse
import csv
import io
import shlex

import numpy as np
import pandas as pd
import pytest
import synthetic
from conftest import ROOT

from neutral import cli, options
from neutral.compression import choosing, reach, results
from neutral.errors import NeutralError
from neutral.runs.plans.compression import CompressionPlan, filled
from neutral.study import Study

MINI = ROOT / "data" / "studies" / "mini-mbert-compression"


def curve(factors, sizes=(2.0, 4.0, 8.0), line="svd", language="sw", by="bytes"):
    """Scores of one line in one language."""
    rows = []
    for size, factor in zip(sizes, factors, strict=True):
        key = {"method": line.split(",")[0], "variant": "", "weights": "uniform", "trimmed": False, "by": by}
        key |= {"ratio": np.floor(size), "line": line, "language": language, "where": "both", "words": False}
        sizes_of = {f"ratio_{by}": size, "ratio_bytes": 2 * size if by == "parameters" else size, "cosine": size / 100}
        rows.append(key | sizes_of | {"scoring": "blocks", "nats": np.log(factor), "factor": factor})
    return pd.DataFrame(rows).reindex(columns=results.SCORE_COLUMNS)


def test_the_crossing_is_interpolated_between_the_two_measured_sizes_around_it():
    row = choosing.within(curve([1.0, 1.0, 1.21]), "bytes", "sw").iloc[0]
    assert row["ratio"] == pytest.approx(np.sqrt(4 * 8))  # half-way in the logarithms
    assert (row["bound"], row["low"], row["high"], row["sizes"]) == ("", 4.0, 8.0, 3)
    assert row["asked"] == 5.65  # never more than may be


def test_what_holds_at_the_largest_ratio_that_was_tried_holds_at_least_so_far():
    row = choosing.within(curve([1.0, 1.01, 1.02]), "bytes", "sw").iloc[0]
    assert (row["ratio"], row["bound"], row["asked"], row["breaks"]) == (8.0, "above", 8.0, "")


def test_lines_that_break_at_their_least_ratio_come_last_however_large_that_is():
    both = pd.concat([curve([1.0, 1.2, 1.3]), curve([1.5, 1.6, 2.0], (10.0, 20.0, 40.0), "direction")])
    rows = choosing.within(both, "bytes", "sw")
    assert rows["line"].tolist() == ["svd", "direction"]
    assert rows["bound"].tolist() == ["", "below"]


def test_a_curve_that_goes_up_and_down_counts_where_it_was_measured_and_is_not_interpolated():
    row = choosing.within(curve([1.6, 3.0, 1.05]), "bytes", "sw").iloc[0]
    assert (row["ratio"], row["low"], row["high"], row["bound"]) == (8.0, 8.0, 8.0, "above")
    assert row["again"]
    assert not choosing.within(curve([1.0, 1.02, 1.3]), "bytes", "sw")["again"].any()
    found = choosing.unsteady(curve([1.6, 3.0, 1.05]).assign(size=[2.0, 4.0, 8.0])).iloc[0]
    assert (found["peak"], found["factor"], found["later"], found["less"]) == (4.0, 3.0, 8.0, 1.05)
    assert choosing.unsteady(curve([1.0, 1.1, 1.05]).assign(size=[2.0, 4.0, 8.0])).empty  # within a fifth
    assert choosing.unsteady(curve([9.0, 900.0, 90.0]).assign(size=[2.0, 4.0, 8.0])).empty  # ruined either way


def test_of_all_languages_the_first_that_breaks_decides_and_of_their_mean_none_is_named():
    both = pd.concat([curve([1.0, 1.05, 1.4]), curve([1.0, 1.3, 1.4], language="ur")])
    worst, mean = (choosing.within(both, "bytes", who).iloc[0] for who in (choosing.WORST, results.ALL))
    assert worst["ratio"] == pytest.approx(choosing.within(both, "bytes", "ur")["ratio"].iloc[0])
    assert worst["breaks"] == "ur"
    assert worst["ratio"] < mean["ratio"] < choosing.within(both, "bytes", "sw")["ratio"].iloc[0]
    assert mean["breaks"] == ""
    broken = choosing.within(pd.concat([curve([1.2, 2, 3]), curve([1.9, 2, 3], language="ur")]), "bytes").iloc[0]
    assert (broken["bound"], broken["breaks"]) == ("below", "ur")  # who suffers most, not who comes first


def test_a_line_that_no_language_is_within_is_told_apart_from_one_that_some_are():
    some = [curve([1.2, 2, 3]), curve([1.0, 2, 3], language="ur")]
    none = [curve([1.2, 2, 3], line="pq"), curve([1.3, 2, 3], line="pq", language="ur")]
    breaks = results.breaking(pd.concat([*some, *none], ignore_index=True), [1.1])
    assert results.never_within(breaks[breaks["language"] != results.ALL])["line"].tolist() == ["pq"]


def test_bytes_are_told_of_a_ratio_by_parameters_too():
    row = choosing.within(curve([1.0, 1.0, 1.21], by="parameters"), "parameters", "sw").iloc[0]
    assert row["ratio_bytes"] == pytest.approx(2 * row["ratio"])
    assert choosing.table_bytes({"vocabulary": 100, "width": 10}, 4.0) == 1000
    assert np.isnan(choosing.table_bytes({}))


def test_an_estimate_lies_on_the_line_between_measured_points_and_is_none_beyond_them():
    points = choosing.curve(curve([1.0, 1.0, 1.21]), "bytes", "sw")
    assert choosing.estimate(points, np.sqrt(32)) == pytest.approx(1.1)
    assert choosing.estimate(points, 8.0) == pytest.approx(1.21)
    assert np.isnan(choosing.estimate(points, 1.5))
    assert np.isnan(choosing.estimate(points, 9.0))
    other = pd.concat([points, choosing.curve(curve([1.0, 1.02, 1.03], line="mixed"), "bytes", "sw")])
    assert choosing.estimates(other, 8.0)["line"].tolist() == ["mixed", "svd"]
    assert choosing.estimates(other, 9.0).empty
    assert np.isnan(choosing.estimated(points, ["none"], [4.0])[0])


def test_perplexity_before_and_after_is_that_of_who_suffers_most_or_of_the_mean():
    both = pd.concat([curve([1.0, 1.05, 1.4]), curve([1.0, 1.3, 1.4], language="ur")]).assign(value=0.0)
    both["value"] = [
        10 * f if code == "sw" else 40 * f for code, f in zip(both["language"], both["factor"], strict=True)
    ]
    row = choosing.within(both, "bytes").iloc[0]
    assert choosing.change(both, "bytes", row) == ("ur", pytest.approx(40), pytest.approx(44))
    assert choosing.change(both, "bytes", row, "sw").before == pytest.approx(10)
    assert choosing.change(both, "bytes", row, results.ALL).before == pytest.approx(20)  # geometric


def test_how_far_every_method_reaches_is_a_table_that_says_whose_it_is():
    scores = pd.concat([curve([1.0, 1.05, 1.5]), curve([1.3, 2.0, 3.0], line="pq")], ignore_index=True)
    scores["value"], info = 140.0 * scores["factor"], {"vocabulary": 1000, "width": 250}
    rows = choosing.within(scores, "bytes", "sw", 0.1)
    table = reach.reach(scores, rows, info, "bytes", "sw", 0.1)
    assert list(table.columns) == reach.COLUMNS
    assert list(table["line"]) == ["svd", "pq"]
    assert set(table["language"]) == {"sw"}
    assert set(table["tolerance_percent"]) == {10.0}
    assert list(table["within"]) == [reach.WITHIN[""], reach.WITHIN["below"]]
    assert list(table["megabytes"]) == pytest.approx([1.0 / ratio for ratio in rows["ratio_bytes"]])
    assert list(table["perplexity_full"]) == pytest.approx([140.0, 140.0])
    assert list(table["perplexity"]) == pytest.approx([154.0, 182.0])  # at the tolerance; at the smallest ratio
    assert list(table["change_percent"]) == pytest.approx([10.0, 30.0])


def test_a_command_names_a_model_that_is_there_or_says_that_it_stands_for_one():
    row = choosing.within(curve([1.0, 1.05, 1.4]), "bytes", "sw").iloc[0]
    asked = [
        choosing.command(info, row, model).split(" --model ")[1].split(" ")[0]
        for info, model in [
            ({"model": "gemma"}, ""),
            ({"model": "google/gemma"}, ""),
            ({"model": "gemma"}, "here/gemma"),
        ]
    ]
    assert asked == ["PATH/TO/gemma", "google/gemma", "here/gemma"]


def test_a_command_says_which_table_of_a_model_that_has_two():
    row = choosing.within(curve([1.0, 1.05, 1.4]), "bytes", "sw").iloc[0]
    said = []
    for tables in (["tokens"], ["per-layer"], ["tokens", "per-layer"], None):
        info = {"model": "gemma", "settings": {"compress": {"tables": tables} if tables else {}}}
        said.append(choosing.command(info, row).partition(" --tables ")[2].partition(" ")[0])
    assert said == ["tokens", "per-layer", "", ""]


def test_a_language_that_was_not_scored_and_a_tolerance_below_nothing_are_said():
    with pytest.raises(NeutralError, match="xx: was not scored; there is sw"):
        choosing.within(curve([1, 1, 2]), "bytes", "xx")
    with pytest.raises(NeutralError, match="0 % or more"):
        choosing.within(curve([1, 1, 2]), "bytes", "sw", -0.1)


def test_every_command_asks_for_the_line_that_it_belongs_to():
    study = Study(MINI)
    scores = results.scores(study.whole_table("perplexity"), results.tables(study.whole_table("table")))
    view = scores[(scores["where"] == "both") & ~scores["words"] & (scores["scoring"] == "blocks")]
    for by in ("bytes", "parameters"):
        for _, row in choosing.within(view, by).iterrows():
            words = shlex.split(choosing.command(study.info, row))
            assert words[:2] == ["neutral", "compress"]
            plan = parsed(words[2:])
            (trial,) = plan.trials()
            key = (trial.method, trial.variant, trial.weights, trial.trimmed, trial.by)
            assert key == (row["method"], row["variant"], row["weights"], row["trimmed"], row["by"])
            assert trial.ratio is None or trial.ratio <= row["ratio"] + 0.01
            assert plan.where == ("both",)
            assert (plan.export, plan.form) == ("models", "neutral")


def parsed(words):
    """The plan of a command's options, filled as a run fills it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--study")
    options.add(parser, CompressionPlan)
    plan = options.read(CompressionPlan, parser.parse_args(words))
    return filled(plan, "mlm", plan.languages)


def test_the_shell_gives_the_table_of_every_method(tmp_path, capsys):
    study = synthetic.compression_study(tmp_path / "tables")
    assert (
        cli.main(["study", "budget", str(study.path), "--language", "swa", "--within", "10%", "--format", "csv"]) == 0
    )
    said = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert "sw within 10% of the full model's perplexity, input and output layer, by bytes" in said.err
    assert {row["method"] for row in rows} >= {"mixed, √frequency", "svd", "int8"}
    ratios = [float(row["ratio"]) for row in rows if row["bound"] != "below"]
    assert ratios == sorted(ratios, reverse=True)
    assert rows[0]["command"].startswith("neutral compress --model PATH/TO/tiny ")
    for wrong, line in (
        (["--language", "xx"], "there is no perplexity of 'xx' here"),
        (["--within", "ten"], "--within ten: a percentage, such as 10%"),
        (["--within=-1%"], "0 % or more"),
        (["--perplexity", "lines"], "has no perplexities of lines with whole words masked, table in both"),
    ):
        assert cli.main(["study", "budget", str(study.path), *wrong]) == 2
        assert line in capsys.readouterr().err


def test_a_study_of_masks_has_no_budget(capsys):
    assert cli.main(["study", "budget", str(ROOT / "data/studies/mini-mbert-mlm")]) == 2
    assert "has no perplexities of token tables" in capsys.readouterr().err
