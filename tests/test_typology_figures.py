"""Figures of what explains the overlap and of what happens inside the model: what is drawn, on fixed data."""

import re
from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest

from neutral import figures
from neutral.figures import inside, theme
from neutral.figures.families import USUAL, Families
from neutral.figures.typology import association
from neutral.members import RELATIONS, display, relation
from neutral.typology.folding import Folded

CODES = ("en", "de", "ar", "sw")
FAMILIES = Families(CODES)
LAYERS = [f"encoder {i}" for i in range(11)]


def scatters(figure):
    return [trace for trace in figure.data if trace.type == "scatter"]


def some_pairs(members=CODES):
    rows = [(a, b, 0.5 + i / 100, i / 10) for i, (a, b) in enumerate(combinations(members, 2))]
    table = pd.DataFrame(rows, columns=["source", "target", "value", "distance"])
    return table.assign(
        relation=[relation(a, b, members) for a, b in zip(table["source"], table["target"], strict=True)]
    )


def cells(rows):
    return pd.DataFrame(
        rows, columns=["group", "distance", "rho", "p", "holm", "p_within", "holm_within"], dtype=object
    ).astype(dict.fromkeys(["rho", "p", "holm", "p_within", "holm_within"], float))


def test_every_pair_is_a_point_that_names_both_and_has_its_relations_colour():
    points = some_pairs()
    figure = figures.distance_scatter(points, "jaccard", "Syntax distance", said=["ρ = 1"])
    drawn = {
        (name, x, y): trace.marker.color
        for trace in scatters(figure)
        for name, x, y in zip(trace.text, trace.x, trace.y, strict=True)
    }
    assert len(drawn) == 6
    for row in points.itertuples():
        name = f"{display(row.source)} and {display(row.target)}"
        assert drawn[name, row.distance, row.value] == association.RELATIONS[row.relation][0]
    assert figure.layout.annotations[0].text == "ρ = 1"
    assert "ρ = 1" in figure.layout.meta["alt"]


def test_many_points_are_pale_under_their_medians_and_few_have_none():
    draw = np.random.default_rng(0)
    few = some_pairs()
    many = few.loc[few.index.repeat(200)].reset_index(drop=True)
    many = many.assign(distance=draw.random(len(many)), value=draw.random(len(many)))
    line = scatters(figures.distance_scatter(many, "jaccard", "Syntax"))[-1]
    assert line.name == association.MEDIANS
    tenths = np.array_split(many.sort_values("distance")["value"].to_numpy(), 10)
    np.testing.assert_allclose(line.y, [np.median(part) for part in tenths])
    np.testing.assert_allclose(line.error_y.arrayminus, [np.median(one) - np.quantile(one, 0.25) for one in tenths])
    assert scatters(figures.distance_scatter(many, "jaccard", "Syntax"))[0].opacity < 0.5
    stepped = association.medians(many.assign(distance=(many["distance"] > 0.5).astype(float)))
    assert stepped["distance"].tolist() == [0.0, 1.0]
    assert stepped["pairs"].sum() == len(many)
    assert association.MEDIANS not in [t.name for t in scatters(figures.distance_scatter(few, "jaccard", "Syntax"))]


def test_lines_above_the_points_are_broken_for_a_phone_and_have_room():
    line = "Within families: ρ = −0.30, p = 0.0001, Holm 0.0012 <i>(9,999 perm.)</i>"
    figures_ = [figures.distance_scatter(some_pairs(), "jaccard", "Syntax", said=[line] * n) for n in (1, 4)]
    for n, figure in zip((1, 4), figures_, strict=True):
        lines = figure.layout.annotations[0].text.split("<br>")
        assert len(lines) == 2 * n
        assert " ".join(lines[:2]) == line
        assert all(len(re.sub("<.*?>", "", each)) <= 49 for each in lines)
        assert figure.layout.margin.t >= 20 * len(lines)
        assert figure.layout.height - figure.layout.margin.t >= 336, "the points keep theirs"


def test_pairs_without_a_distance_are_not_drawn():
    points = some_pairs()
    points.loc[0, "distance"] = np.nan
    assert sum(len(trace.x) for trace in scatters(figures.distance_scatter(points, "jaccard", "Syntax"))) == 5


def test_a_distance_in_steps_is_spread_sideways_and_its_steps_are_named():
    points = some_pairs().assign(distance=[0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    figure = figures.distance_scatter(points, "jaccard", "Script", steps={0.0: "same", 1.0: "other"})
    x = np.concatenate([trace.x for trace in scatters(figure)])
    assert len(set(x)) == 6
    assert np.abs(x - np.round(x)).max() < 0.25
    assert list(figure.layout.xaxis.ticktext) == ["same", "other"]
    told = [text[0] for trace in scatters(figure) for text in trace.customdata]
    assert set(told) == {"0.000", "1.000"}  # hovering tells the distance itself


def test_relations_have_a_colour_each():
    assert len({colour for colour, _ in association.RELATIONS.values()}) == len(association.RELATIONS) == len(RELATIONS)


def test_the_heatmap_has_a_symmetric_scale_and_marks_what_holds_under_which_test():
    rows = [
        ("all", "script", -0.7, 0.001, 0.004, 0.002, 0.01),
        ("all", "syntactic", 0.2, 0.3, 1.0, 0.4, 1.0),
        ("encoder 0", "script", -0.5, 0.01, 0.03, 0.2, 0.6),
        ("encoder 0", "syntactic", np.nan, np.nan, np.nan, np.nan, np.nan),
    ]
    figure = figures.association_heatmap(
        cells(rows), {"syntactic": "Syntax", "script": "Script", "types": "Vocabulary"}, chosen=("script", "encoder 0")
    )
    heat = figure.data[0]
    assert (heat.zmin, heat.zmax) == (-0.7, 0.7)
    assert list(heat.x) == ["all", "0"]
    assert list(heat.y) == ["Syntax", "Script"]
    both, plain, clicks = scatters(figure)
    assert list(zip(both.x, both.y, strict=True)) == [("all", "Script")]
    assert list(zip(plain.x, plain.y, strict=True)) == [("0", "Script")]
    assert [list(cell) for cell in clicks.customdata] == [
        ["syntactic", "all"],
        ["syntactic", "encoder 0"],
        ["script", "all"],
        ["script", "encoder 0"],
    ]
    frame = figure.layout.shapes[0]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (0.5, 1.5, 0.5, 1.5)


def test_a_weak_heatmap_does_not_look_strong():
    figure = figures.association_heatmap(cells([("all", "script", 0.1, 0.4, 1, 0.4, 1)]), {"script": "Script"})
    assert figure.data[0].zmax == 0.5


def test_a_heatmap_of_nothing_is_drawn():
    rows = [("all", "script", *[np.nan] * 5)]
    assert figures.association_heatmap(cells(rows), {"script": "Script"}).data[0].zmax == 1


@pytest.mark.parametrize(("p", "text"), [(0.0001, "0.0001"), (0.04167, "0.0417"), (1.0, "1.0000"), (np.nan, "–")])
def test_p_values_are_written_as_exact_as_the_permutations_give_them(p, text):
    assert theme.number(p) == text


def network(edges, **options):
    places = pd.DataFrame({"language": list(CODES), "x": [0.0, 1.0, 0.0, 1.0], "y": [0.0, 0.0, 1.0, 1.0]})
    table = pd.DataFrame(edges, columns=["source", "target", "weight", "value"])
    return figures.network(figures.Placed(places, FAMILIES, "t", "n"), table, span=(0.0, 1.0), **options)


def test_an_edge_is_as_wide_as_its_weight_among_all_pairs():
    figure = network([("en", "de", 1.0, 1.0), ("en", "ar", 0.0, 0.0), ("ar", "sw", 0.5, 0.5)])
    lines = {
        (trace.x[i], trace.y[i], trace.x[i + 1], trace.y[i + 1]): trace.line.width
        for trace in scatters(figure)
        if trace.mode == "lines"
        for i in range(0, len(trace.x), 3)
    }
    assert len(lines) == 3
    assert lines[0, 0, 1, 0] > lines[0, 1, 1, 1] > lines[0, 0, 0, 1]
    alone = network([("ar", "sw", 0.5, 0.5)])  # other edges hidden: as wide as before
    (width,) = [trace.line.width for trace in scatters(alone) if trace.mode == "lines" and trace.x]
    assert width == lines[0, 1, 1, 1]


def test_nodes_have_their_familys_colour_and_their_communitys_marker():
    figure = network([("en", "de", 1.0, 1.0)], communities=[{"en", "ar"}, {"de", "sw"}])
    (drawn,) = [trace for trace in scatters(figure) if trace.mode == "markers+text"]
    nodes = {name: marks for name, *marks in zip(drawn.text, drawn.marker.color, drawn.marker.symbol, strict=True)}
    assert nodes["English"][0] == nodes["German"][0] == USUAL["Indo-European"]
    assert nodes["Arabic"][0] == USUAL["Afro-Asiatic"]
    assert nodes["English"][1] == nodes["Arabic"][1] != nodes["German"][1] == nodes["Swahili"][1]
    named = [trace.name for trace in scatters(figure) if trace.showlegend]
    assert named == ["Indo-European", "Afro-Asiatic", "Atlantic-Congo", "Community 1 (2)", "Community 2 (2)"]


def test_a_graph_without_edges_is_drawn():
    assert "0 edges" in network([]).layout.meta["alt"]


def test_the_dendrogram_names_leaves_in_their_order_and_begins_near_the_first_join():
    rows = [(0, 0, 0.0), (0, 0, 0.9), (0, 1, 0.9), (0, 1, 0.0), (1, 0.5, 0.9), (1, 0.5, 1.0), (1, 2, 1.0), (1, 2, 0.0)]
    brackets = pd.DataFrame(rows, columns=["line", "place", "height"])
    tree = Folded([("sw",), ("en",), ("ar",)], [0, 0, 0], brackets)
    figure = figures.dendrogram(tree, FAMILIES, notes={"en": "Germanic"}, title="distance", name="tree")
    labels = figure.layout.yaxis.ticktext
    assert [display(code) in label for code, label in zip(["sw", "en", "ar"], labels, strict=True)] == [True] * 3
    assert "· Germanic" in labels[1], "in light, all of an axis is grey"
    assert "·" not in labels[0]
    assert USUAL["Atlantic-Congo"] in labels[0]
    assert 0.85 < figure.layout.xaxis.range[0] < 0.9
    assert "axis begins at" in figure.layout.xaxis.title.text


def test_a_map_has_one_unit_for_both_axes_and_lets_no_name_stand_on_another():
    places = pd.DataFrame({"language": list(CODES), "x": [0.0, 0.01, 1.0, 1.0], "y": [0.0, 0.05, 0.0, 1.0]})
    figure = figures.language_map(figures.Placed(places, FAMILIES, "t", "n"))
    assert figure.layout.yaxis.scaleanchor == "x"
    beside = {
        name: position
        for trace in scatters(figure)
        if trace.mode == "markers+text"
        for name, position in zip(trace.text, trace.textposition, strict=True)
    }
    assert beside["German"] != beside["English"]


def by_line(lines=("full", "either"), layers=("embeddings", *LAYERS)):
    rows = [(line, layer, 0.1 + 0.01 * i, 0.05, 0.3, 0.02) for line in lines for i, layer in enumerate(layers)]
    return pd.DataFrame(rows, columns=["line", "layer", "value", "low", "high", "chance"])


def test_retrieval_has_a_line_a_kind_of_mask_in_natural_layer_order():
    figure = figures.retrieval_by_layer(by_line(), "at1", chance=1 / 264)
    named = {trace.name: trace for trace in scatters(figure) if trace.name}
    assert list(named) == ["Full model", "Mask of one of the two languages"]
    assert list(named["Full model"].x) == ["emb.", *map(str, range(11))]
    assert figure.layout.shapes[0].y0 == 1 / 264
    assert 0.3 < figure.layout.yaxis.range[1] < 0.4
    assert "at 1" in figure.layout.yaxis.title.text


def test_the_retrieval_matrix_is_not_symmetric_and_leaves_the_diagonal_open():
    members = ["en", "de", "sw"]
    rows = [(a, b, i / 10) for i, (a, b) in enumerate(permutations(members, 2))]
    figure = figures.retrieval_matrix(pd.DataFrame(rows, columns=["source", "target", "value"]), members, "at5")
    z = np.array(figure.data[0].z, dtype=float)
    assert np.isnan(np.diag(z)).all()
    assert (z[0, 1], z[1, 0]) == (0.0, 0.2)
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 0.5)


def test_a_retrieval_matrix_of_nothing_is_drawn():
    empty = pd.DataFrame({"source": [], "target": [], "value": []})
    assert "no values" in figures.retrieval_matrix(empty, ["en", "de"], "at1").layout.meta["alt"]


def test_representations_have_their_chance_beside_every_line():
    figure = figures.representation_by_layer(by_line(), "cka")
    dotted = [trace for trace in scatters(figure) if trace.line.dash == "dot" and trace.name.startswith("Chance")]
    assert len(dotted) == 2
    assert set(dotted[0].y) == {0.02}


def test_together_scales_each_curve_and_says_between_what():
    rows = [("overlap", layer, 0.98 + 0.0001 * i) for i, layer in enumerate(LAYERS)]
    rows += [("retrieval", layer, 0.9 - 0.05 * i) for i, layer in enumerate(LAYERS)]
    curves = pd.DataFrame(rows, columns=["curve", "layer", "value"])
    figure = figures.together(curves, {"overlap": "Jaccard overlap", "retrieval": "Retrieval at 1"})
    first, second = scatters(figure)
    assert (first.name, second.name) == ("Jaccard overlap: 0.9800 to 0.9810", "Retrieval at 1: 0.40 to 0.90")
    assert (min(first.y), max(first.y), min(second.y), max(second.y)) == (0, 1, 0, 1)
    assert int(np.argmax(first.marker.size)) == 10  # the peak is marked
    assert int(np.argmax(second.marker.size)) == 0
    assert first.customdata[0][0] == "0.9800"


def test_a_flat_curve_is_drawn_in_the_middle():
    np.testing.assert_array_equal(inside.scaled(np.array([0.3, 0.3, np.nan])), [0.5, 0.5, np.nan])


def test_a_flat_map_has_no_empty_space_above_it():
    codes = ["en", "fr", "sw", "zh"]
    for spread, height in ((1.0, 400), (0.1, 240)):
        places = pd.DataFrame({"language": codes, "x": [0.0, 1.0, 2.0, 1.5], "y": [0.0, spread, 2 * spread, spread]})
        drawn = figures.language_map(figures.Placed(places, Families(codes), "MDS", "map"))
        assert drawn.layout.height == height + 40
