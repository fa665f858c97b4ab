"""The world map: coasts, the projection, places of languages, ways between them, and what is drawn of it."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from neutral import figures
from neutral.errors import NeutralError
from neutral.figures import theme
from neutral.figures.families import USUAL, Families
from neutral.figures.typology.world import LAND
from neutral.languages import language
from neutral.typology import similarity, world

SOME = ("en-US", "en-GB", "de", "hi", "sw", "zh", "mi", "sm")


def pairs(codes=SOME, seed=0):
    """Pairs of languages with a random overlap, as the page has them."""
    draw = np.random.default_rng(seed)
    rows = [("all", a, b, draw.random()) for a, b in combinations(codes, 2)]
    return similarity.related(pd.DataFrame(rows, columns=["group", "source", "target", "value"]), codes)


def inside(ring, longitude, latitude):
    """Whether a point lies in a ring: a ray to the east crosses it an odd number of times."""
    (x, y), (x2, y2) = ring[:-1].T, ring[1:].T
    crosses = (y > latitude) != (y2 > latitude)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x + (latitude - y) / (y2 - y) * (x2 - x)
    return (crosses & (longitude < at)).sum() % 2 == 1


def is_land(longitude, latitude):
    return sum(inside(ring, longitude, latitude) for ring in world.coasts()) % 2 == 1


def test_coasts_are_closed_rings_around_the_land_and_its_one_lake():
    rings = world.coasts()
    assert len(rings) == 126
    assert all((ring[0] == ring[-1]).all() and len(ring) >= 4 for ring in rings)
    assert all((np.abs(ring) <= [180, 90]).all() for ring in rings)
    dry, wet = [(2.3, 48.8), (13.4, 52.5), (77.2, 28.6), (-99, 19.4), (134, -25)], [(-40, 30), (80, -30), (51, 42)]
    assert all(is_land(*place) for place in dry)
    assert not any(is_land(*place) for place in wet), "the last is the Caspian Sea"


def test_the_projection_is_the_published_polynomial_and_turns_nothing_over():
    """Šavrič et al. say how long the equator is, and that the map is 0.52 times as high as it is wide."""
    x, y = world.project([world.MIDDLE - 180, world.MIDDLE], [0, 90])
    assert x[0] == pytest.approx(-0.8707 * np.pi)
    assert y[1] == pytest.approx(0.52 * 0.8707 * np.pi, rel=1e-3)
    longitude, latitude = np.meshgrid(np.linspace(-168, 191, 50), np.linspace(-90, 90, 50))
    across, up = world.project(longitude, latitude)
    assert (np.diff(across, axis=1) > 0).all()
    assert (np.diff(up, axis=0) > 0).all()


def test_no_land_is_torn_by_the_edge_of_the_map():
    land = world.outline()
    steps = np.abs(land.diff()).max()
    assert steps["x"] < 0.3
    assert land["x"].abs().max() <= world.HALF_WIDTH
    assert land["y"].min() > world.project(0, -60)[1]


def test_languages_stand_where_glottolog_has_them_and_those_of_one_place_around_it():
    table = world.places(SOME).set_index("language")
    assert list(table.index) == list(SOME)
    for code in SOME:
        assert (table.at[code, "latitude"], table.at[code, "longitude"]) == (
            language(code).latitude,
            language(code).longitude,
        )
    assert table["together"].to_dict() == {code: 2 if code.startswith("en") else 1 for code in SOME}
    x, y = world.project(table["longitude"], table["latitude"])
    off = np.hypot(table["x"] - x, table["y"] - y)
    assert (off[["de", "sw"]] == 0).all()
    one, other = table.loc["en-US"], table.loc["en-GB"]
    assert np.hypot(one["x"] - other["x"], one["y"] - other["y"]) == pytest.approx(world.APART)
    five = world.places(["en-US", "en-GB", "en-AU", "en-IN", "en-ZA"])
    near = [np.hypot(a.x - b.x, a.y - b.y) for a, b in combinations(five.itertuples(), 2)]
    assert min(near) == pytest.approx(world.APART)
    assert world.places([]).empty


def test_a_language_without_a_place_is_left_out_and_what_is_no_language_is_refused(monkeypatch):
    nowhere = language("de").__class__("xx", "xx", "xx", glottocode="xxxx1234")
    monkeypatch.setattr(world, "known", lambda code: nowhere if code == "xx" else language(code))
    assert list(world.places(["de", "xx"])["language"]) == ["de"]
    monkeypatch.undo()
    with pytest.raises(NeutralError, match="no language has this code"):
        world.places(["my run"])


def on_globe(points):
    """Unit vectors (n, 3) of points on the map: the projection turned round by a table of it."""
    latitudes = np.linspace(-90, 90, 200_001)
    latitude = np.interp(points[:, 1], world.project(0, latitudes)[1], latitudes)
    longitude = points[:, 0] / world.project(world.MIDDLE + 1, latitude)[0] + world.MIDDLE
    a, b = np.radians([longitude, latitude])
    return np.column_stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])


@pytest.mark.parametrize("seed", range(20))
def test_a_way_is_the_shortest_on_the_globe(seed):
    """All of it is in the plane of its ends and the middle of the globe, and no part goes back."""
    draw = np.random.default_rng(seed)
    ends = np.column_stack([draw.uniform(-180, 180, 2), draw.uniform(-80, 80, 2)])
    way = world.way(*ends)
    points = way[~np.isnan(way).any(axis=1)]
    np.testing.assert_allclose(points[[0, -1]], np.column_stack(world.project(*ends.T)), atol=1e-9)
    assert np.isnan(way).any() == (len(points) < len(way))
    steps = np.abs(np.diff(way[:, 0]))
    assert not (steps > world.HALF_WIDTH).any(), "it does not cross the map from edge to edge"
    globe = on_globe(points)
    normal = np.cross(globe[0], globe[-1])
    np.testing.assert_allclose(globe @ normal / np.linalg.norm(normal), 0, atol=1e-4)
    angles = np.arccos(np.clip((globe[1:] * globe[:-1]).sum(axis=1), -1, 1))
    assert angles.sum() == pytest.approx(np.arccos(globe[0] @ globe[-1]), abs=1e-4)
    assert angles.max() < np.radians(4.01)


def test_a_way_over_the_edge_comes_back_on_the_other_side_and_one_to_itself_stays():
    way = world.way((175, -40), (-149, -17))  # from New Zealand to Tahiti
    gap = np.flatnonzero(np.isnan(way).any(axis=1))
    assert len(gap) == 1
    assert way[gap[0] - 1, 0] > 2 > -2 > way[gap[0] + 1, 0]
    stays = world.way((10, 50), (10, 50))
    np.testing.assert_allclose(stays, np.repeat(stays[:1], len(stays), axis=0))
    assert np.isfinite(world.way((0, 0), (180, 0))).all()


def test_the_strongest_pairs_and_each_languages_nearest_are_those_of_a_sorted_list():
    table = pairs()
    plain = sorted(table.itertuples(), key=lambda row: -row.value)
    found = similarity.strongest(table, 5)
    assert list(zip(found["source"], found["target"], strict=True)) == [(r.source, r.target) for r in plain[:5]]
    of_hindi = [row for row in plain if "hi" in (row.source, row.target)]
    assert similarity.strongest(table, 3, "hi")["value"].tolist() == [row.value for row in of_hindi[:3]]
    others = {row.source if row.target == "hi" else row.target: row.value for row in of_hindi}
    assert similarity.with_one(table, "hi") == others
    near = similarity.nearest(table, 3)
    assert near["hi"] == list(others.items())[:3]
    assert set(near) == set(SOME)


def test_relations_are_counted_among_the_pairs():
    table = pairs(("en", "de", "fr", "zh"))
    assert similarity.shares(table) == {"same branch": 1 / 6, "same family": 2 / 6, "same script": 0}


def drawn(**options):
    places, table = world.places(SOME), pairs()
    links = similarity.strongest(table, 6)
    return figures.world_map(
        figures.Placed(places, Families(SOME), "t", "world"),
        links,
        measure="jaccard",
        notes={"hi": "a note"},
        **options,
    )


def nodes(figure):
    return next(trace for trace in figure.data if trace.mode == "markers+text")


def test_the_map_asks_nobody_and_has_land_links_and_languages():
    figure = drawn()
    assert {trace.type for trace in figure.data} == {"scatter"}, "a geographic trace would fetch its coasts"
    assert figure.data[0].fillcolor == LAND
    assert figure.layout.yaxis.scaleanchor == "x"
    said = [text for trace in figure.data if trace.mode == "markers" and trace.text for text in trace.text]
    assert len(said) == 6
    assert all("Jaccard overlap" in text for text in said)
    hover = dict(zip(SOME, nodes(figure).hovertext, strict=True))
    assert hover["hi"].endswith("a note")
    assert "(en-US)" in hover["en-US"]
    assert "Sino-Tibetan" in hover["zh"]


def test_the_map_has_no_empty_sea_above_it_and_its_legend_is_below():
    figure = drawn()
    assert (figure.layout.yaxis.constrain, figure.layout.yaxis.constraintoward) == ("domain", "top")
    assert (figure.layout.legend.yref, figure.layout.legend.y) == ("container", 0)


def test_the_map_is_scrolled_where_it_would_be_far_lower_than_its_room():
    figure = drawn()
    assert figure.layout.meta["least"] == "wide"
    across, up = 2 * world.HALF_WIDTH, np.ptp(figure.layout.yaxis.range)  # of all the world
    assert 0.8 < theme.LEAST["wide"] * up / across / (figure.layout.height - 60) < 1.2
    under_a_bar = drawn(overlap={"hi": 0.5})
    rows = -(-sum(bool(trace.showlegend) for trace in figure.data) // 4)
    assert figure.layout.height - 20 * rows < under_a_bar.layout.height, "the bar takes nothing from the map"


def test_languages_are_coloured_by_family_by_community_or_by_overlap_with_one():
    by_family = dict(zip(SOME, nodes(drawn()).marker.color, strict=True))
    assert by_family["en-US"] == by_family["hi"] == USUAL["Indo-European"] != by_family["sw"]
    figure = drawn(communities=[{"hi", "sw", "zh"}, {"en-US", "en-GB"}, {"de"}, {"mi"}, {"sm"}])
    colours = dict(zip(SOME, nodes(figure).marker.color, strict=True))
    assert colours["hi"] == colours["sw"] != colours["en-US"] == colours["en-GB"]
    assert colours["de"] == colours["mi"] == colours["sm"]
    named = [trace.name for trace in figure.data if trace.showlegend]
    assert named == ["Community 1 (3)", "Community 2 (2)", "Alone, or in a smaller one"]
    with_one = similarity.with_one(pairs(), "hi")
    marker = nodes(drawn(overlap=with_one)).marker
    assert marker.showscale
    values = dict(zip(SOME, marker.color, strict=True))
    assert all(values[code] == value for code, value in with_one.items())
    assert dict(zip(SOME, marker.symbol, strict=True))["hi"] == "star"


def test_links_of_languages_without_a_place_are_not_drawn():
    places = world.places(SOME)
    links = similarity.strongest(pairs(), 28)
    placed = figures.Placed(places[places["language"] != "hi"], Families(SOME), "t", "n")
    figure = figures.world_map(placed, links, measure="phi", notes={})
    said = [text for trace in figure.data if trace.mode == "markers" and trace.text for text in trace.text]
    assert len(said) == 21
    assert not any("Hindi" in text for text in said)


def test_the_coasts_come_with_the_package_and_say_whose_they_are():
    assert world.FILE.parent == ROOT / "neutral" / "typology"
    note = world.FILE.with_name("NATURAL_EARTH.md").read_text(encoding="utf-8")
    for word in ("Natural Earth", "public domain", "world-atlas"):
        assert word in note
    assert world.FILE.stat().st_size < 50_000
