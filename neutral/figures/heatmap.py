"""The heatmap of every pair for more members than have room for numbers: bands of families, a tree, marked members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import blocks, theme
from neutral.figures.families import Families, legend

NAMED_UP_TO = 64
"""Most members that are named one by one and can all be clicked: more cells than the square of it make a page slow."""
_HEIGHT = 672  # px of all rows, of as many as are not named one by one: about as much as the columns have
_LINE = 15  # px that a name of a block takes
_ACROSS = 11  # names that have room below a heatmap on a phone
_LETTERS = 20
_MARK = "#ff3bd4"


class Layout(NamedTuple):
    """Where the parts of the figure lie, as shares of its width and height."""

    band: float = 0.018
    gap: float = 0.006
    tree: float = 0.86


def heatmap(
    matrix: pd.DataFrame,
    title: str,
    families: Families,
    *,
    span: tuple[float, float],
    brackets: pd.DataFrame | None = None,
    marked: Sequence[str] = (),
    small: bool = False,
    clicks: bool = True,
) -> go.Figure:
    """Draw a square of many members, without gaps and numbers; names on hover.

    Names on the axes are those of members, where they have room, else of families and branches (`blocks.named`).
    Markers that take clicks lie over all cells of up to `NAMED_UP_TO` members, and over the rows and columns of marked
    ones; their `customdata` is [source, target].

    Parameters
    ----------
    matrix : DataFrame (members × members)
        Values, in the order to draw; the diagonal is left out.
    title : str
        What they are, on the colour bar.
    families : Families
        The colours of the bands.
    span : (float, float)
        The ends of the colour scale.
    brackets : DataFrame, optional
        The tree whose leaves the members are, as `typology.folding.fold` returns it, drawn at the side.
    marked : sequence of str
        Members whose row and column are framed.
    small : bool
        For half a page.
    clicks : bool
        Whether markers take clicks.
    """
    members = [str(member) for member in matrix.index]
    names, parts = theme.member_names(members), Layout()
    values = matrix.to_numpy(dtype=np.float32).copy()
    np.fill_diagonal(values, np.nan)
    right = parts.tree if brackets is not None else 1.0
    inner = [parts.band + parts.gap, right]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            zmin=span[0],
            zmax=span[1],
            colorscale=theme.SEQUENTIAL,
            colorbar=theme.colourbar(title),
            hovertemplate="<b>%{y}</b> and <b>%{x}</b><br>%{z:.4f}<extra></extra>",
            hoverongaps=False,
        )
    )
    _bands(figure, members, families)
    if clicks:
        _clicks(figure, members, names, values, marked)
    edge = len(members) - 0.5
    places = {"tickvals": list(range(len(members))), "ticktext": names, "showgrid": False}
    figure.update_layout(
        xaxis={**places, "range": [-0.5, edge], "domain": inner, "tickangle": -45},
        yaxis={**places, "range": [edge, -0.5], "domain": [0, 1 - inner[0]], "anchor": "free", "position": 0},
        xaxis2={"domain": [0, parts.band], "visible": False, "fixedrange": True},
        yaxis2={"domain": [1 - parts.band, 1], "visible": False, "fixedrange": True},
    )
    height = _HEIGHT * 2 // 3 if small else _HEIGHT
    if len(members) <= NAMED_UP_TO:
        height = 12 * len(members)
        coloured = [f"{name} {families.square(member)}" for member, name in zip(members, names, strict=True)]
        figure.update_layout(yaxis={"tickfont_size": theme.SMALL, "ticktext": coloured})
        _block_names(figure, members, names, {"x": len(members) / _ACROSS}, marked)
    else:
        room = {"x": len(members) / _ACROSS, "y": len(members) * _LINE / height}
        _block_names(figure, members, names, room, marked)
    if brackets is not None:
        _tree(figure, brackets, [right + parts.gap, 1.0])
    _frames(figure, members, marked)
    legend(figure, members, families)
    return figure.update_layout(height=height + 190)


def _bands(figure: go.Figure, members: Sequence[str], families: Families) -> None:
    """Draw each member's family as a coloured cell, left of its row and above its column."""
    colours = list(dict.fromkeys(map(families.colour, members)))
    codes = [colours.index(families.colour(member)) for member in members]
    steps = [(i + side) / len(colours) for i in range(len(colours)) for side in (0, 1)]
    scale = [[step, colours[min(i // 2, len(colours) - 1)]] for i, step in enumerate(steps)]
    kin = [theme.plain(families.family(member)) for member in members]
    common = {"colorscale": scale, "zmin": -0.5, "zmax": len(colours) - 0.5, "showscale": False}
    down, across = [[code] for code in codes], [codes]
    for z, text, axes, name in (
        (down, [[family] for family in kin], {"xaxis": "x2", "yaxis": "y"}, "%{y}"),
        (across, [kin], {"xaxis": "x", "yaxis": "y2"}, "%{x}"),
    ):
        hover = f"<b>{name}</b><br>%{{text}}<extra></extra>"
        figure.add_trace(go.Heatmap(z=z, text=text, hovertemplate=hover, **axes, **common))


def _clicks(
    figure: go.Figure, members: Sequence[str], names: Sequence[str], values: np.ndarray, marked: Sequence[str]
) -> None:
    """Lay invisible markers over the cells that can be clicked; they carry the hover text."""
    n, every = len(members), len(members) <= NAMED_UP_TO
    framed = {i for i, member in enumerate(members) if member in marked}
    cells = [
        (i, j)
        for i in range(n)
        for j in (range(n) if every or i in framed else framed)
        if i != j and not np.isnan(values[i, j])
    ]
    if not cells:
        return
    figure.add_trace(
        go.Scatter(
            x=[j for _, j in cells],
            y=[i for i, _ in cells],
            customdata=[[members[i], members[j]] for i, j in cells],
            text=[
                f"<b>{names[i]} and {names[j]}</b><br>{values[i, j]:.4f}<br><i>click to see the pair</i>"
                for i, j in cells
            ],
            mode="markers",
            marker={"symbol": "square", "size": 9, "opacity": 0},
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
            unselected={"marker": {"opacity": 0}},
            selected={"marker": {"opacity": 0}},
        )
    )


def _block_names(
    figure: go.Figure,
    members: Sequence[str],
    names: Sequence[str],
    rooms: Mapping[str, float],
    marked: Sequence[str],
) -> None:
    """Name blocks of members on axes of their own, which follow the zoom; the members' own names are for hovering.

    `rooms` are the axes so named -> how many places a name takes.
    """
    framed = {i for i, member in enumerate(members) if member in marked}
    for axis, room in rooms.items():
        ticks = {i: f"<b>{names[i]}</b>" for i in framed}
        for block in blocks.named(members, room):
            if all(abs(block.middle - place) >= room for place in framed):
                ticks[block.middle] = theme.plain(_shortened(block.name))
        own = figure.layout[f"{axis}axis"].update(showticklabels=False, ticks="")
        figure.update_layout(
            {
                f"{axis}axis3": {
                    "overlaying": axis,
                    "matches": axis,
                    "side": "bottom" if axis == "x" else "left",
                    "anchor": "free",
                    "position": 0,
                    "range": own.range,
                    "tickvals": list(ticks),
                    "ticktext": list(ticks.values()),
                    "tickfont_size": 10,
                    "tickangle": -45 if axis == "x" else 0,
                    "showgrid": False,
                }
            }
        )
    # An axis is drawn only for a trace.
    drawn = {f"{axis}axis": f"{axis}3" for axis in rooms}
    figure.add_trace(go.Scatter(x=[0], y=[0], **drawn, opacity=0, hoverinfo="skip", showlegend=False))


def _shortened(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1].rstrip(' -')}…"


def _tree(figure: go.Figure, brackets: pd.DataFrame, domain: list[float]) -> None:
    """Draw a tree at the right, its leaves at the rows."""
    heights = brackets["height"].to_numpy(dtype=float)
    joins = heights[heights > 0]
    low, high = (float(joins.min()), float(joins.max())) if joins.size else (0.0, 1.0)
    left = max(0.0, low - 0.05 * (high - low))  # joins far from 0 would be crowded
    x: list[float | None] = []
    y: list[float | None] = []
    for _, bracket in brackets.groupby("line", sort=False):
        x += [*np.maximum(bracket["height"], left), None]
        y += [*bracket["place"], None]
    line = {"color": theme.NEUTRAL, "width": 1}
    figure.add_trace(
        go.Scatter(x=x, y=y, xaxis="x4", yaxis="y", mode="lines", line=line, hoverinfo="skip", showlegend=False)
    )
    figure.update_layout(
        xaxis4={"domain": domain, "range": [left, high], "visible": False, "fixedrange": True, "anchor": "y"}
    )


def _frames(figure: go.Figure, members: Sequence[str], marked: Sequence[str]) -> None:
    """Frame the row and the column of marked members."""
    edge = len(members) - 0.5
    for i, member in enumerate(members):
        if member in marked:
            line = {"color": _MARK, "width": 2}
            figure.add_shape(type="rect", x0=-0.5, x1=edge, y0=i - 0.5, y1=i + 0.5, line=line)
            figure.add_shape(type="rect", x0=i - 0.5, x1=i + 0.5, y0=-0.5, y1=edge, line=line)
