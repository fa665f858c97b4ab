"""Figures of what happens inside the model: retrieval and representations by layer, beside the masks' overlap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import sort_key

LINES = {
    "full": ("Full model", "#0a7fc4", "solid", "circle"),
    "own": ("Each side under its own mask", "#d55e00", "solid", "triangle-down"),
    "either": ("Mask of one of the two languages", "#e69f00", "solid", "square"),
    "other": ("Mask of another language", "#cc79a7", "dash", "diamond"),
    "core": ("What all masks keep", "#7a68b8", "dashdot", "star"),
    "pretrained": ("Pretrained weights' mask", "#009e73", "dash", "triangle-up"),
    "random": ("Random mask", "#8c8c8c", "dot", "x"),
}
"""Line -> its name, colour, dash, marker."""

CURVES = {
    "overlap": ("#d55e00", "solid", "circle"),
    "retrieval": ("#0a7fc4", "dash", "square"),
    "representation": ("#009e73", "dot", "diamond"),
}
"""Curve of `together` -> colour, dash, marker."""

REPRESENTATIONS = {"svcca": "SVCCA", "pwcca": "PWCCA", "cka": "Linear CKA, debiased"}
AT = {"at1": "at 1", "at5": "at 5"}


def retrieval_by_layer(lines: pd.DataFrame, at: str, *, chance: float | None = None) -> go.Figure:
    """Draw retrieval accuracy by layer, a line a kind of mask.

    Parameters
    ----------
    lines : DataFrame
        Columns line (of `LINES`), layer, value (mean of pairs), low, high. Only the first line has its band from `low`
        to `high`: several would hide each other.
    at : str
        One of `AT`.
    chance : float, optional
        The accuracy by chance, dotted.
    """
    figure = _by_layer(lines)
    if chance is not None:
        _across(figure, chance, "Chance")
    figure.update_yaxes(title=f"Retrieval accuracy {AT[at]}", tickformat=".0%", range=_from_nothing(lines))
    return theme.finish(
        figure,
        alt=f"Lines: retrieval accuracy {AT[at]} by layer, mean of pairs; {_listed(lines)}.",
        name=f"retrieval-{at}-by-layer",
        height=430,
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )


def retrieval_matrix(pairs: pd.DataFrame, members: list[str], at: str) -> go.Figure:
    """Draw retrieval accuracy in one layer: `pairs` has source, target, value.

    Rows are the languages of the sentences, columns those in which their translations are looked for.
    """
    square = pairs.pivot_table(index="source", columns="target", values="value").reindex(members, columns=members)
    names = theme.member_names(members)
    values = square.to_numpy(dtype=float)
    top = 1.0 if np.isnan(values).all() else float(np.ceil(10 * max(0.1, np.nanmax(values))) / 10)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=names,
            y=names,
            zmin=0,
            zmax=top,
            colorscale=theme.SEQUENTIAL,
            colorbar=theme.colourbar(f"Accuracy {AT[at]}", tickformat=".0%"),
            xgap=1,
            ygap=1,
            text=[["" if v != v else f"{100 * v:.0f}" for v in row] for row in values],
            texttemplate="%{text}" if len(members) <= theme.TEXT_UP_TO else None,
            hovertemplate="from <b>%{y}</b> to <b>%{x}</b>: <b>%{z:.1%}</b><extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(title="Looked for in", tickangle=-45, showgrid=False, type="category")
    figure.update_yaxes(title="Sentence in", autorange="reversed", showgrid=False, type="category")
    theme.names_on_axes(figure, len(members), len(members))
    span = "no values" if np.isnan(values).all() else f"{np.nanmin(values):.0%} to {np.nanmax(values):.0%}"
    return theme.finish(
        figure,
        alt=f"Heatmap: retrieval accuracy {AT[at]} for every ordered pair of {len(members)} languages, {span}.",
        name=f"retrieval-{at}-by-pair",
        height=theme.matrix_height(len(members), least=280, most=620, row=38, above=170),
        least=theme.least_for(len(members)),
    )


def representation_by_layer(lines: pd.DataFrame, measure: str) -> go.Figure:
    """Draw how alike representations are by layer, a line a kind of mask, each with its chance dotted.

    `lines` has line (of `LINES`), layer, value (mean of pairs), low, high, chance.
    """
    figure = _by_layer(lines, digits=3)
    layers, short = _layers(lines)
    for line in dict.fromkeys(lines["line"]):
        name, colour, _, _ = LINES[line]
        rows = lines[lines["line"] == line].set_index("layer").reindex(layers)
        figure.add_trace(
            go.Scatter(
                x=[short[layer] for layer in layers],
                y=rows["chance"],
                name=f"Chance, {name[:1].lower()}{name[1:]}",
                mode="lines",
                line={"color": colour, "dash": "dot", "width": 1.4},
                hovertemplate="by chance %{y:.3f}<extra></extra>",
                showlegend=False,
            )
        )
    figure.update_yaxes(title=REPRESENTATIONS[measure])
    return theme.finish(
        figure,
        alt=f"Lines: {REPRESENTATIONS[measure]} between languages by layer, mean of pairs, with chance; "
        f"{_listed(lines)}.",
        name=f"{measure}-by-layer",
        height=430,
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )


def together(curves: pd.DataFrame, names: Mapping[str, str]) -> go.Figure:
    """Draw several quantities by layer on one axis, each from its lowest layer (0) to its highest (1).

    `curves` has curve (of `CURVES`), layer, value; `names` says what each curve is. The legend gives the span,
    because a scaled curve looks as steep whether it moves by a tenth or by a thousandth. Large markers are the peaks.
    """
    layers, short = _layers(curves)
    figure = go.Figure()
    for curve in [name for name in CURVES if name in set(curves["curve"])]:
        colour, dash, symbol = CURVES[curve]
        rows = curves[curves["curve"] == curve].set_index("layer").reindex(layers)
        values = rows["value"].to_numpy(dtype=float)
        if np.isnan(values).all():
            continue
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        digits = theme.digits(values)
        peak = values == high
        figure.add_trace(
            go.Scatter(
                x=[short[layer] for layer in layers],
                y=scaled(values),
                name=f"{names[curve]}: {low:.{digits}f} to {high:.{digits}f}",
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.4},
                marker={"symbol": symbol, "color": colour, "size": np.where(peak, 16, 7).tolist(), "opacity": 1},
                customdata=[[f"{value:.4f}"] for value in values],
                hovertemplate=f"{names[curve]}, layer %{{x}}: <b>%{{customdata[0]}}</b><extra></extra>",
                cliponaxis=False,
            )
        )
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    figure.update_yaxes(
        title="From its lowest to its highest layer", tickvals=[0, 0.5, 1], ticktext=["lowest", "", "highest"]
    )
    return theme.finish(
        figure,
        alt=f"Lines by layer, each scaled from its lowest to its highest: {', '.join(names.values())}.",
        name="overlap-and-retrieval-by-layer",
        height=430,
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )


def scaled(values: np.ndarray) -> np.ndarray:
    """Return values from 0 (lowest) to 1 (highest); one half where all are equal."""
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / (high - low) if high > low else np.where(np.isnan(values), np.nan, 0.5)


def _by_layer(lines: pd.DataFrame, digits: int | None = None) -> go.Figure:
    """Draw a line a kind of mask, the first with its band. Values are shares, or numbers with so many `digits`."""
    layers, short = _layers(lines)
    x = [short[layer] for layer in layers]
    form = ":.1%" if digits is None else f":.{digits}f"
    figure = go.Figure()
    drawn = [line for line in LINES if line in set(lines["line"])]
    for line in drawn:
        name, colour, dash, symbol = LINES[line]
        rows = lines[lines["line"] == line].set_index("layer").reindex(layers)
        if line == drawn[0] and (rows["high"] > rows["low"]).any():
            theme.band(figure, x, rows, colour)
        figure.add_trace(
            go.Scatter(
                x=x,
                y=rows["value"],
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.2},
                marker={"symbol": symbol, "size": 7},
                hovertemplate=f"{name}, layer %{{x}}: <b>%{{y{form}}}</b><extra></extra>",
            )
        )
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    return figure


def _from_nothing(lines: pd.DataFrame) -> list[float]:
    """Return an axis of shares from 0 to a little above the highest."""
    top = min(1.0, 1.1 * float(lines[["value", "high"]].max().max()))
    return [-0.02 * top, 1.02 * top]


def _across(figure: go.Figure, value: float, name: str) -> None:
    place = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value}
    figure.add_shape(**place, line={"color": theme.NEUTRAL, "dash": "dot", "width": 1.5}, name=name)


def _layers(table: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    """Return the layers in order, and layer -> its name on the axis."""
    layers = sorted(dict.fromkeys(table["layer"]), key=sort_key)
    return layers, {**theme.layer_names(layers), "embeddings": "emb."}


def _listed(lines: pd.DataFrame) -> str:
    return ", ".join(LINES[line][0] for line in dict.fromkeys(lines["line"])) or "no line"
