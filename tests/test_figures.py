"""Figures: what is drawn, on fixed data."""

import numpy as np
import pandas as pd
import pytest

from neutral import figures, overlap, summary
from neutral.export.drawn import words as unmarked
from neutral.figures import costs, theme
from neutral.languages import PAPER_ORDER
from neutral.masks import Mask
from neutral.members import order
from neutral.search import evaluations
from neutral.study import Study
from neutral.summary import Choice

TICKETS = Choice("mlm", "magnitude", 0.5, 0)


@pytest.fixture(scope="module")
def study(studies):
    return Study(studies / "encoder")


@pytest.fixture(scope="module")
def counts(study):
    return summary.counts_of(study, TICKETS)


def traces(figure, kind):
    return [trace for trace in figure.data if trace.type == kind]


def test_the_pair_matrix_draws_every_value_and_leaves_the_diagonal_uncoloured(counts):
    square = counts.matrix("jaccard")
    figure = figures.pair_matrix(square, "jaccard", diagonal={"en": 0.97})
    z = np.array(traces(figure, "heatmap")[0].z, dtype=float)
    off = ~np.eye(11, dtype=bool)
    np.testing.assert_allclose(z[off], square.to_numpy()[off])
    assert np.isnan(z[~off]).all()
    diagonal = traces(figure, "scatter")[0]
    assert list(diagonal.text) == ["0.97"]


def test_every_cell_of_the_pair_matrix_can_be_selected_by_codes(counts):
    clicks = traces(figures.pair_matrix(counts.matrix("jaccard"), "jaccard"), "scatter")[1]
    assert len(clicks.customdata) == 11 * 10
    assert all(isinstance(code, str) for pair in clicks.customdata for code in pair)
    assert clicks.marker.opacity == 0
    assert all(isinstance(x, str) for x in clicks.x)  # numbers on a category axis are never selected
    place = [list(pair) for pair in clicks.customdata].index(["en", "sw"])
    assert (clicks.y[place], clicks.x[place]) == ("English", "Swahili")


def test_a_mask_without_overlap_anywhere_is_drawn_as_empty_cells():
    empty = overlap.count([Mask.from_tensors({"w": np.zeros((4, 4))})] * 2, ["en", "fr"])
    figure = figures.pair_matrix(empty.matrix("jaccard"), "jaccard")
    assert not traces(figure, "scatter")[1].customdata


def test_reference_levels_are_told_apart():
    assert len({theme.LEVELS[level][1] for level in ("between", "chance", "pretrained", "seeds")}) == 4


def test_layers_are_drawn_in_natural_order_with_their_references(study):
    figure = figures.by_layer(summary.levels(study, TICKETS, "jaccard", "layer"), "jaccard")
    named = {trace.name: trace for trace in figure.data if trace.name}
    assert list(named["Between languages"].x) == [str(i) for i in range(12)]
    assert {"Chance", "Pretrained control", "Same language, other seed"} <= set(named)
    assert figure.layout.yaxis.title.text == "Jaccard overlap"
    assert "0 is next to the input" in figure.layout.xaxis.title.text


def test_encoder_and_decoder_layers_stay_apart():
    names = [
        f"{stack}.block.{i}.layer.0.SelfAttention.q.weight" for stack in ("decoder", "encoder") for i in (0, 10, 2)
    ]
    masks = [Mask.random(dict.fromkeys(names, (8, 8)), 0.5, seed) for seed in (0, 1)]
    pairs = overlap.count(masks, ["en", "fr"]).measure("jaccard", "layer").rename(columns={"source": "language"})
    figure = figures.language_lines(pairs, "Jaccard overlap", name="x")
    layers = ["encoder 0", "encoder 2", "encoder 10", "decoder 0", "decoder 2", "decoder 10"]
    assert list(figure.data[0].x) == layers
    ways = pairs.groupby("group")["value"].mean().reset_index().assign(line="wanda", method="wanda")
    assert list(figures.ways_by_layer(ways, "Jaccard overlap").data[0].x) == layers
    agreed = figures.agreement_by_layer(ways.assign(rho=ways["value"], p=0.5))
    assert list(agreed.data[0].x) == layers
    assert list(agreed.data[0].y) == [ways.set_index("group")["value"][layer] for layer in layers]


def test_layer_component_puts_a_pooler_in_its_own_row():
    shapes = {
        "bert.encoder.layer.0.attention.self.query.weight": (8, 8),
        "bert.encoder.layer.0.output.dense.weight": (8, 8),
        "bert.pooler.dense.weight": (8, 8),
    }
    masks = [Mask.random(shapes, 0.5, seed) for seed in (0, 1)]
    table = overlap.count(masks, ["en", "fr"]).jaccard("layer-component")
    heatmap = figures.layer_component(table, "Jaccard overlap", name="x").data[0]
    assert list(heatmap.x) == ["query", "down", "pooler"]
    assert list(heatmap.y) == ["0", "pooler"]
    assert np.isnan(np.array(heatmap.z, dtype=float)).sum() == 3


def test_languages_that_lie_together_have_a_row_each_of_how_far_they_are_from_their_mean():
    rows = [("encoder 0", "en", 0.9), ("encoder 0", "fr", 0.8), ("encoder 1", "en", 0.7), ("encoder 1", "fr", 0.7)]
    table = summary.deviations(pd.DataFrame(rows, columns=["group", "language", "value"]))
    figure = figures.language_deviations(table, "Jaccard overlap", name="x")
    heat = figure.data[0]
    assert list(heat.y) == ["English", "French"]
    np.testing.assert_allclose(heat.z, [[0.05, 0.0], [-0.05, 0.0]])
    np.testing.assert_allclose(heat.customdata, [[0.9, 0.7], [0.8, 0.7]])
    assert (heat.zmin, heat.zmax) == pytest.approx((-0.05, 0.05))
    wide = figures.language_deviations(table, "t", name="x", least=0.4).data[0]
    assert (wide.zmin, wide.zmax) == (-0.2, 0.2), "noise has one colour"


def test_the_strip_shows_every_pair_and_every_reference(study):
    levels, pairs = summary.levels(study, TICKETS), summary.pairs(summary.counts_of(study, TICKETS))
    figure = figures.level_strip(pairs, levels, "jaccard")
    assert len(figure.data[0].y) == 55
    values = levels.set_index("level")["value"]
    drawn = {trace.name.split(":")[0]: trace.y[0] for trace in figure.data[1:]}
    assert drawn == pytest.approx(
        {
            "Chance": values["chance"],
            "Pretrained control": values["pretrained"],
            "Same language, other seed": values["seeds"],
        }
    )


def test_an_axis_keeps_to_the_overlap_where_chance_is_far_below():
    rows = [
        ("encoder 0", "between", 0.980, 0.978, 0.983),
        ("encoder 0", "seeds", 0.985, 0.985, 0.985),
        ("encoder 0", "chance", 0.38, 0.37, 0.39),
    ]
    table = pd.DataFrame(rows, columns=["group", "level", "value", "low", "high"])
    figure = figures.by_layer(table, "jaccard")
    low, high = figure.layout.yaxis.range
    assert 0.97 < low < 0.978
    assert 0.985 < high < 0.99
    assert "Chance, below: 0.38" in [trace.name for trace in figure.data]
    near = table.assign(value=[0.6, 0.9, 0.38], low=[0.5, 0.9, 0.3], high=[0.7, 0.9, 0.4])
    assert figures.by_layer(near, "jaccard").layout.yaxis.range is None


def test_kept_bars_add_up_to_every_weight(counts):
    figure = figures.kept_bars(summary.shares(counts, "en", "fr", "layer"), "en", "fr")
    np.testing.assert_allclose(np.sum([np.array(trace.y) for trace in figure.data], axis=0), 1)
    assert [trace.name for trace in figure.data] == ["Kept by both", "Only English", "Only French", "Kept by neither"]


def test_the_core_has_a_bar_for_every_k(counts):
    bars = figures.core_curve(counts.core()).data[0]
    assert list(bars.x) == list(range(1, 12))


def test_the_functional_check_keeps_extreme_masks_out_of_the_scale(study):
    table = evaluations.functional(study.table("functional"), "mlm", "magnitude", 0.5)
    heatmap, beyond = figures.functional_matrix(table, order(list(PAPER_ORDER))).data
    assert heatmap.zmax == pytest.approx(np.log2(1.3))
    assert heatmap.zmin == -heatmap.zmax
    names = ["full model", f"pretrained weights' mask{costs.OFF}", f"random mask{costs.OFF}"]
    assert list(heatmap.y)[-3:] == names
    assert unmarked(beyond.text[-1][0]) == "+5,900%"
    both = [
        [bool(one) + bool(other) for one, other in zip(*rows, strict=True)]
        for rows in zip(heatmap.text, beyond.text, strict=True)
    ]
    assert {number for row in both for number in row} == {1}, "each number is written once"


def test_score_curves_draw_a_line_a_method_on_a_log_scale(study):
    figure = figures.score_curves(evaluations.curves(evaluations.scores(study.table("score"), "mlm")))
    assert [trace.name for trace in figure.data if trace.name] == [
        "magnitude, trained",
        "random, trained",
        "wanda, untrained",
    ]
    assert figure.layout.yaxis.type == "log"


def every_figure(study):
    counts = summary.counts_of(study, TICKETS)
    levels = summary.levels(study, TICKETS, "jaccard", "layer")
    pairs = summary.pairs(counts)
    scores = evaluations.scores(study.table("score"), "mlm")
    check = evaluations.functional(study.table("functional"), "mlm", "magnitude", 0.5)
    sparsity = counts.sparsity("layer").rename(columns={"mask": "language"})
    return [
        figures.pair_matrix(counts.matrix("jaccard"), "jaccard"),
        figures.layer_component(summary.pairs(counts, by="layer-component"), "Jaccard overlap", name="x"),
        figures.functional_matrix(check, list(PAPER_ORDER)),
        figures.by_layer(levels, "jaccard"),
        figures.language_lines(sparsity, "Share of weights removed", name="x", percent=True),
        figures.language_deviations(summary.deviations(sparsity), "Share removed", name="x", percent=True),
        figures.by_sparsity(summary.across_sparsity(study, TICKETS), "jaccard", at=0.5),
        figures.score_curves(evaluations.curves(scores)),
        figures.level_strip(pairs, summary.levels(study, TICKETS), "jaccard"),
        figures.by_component(summary.levels(study, TICKETS, "jaccard", "component"), "jaccard"),
        figures.kept_bars(summary.shares(counts, "en", "fr", "layer"), "en", "fr"),
        figures.core_curve(counts.core()),
    ]


def test_every_figure_has_words_for_screen_readers_a_file_name_and_named_axes(study):
    for figure in every_figure(study):
        assert figure.layout.meta["alt"].endswith(".")
        assert figure.layout.meta["name"]
        is_matrix = figure.data[0].type == "heatmap"
        named = [axis.title.text for axis in (figure.layout.xaxis, figure.layout.yaxis)]
        assert is_matrix or named[1]
        if is_matrix:
            assert figure.data[0].colorbar.title.text
            assert figure.data[0].colorscale


def test_a_colour_bar_stands_below_the_height_from_which_plotly_leaves_half_of_it_blank_above():
    bar = theme.colourbar("Overlap")
    assert (bar["orientation"], bar["yanchor"]) == ("h", "bottom")
    assert 0.999 < bar["y"] < 1


def test_no_figure_sets_a_background_or_text_colour_of_its_own(study):
    for figure in every_figure(study):
        assert figure.layout.paper_bgcolor is None
        assert figure.layout.plot_bgcolor is None
        assert figure.layout.font.color is None


def test_a_group_where_nothing_is_kept_does_not_break_a_figure():
    table = pd.DataFrame({"group": ["encoder 0 query", "encoder 0 key"], "value": [0.5, float("nan")]})
    assert figures.layer_component(table, "Jaccard overlap", name="x").data[0].z.shape == (1, 2)


@pytest.mark.parametrize(("low", "high", "named"), [(1.0, 30.0, True), (0.9, 2.5, True), (0.9992, 1.0004, False)])
def test_a_logarithmic_axis_has_ticks_however_narrow_it_is(low, high, named):
    axis = theme.log_axis(low, high)
    assert ("tickvals" in axis) == named
    assert not named or sum(low <= tick <= high for tick in axis["tickvals"]) > 1


@pytest.mark.parametrize(("low", "high"), [(12.0, np.inf), (0.0, 12.0), (np.nan, 12.0)])
def test_an_axis_to_the_score_of_a_model_that_diverged_is_plotlys(low, high):
    assert theme.log_axis(low, high) == {"type": "log", "nticks": 6}


def test_no_blank_stands_above_a_colour_bar(counts, study):
    levels = summary.levels(study, Choice("mlm", "magnitude", 0.5), by="layer")
    tops = [figures.pair_matrix(counts.matrix("jaccard"), "jaccard"), figures.by_layer(levels, "jaccard")]
    assert [drawn.layout.margin.t for drawn in tops] == [2, 12]
