"""Figures of what tables cost on the way to them, and how far they are from the full table there, step by step."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.compression.ratios import ERROR_AXES, FACTOR_AXIS, factor_axis

STEP_AXES = {"epoch": "Epoch", "iterations": "Power iterations", "rounds": "Rounds of reweighting"}


def perplexity_by_step(curves: pd.DataFrame) -> go.Figure:
    """Draw perplexity over the full model's against the step: held-out text solid, training text dotted.

    `curves` is as `steps.curves` returns it, of one unit. Large full markers are the steps that training text chose.
    """
    figure = go.Figure(layout={"shapes": [theme.level_line(1.0)]})
    fits = _fits(curves)
    for name, (rows, style) in ((theme.plain(name), fit) for name, fit in fits.items()):
        own = {"legendgroup": name, "customdata": rows["seed"]}
        for column, text, dash in (("held_out", "held-out", "solid"), ("training", "training", "dot")):
            figure.add_trace(
                go.Scatter(
                    x=rows["step"],
                    y=rows[column],
                    name=name if dash == "solid" else f"{name}, {text} text",
                    mode="lines+markers",
                    line={**style["line"], "dash": dash},
                    marker={**style["marker"], "size": [12 if kept else 5 for kept in rows["chosen"]]},
                    opacity=1.0 if dash == "solid" else 0.55,
                    showlegend=dash == "solid",
                    hovertemplate=f"{name}, %{{x}}: <b>%{{y:.4g}}</b> times on {text} text<extra></extra>",
                    **own,
                )
            )
    seen = pd.concat([curves["held_out"], curves["training"]])
    figure.update_yaxes(title=FACTOR_AXIS, **factor_axis(seen))
    figure.update_xaxes(title=_axis(curves), rangemode="tozero")
    return theme.finish(
        figure,
        alt=f"Lines: perplexity over the full model's by {_axis(curves).lower()}, on held-out text (solid) and on the "
        f"training text that chooses (dotted); {', '.join(fits)}.",
        name="perplexity-by-step",
        height=400,
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )


def error_by_step(curves: pd.DataFrame, error: str) -> go.Figure:
    """Draw an error of the whole table against the step; `curves` as for `perplexity_by_step`."""
    figure, title = go.Figure(), ERROR_AXES[error]
    fits = _fits(curves)
    for name, (rows, style) in ((theme.plain(name), fit) for name, fit in fits.items()):
        figure.add_trace(
            go.Scatter(
                x=rows["step"],
                y=rows[error],
                name=name,
                mode="lines+markers",
                hovertemplate=f"{name}, %{{x}}: <b>%{{y:.4f}}</b><extra></extra>",
                line=style["line"],
                marker={**style["marker"], "size": [12 if kept else 5 for kept in rows["chosen"]]},
            )
        )
    figure.update_yaxes(title=title)
    figure.update_xaxes(title=_axis(curves), rangemode="tozero")
    return theme.finish(
        figure,
        alt=f"Lines: {title} by {_axis(curves).lower()}; {', '.join(fits)}.",
        name=f"{error}-by-step",
        height=400,
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )


def _axis(curves: pd.DataFrame) -> str:
    return STEP_AXES[curves["unit"].iloc[0]]


def _fits(curves: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, dict]]:
    """Return name -> (rows, style) of every fit: a line, its ratio, and its seed where there are several."""
    several = curves["seed"].nunique() > 1
    names = curves["line"] + ", " + curves["ratio"].map("{:g} ×".format)
    names = names + (", seed " + curves["seed"].astype(str) if several else "")
    styles = theme.compression_lines(pd.DataFrame({"line": names, "method": curves["method"]}))
    return {name: (curves[names == name].sort_values("step"), styles[name]) for name in styles}
