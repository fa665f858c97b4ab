"""A pair of languages: overlap by component, and what both keep."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.levels import BETWEEN, UNDRAWN, level_name, levels_finished, window_of
from neutral.labels import sort_key
from neutral.members import display


def by_component(levels: pd.DataFrame, measure: str, *, label: str = BETWEEN) -> go.Figure:
    """Draw the levels by component: the overlap as a dot, with a bar from lowest to highest pair, the rest as marks."""
    groups = sorted(dict.fromkeys(levels["group"]), key=sort_key)
    names = {group: theme.plain(group.replace("_", " ")) for group in groups}
    figure = go.Figure()
    window = window_of(levels)
    for level, (name, colour, _) in theme.LEVELS.items():
        rows = levels[levels["level"] == level].set_index("group").reindex(groups)
        if rows["value"].isna().all() or level == UNDRAWN:
            continue
        between = level == "between"
        spread = {"array": rows["high"] - rows["value"], "arrayminus": rows["value"] - rows["low"], "thickness": 1.5}
        figure.add_trace(
            go.Scatter(
                x=list(names.values()),
                y=rows["value"],
                name=theme.plain(label) if between else level_name(name, rows["value"], window),
                mode="markers",
                marker={"size": 11, "color": colour}
                if between
                else {"symbol": "line-ew", "size": 26, "line": {"color": colour, "width": 3.5}},
                error_y={"color": colour, **spread} if between else None,
                hovertemplate="%{y:.3f}",
            )
        )
    figure.update_xaxes(title="Component", type="category", showgrid=False, tickangle=-30)
    figure.update_yaxes(range=window)
    levels_finished(figure, measure, "component")
    return figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02})  # names hang below


def kept_bars(shares: pd.DataFrame, a: str, b: str) -> go.Figure:
    """Draw `summary.shares` by layer as stacked bars: kept by both, only by one, by neither."""
    layers = sorted(shares["group"], key=sort_key)
    rows = shares.set_index("group").reindex(layers)
    short = theme.layer_names(layers)
    names = {
        "both": "Kept by both",
        "only_a": f"Only {theme.member_name(a)}",
        "only_b": f"Only {theme.member_name(b)}",
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
