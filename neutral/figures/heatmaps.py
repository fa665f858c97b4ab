"""Heatmaps: languages against languages, layers against components."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import COMPONENTS, sort_key
from neutral.members import display

_TEXT_UP_TO = 14  # cells are too small for numbers beyond so many rows


def pair_matrix(
    matrix: pd.DataFrame, measure: str, *, diagonal: dict[str, float] | None = None, small: bool = False
) -> go.Figure:
    """Draw a square overlap matrix (members × members), in the order given; every cell can be selected.

    `diagonal` (member -> overlap of the language with itself under another seed or half of the text) is written on
    the diagonal, without a colour: the scale is that of different languages.

    A `small` one, for half a page, writes no numbers where they would take many digits.

    A selected point's `customdata` is [source, target]. Plotly selects no cells of a heatmap, so invisible
    markers over it take the clicks and carry the hover text.
    """
    members = [str(member) for member in matrix.index]
    names = [display(member) for member in members]
    values = matrix.to_numpy(dtype=float).copy()
    np.fill_diagonal(values, np.nan)
    twice = {i: diagonal[member] for i, member in enumerate(members) if member in (diagonal or {})}
    title = theme.UNITS[measure][0]
    digits = theme.digits(values)
    # Written numbers must fit their cells; hovering tells the rest.
    room = len(members) <= (_TEXT_UP_TO if digits == 2 or not small else _TEXT_UP_TO // 2)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=names,
            y=names,
            colorscale=theme.SEQUENTIAL,
            colorbar=theme.colourbar(title),
            xgap=1,
            ygap=1,
            hoverinfo="skip",
            texttemplate="%{text}" if room else None,
            text=[[theme.tick(v, digits) for v in row] for row in values],
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[names[i] for i in twice],
            y=[names[i] for i in twice],
            text=[theme.tick(v, digits) if room else "" for v in twice.values()],
            mode="text",
            textfont={"size": 11, "color": "#8c8c8c"},
            hovertext=[f"<b>{names[i]}</b>, found twice<br>{v:.4f}" for i, v in twice.items()],
            hovertemplate="%{hovertext}<extra></extra>",
            showlegend=False,
        )
    )
    cells = [(i, j) for i in range(len(members)) for j in range(len(members)) if not np.isnan(values[i, j])]
    figure.add_trace(
        go.Scatter(
            x=[names[j] for _, j in cells],
            y=[names[i] for i, _ in cells],
            customdata=[[members[i], members[j]] for i, j in cells],
            text=[f"<b>{names[i]} and {names[j]}</b><br>{values[i, j]:.4f}<br><i>click to open</i>" for i, j in cells],
            mode="markers",
            marker={"symbol": "square", "size": max(12, min(44, 480 // max(1, len(members)))), "opacity": 0},
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
            unselected={"marker": {"opacity": 0}},
            selected={"marker": {"opacity": 0}},
        )
    )
    coloured = [f'<span style="color:{theme.colour(m)}">■</span> {n}' for m, n in zip(members, names, strict=True)]
    edge = len(members) - 0.5
    figure.update_xaxes(tickangle=-45, showgrid=False, type="category", range=[-0.5, edge])
    figure.update_yaxes(showgrid=False, type="category", range=[edge, -0.5], tickvals=names, ticktext=coloured)
    off = values[~np.eye(len(members), dtype=bool)]
    span = "which is not defined"
    if np.isfinite(off).any():
        span = f"from {np.nanmin(off):.{digits}f} to {np.nanmax(off):.{digits}f}"
    return theme.finish(
        figure,
        alt=f"Heatmap: {title} of {len(members)} masks, {span} between different ones.",
        name=f"overlap-{measure}",
        height=max(260, min(620, 150 + 42 * len(members))),
        hovermode="closest",
        clickmode="event+select",
    )


def layer_component(table: pd.DataFrame, title: str, *, name: str, percent: bool = False) -> go.Figure:
    """Draw a table by layer-component (group, value) with layers down and components across.

    `title` goes on the colour bar; `percent` writes shares as percent. What is outside the layers, such as a
    pooler, is a row of its own.
    """
    rows, columns = [], []
    for group in table["group"]:
        layer, _, component = group.rpartition(" ")
        rows.append(layer or group)
        columns.append(component)
    grid = pd.DataFrame({"layer": rows, "component": columns, "value": table["value"].to_numpy(dtype=float)})
    square = grid.pivot_table(index="layer", columns="component", values="value", aggfunc="mean", dropna=False)
    layers = sorted(square.index, key=sort_key)
    components = [c for c in COMPONENTS if c in square.columns]
    square = square.loc[layers, components]
    short = theme.short_layer(layers)
    form = ".1%" if percent else ".3f"
    figure = go.Figure(
        go.Heatmap(
            z=square.to_numpy(),
            x=[component.replace("_", " ") for component in components],
            y=[short[layer] for layer in layers],
            colorscale=theme.SEQUENTIAL,
            colorbar=theme.colourbar(title, **({"tickformat": ".0%"} if percent else {})),
            xgap=1,
            ygap=1,
            hovertemplate=f"layer %{{y}}, %{{x}}<br><b>%{{z:{form}}}</b><extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(showgrid=False, type="category", tickangle=-30)
    figure.update_yaxes(
        showgrid=False, type="category", autorange="reversed", title="Layer (0 is next to the input)", dtick=1
    )
    span = f"{np.nanmin(square.to_numpy()):.2f} to {np.nanmax(square.to_numpy()):.2f}"
    return theme.finish(
        figure,
        alt=f"Heatmap: {title} in {len(layers)} layers and {len(components)} components, {span}.",
        name=name,
        height=max(240, min(760, 190 + 26 * len(layers))),
    )


def functional_matrix(table: pd.DataFrame, order: list[str]) -> go.Figure:
    """Draw the functional check: rows are masks (source), columns the languages that are modelled (target).

    `table` has source, target, ratio (score over that under the target's own mask). `order` are the
    languages; sources that are no language come below them. Colour is the ratio on a log scale around 1, cut
    off at the largest ratio between languages, so that a random mask does not take all of it.
    """
    targets = [code for code in order if code in set(table["target"])]
    others = [s for s in dict.fromkeys(table["source"]) if s not in order]
    sources = [code for code in order if code in set(table["source"])] + others
    square = table.pivot_table(index="source", columns="target", values="ratio").reindex(sources, columns=targets)
    values = square.to_numpy(dtype=float)
    logs = np.log2(values)
    between = np.abs(logs[: len(sources) - len(others)])
    limit = max(0.05, float(np.nanmax(between)) if between.size else 1.0)
    labels = {"full": "full model", "pretrained": "pretrained weights' mask", "random": "random mask"}
    names = [labels.get(source, display(source)) for source in sources]
    round_ones = (0.8, 0.9, 1, 1.1, 1.25) if limit < 0.7 else (0.01, 0.1, 0.25, 0.5, 1, 2, 4, 10, 100)
    ticks = [ratio for ratio in round_ones if abs(np.log2(ratio)) <= limit * 1.001]
    figure = go.Figure(
        go.Heatmap(
            z=np.clip(logs, -limit, limit),
            x=[display(target) for target in targets],
            y=names,
            zmin=-limit,
            zmax=limit,
            colorscale=theme.DIVERGING,
            colorbar=theme.colourbar(
                "Perplexity ÷ own mask's",
                tickvals=[float(np.log2(r)) for r in ticks],
                ticktext=[f"{r:g}" for r in ticks],
            ),
            xgap=1,
            ygap=1,
            customdata=values,
            text=[[_ratio(v) for v in row] for row in values],
            texttemplate="%{text}" if len(targets) <= _TEXT_UP_TO else None,
            hovertemplate="mask of <b>%{y}</b>, text in <b>%{x}</b><br>%{customdata:.3f} times"
            " the perplexity under its own mask<extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(title="Language of the text", tickangle=-45, showgrid=False, type="category")
    figure.update_yaxes(title="Mask of", autorange="reversed", showgrid=False, type="category")
    return theme.finish(
        figure,
        alt="Heatmap: perplexity of each language under each language's mask, "
        "divided by its perplexity under its own mask.",
        name="functional-check",
        height=max(280, min(700, 150 + 36 * len(sources))),
    )


def _ratio(value: float) -> str:
    if np.isnan(value):
        return ""
    if value < 1000:
        return f"{value:.2f}" if value < 10 else f"{value:.0f}"
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
