"""Figures of many members: what of a hundred languages is named, drawn one by one, or drawn as families."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from many import CODES

from neutral import figures
from neutral.figures import blocks, familylines, theme
from neutral.figures.families import Families
from neutral.figures.scales import LEAST, found_again, span
from neutral.members import order
from neutral.typology import folding, trees

ORDERED = order(CODES)


def square(members, seed=0):
    draw = np.random.default_rng(seed).random((len(members), len(members)))
    return pd.DataFrame(draw + draw.T, index=list(members), columns=list(members))


def layers(members):
    rows = [(f"decoder {i}", m, i + j / 100) for i in range(3) for j, m in enumerate(members)]
    return pd.DataFrame(rows, columns=["group", "language", "value"])


@pytest.mark.parametrize("apart", [1, 3, 8, 20])
@pytest.mark.parametrize("how", ["family", "name"])
def test_names_of_blocks_stand_apart_and_each_lies_in_its_block(apart, how):
    members = order(CODES, how)
    found = blocks.named(members, apart)
    middles = [block.middle for block in found]
    assert middles == sorted(middles)
    assert all(b - a >= apart for a, b in pairwise(middles))
    for block in found:
        names = {(blocks.language(m).family, blocks.branches(members)[m]) for m in members[block.start : block.stop]}
        assert len({family for family, _ in names}) == 1
    if how == "family" and apart == 3:  # a name takes three rows
        assert {"Germanic", "Balto-Slavic", "Volta-Congo", "Turkic", "Dravidian"} <= {b.name for b in found}


def test_members_of_no_known_family_are_named_themselves():
    found = blocks.named([f"run {i}x" for i in range(100)], 10)
    assert [block.name for block in found] == [f"run {i}x" for i in range(0, 100, 10)]


def test_a_heatmap_of_many_has_bands_and_no_numbers_gaps_or_cell_of_a_language_with_itself():
    figure = figures.pair_matrix(square(ORDERED), "jaccard")
    cells, *bands = (trace for trace in figure.data if trace.type == "heatmap")
    assert (cells.xgap, cells.text, cells.texttemplate) == (None, None, None)
    assert np.isnan(np.diag(cells.z)).all()
    assert len(bands) == 2
    colours = Families(CODES)
    scale_of = [colour for _, colour in bands[0].colorscale[::2]]
    assert [scale_of[row[0]] for row in bands[0].z] == [colours.colour(member) for member in ORDERED]
    assert list(figure.layout.yaxis.ticktext) == theme.member_names(ORDERED), "for hovering"
    assert "Germanic" in figure.layout.yaxis3.ticktext
    assert len(figure.layout.xaxis3.ticktext) <= 12
    assert figure.layout.dragmode is False, "a finger on it scrolls the page; zooming has buttons"
    assert len(figure.to_json()) < 250_000


def test_a_square_is_about_as_wide_as_high_where_it_is_narrowest():
    for n, small, least in ((11, False, 520), (11, True, 520), (40, False, 720), (128, False, 720), (128, True, 520)):
        figure = figures.pair_matrix(square(ORDERED[:n]), "jaccard", small=small)
        assert theme.LEAST[figure.layout.meta["least"]] == least
        around = 190 if n > theme.MANY else 160  # names, colour bar and legend
        assert 0.75 <= (figure.layout.height - around) / (least - 120) <= 1.2, (n, small)


def test_forty_members_are_named_one_by_one_and_all_their_cells_open_a_pair():
    members = ORDERED[:40]
    figure = figures.pair_matrix(square(members), "jaccard")
    assert [name.split(" <")[0] for name in figure.layout.yaxis.ticktext] == theme.member_names(members)
    clicks = next(trace for trace in figure.data if trace.customdata is not None)
    assert {tuple(pair) for pair in clicks.customdata} == {(a, b) for a in members for b in members if a != b}
    for x, y, (a, b) in zip(clicks.x, clicks.y, clicks.customdata, strict=True):
        assert (members[y], members[x]) == (a, b)


def test_a_language_that_is_found_is_framed_named_and_opens_its_pairs():
    figure = figures.pair_matrix(square(ORDERED), "jaccard", marked=["swa"])
    place = ORDERED.index("swa")
    assert {(shape.y0, shape.y1) for shape in figure.layout.shapes} == {
        (place - 0.5, place + 0.5),
        (-0.5, len(CODES) - 0.5),
    }
    assert "<b>Swahili</b>" in figure.layout.yaxis3.ticktext
    clicks = next(trace for trace in figure.data if trace.customdata is not None)
    assert len(clicks.customdata) == 2 * (len(CODES) - 1)
    assert all("swa" in pair for pair in clicks.customdata)


def test_the_tree_at_the_side_has_its_leaves_at_the_rows():
    distance = 2 - square(ORDERED)
    unfolded = folding.fold(trees.tree(distance), ORDERED, dict.fromkeys(ORDERED))
    leaves, brackets = [leaf for row in unfolded.rows for leaf in row], unfolded.brackets
    figure = figures.pair_matrix(square(ORDERED).loc[leaves, leaves], "jaccard", brackets=brackets)
    tree = next(trace for trace in figure.data if trace.xaxis == "x4")
    feet = {y for x, y in zip(tree.x, tree.y, strict=True) if y is not None and float(y).is_integer()}
    assert feet >= set(range(len(CODES)))


def test_names_that_would_be_alike_are_told_apart_in_every_square():
    members = ["zho", "cmn", "en"]
    few = pd.DataFrame(np.eye(3), members, members)
    figure = figures.pair_matrix(few, "jaccard")
    assert figure.data[0].x == ("Chinese (zho)", "Chinese (cmn)", "English")
    assert len(set(theme.member_names(CODES))) == len(CODES)


def test_noise_has_one_colour_and_what_differs_the_whole_scale():
    assert span(np.array([0.5, 0.5001, np.nan])) == pytest.approx((0.50005 - LEAST / 2, 0.50005 + LEAST / 2))
    assert span(np.array([0.2, 0.7])) == (0.2, 0.7)
    assert span(np.array([np.nan])) == (0, 1)
    assert span(np.array([0.2, 0.7, 0.99]), again=0.8) == (0.2, 0.8), "within the bound nothing differs"
    assert span(np.array([0.2, 0.7]), again=0.8) == (0.2, 0.7)


def test_one_number_has_no_scale_of_its_own():
    pair = pd.DataFrame([[1.0, 0.874], [0.874, 1.0]], ["en", "sw"], ["en", "sw"])
    (drawn,) = [trace for trace in figures.pair_matrix(pair, "jaccard").data if trace.type == "heatmap"]
    assert (drawn.zmin, drawn.zmax) == (0.0, 1.0)


def test_no_scale_of_an_overlap_is_narrower_than_the_bound_leaves_or_goes_beyond_1():
    for seed in range(50):
        draw = np.random.default_rng(seed)
        values, again = draw.random(6) * draw.random() * 0.3 + 0.69, 0.7 + 0.3 * draw.random()
        low, high = span(values, again=again)
        assert high - low >= max(LEAST, 1 - again) - 1e-12 or high == again
        assert low <= values.min()
        assert high <= 1
    assert span(np.array([0.9805, 0.98]), again=0.94) == pytest.approx((0.94, 1.0)), "noise has one colour"
    assert span(np.array([0.9]), least=0.3) == pytest.approx((0.7, 1.0)), "one value: no bar from 0.4 to 1.4"


def test_an_equal_pair_of_masks_does_not_wash_out_the_others():
    assert span(np.array([0.8, 0.85, 1.0])) == (0.8, 0.85)
    assert span(np.array([0.5, 1.0]), equal=False) == (0.5, 1.0), "a share of weights may be 1"
    assert span(np.array([1.0])) == pytest.approx((0.99, 1.0))


def test_the_bound_of_a_scale_is_that_of_the_languages_shown():
    assert found_again({"en": 0.9, "fr": 0.8}, ["en", "sw"]) == 0.9
    assert found_again({"en": 0.9, "fr": 0.8}, ["sw"]) == pytest.approx(0.85)
    assert found_again({}, ["sw"]) is None


def test_many_pairs_are_counted_in_bars_and_few_are_dots():
    levels = pd.DataFrame({"level": ["between"], "value": [0.5], "low": [0.4], "high": [0.6]})
    pairs = pd.DataFrame({"source": "en", "target": "fr", "value": np.linspace(0.4, 0.6, 8128)})
    bars = figures.level_strip(pairs, levels, "jaccard").data[0]
    assert bars.type == "bar"
    assert sum(number for number, _, _ in bars.customdata) == 8128
    assert figures.level_strip(pairs[:55], levels, "jaccard").data[0].type == "scatter"


def test_twelve_languages_have_a_line_each_and_more_are_bands_and_the_chosen_ones():
    few = figures.language_lines(layers(ORDERED[:12]), "t", name="n")
    assert [trace.mode for trace in few.data] == ["lines+markers"] * 12
    many = figures.language_lines(layers(ORDERED), "t", name="n", chosen=["swa", "fin"])
    named = [trace.name for trace in many.data if trace.showlegend is not False]
    assert named[0] == "Indo-European, 60"
    assert named[-2:] == ["Swahili", "Finnish"]
    assert len(named) == len(Families(CODES).colours) + 2
    kin = [i / 100 for i, member in enumerate(ORDERED) if Families(CODES).name(member) == "Turkic"]
    median = next(trace for trace in many.data if trace.name == "Turkic, 9")
    low, high = (trace for trace in many.data if trace.legendgroup == median.legendgroup and trace is not median)
    assert (low.y[0], median.y[0], high.y[0]) == pytest.approx((min(kin), np.median(kin), max(kin)))
    assert "128 languages by family" in many.layout.meta["alt"]


def test_a_band_hides_with_its_median():
    figure = figures.language_lines(layers(ORDERED), "t", name="n")
    groups = [trace.legendgroup for trace in figure.data]
    assert all(groups.count(group) in (1, 3) for group in groups)
    assert familylines.singly(ORDERED) == []


def test_winning_tickets_of_many_are_boxes_of_families():
    winners = pd.DataFrame({"language": ORDERED, "line": "rule", "sparsity": np.linspace(0.1, 0.9, 128)})
    boxes = figures.winning_bars(winners, ORDERED).data
    assert {box.type for box in boxes} == {"box"}
    assert sum(len(box.y) for box in boxes) == 128
