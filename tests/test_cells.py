"""Numbers on the cells of a heatmap: black or white, and never paler than 4.5 to 1."""

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.colors import get_colorscale, sample_colorscale, unlabel_rgb
from test_grey_print import luminance

from neutral.figures import cells, theme

SHARES = np.linspace(0, 1, 501)
SCALES = {"sequential": theme.SEQUENTIAL, "diverging": theme.DIVERGING}


@pytest.mark.parametrize("name", SCALES)
def test_along_a_whole_scale_numbers_have_4_5_to_1_against_their_cell(name):
    scale = get_colorscale(SCALES[name]) if isinstance(SCALES[name], str) else SCALES[name]
    for share, ink in zip(SHARES, cells.inks(SHARES, scale), strict=True):
        ground, written = luminance(sample_colorscale(scale, [share])[0]), luminance(ink)
        assert (max(ground, written) + 0.05) / (min(ground, written) + 0.05) >= 4.5, (share, ink)


def test_a_cells_colour_is_plotlys():
    scale = get_colorscale("Viridis")
    plotlys = [unlabel_rgb(hue) for hue in sample_colorscale(scale, list(SHARES))]
    assert np.abs(cells.coloured(SHARES, scale) - np.array(plotlys)).max() <= 1


def test_finished_heatmaps_have_their_numbers_so_and_empty_cells_none():
    drawn = go.Heatmap(
        z=[[0.0, 0.5], [1.0, np.nan]],
        text=[["0", "5"], ["10", ""]],
        texttemplate="%{text}",
        colorscale=theme.SEQUENTIAL,
        zmin=0,
        zmax=1,
    )
    figure = theme.finish(go.Figure(drawn), alt="", name="", height=100)
    dark, middle, light, none = np.ravel(np.array(figure.data[0].text, dtype=object))
    assert (cells.WHITE in dark, cells.BLACK in middle, cells.BLACK in light, none) == (True, True, True, "")
    assert [">0<" in dark, ">5<" in middle, ">10<" in light] == [True] * 3


def test_cells_of_one_value_and_without_numbers_are_left_alone():
    one = go.Heatmap(z=[[0.3]], text=[["3"]], texttemplate="%{text}", colorscale=theme.SEQUENTIAL)
    plain = go.Heatmap(z=[[0.3]], text=[["3"]], colorscale=theme.SEQUENTIAL)
    figure = theme.finish(go.Figure([one, plain]), alt="", name="", height=100)
    assert ">3<" in figure.data[0].text[0][0]
    assert list(figure.data[1].text[0]) == ["3"]
