"""Bars and strips: components, what a pair keeps, the neutral core, where pairs stand between their references."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import sort_key
from neutral.summary import display


def level_strip(pairs: pd.DataFrame, levels: pd.DataFrame, measure: str) -> go.Figure:
    """Draw every pair as a dot on the whole scale, with the reference levels as lines across.

    `pairs` has source, target, value of one group, `levels` is that of `summary.levels` for it. Dots have
    the heatmap's colours, so the strip reads as its colour bar on the scale that the references need.
    """
    values = pairs["value"].to_numpy(dtype=float)
    # Spread sideways by rank, the same every time.
    side = (np.argsort(np.argsort(values)) * 0.618034) % 1 - 0.5 if len(values) > 1 else np.zeros(len(values))
    figure = go.Figure(
        go.Scatter(
            x=side * 0.7,
            y=values,
            mode="markers",
            marker={
                "color": values,
                "colorscale": theme.SEQUENTIAL,
                "size": 8,
                "line": {"width": 0.6, "color": "#8c8c8c"},
            },
            text=[f"{display(a)} and {display(b)}" for a, b in zip(pairs["source"], pairs["target"], strict=True)],
            hovertemplate="%{text}<br><b>%{y:.3f}</b><extra></extra>",
            showlegend=False,
        )
    )
    for level, (name, colour, dash) in theme.LEVELS.items():
        rows = levels[levels["level"] == level]
        if level in ("between", "shuffled") or rows.empty or np.isnan(rows["value"].iloc[0]):
            continue
        value = float(rows["value"].iloc[0])
        figure.add_trace(
            go.Scatter(
                x=[-0.5, 0.5],
                y=[value, value],
                mode="lines",
                line={"color": colour, "dash": dash, "width": 2.5},
                name=f"{name}: {value:.3f}",
                hovertemplate=f"{name}<br><b>{value:.3f}</b><extra></extra>",
            )
        )
    figure.update_xaxes(visible=False, range=[-0.55, 0.55])
    seen = np.concatenate([values, levels["value"].to_numpy(dtype=float)])
    low = min(0.0, float(np.nanmin(seen)) * 1.05) if seen.size else 0.0
    figure.update_yaxes(title=theme.UNITS[measure][0], range=[low, 1.02])
    return theme.finish(
        figure,
        alt=f"Strip: {theme.UNITS[measure][0]} of {len(pairs)} pairs between the reference levels.",
        name=f"levels-{measure}",
        height=520,
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "top", "y": -0.02, "x": 0, "font": {"size": 12}},
    )


def component_bars(levels: pd.DataFrame, measure: str, *, label: str = "Between languages") -> go.Figure:
    """Draw `summary.levels` by component: bars for the overlap, marks for its references."""
    groups = sorted(dict.fromkeys(levels["group"]), key=sort_key)
    names = [group.replace("_", " ") for group in groups]
    figure = go.Figure()
    for level, (name, colour, _) in theme.LEVELS.items():
        rows = levels[levels["level"] == level].set_index("group").reindex(groups)
        if rows["value"].isna().all() or level == "shuffled":
            continue
        if level == "between":
            trace = go.Bar(x=names, y=rows["value"], name=label, marker={"color": colour}, hovertemplate="%{y:.3f}")
        else:
            trace = go.Scatter(
                x=names,
                y=rows["value"],
                name=name,
                mode="markers",
                marker={"symbol": "line-ew", "size": 28, "line": {"color": colour, "width": 3.5}},
                hovertemplate="%{y:.3f}",
            )
        figure.add_trace(trace)
    figure.update_xaxes(title="Component", type="category", showgrid=False, tickangle=-30)
    figure.update_yaxes(title=theme.UNITS[measure][0])
    return theme.finish(
        figure,
        alt=f"Bars: {theme.UNITS[measure][0]} by component, with its reference levels.",
        name=f"{measure}-by-component",
        height=420,
        hovermode="x unified",
        bargap=0.35,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "font": {"size": 12}},
    )


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
    figure.update_xaxes(title="Layer (0 is next to the input)", type="category", showgrid=False)
    figure.update_yaxes(title="Share of the layer's weights", tickformat=".0%", range=[0, 1])
    return theme.finish(
        figure,
        alt=f"Stacked bars by layer: weights kept by both of {display(a)} and {display(b)}, by one, by neither.",
        name="kept-by-layer",
        height=400,
        barmode="stack",
        bargap=0.15,
        hovermode="x unified",
        legend={"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0, "font": {"size": 12}, "traceorder": "normal"},
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
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "font": {"size": 12}},
    )
