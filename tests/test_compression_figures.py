"""Figures of compressed token tables: what is drawn, on a synthetic study."""

import numpy as np
import pandas as pd
import pytest
import synthetic

from neutral import figures
from neutral.compression import predictions, results, steps
from neutral.figures import theme
from neutral.figures.compression import tokens
from neutral.figures.compression.tokens import SCRIPTS, isolated
from neutral.figures.families import USUAL
from neutral.members import display
from neutral.study import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return Study(synthetic.compression_study(tmp_path_factory.mktemp("tables") / "tables").path)


@pytest.fixture(scope="module")
def tables(study):
    return results.tables(study.table("table"))


@pytest.fixture(scope="module")
def scores(study, tables):
    table = results.scores(study.table("perplexity"), tables)
    return table[(table["where"] == "both") & ~table["words"]]


@pytest.fixture(scope="module")
def means(scores):
    return results.at_size(results.mean(results.usual(scores)), "bytes")


def test_a_method_has_one_colour_and_marker_and_its_lines_differ(tables):
    lines = theme.compression_lines(tables)
    assert lines["direction"]["line"]["color"] == lines["direction, √frequency"]["line"]["color"]
    assert lines["direction"]["line"]["dash"] != lines["direction, √frequency"]["line"]["dash"]
    used = [theme.compression_method(method) for method in theme.COMPRESSION]
    assert len({colour for colour, _ in used}) == len({symbol for _, symbol in used}) == len(used)
    assert theme.compression_method("mine") == (theme.NEUTRAL, "x")
    several = pd.DataFrame({"line": list("abcd"), "method": "svd"})
    symbols = [style["marker"]["symbol"] for style in theme.compression_lines(several).values()]
    assert symbols == ["circle", "circle-open", "circle-dot", "circle-open-dot"]


def test_perplexity_is_drawn_against_the_ratio_that_was_reached_on_logarithmic_axes(means):
    figure = figures.perplexity_by_ratio(means, "bytes")
    drawn = {trace.name: trace for trace in figure.data if trace.name}
    rows = means[means["line"] == "pq"]
    np.testing.assert_allclose(drawn["pq, uniform"].x, rows["ratio_bytes"])
    np.testing.assert_allclose(drawn["pq, uniform"].y, rows["factor"])
    assert drawn["int8"].mode == "markers"
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert [shape.y0 for shape in figure.layout.shapes] == [1.0, 1.1]


@pytest.mark.parametrize("sizes", [[1.5, 20.0], [10.1, 13.0], [1.5, 50.0], [1.02, 1.4]])
def test_an_axis_of_ratios_names_four_to_ten_of_them_within_the_data(sizes):
    figure = figures.error_by_ratio(
        pd.DataFrame({"line": "svd", "method": "svd", "size": sizes, "rmse": 0.1}), "rmse", "bytes"
    )
    ticks = figure.layout.xaxis.tickvals
    assert 4 <= len(ticks) <= 10
    assert sizes[0] / 1.1 <= min(ticks) < max(ticks) <= sizes[1] * 1.1


def test_an_axis_up_to_a_value_cuts_off_what_goes_further_and_no_less(means):
    assert figures.perplexity_by_ratio(means, "bytes", top=10).layout.yaxis.range[1] == pytest.approx(1, abs=0.1)
    mild = means[means["factor"] < 2]
    assert figures.perplexity_by_ratio(mild, "bytes", top=10).layout.yaxis.range is None


def test_few_lines_have_a_band_from_the_least_to_the_worst_language(means):
    one = figures.perplexity_by_ratio(means[means["line"] == "pq"], "bytes")
    rows = means[means["line"] == "pq"]
    assert sum(trace.fill == "tonexty" for trace in one.data) == 1
    np.testing.assert_allclose(one.data[1].y, rows["high"])
    assert not any(trace.fill for trace in figures.perplexity_by_ratio(means, "bytes").data)


def test_few_languages_have_a_panel_each_before_the_others_in_grey(scores):
    rows = results.at_size(results.one_line(scores, "svd"), "parameters")
    figure = figures.language_perplexity_by_ratio(rows, "parameters", "svd")
    own = [trace for trace in figure.data if trace.name]
    assert len(own) == len(figure.data) - len(own) == 11
    assert len({(trace.xaxis, trace.yaxis) for trace in own}) == 11
    assert own[0].line.color == USUAL["Indo-European"]
    assert figure.data[0].line.color == theme.NEUTRAL
    titles = [axis.title.text for axis in figure.select_xaxes() if axis.title.text]
    assert titles == ["Times smaller, by parameters"]
    one = figures.language_perplexity_by_ratio(rows[rows["language"] == "sw"], "parameters", "svd")
    assert len(one.data) == 1


def test_a_line_without_a_point_on_the_axis_is_neither_drawn_nor_in_the_legend(means):
    ruined = means[means["line"] == "svd"].assign(line="ruined", factor=50.0)
    both = pd.concat([means, ruined])
    assert figures.off_axis(both, 10) == ["ruined"]
    assert figures.off_axis(both, 0) == []
    assert figures.off_axis(ruined, 10) == []  # an axis with nothing on it would be no figure
    names = [trace.name for trace in figures.perplexity_by_ratio(both, "bytes", top=10).data]
    assert "ruined" not in names
    assert "svd, uniform" in names


def test_a_legend_of_several_weightings_says_which_line_is_of_which(means):
    assert set(means["weights"]) == {"uniform", "sqrt"}  # mixed has no uniform one
    names = {trace.name for trace in figures.perplexity_by_ratio(means, "bytes").data}
    assert {"svd, uniform", "pq, uniform", "mixed, √frequency", "int8"} <= names
    alone = figures.perplexity_by_ratio(means[means["weights"] == "uniform"], "bytes")
    assert "svd" in {trace.name for trace in alone.data}


def test_the_answer_is_ringed_with_its_size_beside_it(means):
    drawn = figures.perplexity_by_ratio(means, "bytes", mark=figures.Mark(5.0, 1.1, "5 ×, 3 MB"))
    ring = drawn.data[-1]
    assert (ring.x, ring.y, ring.marker.symbol) == ((5.0,), (1.1,), "circle-open")
    assert drawn.layout.annotations[0].text == "<b>5 ×, 3 MB</b>"
    assert "Ringed: 5 ×, 3 MB." in drawn.layout.meta["alt"]


def test_an_axis_of_one_ratio_names_its_neighbours_too():
    one = pd.DataFrame({"line": "int8", "method": "int8", "size": [3.98], "rmse": 0.1})
    axis = figures.error_by_ratio(one, "rmse", "bytes").layout.xaxis
    assert len(axis.tickvals) >= 4
    low, high = (10**end for end in axis.range)
    assert low < min(axis.tickvals) < 3.98 < max(axis.tickvals) < high


def test_a_ruined_model_is_drawn_at_the_top_with_its_number_in_the_hover():
    rows = pd.DataFrame({"line": "svd", "method": "svd", "size": [2.0, 4.0], "factor": [1.5, 3e9]})
    trace = figures.perplexity_by_ratio(rows, "bytes").data[0]
    assert list(trace.y) == [1.5, 1e4]
    assert trace.customdata[1] == "3,000,000,000"


def test_the_scatter_has_a_dot_a_table(scores):
    points = predictions.points(scores, "both", False)
    points = points.assign(factor=results.factor(points[results.ALL]))
    figure = figures.error_against_perplexity(points, "cosine")
    assert sum(len(trace.x) for trace in figure.data) == len(points)
    assert figure.layout.xaxis.title.text == "Mean cosine distance"


def test_breaking_points_that_are_bounds_are_hollow_and_point_to_where_it_breaks(scores):
    breaks = results.breaking(results.at_size(results.usual(scores), "bytes"), [1.1])
    rows = breaks[(breaks["language"] != results.ALL) & (breaks["limit"] == 1.1)]
    figure = figures.breaking_points(rows, "bytes", list(synthetic.ELEVEN))
    by_name = {trace.name: trace for trace in figure.data}
    assert set(by_name["int4"].marker.symbol) == {"triangle-right-open"}
    assert "triangle-left-open" in by_name["svd, uniform"].marker.symbol
    assert list(by_name["pq, uniform"].y) == [display(code) for code in synthetic.ELEVEN]


def test_the_spread_reaches_from_the_low_to_the_high_quantile(study):
    groups = results.groups(study.table("error"), "script")
    rows = groups[(groups["ratio"] == 10) & (groups["by"] == "bytes") & (groups["line"] == "pq")]
    figure = figures.error_spread(rows.assign(label=rows["name"]), "script")
    trace = figure.data[0]
    np.testing.assert_allclose(trace.x - trace.error_x.arrayminus, rows["low"])
    np.testing.assert_allclose(trace.x + trace.error_x.array, rows["high"])
    assert list(figure.layout.yaxis.ticktext) == list(rows["name"])


def picture(n=30):
    places = {key: np.arange(n, dtype=float) for key in ("before_x", "before_y", "after_x", "after_y")}
    scripts = (["Latn", "Arab", "Zyyy", "Cher", "Adlm"] * n)[:n]
    return pd.DataFrame({"id": range(n), "piece": ["سلام"] * n, "script": scripts, **places})


def test_the_map_shows_every_token_twice_under_its_script():
    figure = figures.token_map(picture(), "svd at 5 ×")
    assert sum(len(trace.x) for trace in figure.data) == 60
    legend = [trace.name for trace in figure.data if trace.showlegend]
    assert legend == ["Latin", "Arabic", "Cherokee", "Adlam", "Digits, signs"]
    assert figure.data[0].text[0] == isolated("سلام")
    assert len({(colour, symbol) for _, colour, symbol in SCRIPTS.values()}) == len(SCRIPTS)


def every_figure(study, tables, scores, means):
    sized = results.at_size(tables, "bytes")
    groups = results.groups(study.table("error"), "frequency")
    groups = groups[(groups["ratio"] == 10) & (groups["by"] == "bytes")]
    points = predictions.points(scores, "both", False)
    breaks = results.breaking(results.at_size(scores, "bytes"), [1.1])
    return [
        figures.perplexity_by_ratio(means, "bytes"),
        figures.language_perplexity_by_ratio(results.one_line(means.assign(language="en"), "pq"), "bytes", "pq"),
        figures.error_by_ratio(sized, "cosine", "bytes"),
        figures.error_by_ratio(sized, "rmse", "bytes"),
        figures.error_against_perplexity(points.assign(factor=results.factor(points["en"])), "rmse"),
        figures.breaking_points(breaks[breaks["language"] != results.ALL], "bytes", list(synthetic.ELEVEN)),
        figures.error_spread(groups.assign(label=groups["name"]), "token frequency"),
        figures.token_map(picture(), "svd"),
    ]


def test_every_figure_has_words_for_screen_readers_a_file_name_and_no_colours_of_ground_or_text(
    study, tables, scores, means
):
    for figure in every_figure(study, tables, scores, means):
        assert figure.layout.meta["alt"].endswith(".")
        assert figure.layout.meta["name"]
        assert figure.layout.xaxis.title.text or not figure.layout.xaxis.visible
        assert figure.layout.paper_bgcolor is None
        assert figure.layout.plot_bgcolor is None
        assert figure.layout.font.color is None


def test_an_empty_table_draws_empty_axes(means):
    assert not figures.perplexity_by_ratio(means.iloc[:0], "bytes").data
    assert not figures.error_by_ratio(means.iloc[:0], "cosine", "bytes").data


def test_a_fit_is_a_solid_line_of_held_out_text_and_a_dotted_one_of_training_text(study):
    curves = steps.curves(study.table("step"))
    figure = figures.perplexity_by_step(curves[curves["unit"] == "iterations"])
    names = [trace.name for trace in figure.data if trace.line.dash == "solid"]
    assert names == ["svd randomized, 5 ×, seed 0", "svd randomized, 5 ×, seed 1"]
    assert sum(trace.line.dash == "dot" for trace in figure.data) == 2
    rows = curves[(curves["unit"] == "iterations") & (curves["seed"] == 1)]
    np.testing.assert_allclose(figure.data[2].y, rows["held_out"])
    assert list(figure.data[2].x) == [1, 5]
    assert figure.layout.xaxis.title.text == "Power iterations"


def test_an_error_by_epoch_marks_the_epoch_that_was_kept(study):
    curves = steps.curves(study.table("step"))
    figure = figures.error_by_step(curves[curves["unit"] == "epoch"], "cosine")
    (trace,) = figure.data
    np.testing.assert_allclose(trace.y, [0.5, 0.4, 0.3, 0.2])
    assert list(trace.marker.size) == [5, 5, 12, 5]


def test_scripts_that_are_not_named_take_the_colours_of_those_that_are_missing():
    scripts = pd.Series(["Taml"] * 5 + ["Latn"] * 3 + ["Geor"] * 2 + ["Zyyy"] * 9)
    styles = tokens.script_styles(scripts)
    assert [name for name, _, _ in styles.values()] == ["Tamil", "Latin", "Georgian", "Digits, signs"]
    assert styles["Latn"] == SCRIPTS["Latn"]
    assert len({style[1:] for style in styles.values()}) == 4
    assert {styles[code][1:] for code in ("Taml", "Geor")} < {style[1:] for style in SCRIPTS.values()}
    every = tokens.script_styles(pd.Series([*SCRIPTS, "Taml"]))
    assert set(every) == set(SCRIPTS)
