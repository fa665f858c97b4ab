"""The figure of the auto-encoder under several losses: perplexity, direction error and Euclidean error by size."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neutral.figures import theme
from neutral.figures.compression.ratios import ERROR_AXES, FACTOR_AXIS, MOST, RATIO_AXIS, factor_axis

LOSSES = {
    "cosine": ("Cosine alone", "#d55e00", "square"),
    "paper": ("The paper's: cosine and power", "#cc79a7", "diamond"),
    "cosine+rmse": ("Cosine and RMSE", "#7a68b8", "cross"),
    "power": ("Power of the error alone", "#e69f00", "star"),
    "rmse": ("RMSE alone", "#0a7fc4", "circle"),
}
"""Loss of `compression.losses` -> its name, colour, marker. Others are called by their coefficients, in grey."""

_PANELS = {"factor": FACTOR_AXIS, "cosine": ERROR_AXES["cosine"], "rmse": ERROR_AXES["rmse"]}


def loss_label(loss: str) -> str:
    """Return what a loss is called: `paper` is "The paper's: cosine and power", another one its coefficients."""
    return LOSSES[loss][0] if loss in LOSSES else loss


def losses_by_ratio(table: pd.DataFrame, by: str) -> go.Figure:
    """Draw perplexity, cosine distance and RMSE of each loss side by side, a mark a loss at each ratio.

    `table` has loss, ratio, factor, low, high, cosine and rmse, as `losses.ablation` returns them for one place and
    masking; a bar at a perplexity reaches from the best seed to the worst. `by` is what the ratio counts.
    """
    figure = make_subplots(1, len(_PANELS), horizontal_spacing=0.09)
    ratios = sorted(set(table["ratio"]))
    losses = list(dict.fromkeys(table["loss"]))
    for loss in losses:
        rows = table[table["loss"] == loss].sort_values("ratio")
        for column, measure in enumerate(_PANELS, 1):
            figure.add_trace(_marks(rows, loss, measure, named=column == 1), row=1, col=column)
    order = {"type": "category", "categoryorder": "array", "categoryarray": [_ratio(ratio) for ratio in ratios]}
    figure.update_xaxes(showgrid=False, **order)
    figure.update_xaxes(title=RATIO_AXIS[by], col=2)  # once, in the middle: on a phone three would overlap
    for column, (measure, title) in enumerate(_PANELS.items(), 1):
        form = factor_axis(table["high"]) if measure == "factor" else {"rangemode": "tozero"}
        figure.update_yaxes(title=title, row=1, col=column, **form)
    return theme.finish(
        figure,
        alt="Marks: perplexity over the full model's, mean cosine distance and RMSE by ratio; "
        f"{', '.join(map(loss_label, losses)) or 'no loss'}.",
        name=f"losses-by-ratio-{by}",
        height=430,
        hovermode="closest",
        scattermode="group",
        legend=theme.LEGEND_BELOW,
    )


def _marks(rows: pd.DataFrame, loss: str, measure: str, *, named: bool) -> go.Scatter:
    """Return the marks of one loss in one panel; perplexities have the spread over the seeds."""
    name, colour, symbol = LOSSES.get(loss, (theme.plain(loss), theme.NEUTRAL, "x"))
    heights, texts, spread = rows[measure], [f"{value:.4f}" for value in rows[measure]], None
    if measure == "factor":
        heights, low, high = (rows[column].clip(upper=MOST) for column in ("factor", "low", "high"))
        spread = {"array": high - heights, "arrayminus": heights - low, "thickness": 1.5, "width": 4}
        numbers = rows[["factor", "low", "high"]].to_numpy()
        texts = [f"{mean:,.2f} times (seeds {least:,.2f} to {most:,.2f})" for mean, least, most in numbers]
    return go.Scatter(
        x=[_ratio(ratio) for ratio in rows["ratio"]],
        y=heights,
        name=name,
        legendgroup=theme.plain(loss),
        offsetgroup=theme.plain(loss),
        showlegend=named,
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 9},
        error_y=spread,
        customdata=texts,
        hovertemplate=f"{name} at %{{x}}: <b>%{{customdata}}</b><extra></extra>",
        cliponaxis=False,
    )


def _ratio(ratio: float) -> str:
    return f"{ratio:g} ×"
