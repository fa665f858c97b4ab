"""Colours, scales and layout that all figures share.

Hues are Okabe & Ito's (2008), which colour-blind readers can tell apart, on light and on dark ground. Those of
language families are in `families`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.errors import one_line
from neutral.figures import cells
from neutral.members import display

CATEGORICAL = (
    *("#0a7fc4", "#e69f00", "#009e73", "#cc79a7", "#d55e00"),
    *("#56b4e9", "#8c8c8c", "#b8a800", "#7a68b8", "#a0522d"),
)
"""What lines without a colour of their own have; the app's configuration has the same."""
SEQUENTIAL = "Viridis"
DIVERGING = [[0.0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f2f2f2"], [0.75, "#f4a582"], [1.0, "#b2182b"]]

LEVELS: dict[str, tuple[str, str, str]] = {
    "between": ("Between languages", "#0a7fc4", "solid"),
    "chance": ("Chance", "#8c8c8c", "dot"),
    "shuffled": ("Shuffled masks", "#8c8c8c", "dashdot"),
    "pretrained": ("Pretrained control", "#e69f00", "dash"),
    "seeds": ("Same language, other seed", "#009e73", "longdash"),
    "halves": ("Same language, other half", "#009e73", "longdash"),
}
"""Level of `summary.levels` -> its name in a figure, colour, dash."""

METHODS = {
    "magnitude": ("#0a7fc4", "circle"),
    "wanda": ("#e69f00", "square"),
    "random": ("#8c8c8c", "x"),
    "fisher": ("#cc79a7", "diamond"),
    "change": ("#009e73", "triangle-up"),
}

NEUTRAL = "#8c8c8c"

COMPRESSION = {
    "svd": ("#0a7fc4", "circle"),
    "direction": ("#d55e00", "square"),
    "autoencoder": ("#cc79a7", "diamond"),
    "int8": ("#56b4e9", "triangle-up"),
    "int4": ("#009e73", "triangle-down"),
    "pq": ("#e69f00", "star"),
    "mixed": ("#7a68b8", "cross"),
    "transform": ("#1b3a6b", "triangle-right"),
    "trim": ("#a0522d", "hexagon"),
}
"""Method of `compression` -> colour, marker. Other methods share a grey x."""

KEEP = {"both": "#0a7fc4", "only_a": "#e69f00", "only_b": "#cc79a7", "neither": "#8c8c8c"}

LAYER_AXIS = "Layer (0 is next to the input)"
SPARSITY_AXIS = "Sparsity (share of weights removed)"
LEGEND_BELOW = {"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0, "traceorder": "normal"}
LEGEND_AT_FOOT = {
    **LEGEND_BELOW,
    "yref": "container",
    "yanchor": "bottom",
    "y": 0,
    "xref": "container",
    "xanchor": "left",
    "x": 0,
}
"""Below whatever is written along the axis, as wide as the figure."""

LEAST = {"few": 420, "small": 520, "wide": 720}
"""px: the least widths of figures whose cells or places need them; where there is less room, they are scrolled."""
LEGEND_LINE = 48
"""px of a line in a legend: in plotly's own 30 the longest dash fills it, and a dashed line looks solid."""
GRID = "rgba(128,128,128,0.25)"
TEXT_UP_TO = 14
"""Most rows of a matrix whose cells have room for numbers."""
MANY = 30
"""More rows or points than this have their names in small print."""
SMALL = 9  # px, such names
_FEW = 6  # columns of a matrix that have room on a phone
_SOME = 9  # that have room in half a page
_ROW = 12  # px, the least height of a row

METRIC_UNITS = {"perplexity": "perplexity", "accuracy": "accuracy", "f1": "F1"}

_FILLINGS = ("", "-open", "-dot", "-open-dot")
DASHES = ("solid", "dot", "dash", "dashdot", "longdash", "longdashdot")

UNITS = {
    "jaccard": ("Jaccard overlap", "share"),
    "dice": ("Dice overlap", "share"),
    "agreement": ("Agreement, zeros included", "share"),
    "phi": ("φ, correlation of the masks", "coefficient"),
    "beyond": ("Jaccard overlap of the changes", "share"),
}
"""Measure -> its name on axes and colour bars, and its unit."""


_PSEUDO_HTML = re.compile(r"[<>&$]|(?<=%)\{")


def plain(text: object) -> str:
    """Return a text from outside as plotly draws it as it is written: no tag, link, formula, or place of a template.

    What a figure draws is pseudo-HTML. Whatever a study may name goes into it through this, or through `member_name`;
    alternative texts and names of files are no pseudo-HTML.

    >>> plain('<a href="x">%{y}</a> & $x$')
    '&#60;a href="x"&#62;%&#123;y}&#60;/a&#62; &#38; &#36;x&#36;'
    """
    return _PSEUDO_HTML.sub(lambda match: f"&#{ord(match[0])};", one_line(text))


def member_name(member: str) -> str:
    """Return a member's name for people as figures draw it."""
    return plain(display(member))


def member_names(members: Sequence[str]) -> list[str]:
    """Return members' names as an axis takes them: those that would be alike have the member's own in brackets.

    >>> member_names(["zho", "cmn", "en"])
    ['Chinese (zho)', 'Chinese (cmn)', 'English']
    """
    shown = Counter(map(display, members))
    return [
        plain(display(member) if shown[display(member)] == 1 else f"{display(member)} ({member})") for member in members
    ]


def compression_method(method: str) -> tuple[str, str]:
    """Return the colour and the marker of a compression method."""
    return COMPRESSION.get(method, (NEUTRAL, "x"))


def compression_lines(table: pd.DataFrame) -> dict[str, dict]:
    """Return line -> line and marker style, for a table with the columns line and method.

    Methods come in the order of `COMPRESSION`; lines of one method differ in dash and in the filling of the marker.
    """
    rows = table.drop_duplicates("line")
    rank = {method: i for i, method in enumerate(COMPRESSION)}
    rows = rows.sort_values("method", key=lambda column: column.map(lambda m: rank.get(m, len(rank))), kind="stable")
    styles: dict[str, dict] = {}
    for row in rows.itertuples():
        hue, symbol = compression_method(row.method)
        nth = sum(style["line"]["color"] == hue for style in styles.values())
        styles[row.line] = {
            "line": {"color": hue, "dash": DASHES[nth % len(DASHES)], "width": 2},
            "marker": {"color": hue, "symbol": f"{symbol}{_FILLINGS[nth % len(_FILLINGS)]}", "size": 7},
        }
    return styles


def short_layer(groups: list[str]) -> dict[str, str]:
    """Return layer group -> its name on an axis: the number alone where there is one stack."""
    stacks = {group.split(" ")[0] for group in groups if " " in group}
    if len(stacks) == 1:
        return {group: group.split(" ", 1)[1] if " " in group else group for group in groups}
    return {group: group for group in groups}


def layer_names(groups: list[str]) -> dict[str, str]:
    """Return `short_layer` as figures draw it."""
    return {group: plain(name) for group, name in short_layer(groups).items()}


def log_axis(low: float, high: float) -> dict:
    """Return a logarithmic axis from `low` to `high` with ticks at 1, 2 and 5 of every power of ten, written out.

    Where less than two of them are in sight, or an end is none (the score of a model that diverged), the ticks are left
    to plotly, which sets them evenly.
    """
    if not 0 < low <= high < np.inf:
        return {"type": "log", "nticks": 6}
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    if sum(low <= tick <= high for tick in ticks) < 2:
        return {"type": "log", "nticks": 6}
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks]}


def matrix_height(rows: int, *, least: int, most: int, row: int, above: int = 150) -> int:
    """Return a matrix's height: `above` and `row` px a row, from `least` to `most`; more where rows were too low."""
    return max(least, min(most, above + row * rows), above + _ROW * rows)


def names_on_axes(figure: go.Figure, columns: int, rows: int) -> None:
    """Name every row of a matrix, and as many columns as there is room for.

    Where there are many, names are in small print and cells touch each other.
    """
    if max(columns, rows) > MANY:
        figure.update_traces(xgap=0, ygap=0, selector={"type": "heatmap"})
    for update, count in ((figure.update_xaxes, columns), (figure.update_yaxes, rows)):
        if count > MANY:
            update(tickfont_size=SMALL)
    figure.update_yaxes(dtick=1)


def colourbar(title: str, **options: object) -> dict:
    """Return a flat colour bar above the plot, which leaves the width to the cells."""
    return {
        "title": {"text": plain(title), "side": "top"},
        "orientation": "h",
        "thickness": 10,
        "outlinewidth": 0,
        "len": 1.0,
        "x": 0.5,
        "y": 1 - 1e-6,  # at 1 plotly leaves half of the bar's height blank above it
        "yanchor": "bottom",
        "ypad": 14,
        **options,
    }


def finish(figure: go.Figure, *, alt: str, name: str, height: int, least: str = "", **layout: object) -> go.Figure:
    """Give a figure the common layout: small margins, quiet grid, readable hover, and numbers that read on any cell.

    `alt`, `name` and `least`, one of `LEAST` or "" for any width, go to its meta.
    """
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 2 if _has_bar(figure) else 12, "b": 8},
        meta={"alt": alt, "name": name, "least": least},
        hoverlabel={"font": {"size": 13}},
        legend={"font_size": 12, "itemwidth": LEGEND_LINE},
        dragmode=False,
    )
    figure.update_layout(**layout)
    figure.update_xaxes(automargin=True, gridcolor=GRID, zeroline=False)
    figure.update_yaxes(automargin=True, gridcolor=GRID, zeroline=False)
    cells.ink(figure)
    return figure


def _has_bar(figure: go.Figure) -> bool:
    """Whether a colour bar lies above the plot, of which plotly leaves room above by itself."""
    drawn = [trace if trace.type == "heatmap" else getattr(trace, "marker", None) for trace in figure.data]
    bars = [getattr(each, "colorbar", None) for each in drawn]
    return any(bar is not None and bar.orientation == "h" for bar in bars)


def least_for(columns: int) -> str:
    """Return the least width, one of `LEAST` or "", that the cells of a matrix with so many columns need."""
    return "" if columns <= _FEW else "few" if columns <= _SOME else "small" if columns <= MANY else "wide"


def band(figure: go.Figure, x: object, rows: pd.DataFrame, hue: str, share: float = 0.16, **options: object) -> None:
    """Fill between the columns `low` and `high` of `rows`, with a `share` of a colour given as #rrggbb."""
    red, green, blue = (int(hue[i : i + 2], 16) for i in (1, 3, 5))
    edge = {"x": list(x), "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip", **options}
    figure.add_trace(go.Scatter(y=rows["low"], **edge))
    pale = f"rgba({red},{green},{blue},{share})"
    figure.add_trace(go.Scatter(y=rows["high"], fill="tonexty", fillcolor=pale, **edge))


def tick(value: float, digits: int = 2) -> str:
    """Return a number as text; nothing for NaN."""
    return "" if value != value else f"{value:.{digits}f}"


def digits(values: np.ndarray) -> int:
    """Return how many decimals tell values apart: 2, or up to 4 where they lie close together."""
    known = values[~np.isnan(values)]
    spread = float(np.ptp(known)) if known.size > 1 else 1.0
    return 2 if spread >= 0.05 else 3 if spread >= 0.005 else 4


def level_line(y: float, **line: object) -> dict:
    """Return a dotted line across the figure at a height, as a shape."""
    style = {"color": NEUTRAL, "dash": "dot", "width": 1.5, **line}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": style}


def number(p: float) -> str:
    """Write a p-value with the digits that 9,999 permutations give; a dash where nothing was tested."""
    if p != p:
        return "–"
    return f"{p:.4f}" if p >= 1e-4 else f"{p:.1e}"


def signed(value: float, digits: int = 2) -> str:
    """Write a coefficient with a true minus sign; a dash for NaN."""
    return "–" if value != value else f"{value:.{digits}f}".replace("-", "−")
