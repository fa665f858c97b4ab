"""Families in figures: colours and legends for few and many families, the same whatever is shown."""

import numpy as np
import pandas as pd
import pytest

from neutral import figures
from neutral.figures.families import GREYS, OTHERS, USUAL, Families
from neutral.languages import PAPER_ORDER, UNKNOWN
from neutral.members import order

TEN = ("fi", "tr", "ja", "ko", "th", "ta", "yo", "id", "eu", "ka")
FOURTEEN = (
    "en",
    "de",
    "fr",
    "fi",
    "hu",
    "tr",
    "az",
    "ja",
    "ko",
    "th",
    "ta",
    "yo",
    "id",
    "eu",
    "ka",
    "vi",
    "zh",
    "my",
    "ay",
)
HUES = list(USUAL.values())


def square(members):
    return pd.DataFrame(0.5, index=list(members), columns=list(members))


def named(figure):
    """Name in the legend -> colour."""
    return {trace.name: trace.marker.color for trace in figure.data if trace.showlegend}


def test_the_eleven_keep_their_four_colours():
    assert (
        Families(PAPER_ORDER).colours
        == {
            "Indo-European": "#0a7fc4",
            "Afro-Asiatic": "#d55e00",
            "Sino-Tibetan": "#009e73",
            "Atlantic-Congo": "#cc79a7",
        }
        == {family: USUAL[family] for family in Families(PAPER_ORDER).colours}
    )


def test_three_families_are_named_with_their_usual_colours():
    legend = named(figures.pair_matrix(square(["en", "de", "fi", "ja"]), "jaccard"))
    assert list(legend) == ["Indo-European", "Japonic", "Uralic"], "the largest first, then by name, as the axis"
    assert [legend["Indo-European"], legend["Uralic"]] == [USUAL["Indo-European"], USUAL["Uralic"]]
    assert legend["Japonic"] in set(HUES) - {USUAL["Indo-European"], USUAL["Uralic"]}


def test_ten_families_have_ten_colours():
    legend = named(figures.pair_matrix(square(TEN), "jaccard"))
    assert len(legend) == len(set(legend.values())) == 10
    assert set(legend.values()) == set(HUES)
    assert OTHERS not in legend


def test_of_fourteen_families_the_ten_largest_have_a_colour_and_the_rest_share_one():
    legend = named(figures.pair_matrix(square([*FOURTEEN, "my run"]), "jaccard"))
    assert list(legend)[:4] == ["Indo-European", "Sino-Tibetan", "Turkic", "Uralic"]  # three, then two each
    assert list(legend)[-2:] == [OTHERS, UNKNOWN]
    assert len(legend) == len(set(legend.values())) == 12
    colours = Families([*FOURTEEN, "my run"])
    others = [member for member in FOURTEEN if colours.name(member) == OTHERS]
    assert len(set(map(colours.family, FOURTEEN))) == 14
    assert len(set(map(colours.family, others))) == 4
    assert {colours.colour(member) for member in others} == {GREYS[OTHERS]}
    assert colours.colour("my run") == GREYS[UNKNOWN] != GREYS[OTHERS]
    european = Families(["en", "fr"])
    assert (european.name("fi"), european.colour("fi")) == (OTHERS, GREYS[OTHERS]), "none of the comparison"


@pytest.mark.parametrize("member", ["en", "en 2", "en (yours)", "eng_Latn", "de/1"])
def test_a_family_has_one_colour_whatever_its_members_are_called(member):
    assert Families([member]).colour(member) == USUAL["Indo-European"]


def test_a_family_keeps_its_colour_where_few_of_a_studys_languages_are_shown():
    every = Families(FOURTEEN)
    for member in FOURTEEN:
        figure = figures.pair_matrix(square([member, "en", "my run"]), "jaccard", families=every)
        assert named(figure)[every.name(member)] == every.colour(member)
        assert f"color:{every.colour(member)};" in figure.layout.yaxis.ticktext[0]


def test_languages_of_one_family_differ_in_marker_and_dash_whatever_is_shown():
    colours = Families(PAPER_ORDER)
    styles = [colours.line(member) for member in PAPER_ORDER]
    assert len({(s["line"]["color"], s["line"]["dash"], s["marker"]["symbol"]) for s in styles}) == len(PAPER_ORDER)
    lines = pd.DataFrame({"group": "0", "language": ["hi"], "value": 0.5})
    figure = figures.language_lines(lines, "t", name="n", families=colours)
    assert figure.data[0].line.dash == styles[PAPER_ORDER.index("hi")]["line"]["dash"]


def test_lines_of_few_are_named_under_their_families():
    rows = [(layer, member, 0.5) for member in order(TEN) for layer in ("encoder 0", "encoder 1")]
    lines = figures.language_lines(pd.DataFrame(rows, columns=["group", "language", "value"]), "t", name="n").data
    assert [trace.legendgrouptitle.text for trace in lines] == [Families(TEN).name(member) for member in order(TEN)]


def test_hovering_over_a_point_names_a_family_that_the_legend_does_not():
    colours = Families(FOURTEEN)
    other = next(member for member in FOURTEEN if colours.name(member) == OTHERS)
    places = pd.DataFrame({"language": list(FOURTEEN), "x": np.arange(19.0), "y": np.arange(19.0)})
    figure = figures.language_map(figures.Placed(places, colours, "t", "n"))
    told = [text for trace in figure.data if trace.hovertext for text in trace.hovertext]
    assert any(text.endswith(f"<br>{colours.family(other)}") for text in told)
    assert list(named(figure)) == list(colours.colours)


def test_points_of_transfer_are_coloured_by_the_targets_family_and_named():
    points = pd.DataFrame({"source": ["en", "fi"], "target": ["fi", "en"], "overlap": [0.5, 0.6], "cost": [0.1, 0.2]})
    figure = figures.overlap_against_transfer(points, "overlap", "cost", families=Families(FOURTEEN))
    assert {trace.name: trace.marker.color for trace in figure.data} == {
        "To Indo-European": USUAL["Indo-European"],
        "To Uralic": USUAL["Uralic"],
    }
