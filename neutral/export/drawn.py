"""The data that a figure shows, read from the figure: what has no number or name of its own (land, frames) is left out.

A page that has the table behind a figure gives that; this is for every other one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme

_TAG = re.compile(r"<[^<>]*>")
_BREAK = re.compile(r"<br\s*/?>")
_SQUARE = re.compile("■")


def words(text: object) -> str:
    """Return what a figure draws as text: no tags, and the characters that stood for themselves (`theme.plain`).

    >>> words("<b>Hindi</b><br>0.5"), words("&#60;a&#62;")
    ('Hindi; 0.5', '<a>')
    """
    plain = _TAG.sub("", _BREAK.sub("; ", "" if text is None else str(text)))
    return _SQUARE.sub("", html.unescape(plain)).strip()


def drawn(figure: go.Figure) -> pd.DataFrame:
    """Return a figure's data: a heatmap as a square of few columns, or a row a cell; else a row a point or bar."""
    maps = [trace for trace in figure.data if trace.type == "heatmap" and trace.showscale is not False]
    if maps:
        return _cells(figure, maps[0])
    rows = [_points(figure, trace) for trace in figure.data if _tells(trace)]
    rows = [table for table in rows if len(table)]
    if not rows:
        return pd.DataFrame()
    table = pd.concat(rows, ignore_index=True)
    empty = [column for column in table if table[column].isna().all() or (table[column] == "").all()]
    return table.drop(columns=empty)


def _tells(trace: object) -> bool:
    """Whether a trace shows data, and is no helper: land, a sign of the legend, the edge of a band."""
    if trace.type not in ("scatter", "scattergl", "bar", "box"):
        return False
    return trace.hoverinfo != "skip" and trace.opacity != 0


def _cells(figure: go.Figure, trace: go.Heatmap) -> pd.DataFrame:
    """Return a heatmap's values, those that it writes beside the colour if they are others."""
    z = np.asarray(trace.z, dtype=float)
    behind = np.asarray(trace.customdata) if trace.customdata is not None else z
    values = behind.astype(float) if behind.shape == z.shape and behind.dtype.kind in "fiu" else z
    x, y = _axis(figure, trace, "x"), _axis(figure, trace, "y")
    across, down = _labels(trace.x, x, z.shape[1]), _labels(trace.y, y, z.shape[0])
    row, column = _title(y, "row"), _title(x, "column")
    if len(across) <= theme.TEXT_UP_TO and len(set(across)) == len(across):
        square = pd.DataFrame(values, columns=across)
        square.insert(0, row, down, allow_duplicates=True)
        return square
    names = np.repeat(down, len(across)), np.tile(across, len(down))
    bar = trace.colorbar.title.text
    table = pd.DataFrame({row: names[0], f"{column} " if column == row else column: names[1]})
    return table.assign(**{words(bar) or "value": values.ravel()}).dropna(ignore_index=True)


def _points(figure: go.Figure, trace: object) -> pd.DataFrame:
    """Return a row a point of a trace: its line, its places, how far its error reaches, what hovering says."""
    if trace.type == "box" and trace.median is not None:
        quartiles = {name: _plain(getattr(trace, name)) for name in ("lowerfence", "q1", "median", "q3", "upperfence")}
        where = trace.y if trace.orientation == "h" else trace.x
        return pd.DataFrame({"line": words(trace.name), "place": _plain(where), **quartiles})
    sides = {}
    axes = {side: _axis(figure, trace, side) for side in ("x", "y")}
    hidden = [side for side, axis in axes.items() if axis.visible is False]
    for side, axis in axes.items():
        values = getattr(trace, side)
        if values is not None and hidden != [side]:  # an axis that is hidden alone only spreads the points
            sides[_title(axis, side)] = _named(_plain(values), axis)
            sides |= _reach(getattr(trace, f"error_{side}", None), values)
    if not sides or len({len(column) for column in sides.values()}) > 1:
        return pd.DataFrame()
    table = pd.DataFrame({"line": words(trace.name) if trace.name else "", **sides})
    said = trace.hovertext if isinstance(trace.hovertext, (list, tuple, np.ndarray)) else trace.text
    if isinstance(said, (list, tuple, np.ndarray)) and len(said) == len(table):
        table["said"] = [words(each) for each in said]
    return table[table[list(sides)].notna().all(axis=1)]


def _reach(error: object, values: Sequence) -> dict[str, list]:
    """Return the ends of error bars that are drawn around `values`."""
    if error is None or error.array is None:
        return {}
    middle, up = np.asarray(values, dtype=float), np.asarray(error.array, dtype=float)
    down = up if error.arrayminus is None else np.asarray(error.arrayminus, dtype=float)
    return {"low": (middle - down).tolist(), "high": (middle + up).tolist()}


def _axis(figure: go.Figure, trace: object, side: str) -> object:
    number = (getattr(trace, f"{side}axis", None) or side).removeprefix(side)
    return figure.layout[f"{side}axis{number}"]


def _title(axis: object, otherwise: str) -> str:
    return words(axis.title.text) or otherwise


def _labels(given: Sequence | None, axis: object, count: int) -> list[str]:
    """Return the names of rows or columns, the trace's own or those on the axis."""
    if given is not None:
        return [words(each) for each in _named(_plain(given), axis)]
    if axis.ticktext is not None and len(axis.ticktext) == count:
        return [words(each) for each in axis.ticktext]
    return [str(i) for i in range(count)]


def _named(values: list, axis: object) -> list:
    """Return places on an axis by the names that are written there, if each has one; texts as words."""
    ticks, texts = axis.tickvals, axis.ticktext
    if ticks is not None and texts is not None:
        names = dict(zip(_plain(ticks), map(words, texts), strict=False))
        if axis.type not in ("log", "category") and all(value in names for value in values):
            return [names[value] for value in values]
    return [words(value) if isinstance(value, str) else value for value in values]


def _plain(values: Sequence) -> list:
    return np.asarray(values, dtype=object).tolist() if not isinstance(values, np.ndarray) else values.tolist()
