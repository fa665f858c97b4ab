"""Bars: what a pair keeps, and the neutral core."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import sort_key
from neutral.members import display


def kept_bars(shares: pd.DataFrame, a: str, b: str) -> go.Figure:
    """Draw `summary.shares` by layer as stacked bars: kept by both, only by one, by neither."""
    layers = sorted(shares["group"], key=sort_key)
    rows = shares.set_index("group").reindex(layers)
    short = theme.short_layer(layers)
    names = {
        "both": "Kept by both",
        "only_a": f"Only {display(a)}",
        "only_b": f"Only {display(b)}",
        "neither": "Kept by neither",
    }
    figure = go.Figure(
        [
            go.Bar(
                x=[short[layer] for layer in layers],
                y=rows[part],
                name=name,
                marker={"color": theme.KEEP[part], "opacity": 0.45 if part == "neither" else 1},
                hovertemplate="%{y:.1%}",
            )
            for part, name in names.items()
        ]
    )
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False)
    figure.update_yaxes(title="Share of the layer's weights", tickformat=".0%", range=[0, 1])
    return theme.finish(
        figure,
        alt=f"Stacked bars by layer: weights kept by both of {display(a)} and {display(b)}, by one, by neither.",
        name="kept-by-layer",
        height=400,
        barmode="stack",
        bargap=0.15,
        hovermode="x unified",
        legend=theme.LEGEND_BELOW,
    )


def core_curve(core: pd.DataFrame) -> go.Figure:
    """Draw `Counts.core` in one group: the share of weights kept by at least k masks, beside chance."""
    n = int(core["k"].max())
    name, colour, dash = theme.LEVELS["chance"]
    figure = go.Figure(
        [
            go.Bar(
                x=core["k"],
                y=core["value"],
                name="Found",
                marker={"color": theme.KEEP["both"]},
                hovertemplate="%{y:.1%}",
            ),
            go.Scatter(
                x=core["k"],
                y=core["chance"],
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2},
                hovertemplate="%{y:.1%}",
            ),
        ]
    )
    figure.update_xaxes(title=f"Kept by at least k of {n} masks", dtick=1, showgrid=False)
    figure.update_yaxes(title="Share of weights", tickformat=".0%", range=[0, 1])
    return theme.finish(
        figure,
        alt=f"Bars: share of weights that at least k of {n} masks keep, beside the level expected by chance.",
        name="neutral-core",
        height=380,
        hovermode="x unified",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )
