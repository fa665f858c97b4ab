"""A figure as paper takes it: white ground, dark text, the colours and dashes that it has on the screen."""

from __future__ import annotations

import plotly.graph_objects as go

from neutral.export.sizes import BASE, Size
from neutral.figures import theme

FONTS = "Noto Sans, Noto Sans Arabic, Noto Sans Devanagari, Noto Sans CJK SC, Liberation Sans, DejaVu Sans, sans-serif"
"""The first that the machine has; a browser takes what letters one lacks from the next, and then from any other."""
INK = "#1b1b1b"
GRID = "#dcdcdc"
_FLATTEST = 0.62  # of its height, for a figure whose form matters
_NARROW = 480.0  # px: below, a legend has no room beside the plot
_ENTRY = 20  # px, a line of a legend
_IN_A_LINE = 2  # entries, where it is narrow


def on_paper(figure: go.Figure, size: Size) -> go.Figure:
    """Return a copy of a figure, laid out in px for a size (`Size.columns`); what only a screen needs is gone."""
    drawn = go.Figure(figure)
    width, height = size.columns, float(figure.layout.height or 450)
    if least := theme.LEAST.get((figure.layout.meta or {}).get("least")):
        height *= max(_FLATTEST, min(1.0, width / least))  # cells stay squares, as far as names have room
    axis = {"linecolor": INK, "tickcolor": INK, "gridcolor": GRID, "color": INK}
    drawn.update_layout(
        template="none",
        width=round(width),
        height=round(height),
        font={"family": FONTS, "size": BASE, "color": INK},
        paper_bgcolor="#ffffff",
        plot_bgcolor="#ffffff",
        colorway=list(theme.CATEGORICAL),
    )
    drawn.update_xaxes(**axis)
    drawn.update_yaxes(**axis)
    _legend_at_foot(drawn)
    return drawn


def _legend_at_foot(figure: go.Figure) -> None:
    """Put a legend that stands below the plot, or would be cut beside a narrow one, at the foot of the figure."""
    legend = figure.layout.legend
    below = legend.orientation == "h" and legend.y is not None and legend.y < 0
    entries = sum(bool(trace.name) and trace.showlegend is not False for trace in figure.data)
    beside = legend.orientation != "h" and entries > 1 and figure.layout.width < _NARROW
    if below or beside:
        figure.update_layout(legend=theme.LEGEND_AT_FOOT)
    if beside:
        figure.layout.height += _ENTRY * -(-entries // _IN_A_LINE)
