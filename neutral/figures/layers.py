"""Layers: overlap, sparsity and the agreement of ways of pruning, over layers and components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import familylines, scales, theme
from neutral.figures.families import Families
from neutral.figures.levels import BETWEEN, level_lines, levels_finished, window_of_all
from neutral.labels import COMPONENTS, OUTSIDE, parsed, sort_key
from neutral.members import display


def by_layer(
    levels: pd.DataFrame, measure: str, *, label: str = BETWEEN, every: pd.DataFrame | None = None
) -> go.Figure:
    """Draw the levels by layer as lines, with the lowest to the highest pair as a band.

    `label` names the level `between`. `every`, the same of all pairs, sets the axis, so that pairs have one.
    """
    layers = sorted(dict.fromkeys(levels["group"]), key=sort_key)
    window = None if every is None else window_of_all(every)
    figure = level_lines(levels.set_index("group"), theme.layer_names(layers), label, window)
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    return levels_finished(figure, measure, "layer")


def layer_component(table: pd.DataFrame, title: str, *, name: str, percent: bool = False) -> go.Figure:
    """Draw a table by layer-component (group, value) with layers down and components across.

    `title` stands on the colour bar, `name` names the file; `percent` writes shares as percent. A part outside the
    layers, such as a pooler, has a row of its own. Experts of a layer, or its adapters, are one cell: their mean.
    """
    groups = [parsed(group) for group in table["group"]]
    columns = [group.component or "other" for group in groups]
    short = {component: theme.plain(component.replace("_", " ")) for component in COMPONENTS if component in columns}
    square = _square([group.layer for group in groups], columns, table["value"], list(short))
    return _layer_heatmap(square, short, "components", title, name=name, percent=percent)


def layer_expert(table: pd.DataFrame, title: str, *, name: str) -> go.Figure:
    """Draw a table by expert (group, value) with layers down and experts across: first what is outside experts."""
    groups = [parsed(group) for group in table["group"]]
    groups = [group if group.part else group._replace(part=OUTSIDE) for group in groups]
    parts = sorted({group.part for group in groups}, key=lambda part: sort_key(f"encoder 0 {part}"))
    short = {
        part: theme.plain(part.removeprefix("expert ").removesuffix(" expert").removesuffix(" experts"))
        for part in parts
    }
    square = _square([group.layer for group in groups], [group.part for group in groups], table["value"], parts)
    figure = _layer_heatmap(square, short, "experts and what is outside them", title, name=name)
    return figure.update_xaxes(tickangle=0)


def _square(rows: list[str], columns: list[str], values: pd.Series, across: list[str]) -> pd.DataFrame:
    """Return values as a table, layers down in their order and `across`; several in a cell are averaged."""
    grid = pd.DataFrame({"layer": rows, "column": columns, "value": values.to_numpy(dtype=float)})
    square = grid.pivot_table(index="layer", columns="column", values="value", aggfunc="mean", dropna=False)
    return square.reindex(index=sorted(square.index, key=sort_key), columns=across)


def _layer_heatmap(
    square: pd.DataFrame, across: dict[str, str], what: str, title: str, *, name: str, percent: bool = False
) -> go.Figure:
    """Draw a table of layers (down); `across` are the columns' names on the axis, and `what` they are."""
    layers, form = list(square.index), ".1%" if percent else ".3f"
    least = scales.LEAST_SHARE if percent else scales.LEAST
    low, high = scales.span(square.to_numpy(), least=least, equal=not percent)
    short = theme.layer_names(layers)
    figure = go.Figure(
        go.Heatmap(
            z=square.to_numpy(),
            x=[across[column] for column in square.columns],
            y=[short[layer] for layer in layers],
            zmin=low,
            zmax=high,
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
        alt=f"Heatmap: {title} in {len(layers)} layers and {len(across)} {what}, {span}.",
        name=name,
        height=max(240, min(760, 190 + 26 * len(layers))),
        least=theme.least_for(len(across)),
    )


def experts_used(table: pd.DataFrame, layer: str) -> go.Figure:
    """Draw which share of a layer's routed tokens each expert gets, a row a language: that of `search.experts.usage`.

    Light grey is an even share: 1 in as many as there are experts.
    """
    rows = table[table["layer"] == layer]
    square = rows.pivot(index="language", columns="expert", values="share").loc[list(dict.fromkeys(rows["language"]))]
    even = 1 / square.shape[1]
    figure = go.Figure(
        go.Heatmap(
            z=square.to_numpy(),
            x=[theme.plain(expert) for expert in square.columns],
            y=[theme.member_name(code) for code in square.index],
            colorscale=theme.DIVERGING,
            zmid=even,
            zmin=0,
            zmax=max(2 * even, float(square.to_numpy().max())),
            colorbar=theme.colourbar("Share of tokens", tickformat=".0%"),
            xgap=1,
            ygap=1,
            hovertemplate="%{y}, expert %{x}<br><b>%{z:.1%}</b> of the routed tokens<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    theme.names_on_axes(figure, square.shape[1], len(square))
    alt = f"Heatmap: share of the routed tokens that each of {square.shape[1]} experts gets in {len(square)} languages."
    return theme.finish(
        figure,
        alt=alt,
        name="experts",
        height=theme.matrix_height(len(square), least=260, most=760, row=26, above=190),
        least=theme.least_for(square.shape[1]),
    )


def language_lines(
    table: pd.DataFrame,
    title: str,
    *,
    name: str,
    percent: bool = False,
    families: Families | None = None,
    chosen: Sequence[str] = (),
) -> go.Figure:
    """Draw one line a language over layers: `table` has group (layer), language, value.

    The colour is the family's, by default of the languages here; markers and dashes tell those of one family apart.
    Many languages are drawn as bands of their families, and those that are `chosen` (see `familylines`).
    """
    layers = sorted(dict.fromkeys(table["group"]), key=sort_key)
    short = theme.layer_names(layers)
    members = list(dict.fromkeys(table["language"]))
    figure, form, families = go.Figure(), ".1%" if percent else ".3f", families or Families(members)
    hover = f"layer %{{x}}: <b>%{{y:{form}}}</b>"
    wide = table.pivot(index="group", columns="language", values="value").reindex(index=layers).rename(index=short)
    own = familylines.singly(members, chosen)
    if len(own) < len(members):
        familylines.bands(figure, wide[members], families, hover)
    for member, style, place in familylines.lines(own, families, titled=len(own) == len(members)):
        figure.add_trace(
            go.Scatter(
                x=list(wide.index),
                y=wide[member],
                name=theme.member_name(member),
                mode="lines+markers",
                hovertemplate=f"{theme.member_name(member)}, {hover}<extra></extra>",
                **style,
                **place,
            )
        )
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    flat = percent and table["value"].max() - table["value"].min() < 0.01  # plotly's axis would go beyond 0 to 100 %
    figure.update_yaxes(title=theme.plain(title), tickformat=".0%" if percent else None, range=[0, 1] if flat else None)
    return theme.finish(
        figure,
        alt=f"Lines: {title} by layer for {familylines.said(members, own, families)}.",
        name=name,
        hovermode="closest",
        **familylines.layout(members, own, families),
    )


def language_deviations(
    table: pd.DataFrame, title: str, *, name: str, least: float = scales.LEAST, percent: bool = False
) -> go.Figure:
    """Draw how far each language is from the mean of all in every layer, a row a language.

    Lines of some languages would lie on each other; here each has a row of its own.

    Parameters
    ----------
    table : DataFrame
        group (layer), language, value (the deviation) and whole (what deviates), as `summary.deviations` returns it.
    title, name : str
        What is on the colour bar, and what the file is called.
    least : float
        The least that the colours span, such as what a language differs by from itself.
    percent : bool
        Whether values are shares.
    """
    layers = sorted(dict.fromkeys(table["group"]), key=sort_key)
    short, members = theme.layer_names(layers), list(dict.fromkeys(table["language"]))
    square, whole = (
        table.pivot(index="language", columns="group", values=column).reindex(index=members, columns=layers)
        for column in ("value", "whole")
    )
    values = square.to_numpy(dtype=float)
    known = np.abs(values[np.isfinite(values)])
    limit = max(least / 2, float(known.max()) if known.size else 0.0)
    form, signed = (".1%", "+.1%") if percent else (".3f", "+.3f")
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=[short[layer] for layer in layers],
            y=theme.member_names(members),
            customdata=whole.to_numpy(dtype=float),
            zmin=-limit,
            zmax=limit,
            colorscale=theme.DIVERGING,
            colorbar=theme.colourbar(title, tickformat=signed, tickvals=[-limit, -limit / 2, 0, limit / 2, limit]),
            xgap=1,
            ygap=1,
            hovertemplate=f"%{{y}}, layer %{{x}}: <b>%{{z:{signed}}}</b> from the mean (%{{customdata:{form}}})"
            "<extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    theme.names_on_axes(figure, len(layers), len(members))
    return theme.finish(
        figure,
        alt=f"Heatmap: {title} by layer for {', '.join(map(display, members))}; at most {limit:{form}} from it.",
        name=name,
        height=theme.matrix_height(len(members), least=240, most=520, row=26, above=150),
    )


def ways_by_layer(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw one line a way of finding masks over layers: `table` has line, method, group (layer), value."""
    figure = _ways(table, "%{y:.3f}")
    figure.update_yaxes(title=theme.plain(title))
    alt = f"Lines: {title} by layer for {', '.join(dict.fromkeys(table['line']))}."
    return theme.finish(figure, alt=alt, name="ways-by-layer", height=400, legend=theme.LEGEND_BELOW)


def joint_by_layer(table: pd.DataFrame) -> go.Figure:
    """Draw what all masks keep of what any keeps, beside chance, over layers: `table` is that of `overlap.joint`."""
    n = int(table["masks"].iloc[0])
    lines = {f"All {n} masks": ("value", ""), "Independent masks": ("chance", "random")}
    rows = [
        table.assign(value=table[column], line=line, method=method)[["group", "value", "line", "method"]]
        for line, (column, method) in lines.items()
    ]
    figure = _ways(pd.concat(rows), "%{y:.3f}")
    figure.update_yaxes(title="Jaccard of all at once")
    alt = f"Lines: Jaccard overlap of {n} masks at once by layer, beside that of independent masks."
    return theme.finish(figure, alt=alt, name="joint-by-layer", height=400, legend=theme.LEGEND_BELOW)


def agreement_by_layer(table: pd.DataFrame) -> go.Figure:
    """Draw how far ways of finding masks agree: `table` has line, method, group (layer), rho, p.

    Open markers have p ≥ 0.05.
    """
    table = table.assign(value=table["rho"], open=~(table["p"] < 0.05))
    figure = _ways(table, "ρ = %{y:.2f}, p = %{customdata:.4f}")
    figure.add_shape(theme.level_line(0.0))
    figure.update_yaxes(title="Rank correlation over pairs", range=[-1, 1])
    alt = f"Lines: rank correlation over pairs of languages by layer with {', '.join(dict.fromkeys(table['line']))}."
    return theme.finish(figure, alt=alt, name="agreement-by-layer", height=400, legend=theme.LEGEND_BELOW)


def _ways(table: pd.DataFrame, form: str) -> go.Figure:
    """Draw a line each `line`: a method has its colour, lines of one method differ in dash."""
    layers = sorted(dict.fromkeys(table["group"]), key=sort_key)
    short, figure, hues = theme.layer_names(layers), go.Figure(), []
    for line, rows in table.groupby("line", sort=False):
        hue, symbol = theme.METHODS.get(rows["method"].iloc[0], (theme.NEUTRAL, "circle"))
        rows = rows.set_index("group").reindex(layers)
        is_open = rows["open"].fillna(False) if "open" in rows else [False] * len(rows)
        figure.add_trace(
            go.Scatter(
                x=[short[layer] for layer in layers],
                y=rows["value"],
                name=theme.plain(line),
                mode="lines+markers",
                line={"color": hue, "width": 2.2, "dash": theme.DASHES[hues.count(hue) % len(theme.DASHES)]},
                marker={"symbol": [f"{symbol}-open" if o else symbol for o in is_open], "size": 8, "color": hue},
                customdata=rows.get("p"),
                hovertemplate=f"{theme.plain(line)}, layer %{{x}}: <b>{form}</b><extra></extra>",
            )
        )
        hues.append(hue)
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    return figure
