"""One pinned view: lines over layers, dots of languages and distances, or cells, on axes that several share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.compare import COST, FACTOR, RHO, View
from neutral.compare.views import OF_LANGUAGES
from neutral.figures import scales, theme
from neutral.figures.compare.cells import CELLS, cells, square_of
from neutral.figures.compare.units import BY, SIZE, places_along, unit
from neutral.labels import sort_key
from neutral.members import order

_FAR = 2.0  # chance is off the axis if it is further from the rest than so many times their spread
_AGAIN = {"seeds": "Same language, other seed", "halves": "Same language, other half"}
ROWS = (*OF_LANGUAGES, "distance")
"""Those of `views.PLACES` that have a row each."""


def span(views: Sequence[View], by: str) -> tuple[float, float]:
    """Return the ends of the axis, or of the colour scale, that views share."""
    values = np.concatenate([view.tables[by]["value"].to_numpy(dtype=float) for view in views])
    if by in CELLS and views[0].measure == COST:  # around no cost; the costs of few masks do not wash out the rest
        reach = max(1.0, float(np.nanpercentile(np.abs(values), 98)))
        return -reach, reach
    if by in CELLS:
        again = np.concatenate([view.tables[by]["again"].to_numpy(dtype=float) for view in views])
        found = float(again[np.isfinite(again)].mean()) if np.isfinite(again).any() else None
        return scales.span(values, again=found)
    own = np.concatenate([view.tables[by]["again"].to_numpy(dtype=float) for view in views])
    chance = np.concatenate([view.tables[by]["chance"].to_numpy(dtype=float) for view in views])
    low, high = scales.span(np.concatenate([values, own]), equal=False)
    if views[0].measure == FACTOR:
        return low * (low / high) ** 0.06, high * (high / low) ** 0.06
    near = chance[np.isfinite(chance)]
    if near.size and low - near.max() < _FAR * (high - low):
        low = min(low, float(near.min()))
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def beside(view: View, by: str, ends: tuple[float, float]) -> go.Figure:
    """Draw one view by one of `views.PLACES`, on an axis or a colour scale with these ends."""
    table = view.tables[by]
    if by in CELLS:
        colours = theme.DIVERGING if view.measure == COST else theme.SEQUENTIAL
        drawn = cells(square_of(table, by, "value"), by, unit(view), ends, colours)
    elif by in ROWS:
        drawn = _dots(view, table, by, ends)
    else:
        drawn = _lines(view, table, by, ends)
    low, high = table["value"].min(), table["value"].max()
    return drawn.update_layout(
        meta={
            **drawn.layout.meta,
            "alt": f"{unit(view)} of {view.name} by {BY[by]}, {low:.3f} to {high:.3f}: {view.settings}",
            "name": f"pinned-{view.pin.kind}-{by}",
        }
    )


def _lines(view: View, table: pd.DataFrame, by: str, ends: tuple[float, float]) -> go.Figure:
    """Draw a view over layers, components or sizes."""
    if by == "size":
        x = list(table["place"])
    else:
        table = table.sort_values("place", key=lambda places: places.map(sort_key), kind="stable")
        x = places_along(list(table["place"]), by)
    figure = go.Figure()
    mode = "markers" if by == "component" else "lines+markers"
    for column, name, colour, dash in _columns(view):
        if column != "value" and (table[column].isna().all() or table[column].max() < ends[0]):
            continue
        figure.add_trace(
            go.Scatter(
                x=x,
                y=table[column],
                name=name,
                mode=mode,
                line={"color": colour, "dash": dash, "width": 2.6 if column == "value" else 1.8},
                marker={"size": 8 if column == "value" else 4 if mode != "markers" else 9, "color": colour},
                hovertemplate="%{y:.3f}",
            )
        )
    figure.update_yaxes(title=unit(view), **_axis(view, ends))
    along(figure, by, x)
    return theme.finish(figure, alt="", name="", height=340, hovermode="x unified", legend=legend(by), showlegend=True)


def _axis(view: View, ends: tuple[float, float]) -> dict:
    """Return an axis of a view's values: logarithmic for perplexities."""
    if view.measure == FACTOR:
        return {**theme.log_axis(*ends), "range": [float(np.log10(end)) for end in ends]}
    return {"range": list(ends)}


def _columns(view: View) -> list[tuple[str, str, str, str]]:
    between, chance = theme.LEVELS["between"], theme.LEVELS["chance"]
    own = theme.LEVELS[view.again or "halves"]
    return [
        ("value", theme.plain(view.name), between[1], "solid"),
        ("again", _AGAIN.get(view.again, ""), own[1], own[2]),
        ("chance", chance[0], chance[1], chance[2]),
    ]


def legend(by: str) -> dict:
    """Return where the legend stands: above components, whose names hang below."""
    return {"orientation": "h", "yanchor": "bottom", "y": 1.02} if by == "component" else theme.LEGEND_BELOW


def along(figure: go.Figure, by: str, x: list) -> None:
    """Say what lies along the axis."""
    if by == "size":
        figure.update_xaxes(title=SIZE, **theme.log_axis(float(min(x)), float(max(x))))
        return
    title = theme.LAYER_AXIS if by == "layer" else BY[by].capitalize()
    figure.update_xaxes(title=title, type="category", showgrid=False, range=[-0.5, len(x) - 0.5])
    if by == "component":
        figure.update_xaxes(tickangle=-30)


def in_rows(table: pd.DataFrame, by: str) -> tuple[pd.DataFrame, list[str]]:
    """Return a table's rows in the order in which they are drawn, and their names."""
    if by == "distance":
        return table, places_along(list(table["place"]), by)
    rows = table.set_index("place").loc[order(list(table["place"]))]
    return rows, theme.member_names(list(rows.index))


def _dots(view: View, table: pd.DataFrame, by: str, ends: tuple[float, float]) -> go.Figure:
    """Draw a view's languages or distances, a row each."""
    rows, names = in_rows(table, by)
    figure = go.Figure()
    for column, name, colour, _ in _columns(view)[:2]:
        if rows[column].isna().all():
            continue
        mark = {"size": 10, "color": colour} if column == "value" else _tick(colour)
        hover = "%{x:.3f}"
        figure.add_trace(
            go.Scatter(x=rows[column], y=names, name=name, mode="markers", marker=mark, hovertemplate=hover)
        )
    figure.update_xaxes(title=unit(view), **_axis(view, ends))
    if view.measure in (COST, RHO) and ends[0] < 0 < ends[1]:
        figure.add_vline(x=0, line={"color": theme.NEUTRAL, "width": 1})
    return rowed(figure, len(rows))


def rowed(figure: go.Figure, rows: int) -> go.Figure:
    """Lay out a figure with a row a place."""
    figure.update_yaxes(type="category", autorange="reversed", showgrid=True)
    theme.names_on_axes(figure, 1, rows)
    height = theme.matrix_height(rows, least=220, most=620, row=26, above=130)
    legend = theme.LEGEND_BELOW | {"y": -60 / max(60, height - 100)}
    several = len(figure.data) > 1
    return theme.finish(
        figure, alt="", name="", height=height, hovermode="y unified", legend=legend, showlegend=several
    )


def _tick(colour: str) -> dict:
    return {"symbol": "line-ns", "size": 12, "line": {"color": colour, "width": 3}}


def pale(hue: str) -> str:
    """Return a colour, given as #rrggbb, that lets the ground through."""
    red, green, blue = (int(hue[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"
