"""A map of the world with languages where they are spoken, coloured by one of three things, and links between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import scales, theme
from neutral.figures.families import GREYS, OTHERS, USUAL, legend
from neutral.figures.typology import points
from neutral.figures.typology.labels import Room
from neutral.figures.typology.languages import WIDTHS, widths
from neutral.figures.typology.points import Placed
from neutral.typology import world

SIZE = 9
"""px: a language on the map."""
LAND = "rgba(128,128,128,0.22)"
_HEIGHT = 380  # px of the map: between what the whole world takes at the least width and on a laptop
_IN_A_ROW = 4  # entries of the legend, at the least width
_BAR = 64  # px that a colour bar takes above
_AROUND = 0.3  # of the projection's units, in which a radian in the middle is about 0.87
_EDGE = world.HALF_WIDTH
_SOUTH, _NORTH = -1.1, 1.4  # of the same: the rest is ice


def world_map(
    placed: Placed,
    links: pd.DataFrame,
    *,
    measure: str,
    communities: Sequence[set[str]] | None = None,
    overlap: Mapping[str, float] | None = None,
    notes: Mapping[str, str],
) -> go.Figure:
    """Draw languages on a map of the world, coloured by family, or by community or overlap where these are given.

    Parameters
    ----------
    placed : Placed
        With the columns latitude and longitude as well (`world.places`).
    links : DataFrame
        Columns source, target, value: pairs that are joined by the shortest way, the stronger the wider. Those without
        a place are not drawn.
    measure : str
        The overlap's, one of `theme.UNITS`.
    communities : sequence of sets of languages, optional
        The largest first; ten of them have a colour of their own.
    overlap : language -> float, optional
        The overlap of each language with one, which is the one that is not in it.
    notes : language -> str
        Further lines of their hover texts.
    """
    places, families, title, name = placed
    figure = go.Figure()
    land = world.outline()
    figure.add_trace(
        go.Scatter(
            x=land["x"],
            y=land["y"],
            mode="lines",
            fill="toself",
            fillcolor=LAND,
            line={"color": "rgba(128,128,128,0.35)", "width": 0.5},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    known = set(places["language"])
    links = links[links["source"].isin(known) & links["target"].isin(known)]
    _links(figure, places, links, measure)
    members = list(places["language"])
    colours, marker = None, None
    if overlap is not None:
        marker = _scale(members, overlap, measure)
    elif communities is not None:
        colours = _community_colours(figure, communities, members)
    else:
        legend(figure, members, families)
    room = _room(places)
    points.nodes(figure, places, families, room, colours=colours, notes=notes, marker=marker, size=SIZE)
    points.bare(figure, room)
    figure.update_yaxes(constrain="domain", constraintoward="top")  # a narrow figure has no empty sea above the map
    entries = sum(bool(trace.showlegend) for trace in figure.data)
    return theme.finish(
        figure,
        alt=f"World map of {len(places)} languages, {len(links)} pairs joined: {title}.",
        name=name,
        height=_HEIGHT + (_BAR if overlap is not None else 0) + 20 * -(-entries // _IN_A_ROW),
        hovermode="closest",
        legend=theme.LEGEND_AT_FOOT,
        least="wide",  # on a phone's width it would be a stamp under its height
    )


def _room(places: pd.DataFrame) -> Room:
    """Return the part of the map that is shown: where the languages are, and some way around them."""
    x, y = ((float(places[axis].min()) - _AROUND, float(places[axis].max()) + _AROUND) for axis in "xy")
    return Room(
        (max(x[0], -_EDGE), min(x[1], _EDGE)), (max(y[0], _SOUTH), min(y[1], _NORTH)), 0.95 * _HEIGHT, equal=True
    )


def _links(figure: go.Figure, places: pd.DataFrame, links: pd.DataFrame, measure: str) -> None:
    """Draw the ways between linked languages, and points in their middles that say how alike they are."""
    if links.empty:
        return
    spots = places.set_index("language")
    ends = {side: links[side].map(lambda member: tuple(spots.loc[member, ["longitude", "latitude"]])) for side in _ENDS}
    ways = [world.way(one, other) for one, other in zip(ends["source"], ends["target"], strict=True)]
    step = widths(links["value"].to_numpy(dtype=float), (float(links["value"].min()), float(links["value"].max())))
    gap = np.full((1, 2), np.nan)
    for i, width in enumerate(WIDTHS):
        drawn = [part for way, which in zip(ways, step, strict=True) if which == i for part in (way, gap)]
        if drawn:
            x, y = np.concatenate(drawn).T
            line = {"width": 0.5 * width, "color": f"rgba(128,128,128,{0.35 + 0.1 * i:.2f})"}
            figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False))
    middles = np.array([way[~np.isnan(way).any(axis=1)][(len(way) - 1) // 2] for way in ways])
    figure.add_trace(
        go.Scatter(
            x=middles[:, 0],
            y=middles[:, 1],
            text=[
                f"{theme.member_name(row.source)} and {theme.member_name(row.target)}<br>{theme.UNITS[measure][0]} "
                f"<b>{row.value:.4f}</b>"
                for row in links.itertuples()
            ],
            mode="markers",
            marker={"size": 10, "opacity": 0},
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    )


_ENDS = ("source", "target")


def _scale(members: Sequence[str], overlap: Mapping[str, float], measure: str) -> dict:
    """Return markers coloured by overlap with one language, which is a star of the highest colour."""
    highest = max(overlap.values(), default=1.0)
    low, high = scales.span(np.array(list(overlap.values())))
    return {
        "cmin": low,
        "cmax": high,
        "color": [overlap.get(member, highest) for member in members],
        "colorscale": theme.SEQUENTIAL,
        "showscale": True,
        "colorbar": theme.colourbar(theme.UNITS[measure][0]),
        "symbol": ["circle" if member in overlap else "star" for member in members],
    }


def _community_colours(figure: go.Figure, communities: Sequence[set[str]], members: Sequence[str]) -> dict[str, str]:
    """Return language -> the colour of its community, and name the communities in the legend."""
    hues, grey = list(USUAL.values()), GREYS[OTHERS]
    number = points.by_community(communities)
    for i, group in enumerate([group for group in communities if len(group) > 1][: len(hues)]):
        if not group.isdisjoint(members):
            points.in_legend(figure, f"Community {i + 1} ({len(group)})", colour=hues[i])
    if any(number.get(member, len(hues)) >= len(hues) for member in members):
        points.in_legend(figure, "Alone, or in a smaller one", colour=grey)
    return {member: hues[number[member]] if number.get(member, len(hues)) < len(hues) else grey for member in members}
