"""Overlap: every pair as a strip, by sparsity, the neutral core, and the functional check."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import scales, theme
from neutral.figures.costs import square as square_of_costs
from neutral.figures.costs import written
from neutral.figures.levels import BETWEEN, UNDRAWN, level_lines, level_name, levels_finished, window_of

_DOTS = 1000
"""Most pairs that are drawn one by one."""
_BINS = 40
_LEAST_COST = 0.1  # the colours of costs go at least so far from 0


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

    `table` is that of `evaluations.functional`. `order` are the languages; sources that are no language come below
    them. The colour is the cost (`costs`).
    """
    targets = [code for code in order if code in set(table["target"])]
    others = [s for s in dict.fromkeys(table["source"]) if s not in order]
    sources = [code for code in order if code in set(table["source"])] + others
    square = table.pivot_table(index="source", columns="target", values=["cost", "value"], dropna=False)
    values, scores = (square[column].reindex(sources, columns=targets).to_numpy(float) for column in ("cost", "value"))
    labels = {"full": "full model", "pretrained": "pretrained weights' mask", "random": "random mask"}
    names = [labels.get(source) or theme.member_name(source) for source in sources]
    texts = [theme.member_name(target) for target in targets]
    figure = square_of_costs(
        values,
        names,
        texts,
        languages=len(sources) - len(others),
        least=_LEAST_COST,
        hover=[
            [
                f"mask of <b>{name}</b>, text in <b>{text}</b><br>perplexity {score:.4g}, against the own mask's "
                f"{written(cost)}"
                for text, cost, score in zip(texts, *rows, strict=True)
            ]
            for name, *rows in zip(names, values, scores, strict=True)
        ],
    )
    figure.update_xaxes(title="Language of the text")
    return theme.finish(
        figure,
        alt="Heatmap: what each language's mask costs each language's text, in per cent of the perplexity under its "
        "own mask.",
        name="functional-check",
        height=theme.matrix_height(len(sources), least=280, most=700, row=36),
        least=theme.least_for(len(targets)),
    )
