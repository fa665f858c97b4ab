"""Overlap: every pair as a strip, by sparsity, the neutral core, and the functional check."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import scales, theme
from neutral.figures.levels import BETWEEN, UNDRAWN, level_lines, level_name, levels_finished, window_of

_DOTS = 1000
"""Most pairs that are drawn one by one."""
_BINS = 40
_LEAST_RATIO = float(np.log2(1.1))  # the colours of ratios begin at least so far from 1, as a ratio's logarithm


def level_strip(pairs: pd.DataFrame, levels: pd.DataFrame, measure: str) -> go.Figure:
    """Draw every pair as a dot, or of many how many there are, with the reference levels as lines across.

    `pairs` has source, target, value of one group; `levels` is as `summary.levels` returns it for that group. Dots have
    the heatmap's colours, so the strip reads as its colour bar on the scale that the references need.
    """
    values = pairs["value"].to_numpy(dtype=float)
    rows = levels[levels["level"].isin(("seeds", "halves"))]["value"].dropna()
    ends = scales.span(values, again=float(rows.iloc[0]) if len(rows) else None)
    figure = _histogram(values) if len(values) > _DOTS else _dots(pairs, values)
    figure.update_traces(marker_cmin=ends[0], marker_cmax=ends[1])
    window = window_of(levels)
    for level, (name, colour, dash) in theme.LEVELS.items():
        rows = levels[levels["level"] == level].dropna(subset="value")
        if level in ("between", UNDRAWN) or rows.empty:
            continue
        value = float(rows["value"].iloc[0])
        label = level_name(f"{name}: {value:.3f}", rows["value"], window, value_shown=True)
        figure.add_trace(
            go.Scatter(
                x=[-0.5, 0.5],
                y=[value, value],
                mode="lines",
                line={"color": colour, "dash": dash, "width": 2.5},
                name=label,
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


def _dots(pairs: pd.DataFrame, values: np.ndarray) -> go.Figure:
    """Draw every pair as a dot with its names."""
    # Spread sideways by rank, the same every time.
    shift = (np.argsort(np.argsort(values)) * 0.618034) % 1 - 0.5 if len(values) > 1 else np.zeros(len(values))
    return go.Figure(
        go.Scatter(
            x=shift * 0.7,
            y=values,
            mode="markers",
            marker={
                "color": values,
                "colorscale": theme.SEQUENTIAL,
                "size": 8,
                "line": {"width": 0.6, "color": "#8c8c8c"},
            },
            text=[
                f"{theme.member_name(a)} and {theme.member_name(b)}"
                for a, b in zip(pairs["source"], pairs["target"], strict=True)
            ],
            hovertemplate="%{text}<br><b>%{y:.4f}</b><extra></extra>",
            showlegend=False,
        )
    )


def _histogram(values: np.ndarray) -> go.Figure:
    """Draw how many pairs have which value, as bars to both sides."""
    number, edges = np.histogram(values[np.isfinite(values)], bins=_BINS)
    middle, low = (edges[1:] + edges[:-1]) / 2, edges[:-1]
    share = number / max(1, number.max())
    return go.Figure(
        go.Bar(
            x=0.9 * share,
            base=-0.45 * share,
            y=middle,
            width=np.diff(edges),
            orientation="h",
            marker={"color": middle, "colorscale": theme.SEQUENTIAL, "line": {"width": 0}},
            customdata=np.stack([number, low, edges[1:]], axis=1),
            hovertemplate="<b>%{customdata[0]} pairs</b><br>%{customdata[1]:.4f} to %{customdata[2]:.4f}"
            "<extra></extra>",
            showlegend=False,
        )
    )


def by_sparsity(levels: pd.DataFrame, measure: str, *, at: float | None = None) -> go.Figure:
    """Draw the levels of `summary.across_sparsity` as lines over sparsity; `at` is marked."""
    sparsities = {value: value for value in sorted(levels["sparsity"].unique())}
    figure = level_lines(levels.set_index("sparsity"), sparsities, BETWEEN)
    if at is not None:
        figure.add_vline(x=at, line={"color": theme.GRID, "width": 6})
    figure.update_xaxes(title=theme.SPARSITY_AXIS, tickformat=".0%", showgrid=False)
    return levels_finished(figure, measure, "sparsity")


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
                mode="lines+markers" if n <= theme.MANY else "lines",
                line={"color": colour, "dash": dash, "width": 2},
                hovertemplate="%{y:.1%}",
            ),
        ]
    )
    figure.update_xaxes(title=f"Kept by at least k of {n} masks", dtick=1 if n <= theme.MANY else None, showgrid=False)
    figure.update_yaxes(title="Share of weights", tickformat=".0%", range=[0, 1])
    return theme.finish(
        figure,
        alt=f"Bars: share of weights that at least k of {n} masks keep, beside the level expected by chance.",
        name="neutral-core",
        height=380,
        hovermode="x unified",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )


def functional_matrix(table: pd.DataFrame, order: list[str]) -> go.Figure:
    """Draw the functional check: rows are masks (source), columns the languages that are modelled (target).

    `table` has source, target, ratio (score over that under the target's own mask). `order` are the languages; sources
    that are no language come below them. The colour is the ratio on a log scale around 1. The scale ends at the largest
    ratio between languages, so that a random mask does not take all of it.
    """
    targets = [code for code in order if code in set(table["target"])]
    others = [s for s in dict.fromkeys(table["source"]) if s not in order]
    sources = [code for code in order if code in set(table["source"])] + others
    square = table.pivot_table(index="source", columns="target", values="ratio").reindex(sources, columns=targets)
    values = square.to_numpy(dtype=float)
    logs = np.log2(values)
    between = np.abs(logs[: len(sources) - len(others)])
    limit = max(_LEAST_RATIO, float(np.nanmax(between)) if between.size else 1.0)
    labels = {"full": "full model", "pretrained": "pretrained weights' mask", "random": "random mask"}
    names = [labels.get(source, theme.member_name(source)) for source in sources]
    candidates = (0.8, 1 / 1.1, 1, 1.1, 1.25) if limit < 1 else (0.01, 0.1, 0.25, 0.5, 1, 2, 4, 10, 100)
    ticks = [ratio for ratio in candidates if abs(np.log2(ratio)) <= limit * 1.001]
    figure = go.Figure(
        go.Heatmap(
            z=np.clip(logs, -limit, limit),
            x=[theme.member_name(target) for target in targets],
            y=names,
            zmin=-limit,
            zmax=limit,
            colorscale=theme.DIVERGING,
            colorbar=theme.colourbar(
                "Perplexity ÷ own mask's",
                tickvals=[float(np.log2(r)) for r in ticks],
                ticktext=[f"{r:.2g}" for r in ticks],
            ),
            xgap=1,
            ygap=1,
            customdata=values,
            text=[[_ratio(v) for v in row] for row in values],
            texttemplate="%{text}" if len(targets) <= theme.TEXT_UP_TO else None,
            hovertemplate="mask of <b>%{y}</b>, text in <b>%{x}</b><br>%{customdata:.3f} times"
            " the perplexity under its own mask<extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(title="Language of the text", tickangle=-45, showgrid=False, type="category")
    figure.update_yaxes(title="Mask of", autorange="reversed", showgrid=False, type="category")
    theme.names_on_axes(figure, len(targets), len(sources))
    return theme.finish(
        figure,
        alt="Heatmap: perplexity of each language under each language's mask, "
        "divided by its perplexity under its own mask.",
        name="functional-check",
        height=theme.matrix_height(len(sources), least=280, most=700, row=36),
        least=theme.least_for(len(targets)),
    )


def _ratio(value: float) -> str:
    if np.isnan(value):
        return ""
    if value < 1000:
        return f"{value:.2f}" if value < 10 else f"{value:.0f}"
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
