"""Figures that are printed in grey: scales go one way, lines differ by more than their colour."""

import tomllib
from itertools import pairwise

import plotly.graph_objects as go
import pytest
from conftest import ROOT
from plotly.colors import get_colorscale, sample_colorscale, unlabel_rgb

from neutral import figures
from neutral.export.paper import on_paper
from neutral.export.sizes import PRESETS
from neutral.figures import inside, theme
from neutral.figures.families import Families

THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]


def channels(colour):
    if colour.startswith("#"):
        return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return list(unlabel_rgb(colour))


def luminance(colour):
    """Relative luminance, 0 (black) to 1 (white), as WCAG defines it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ladder(scale, start=0.0, end=1.0, steps=41):
    """Luminances along a colour scale."""
    places = [start + (end - start) * i / (steps - 1) for i in range(steps)]
    return [luminance(colour) for colour in sample_colorscale(scale, places)]


def test_the_sequential_scale_gets_lighter_all_the_way():
    values = ladder(get_colorscale(theme.SEQUENTIAL))
    assert all(a < b for a, b in pairwise(values))
    configured = [luminance(colour) for colour in THEME["chartSequentialColors"]]
    assert configured == sorted(configured)


def test_both_sides_of_the_diverging_scale_get_darker_from_its_middle():
    values = ladder(theme.DIVERGING)
    middle = len(values) // 2
    assert all(a < b for a, b in pairwise(values[: middle + 1]))
    assert all(a > b for a, b in pairwise(values[middle:]))


def test_levels_differ_by_dash():
    told = {(name, dash) for name, _, dash in theme.LEVELS.values()}
    dashes = [dash for _, dash in told]
    same = [name for name, dash in told if dashes.count(dash) > 1]
    # The same language found twice, by seed or by half of the text: a study has the one or the other.
    assert set(same) <= {theme.LEVELS["seeds"][0], theme.LEVELS["halves"][0]}


def test_methods_tables_and_kinds_of_masks_differ_by_marker_or_dash():
    for styles in (theme.METHODS, theme.COMPRESSION):
        markers = [marker for _, marker in styles.values()]
        assert len(set(markers)) == len(markers)
    lines = [(dash, symbol) for _, _, dash, symbol in inside.LINES.values()]
    assert len(set(lines)) == len(lines)


def test_languages_of_one_figure_differ_by_dash_or_marker():
    codes = ["ru", "de", "en", "hi", "ur", "fa", "fr", "es", "ar", "sw", "zh"]
    families = Families(codes)
    styles = [families.line(code) for code in codes]
    assert len({(style["line"]["dash"], style["marker"]["symbol"]) for style in styles}) == len(codes)


def test_lines_without_a_colour_have_those_of_the_app_on_paper_too():
    assert list(theme.CATEGORICAL) == THEME["chartCategoricalColors"]
    drawn = on_paper(go.Figure(go.Scatter(y=[1])), next(iter(PRESETS.values())))
    assert list(drawn.layout.colorway) == THEME["chartCategoricalColors"]


@pytest.mark.parametrize("columns", [5, 12, 40])
def test_cells_of_a_matrix_keep_the_width_they_need(columns):
    assert theme.least_for(columns) == {5: "", 12: "small", 40: "wide"}[columns]
    assert figures.theme.LEAST["small"] / 14 > 35  # px for a number of four digits
