"""What leaves for a paper: sizes, the look on paper, the data drawn, LaTeX, captions, reports."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from neutral import __version__, figures
from neutral.errors import NeutralError
from neutral.export.captions import caption
from neutral.export.drawn import drawn
from neutral.export.latex import LONG, booktabs, escaped
from neutral.export.paper import on_paper
from neutral.export.report import Part, report
from neutral.export.sizes import PRESETS, Size, sized

NAMES = ["en", "fr", "sw"]
SQUARE = pd.DataFrame([[1, 0.51, 0.52], [0.51, 1, 0.53], [0.52, 0.53, 1]], NAMES, NAMES)
HOSTILE = "</script><img src=x onerror=alert(1)> & $x^2$ %_{a}"


def matrix():
    return figures.pair_matrix(SQUARE, "jaccard")


def test_the_text_of_a_figure_has_the_chosen_size_on_paper():
    size = Size(85.0, 8.0)
    assert size.columns == pytest.approx(361.4, abs=0.1)  # 85 mm, where 12 px are 8 pt
    assert 12 * size.enlarged == pytest.approx(8 / 72 * 96)
    laid = on_paper(matrix(), size)
    assert (laid.layout.width, laid.layout.font.size, laid.layout.paper_bgcolor) == (361, 12, "#ffffff")
    assert on_paper(matrix(), Size(85.0, 4.0)).layout.width == 723


@pytest.mark.parametrize("text", ["85", "8.5 em", "-3mm", "mm", "1e9mm", "85mm; rm"])
def test_what_is_no_width_is_told(text):
    with pytest.raises(NeutralError, match="is no width; write 85mm"):
        sized(text)


def test_widths_come_in_the_units_of_paper_and_screen():
    assert sized("3in").width == sized("76.2mm").width == sized("216pt").width == sized("288px").width == 76.2
    assert [round(size.width / 25.4 * size.dpi) for size in PRESETS.values()] == [1004, 2008, 1920]
    with pytest.raises(NeutralError, match=r"a figure's width is 20 to 1200 mm; got 5"):
        sized("5mm")
    with pytest.raises(NeutralError, match=r"a figure's font size is 4 to 60 pt; got 100"):
        sized("85mm", 100)


def test_a_legend_that_a_narrow_figure_would_cut_stands_at_its_foot():
    figure = go.Figure([go.Scatter(x=[0], y=[i], name=f"line {i}") for i in range(11)]).update_layout(height=400)
    narrow, wide = on_paper(figure, Size(85.0)), on_paper(figure, Size(170.0))
    assert narrow.layout.legend.yref == "container"
    assert narrow.layout.height == 400 + 6 * 20
    assert (wide.layout.legend.yref, wide.layout.height) == (None, 400)


def test_the_data_of_a_heatmap_is_a_square_of_few_and_rows_of_many():
    table = drawn(matrix())
    assert list(table.columns) == ["row", "English", "French", "Swahili"]
    assert list(table["row"]) == ["English", "French", "Swahili"]
    assert table["French"][2] == 0.53
    assert np.isnan(table["French"][1])
    many = [f"x{i:02}" for i in range(40)]
    values = pd.DataFrame(np.linspace(0, 1, 1600).reshape(40, 40), many, many)
    table = drawn(figures.pair_matrix(values, "jaccard"))
    assert table.shape == (40 * 39, 3)
    assert list(table.columns) == ["row", "column", "Jaccard overlap"]
    assert table.iloc[0].tolist() == ["x00", "x01", pytest.approx(values.iloc[0, 1])]


def test_the_data_of_lines_has_their_names_and_the_axes_titles_and_no_helpers():
    figure = go.Figure(
        [
            go.Scatter(x=[1, 2], y=[0.1, 0.2], name="a &#60; b", error_y={"array": [0.01, 0.02]}),
            go.Scatter(x=[1, 2], y=[9, 9], hoverinfo="skip"),
            go.Scatter(x=[1], y=[9], opacity=0),
            go.Bar(x=[1], y=[0.5], name="bar", hovertext=["<b>said</b>"]),
        ]
    )
    figure.update_xaxes(title="Layer").update_yaxes(title="Share")
    table = drawn(figure)
    assert list(table.columns) == ["line", "Layer", "Share", "low", "high", "said"]
    assert table["line"].tolist() == ["a < b", "a < b", "bar"]
    assert table["high"].tolist()[:2] == [pytest.approx(0.11), pytest.approx(0.22)]
    assert drawn(go.Figure()).empty


def test_names_that_are_commands_to_latex_are_text():
    assert escaped(HOSTILE) == (
        r"\textless{}/script\textgreater{}\textless{}img src=x onerror=alert(1)\textgreater{} \& "
        r"\$x\textasciicircum{}2\$ \%\_\{a\}"
    )
    assert escaped("a\n\\input{x}~") == r"a \textbackslash{}input\{x\}\textasciitilde{}"
    text = booktabs(pd.DataFrame({"a_b": [r"\input{x}"], "50 %": [0.25]}), "Share < 50 %")
    lines = text.splitlines()
    assert lines[0] == "% packages: booktabs"
    assert r"a\_b & 50 \% \\" in lines
    assert r"\textbackslash{}input\{x\} & 0.2500 \\" in lines
    assert r"\caption{Share \textless{} 50 \%}" in lines
    assert [r"\toprule" in lines, r"\midrule" in lines, r"\bottomrule" in lines] == [True] * 3
    assert r"\begin{tabular}{lr}" in lines


def test_numbers_have_their_digits_minus_and_dashes():
    table = pd.DataFrame({"x": [-0.5, np.nan, 1e-7, np.inf], "n": [3, -2, 0, 1]})
    rows = [line for line in booktabs(table).splitlines() if line.endswith(r"\\")][1:]
    assert rows == [r"$-0.5000$ & 3 \\", r"-- & $-2$ \\", r"$1.0\cdot 10^{-7}$ & 0 \\", r"$\infty$ & 1 \\"]


def test_names_in_many_scripts_stay_and_say_what_sets_them():
    table = pd.DataFrame({"name": ["Kiswahili", "français", "हिन्दी", "العربية", "中文"]})
    text = booktabs(table)
    assert all(name in text for name in table["name"])
    assert "LuaLaTeX" in text
    assert "LuaLaTeX" not in booktabs(table.head(2).assign(x="φ − ×"))


def test_a_long_table_breaks_over_pages():
    text = booktabs(pd.DataFrame({"x": range(LONG + 1)}), "Long")
    assert r"\begin{longtable}{r}" in text
    assert r"\caption{Long} \\" in text
    assert r"\endhead" in text
    assert r"\begin{tabular}" not in text


def test_a_caption_says_what_is_shown_with_which_settings_and_version():
    said = caption(matrix(), {"Study": "mine", "Method": "Wanda", "Languages": ["English", "French"], "Layer": ""})
    assert said == (
        "Heatmap: Jaccard overlap of 3 masks, from 0.510 to 0.530 between different ones. Study: mine; method: Wanda; "
        f"languages: English, French. Drawn with neutral {__version__}."
    )
    many = caption(go.Figure(), {"Languages": [f"l{i}" for i in range(128)]}, link="http://localhost/overlap")
    assert many == f"Languages: 128 (l0, l1, l2, …). Drawn with neutral {__version__}: http://localhost/overlap"


class Page(HTMLParser):
    """The elements of a page, each with its attributes, and the text of its JSON."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.data = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][1].get("type") == "application/json":
            self.data.append(data)


def test_a_report_is_one_file_that_fetches_nothing_and_shows_names_as_text():
    figure = go.Figure(go.Bar(x=[figures.theme.plain(HOSTILE)], y=[1])).update_layout(meta={"alt": HOSTILE})
    table = pd.DataFrame({HOSTILE: [HOSTILE, "b"], "n": [0.5, np.nan]})
    text = report(HOSTILE, [Part(HOSTILE, HOSTILE, figure, table), Part("Second", "", matrix())], lead=HOSTILE)
    page = Page(text)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 4  # two figures' data, plotly once, and what draws
    assert not {"img", "link", "iframe"} & set(tags)
    assert not [attributes for _, attributes in page.elements if {"src", "href", "onerror"} & set(attributes)]
    assert len([each for each in page.data if each.strip().startswith("{")]) == 2
    assert json.loads(page.data[0])["data"][0]["type"] == "bar"
    assert "default-src 'none'" in text
    assert text.count("plotly.js v") == 1
    assert [tag for tag in tags if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", "h2"]


def test_a_report_of_nothing_is_refused_and_a_long_table_says_what_it_leaves_out():
    with pytest.raises(NeutralError, match="pin a view first"):
        report("Mine", [])
    text = report("Mine", [Part("A", "b", matrix(), pd.DataFrame({"x": range(250)}))])
    assert "50 more rows are left out here." in text
