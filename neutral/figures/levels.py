"""Overlap and what it is read against (`summary.levels`): by layer, by component, by sparsity, pair by pair.

Chance is often so far below everything else that an axis with both would show a flat line. The axis then keeps to
the rest, and the legend says where chance lies.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import sort_key
from neutral.members import display

BETWEEN = theme.LEVELS["between"][0]
_FAR = 2.0  # chance is off the axis when it is so many times further away than the rest is spread
_UNDRAWN = "shuffled"  # says the same as chance


def by_layer(levels: pd.DataFrame, measure: str, *, label: str = BETWEEN) -> go.Figure:
    """Draw the levels by layer as lines, with the lowest to the highest pair as a band.

    `label` names the level `between`.
    """
    layers = sorted(dict.fromkeys(levels["group"]), key=sort_key)
    figure = _lines(levels.set_index("group"), theme.short_layer(layers), label)
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    return _finished(figure, measure, "layer")


def by_sparsity(levels: pd.DataFrame, measure: str, *, at: float | None = None) -> go.Figure:
    """Draw `summary.across_sparsity` as lines over sparsity; `at` is marked."""
    sparsities = {value: value for value in sorted(levels["sparsity"].unique())}
    figure = _lines(levels.set_index("sparsity"), sparsities, BETWEEN)
    if at is not None:
        figure.add_vline(x=at, line={"color": theme.GRID, "width": 6})
    figure.update_xaxes(title=theme.SPARSITY_AXIS, tickformat=".0%", showgrid=False)
    return _finished(figure, measure, "sparsity")


def by_component(levels: pd.DataFrame, measure: str, *, label: str = BETWEEN) -> go.Figure:
    """Draw the levels by component: a dot for the overlap, from the lowest to the highest pair, marks for the rest."""
    groups = sorted(dict.fromkeys(levels["group"]), key=sort_key)
    names = {group: group.replace("_", " ") for group in groups}
    figure = go.Figure()
    window = _window(levels)
    for level, (name, colour, _) in theme.LEVELS.items():
        rows = levels[levels["level"] == level].set_index("group").reindex(groups)
        if rows["value"].isna().all() or level == _UNDRAWN:
            continue
        between = level == "between"
        spread = {"array": rows["high"] - rows["value"], "arrayminus": rows["value"] - rows["low"], "thickness": 1.5}
        figure.add_trace(
            go.Scatter(
                x=list(names.values()),
                y=rows["value"],
                name=label if between else _named(name, rows["value"], window),
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
    _finished(figure, measure, "component")
    return figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02})  # names hang below


def level_strip(pairs: pd.DataFrame, levels: pd.DataFrame, measure: str) -> go.Figure:
    """Draw every pair as a dot, with the reference levels as lines across.

    `pairs` has source, target, value of one group, `levels` is that of `summary.levels` for it. Dots have the heatmap's
    colours, so the strip reads as its colour bar on the scale that the references need.
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
            hovertemplate="%{text}<br><b>%{y:.4f}</b><extra></extra>",
            showlegend=False,
        )
    )
    window = _window(levels)
    for level, (name, colour, dash) in theme.LEVELS.items():
        rows = levels[levels["level"] == level].dropna(subset="value")
        if level in ("between", _UNDRAWN) or rows.empty:
            continue
        value = float(rows["value"].iloc[0])
        named = _named(f"{name}: {value:.3f}", rows["value"], window, said=True)
        figure.add_trace(
            go.Scatter(
                x=[-0.5, 0.5],
                y=[value, value],
                mode="lines",
                line={"color": colour, "dash": dash, "width": 2.5},
                name=named,
                hovertemplate=f"{name}<br><b>{value:.4f}</b><extra></extra>",
            )
        )
    figure.update_xaxes(visible=False, range=[-0.55, 0.55])
    figure.update_yaxes(title=theme.UNITS[measure][0], range=window)
    return theme.finish(
        figure,
        alt=f"Strip: {theme.UNITS[measure][0]} of {len(pairs)} pairs between the reference levels.",
        name=f"levels-{measure}",
        height=520,
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "top", "y": -0.02, "x": 0},
    )


def _lines(levels: pd.DataFrame, places: Mapping, label: str) -> go.Figure:
    """Draw a line a level over places (index value -> x); `levels` is indexed by what lies along x."""
    figure = go.Figure()
    x, window = list(places.values()), _window(levels)
    for level, (name, colour, dash) in theme.LEVELS.items():
        rows = levels[levels["level"] == level].reindex(list(places))
        if rows["value"].isna().all() or level == _UNDRAWN:
            continue
        between = level == "between"
        if between and (rows["high"] > rows["low"]).any():
            theme.band(figure, x, rows, colour)
        figure.add_trace(
            go.Scatter(
                x=x,
                y=rows["value"],
                name=label if between else _named(name, rows["value"], window),
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.6 if between else 1.8},
                marker={"size": 7 if between else 4},
                hovertemplate="%{y:.3f}",
            )
        )
    figure.update_yaxes(range=window)
    return figure


def _window(levels: pd.DataFrame) -> list[float] | None:
    """Return the axis that the overlap and its nearer references need, if chance is far from it; else None."""
    is_chance = levels["level"].isin(["chance", _UNDRAWN])
    chance, rest = levels[is_chance]["value"].dropna(), levels[~is_chance]
    seen = pd.concat([rest["value"], rest[rest["level"] == "between"]["low"], rest[rest["level"] == "between"]["high"]])
    seen = seen.dropna()
    if seen.empty or chance.empty or seen.nunique() < 2:
        return None
    low, high = float(seen.min()), float(seen.max())
    if low - chance.max() < _FAR * (high - low):
        return None
    margin = 0.08 * (high - low)
    return [low - margin, high + margin]


def _named(name: str, values: pd.Series, window: list[float] | None, *, said: bool = False) -> str:
    """Return a level's name, with a word on where it lies if that is off the axis."""
    if window is None or values.max() >= window[0]:
        return name
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return f"{name}, below" if said else f"{name}, below: {low}" if low == high else f"{name}, below: {low} to {high}"


def _finished(figure: go.Figure, measure: str, by: str) -> go.Figure:
    title = theme.UNITS[measure][0]
    figure.update_yaxes(title=title)
    return theme.finish(
        figure,
        alt=f"{title} by {by}, with its reference levels.",
        name=f"{measure}-by-{by}",
        height=400,
        hovermode="x unified",
        legend=theme.LEGEND_BELOW,
    )
