"""Figures of fine-tuning: the score of each table on a task, by what trained of it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from neutral.compression.downstream import TRAINS
from neutral.figures import theme
from neutral.metrics import metric

_STYLES = {"table": "square", "factors": "circle", "decoder": "diamond", "none": "circle-open"}
"""What trained -> marker; the colour is the method's."""


def scores_by_table(table: pd.DataFrame, name: str) -> go.Figure:
    """Draw a dot for each table and what trained of it: the mean score over seeds, with a bar from least to best.

    Parameters
    ----------
    table : DataFrame
        Rows of one setting as `downstream.scores` returns them.
    name : str
        The metric.
    """
    full = table[table["train"] == "table"]["value"]
    shapes = [theme.level_line(float(full.iloc[0]))] if len(full) else []
    figure = go.Figure(layout={"shapes": shapes})
    table = table.assign(line=table["line"].map(theme.plain))
    lines = list(dict.fromkeys(table["line"]))
    for train, what in TRAINS.items():
        rows = table[table["train"] == train]
        if rows.empty:
            continue
        figure.add_trace(
            go.Scatter(
                x=rows["line"],
                y=rows["value"],
                name=f"trains {what}",
                mode="markers",
                marker={
                    "symbol": _STYLES[train],
                    "size": 12,
                    "color": [theme.compression_method(method)[0] for method in rows["method"]],
                    "line": {"width": 2, "color": [theme.compression_method(method)[0] for method in rows["method"]]},
                },
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": rows["high"] - rows["value"],
                    "arrayminus": rows["value"] - rows["low"],
                    "thickness": 1,
                    "color": "rgba(128,128,128,0.9)",  # seen on light and dark
                },
                customdata=rows[["low", "high", "seeds"]].to_numpy(),
                hovertemplate=f"%{{x}}, trains {what}: <b>%{{y:.3f}}</b><br>%{{customdata[0]:.3f}} to "
                "%{customdata[1]:.3f} over %{customdata[2]} seeds<extra></extra>",
            )
        )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=lines, tickangle=-30, showgrid=False)
    figure.update_yaxes(title=metric(name).label)
    return theme.finish(
        figure,
        alt=f"Dots: {metric(name).label} after fine-tuning with each of {len(lines)} token tables, by what trained.",
        name=f"finetuning-{name}",
        height=420,
        hovermode="closest",
        legend=theme.LEGEND_BELOW | {"y": 1.02, "yanchor": "bottom"},  # names of tables are long, and stand below
    )
