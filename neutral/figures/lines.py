"""Lines: over layers, over sparsities."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import sort_key
from neutral.summary import display

LAYER_AXIS = "Layer (0 is next to the input)"


def by_layer(levels: pd.DataFrame, measure: str, *, label: str = "Between languages", band: bool = True) -> go.Figure:
    """Draw `summary.levels` by layer: the overlap (with its lowest to highest pair as a band) and its
    references.

    `label` names the level `between`.
    """
    layers = sorted(dict.fromkeys(levels["group"]), key=sort_key)
    short = theme.short_layer(layers)
    x = [short[layer] for layer in layers]
    figure = go.Figure()
    for level, rows in _by_level(levels):
        name, colour, dash = theme.LEVELS[level]
        rows = rows.set_index("group").reindex(layers)
        if level == "between" and band and (rows["high"] - rows["low"]).max() > 0:
            _band(figure, x, rows, colour)
        figure.add_trace(
            go.Scatter(
                x=x,
                y=rows["value"],
                name=label if level == "between" else name,
                mode="lines+markers" if level == "between" else "lines",
                line={"color": colour, "dash": dash, "width": 2.6 if level == "between" else 1.8},
                marker={"size": 7},
                hovertemplate="%{y:.3f}",
            )
        )
    figure.update_xaxes(title=LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(x) - 0.5])
    figure.update_yaxes(title=theme.UNITS[measure][0])
    return theme.finish(
        figure,
        alt=f"Lines: {theme.UNITS[measure][0]} by layer, {label.lower()}, with its reference levels.",
        name=f"{measure}-by-layer",
        height=400,
        hovermode="x unified",
        **_legend_below(),
    )


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
    figure.update_xaxes(title=LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    figure.update_yaxes(title=title, **({"tickformat": ".0%"} if percent else {}))
    return theme.finish(
        figure,
        alt=f"Lines: {title} by layer for {', '.join(map(display, members))}.",
        name=name,
        height=430,
        hovermode="closest",
    )


def by_sparsity(levels: pd.DataFrame, measure: str, *, at: float | None = None) -> go.Figure:
    """Draw `summary.across_sparsity`: the overlap and its references at every sparsity; `at` is marked."""
    figure = go.Figure()
    for level, rows in _by_level(levels):
        name, colour, dash = theme.LEVELS[level]
        rows = rows.sort_values("sparsity")
        if level == "between":
            _band(figure, rows["sparsity"], rows, colour)
        figure.add_trace(
            go.Scatter(
                x=rows["sparsity"],
                y=rows["value"],
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.6 if level == "between" else 1.8},
                marker={"size": 7 if level == "between" else 5},
                hovertemplate="%{y:.3f}",
            )
        )
    if at is not None:
        figure.add_vline(x=at, line={"color": theme.GRID, "width": 6})
    figure.update_xaxes(title="Sparsity (share of weights removed)", tickformat=".0%", showgrid=False)
    figure.update_yaxes(title=theme.UNITS[measure][0])
    return theme.finish(
        figure,
        alt=f"Lines: {theme.UNITS[measure][0]} by sparsity, with its reference levels.",
        name=f"{measure}-by-sparsity",
        height=400,
        hovermode="x unified",
        **_legend_below(),
    )


def score_curves(curves: pd.DataFrame, metric: str = "perplexity") -> go.Figure:
    """Draw `evaluations.curves`: score over the full model's by sparsity, one line a method, on a log scale."""
    figure = go.Figure(layout={"shapes": [_level_line(1.0)]})
    for (method, variant), rows in curves.groupby(["method", "variant"], sort=True):
        rows = rows.sort_values("sparsity")
        colour, symbol = theme.METHODS.get(method, ("#56b4e9", "circle"))
        _band(figure, rows["sparsity"], rows, colour)
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
    figure.update_xaxes(title="Sparsity (share of weights removed)", tickformat=".0%", showgrid=False)
    figure.update_yaxes(title=f"{metric.capitalize()} ÷ full model's", type="log", dtick="D2")
    return theme.finish(
        figure,
        alt=f"Lines: {metric} over the full model's by sparsity and method, mean over languages.",
        name="scores-by-sparsity",
        height=400,
        hovermode="x unified",
        **_legend_below(),
    )


def _by_level(levels: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (level, rows) in the order of the legend."""
    for level in theme.LEVELS:
        rows = levels[levels["level"] == level]
        if len(rows) and level != "shuffled":  # says the same as chance
            yield level, rows


def _band(figure: go.Figure, x: object, rows: pd.DataFrame, colour: str) -> None:
    """Fill between `low` and `high`."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    edge = {"x": list(x), "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    figure.add_trace(go.Scatter(y=rows["low"], **edge))
    figure.add_trace(go.Scatter(y=rows["high"], fill="tonexty", fillcolor=f"rgba({red},{green},{blue},0.16)", **edge))


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


def _legend_below() -> dict:
    return {
        "legend": {
            "orientation": "h",
            "yanchor": "top",
            "y": -0.22,
            "x": 0,
            "font": {"size": 12},
            "traceorder": "normal",
        }
    }
