"""Cells by layer and component, by pair, or by mask and language, for a view or a difference of two."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.families import Families
from neutral.figures.heatmap import heatmap
from neutral.labels import COMPONENTS, parsed, sort_key
from neutral.members import order

CELLS = ("layer-component", "pair", "direction")
"""Those of `views.PLACES` that are drawn as cells."""


def cells(square: pd.DataFrame, by: str, title: str, ends: tuple[float, float], colours: object) -> go.Figure:
    """Draw cells; of many members without gaps and numbers, as the matrix of the page Overlap."""
    if by != "pair" or len(square) <= theme.MANY:
        return _heatmap(square, by, title, ends, colours)
    figure = heatmap(square, title, Families(list(square.index)), span=ends, clicks=False)
    if colours is theme.DIVERGING:
        figure.data[0].update(
            colorscale=colours, hovertemplate="<b>%{y}</b> and <b>%{x}</b><br>%{z:+.4f}<extra></extra>"
        )
    legend = theme.LEGEND_AT_FOOT
    return theme.finish(figure, alt="", name="", height=figure.layout.height, legend=legend, least="small")


def _heatmap(square: pd.DataFrame, by: str, title: str, ends: tuple[float, float], colours: object) -> go.Figure:
    """Draw cells by layer and component, or by pair."""
    form = "+.3f" if colours is theme.DIVERGING else ".3f"
    columns, rows = list(square.columns), list(square.index)
    if by in ("pair", "direction"):
        x, y = theme.member_names(columns), theme.member_names(rows)
    else:
        x = [theme.plain(column.replace("_", " ")) for column in columns]
        y = list(theme.layer_names(rows).values())
    figure = go.Figure(
        go.Heatmap(
            z=square.to_numpy(dtype=float),
            x=x,
            y=y,
            zmin=ends[0],
            zmax=ends[1],
            colorscale=colours,
            colorbar=theme.colourbar(title),
            xgap=1,
            ygap=1,
            hovertemplate=f"%{{y}}, %{{x}}<br><b>%{{z:{form}}}</b><extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(showgrid=False, type="category", tickangle=-30 if by == "layer-component" else -45)
    figure.update_yaxes(showgrid=False, type="category", autorange="reversed")
    theme.names_on_axes(figure, len(x), len(y))
    if by == "layer-component":
        figure.update_yaxes(title="Layer")
    elif by == "direction":
        figure.update_xaxes(title="Trained and scored on").update_yaxes(title="Mask")
    height = theme.matrix_height(len(y), least=260, most=620, row=24, above=170)
    return theme.finish(figure, alt="", name="", height=height)


def square_of(table: pd.DataFrame, by: str, column: str) -> pd.DataFrame:
    """Return a column as a square of members, as masks × the languages trained on, or as layers × components."""
    if by == "direction":
        members = order(list(dict.fromkeys([*table["source"], *table["target"]])))
        there = [[m for m in members if m in set(table[side])] for side in ("source", "target")]
        return table.pivot(index="source", columns="target", values=column).reindex(there[0], columns=there[1])
    if by == "pair":
        members = order(list(dict.fromkeys([*table["source"], *table["target"]])))
        half = table.pivot(index="source", columns="target", values=column)
        half = half.reindex(index=members, columns=members)
        return half.where(half.notna(), half.T)
    groups = [parsed(place) for place in table["place"]]
    parts = pd.DataFrame(
        {
            "layer": [group.layer for group in groups],
            "component": [group.component or "other" for group in groups],
            "value": table[column].to_numpy(dtype=float),
        }
    )
    square = parts.pivot_table(index="layer", columns="component", values="value", aggfunc="mean", dropna=False)
    across = [component for component in COMPONENTS if component in square.columns]
    return square.reindex(index=sorted(square.index, key=sort_key), columns=across)
