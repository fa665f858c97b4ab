"""Lines: languages over layers, scores over sparsities."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import sort_key
from neutral.summary import display


def language_lines(table: pd.DataFrame, title: str, *, name: str, percent: bool = False) -> go.Figure:
    """Draw one line a language over layers: table has group (layer), language, value.

    Colours are the families', markers and dashes tell languages of one family apart.
    """
    layers = sorted(dict.fromkeys(table["group"]), key=sort_key)
    short = theme.short_layer(layers)
    members = list(dict.fromkeys(table["language"]))
    figure, form = go.Figure(), ".1%" if percent else ".3f"
    for member in members:
        rows = table[table["language"] == member].set_index("group").reindex(layers)
        family = theme.family(member)
        figure.add_trace(
            go.Scatter(
                x=[short[layer] for layer in layers],
                y=rows["value"],
                name=display(member),
                legendgroup=family,
                legendgrouptitle={"text": family, "font": {"size": 12}},
                mode="lines+markers",
                hovertemplate=f"{display(member)}, layer %{{x}}: <b>%{{y:{form}}}</b><extra></extra>",
                **theme.line_style(member, members),
            )
        )
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    flat = percent and table["value"].max() - table["value"].min() < 0.01  # else the axis would leave 0 to 100 %
    figure.update_yaxes(title=title, tickformat=".0%" if percent else None, range=[0, 1] if flat else None)
    return theme.finish(
        figure,
        alt=f"Lines: {title} by layer for {', '.join(map(display, members))}.",
        name=name,
        height=430,
        hovermode="closest",
    )


def score_curves(curves: pd.DataFrame, metric: str = "perplexity") -> go.Figure:
    """Draw `evaluations.curves`: score over the full model's by sparsity, one line a method, on a log scale."""
    figure = go.Figure(layout={"shapes": [_level_line(1.0)]})
    for (method, variant), rows in curves.groupby(["method", "variant"], sort=True):
        rows = rows.sort_values("sparsity")
        colour, symbol = theme.METHODS.get(method, ("#56b4e9", "circle"))
        theme.band(figure, rows["sparsity"], rows, colour)
        figure.add_trace(
            go.Scatter(
                x=rows["sparsity"],
                y=rows["value"],
                name=f"{method}, {variant}" if variant else method,
                mode="lines+markers",
                line={"color": colour, "width": 2.2, "dash": "dot" if variant == "untrained" else "solid"},
                marker={"symbol": symbol, "size": 7},
                hovertemplate="%{y:.2f} times",
            )
        )
    figure.update_xaxes(title=theme.SPARSITY_AXIS, tickformat=".0%", showgrid=False)
    figure.update_yaxes(
        title=f"{metric.capitalize()} ÷ full model's",
        type="log",
        dtick="D2" if curves["high"].max() / curves["low"].min() < 100 else 1,
    )
    return theme.finish(
        figure,
        alt=f"Lines: {metric} over the full model's by sparsity and method, mean over languages.",
        name="scores-by-sparsity",
        height=400,
        hovermode="x unified",
        legend=theme.LEGEND_BELOW,
    )


def _level_line(y: float) -> dict:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"color": "#8c8c8c", "dash": "dot", "width": 1.5},
    }
