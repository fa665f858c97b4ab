"""What figures with a language a point share: the points with their names, the room around them, the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.families import Families
from neutral.figures.typology import labels
from neutral.figures.typology.labels import Room
from neutral.members import display

LEGEND = {"orientation": "h", "yanchor": "top", "y": -0.02, "x": 0}

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "hexagon", "star", "cross", "triangle-down", "pentagon")
"""Markers of communities, the largest first; what is alone in its community is a circle too."""

_BESIDE = 0.12  # of the plot's width and height: what is left free around the points
_LEGEND_ROW = 20  # px
SHARE = 0.9
"""Of a figure's height, what its plot gets."""
_HALF_PAGE = 440  # px: the width of one of two figures side by side; a phone's is little less
_FLAT = 240  # px, the least height


class Placed(NamedTuple):
    """The languages of a figure that has a point each.

    Attributes
    ----------
    places : DataFrame
        Columns language, x, y.
    families : Families
        Their colours.
    title, name : str
        Go to the alternative text, and name the file.
    """

    places: pd.DataFrame
    families: Families
    title: str
    name: str


def is_many(places: pd.DataFrame) -> bool:
    """Whether there are so many languages that they are small, with their labels for names."""
    return len(places) > theme.MANY


def height(places: pd.DataFrame, entries: int = 0) -> int:
    """Return a figure's height in px, for so many entries in its legend, two in a row on a phone."""
    return (400 if not is_many(places) else 600) + legend_height(entries)


def legend_height(entries: int) -> int:
    """Return the height in px of a legend with so many entries, two in a row on a phone."""
    return _LEGEND_ROW * ((entries + 1) // 2)


def room_for(places: pd.DataFrame, *, equal: bool = False) -> Room:
    """Return the plot of points: all of them, with free space around for names at the edges."""
    ranges = []
    for axis in "xy":
        low, high = float(places[axis].min()), float(places[axis].max())
        free = _BESIDE * ((high - low) or 1.0)
        ranges.append((low - free, high + free))
    most = height(places)
    if equal:  # a flat map has no empty space above and below
        (left, right), (low, high) = ranges
        most = max(_FLAT, min(most, round(_HALF_PAGE * (high - low) / (right - left))))
    return Room(*ranges, height=SHARE * most, equal=equal)


def nodes(
    figure: go.Figure,
    places: pd.DataFrame,
    families: Families,
    room: Room,
    *,
    colours: Mapping[str, str] | None = None,
    symbols: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
    marker: Mapping | None = None,
    size: float | None = None,
) -> None:
    """Add the languages of `places` (language, x, y) as a trace of points, with names where they have `room`.

    Parameters
    ----------
    colours, symbols : language -> str, optional
        Their colours (by default their families') and markers.
    notes : language -> str, optional
        Further lines of their hover texts.
    marker : mapping, optional
        What goes before these as plotly's settings of the markers, such as colours on a scale.
    size : float, optional
        px of a marker; by default by how many there are.
    """
    members, many = list(places["language"]), is_many(places)
    size = size or (9 if many else 16)
    print_size = theme.SMALL if many else 12
    named = labels.place(
        places[["x", "y"]].to_numpy(dtype=float),
        [[member] if many else [display(member), member] for member in members],
        room,
        print_size=print_size,
        marker=size,
    )
    figure.add_trace(
        go.Scatter(
            x=places["x"],
            y=places["y"],
            showlegend=False,
            mode="markers+text",
            marker={
                "color": [(colours or {}).get(member) or families.colour(member) for member in members],
                "symbol": [(symbols or {}).get(member, "circle") for member in members],
                "size": size,
                "line": {"width": 1, "color": theme.NEUTRAL},
                **(marker or {}),
            },
            text=[theme.plain(label.text) for label in named],
            textposition=[label.side for label in named],
            textfont={"size": print_size},
            hovertext=[about(member, families, (notes or {}).get(member, "")) for member in members],
            hovertemplate="%{hovertext}<extra></extra>",
            cliponaxis=False,
        )
    )


def about(member: str, families: Families, note: str = "") -> str:
    """Return a language's hover text: its name, its label where that is another, its family, and a note."""
    name = f"<b>{theme.member_name(member)}</b>"
    label = "" if display(member) == member else f" ({theme.plain(member)})"
    return "<br>".join(filter(None, [name + label, theme.plain(families.family(member)), note]))


def bare(figure: go.Figure, room: Room) -> None:
    """Take the axes away and show just the room."""
    figure.update_xaxes(visible=False, range=room.x)
    figure.update_yaxes(visible=False, range=room.y)
    if room.equal:
        figure.update_yaxes(scaleanchor="x")


def in_legend(figure: go.Figure, name: str, *, colour: str, symbol: str = "square") -> None:
    """Add an entry to the legend that is no trace of its own."""
    marker = {"color": colour, "size": 12, "symbol": symbol}
    figure.add_trace(
        go.Scatter(x=[None], y=[None], mode="markers", name=name, marker=marker, hoverinfo="skip", showlegend=True)
    )


def listed(members: set[str], order: Sequence[str]) -> str:
    """Return the names of `members`, in the order of `order`."""
    return ", ".join(display(member) for member in order if member in members)


def by_community(communities: Sequence[set[str]]) -> dict[str, int]:
    """Return language -> the number of its community, from 0; what is alone in one is left out."""
    return {member: i for i, group in enumerate(communities) if len(group) > 1 for member in group}
