"""Lines: languages over layers, scores over sparsities."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import sort_key
from neutral.members import display


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


def ways_by_layer(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw one line a way of finding masks over layers: table has line, method, group (layer), value."""
    figure = _ways(table, "%{y:.3f}")
    figure.update_yaxes(title=title)
    alt = f"Lines: {title} by layer for {', '.join(dict.fromkeys(table['line']))}."
    return theme.finish(figure, alt=alt, name="ways-by-layer", height=400, legend=theme.LEGEND_BELOW)


def agreement_by_layer(table: pd.DataFrame) -> go.Figure:
    """Draw how far ways of finding masks agree: table has line, method, group (layer), rho, p.

    Open markers have p ≥ 0.05.
    """
    table = table.assign(value=table["rho"], open=~(table["p"] < 0.05))
    figure = _ways(table, "ρ = %{y:.2f}, p = %{customdata:.4f}")
    figure.add_shape(_level_line(0.0))
    figure.update_yaxes(title="Rank correlation over pairs", range=[-1, 1])
    alt = f"Lines: rank correlation over pairs of languages by layer with {', '.join(dict.fromkeys(table['line']))}."
    return theme.finish(figure, alt=alt, name="agreement-by-layer", height=400, legend=theme.LEGEND_BELOW)


def _ways(table: pd.DataFrame, form: str) -> go.Figure:
    """Draw a line each `line`: a method has its colour, lines of one method differ in dash."""
    layers = sorted(dict.fromkeys(table["group"]), key=sort_key)
    short, figure, used = theme.short_layer(layers), go.Figure(), []
    for line, rows in table.groupby("line", sort=False):
        hue, symbol = theme.METHODS.get(rows["method"].iloc[0], (theme.NEUTRAL, "circle"))
        rows = rows.set_index("group").reindex(layers)
        is_open = rows["open"].fillna(False) if "open" in rows else [False] * len(rows)
        figure.add_trace(
            go.Scatter(
                x=[short[layer] for layer in layers],
                y=rows["value"],
                name=line,
                mode="lines+markers",
                line={"color": hue, "width": 2.2, "dash": theme.DASHES[used.count(hue) % len(theme.DASHES)]},
                marker={"symbol": [f"{symbol}-open" if each else symbol for each in is_open], "size": 8, "color": hue},
                customdata=rows.get("p"),
                hovertemplate=f"{line}, layer %{{x}}: <b>{form}</b><extra></extra>",
            )
        )
        used.append(hue)
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    return figure


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
    low, high = curves["low"].min(), curves["high"].max()
    axis = theme.log_axis(low, high) if high / low < 100 else {"type": "log", "dtick": 1}
    figure.update_yaxes(title=f"{metric.capitalize()} ÷ full model's", **axis)
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
