"""Bars side by side, which figures of several subjects draw alike."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme

_HUES = ("#0a7fc4", "#e69f00", "#009e73", "#cc79a7")


def grouped_bars(table: pd.DataFrame, names: Mapping[str, str], form: str) -> go.Figure:
    """Draw bars side by side, a colour a line.

    Parameters
    ----------
    table : DataFrame
        Indexed by category; its columns are `line` and the height.
    names : category -> str
        Names on the axis, in the order to draw.
    form : str
        How hovering writes a height, as plotly formats it.
    """
    figure = go.Figure()
    for i, (line, rows) in enumerate(table.groupby("line", sort=False)):
        figure.add_trace(
            go.Bar(
                x=list(names.values()),
                y=rows.iloc[:, 1].reindex(list(names)),
                name=theme.plain(line),
                marker_color=_HUES[i % len(_HUES)],
                hovertemplate=f"%{{x}}: <b>{form}</b>",
            )
        )
    return figure


def finished_bars(figure: go.Figure, alt: str, name: str) -> go.Figure:
    """Finish bars: names slanted below, the legend above, `alt` for screen readers, `name` for the file."""
    figure.update_xaxes(type="category", tickangle=-45, showgrid=False)
    above = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
    return theme.finish(figure, alt=alt, name=name, height=400, barmode="group", legend=above, hovermode="x unified")
