"""Figures with a language a point: a graph, a dendrogram, a map. A family has one colour in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.families import Families, legend
from neutral.members import display

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "hexagon", "star", "cross", "triangle-down", "pentagon")
_WIDTHS = (1.0, 1.6, 2.4, 3.4, 4.6, 6.0)  # px, from the weakest of all pairs to the strongest
_ROOM = (0.07, 0.025)  # of the plot's width and height: what a label takes
_NEAR = 0.2  # of the plot's width or height: names of points so near would overlap


def network(
    places: pd.DataFrame,
    edges: pd.DataFrame,
    families: Families,
    *,
    communities: Sequence[set[str]] = (),
    span: tuple[float, float],
    title: str,
    name: str,
) -> go.Figure:
    """Draw languages joined by edges.

    Parameters
    ----------
    places : DataFrame
        Columns language, x, y.
    edges : DataFrame
        Columns source, target, weight, which decides the width, and value, which hovering shows.
    families : Families
        Their colours.
    communities : sequence of sets of languages
        The community decides the marker.
    span : (float, float)
        Lowest and highest weight of all pairs, drawn or not, so that widths stay while a threshold moves.
    title, name : str
        Go to the alternative text, and name the file.
    """
    xy = places.set_index("language")[["x", "y"]]
    figure = go.Figure()
    low, high = span
    share = (edges["weight"].to_numpy(dtype=float) - low) / (high - low) if high > low else np.ones(len(edges))
    step = np.clip((share * len(_WIDTHS)).astype(int), 0, len(_WIDTHS) - 1)
    many = len(places) > theme.MANY
    for i, width in enumerate(_WIDTHS):
        rows = edges[step == i]
        lines = {axis: [p for a, b in _ends(rows) for p in (xy.at[a, axis], xy.at[b, axis], None)] for axis in "xy"}
        figure.add_trace(go.Scatter(**lines, mode="lines", line=_edge(width, many), hoverinfo="skip", showlegend=False))
    figure.add_trace(
        go.Scatter(
            x=[(xy.at[a, "x"] + xy.at[b, "x"]) / 2 for a, b in _ends(edges)],
            y=[(xy.at[a, "y"] + xy.at[b, "y"]) / 2 for a, b in _ends(edges)],
            text=[
                f"{theme.member_name(row.source)} and {theme.member_name(row.target)}<br><b>{row.value:.4f}</b>"
                for row in edges.itertuples()
            ],
            mode="markers",
            marker={"size": 14, "opacity": 0},
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    )
    community_of = {member: i for i, group in enumerate(communities) for member in group}
    notes = {member: f"community {i + 1}" for member, i in community_of.items()}
    symbols = {member: _SYMBOLS[i % len(_SYMBOLS)] for member, i in community_of.items()}
    _nodes(figure, places, families, symbols, notes)
    _bare(figure, places)
    return theme.finish(
        figure,
        alt=f"Graph: {title}; {len(edges)} edges between {len(places)} languages in {len(communities)} communities: "
        f"{'; '.join(_listed(group, list(xy.index)) for group in communities)}.",
        name=name,
        height=_height(places),
        hovermode="closest",
        legend=_LEGEND,
    )


def dendrogram(
    brackets: pd.DataFrame,
    leaves: Sequence[str],
    families: Families,
    *,
    notes: Mapping[str, str],
    title: str,
    name: str,
) -> go.Figure:
    """Draw a tree of languages with the leaves down the left.

    Parameters
    ----------
    brackets : DataFrame
        Columns line, place, height, as `trees.branches` returns them.
    leaves : sequence of str
        The languages in the tree's order.
    families : Families
        Their colours.
    notes : language -> str
        Stands after its name (its branch).
    title, name : str
        Title of the axis, and name of the file.
    """
    heights = brackets["height"].to_numpy(dtype=float)
    joins = heights[heights > 0]
    low, high = (float(joins.min()), float(joins.max())) if joins.size else (0.0, 1.0)
    cut = low > 0.5 * high  # joins far from 0 would be crowded
    left = low - 0.25 * (high - low) if cut and high > low else 0.0
    figure = go.Figure()
    x: list[float | None] = []
    y: list[float | None] = []
    for _, bracket in brackets.groupby("line", sort=False):
        x += [*np.maximum(bracket["height"], left), None]
        y += [*bracket["place"], None]
    figure.add_trace(
        go.Scatter(
            x=x, y=y, mode="lines", line={"color": theme.NEUTRAL, "width": 2}, hoverinfo="skip", showlegend=False
        )
    )
    labels = [f"{theme.member_name(leaf)} {_note(leaf, notes)} {families.square(leaf)}" for leaf in leaves]
    begins = f"<br>(axis begins at {left:.3g})" if left else ""
    figure.update_xaxes(title=theme.plain(title) + begins, range=[left, high + 0.04 * (high - left)])
    figure.update_yaxes(
        tickvals=list(range(len(leaves))), ticktext=labels, range=[len(leaves) - 0.5, -0.5], showgrid=False
    )
    many = len(leaves) > theme.MANY
    if many:
        figure.update_yaxes(tickfont_size=theme.SMALL)
    legend(figure, leaves, families)
    return theme.finish(
        figure,
        alt=f"Dendrogram by {title}; leaves in order: {', '.join(map(display, leaves))}.",
        name=name,
        height=134 + (13 if many else 30) * len(leaves),
        legend=theme.LEGEND_AT_FOOT,
    )


def _note(leaf: str, notes: Mapping[str, str]) -> str:
    note = "" if notes.get(leaf) == display(leaf) else notes.get(leaf, "")
    return f'<span style="color:{theme.NEUTRAL}">{theme.plain(note)}</span>'


def language_map(places: pd.DataFrame, families: Families, *, title: str, name: str) -> go.Figure:
    """Draw languages as points: `places` has language, x, y. One unit is as long across as it is up."""
    figure = go.Figure()
    _nodes(figure, places, families, {}, {})
    _bare(figure, places)
    figure.update_yaxes(scaleanchor="x")
    return theme.finish(
        figure,
        alt=f"Map of {len(places)} languages: {title}.",
        name=name,
        height=_height(places),
        hovermode="closest",
        legend=_LEGEND,
    )


def _listed(members: set[str], order: Sequence[str]) -> str:
    """Return the names of `members`, in the order of `order`."""
    return ", ".join(display(member) for member in order if member in members)


_LEGEND = {"orientation": "h", "yanchor": "top", "y": -0.02, "x": 0}


def _edge(width: float, many: bool) -> dict:
    """Return the style of an edge; where there are `many` languages thin, and pale where they are not the strongest."""
    shade = 0.55 if not many else 0.12 + 0.4 * (width / max(_WIDTHS)) ** 2
    return {"width": 0.4 * width if many else width, "color": f"rgba(128,128,128,{shade:.2f})"}


def _height(places: pd.DataFrame) -> int:
    return 440 if len(places) <= theme.MANY else 640


def _nodes(
    figure: go.Figure,
    places: pd.DataFrame,
    families: Families,
    symbols: Mapping[str, str],
    notes: Mapping[str, str],
) -> None:
    """Add a trace of nodes a family, with names; `symbols` and `notes` are a language's marker and hover text.

    Where there are many languages their labels stand for the names, which are longer, and only where they have room.
    """
    sides, room, many = _beside(places), _with_room(places), len(places) > theme.MANY
    legend(figure, list(places["language"]), families)
    for group, members in families.among(list(places["language"])).items():
        rows = places[places["language"].isin(members)]
        colour = families.colour(members[0])
        figure.add_trace(
            go.Scatter(
                x=rows["x"],
                y=rows["y"],
                name=group,
                showlegend=False,
                mode="markers+text",
                marker={
                    "color": colour,
                    "symbol": [symbols.get(member, "circle") for member in members],
                    "size": 10 if many else 17,
                    "line": {"width": 1, "color": theme.NEUTRAL},
                },
                text=[theme.plain(member) if member in room else "" for member in members]
                if many
                else [theme.member_name(member) for member in members],
                textposition=[sides[member] for member in members],
                textfont={"size": theme.SMALL if many else 12},
                hovertext=[_about(member, families, notes) for member in members],
                hovertemplate="%{hovertext}<extra></extra>",
                cliponaxis=False,
            )
        )


def _about(member: str, families: Families, notes: Mapping[str, str]) -> str:
    lines = [f"<b>{theme.member_name(member)}</b>", theme.plain(families.family(member)), notes.get(member, "")]
    return "<br>".join(filter(None, lines))


def _with_room(places: pd.DataFrame) -> set[str]:
    """Return languages whose labels lie apart: each in turn, unless its point is too near one before it."""
    points = np.column_stack([places[axis] / (float(np.ptp(places[axis])) or 1.0) for axis in "xy"])  # (n, 2)
    named: list[int] = []
    for i, point in enumerate(points):
        if not named or (np.abs(points[named] - point) > _ROOM).any(axis=1).all():
            named.append(i)
    return set(places["language"].iloc[named])


def _beside(places: pd.DataFrame) -> dict[str, str]:
    """Return the side of its point on which each name stands: away from near points, else above."""
    points = np.column_stack([places[axis] / (float(np.ptp(places[axis])) or 1.0) for axis in "xy"])  # (n, 2)
    sides = {}
    for i, member in enumerate(places["language"]):
        away = points[i] - np.delete(points, i, axis=0)
        distance = np.maximum(np.linalg.norm(away, axis=1), 1e-3)
        near = distance < _NEAR
        x, y = (away[near] / distance[near, None] ** 2).sum(axis=0) if near.any() else (0.0, 1.0)
        if abs(y) >= 0.7 * abs(x):  # names are wide: there is room above and below
            sides[member] = "top center" if y >= 0 else "bottom center"
        else:
            sides[member] = "middle right" if x > 0 else "middle left"
    return sides


def _bare(figure: go.Figure, places: pd.DataFrame) -> None:
    """Take the axes away and leave room for names at the edges."""
    for update, axis in ((figure.update_xaxes, "x"), (figure.update_yaxes, "y")):
        low, high = float(places[axis].min()), float(places[axis].max())
        room = 0.15 * ((high - low) or 1.0)
        update(visible=False, range=[low - room, high + room])


def _ends(edges: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(edges["source"], edges["target"], strict=True))
