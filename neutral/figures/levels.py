"""What an overlap is read against (`summary.levels`), as lines that several figures draw alike.

Chance is often so far below everything else that an axis with both would show a flat line. The axis then keeps to
the rest, and the legend says where chance lies.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme

BETWEEN = theme.LEVELS["between"][0]
_FAR = 2.0  # chance is off the axis when it is so many times further away than the rest is spread
UNDRAWN = "shuffled"  # says the same as chance


def level_lines(levels: pd.DataFrame, places: Mapping, label: str) -> go.Figure:
    """Draw a line a level over places (index value -> x); `levels` is indexed by what lies along x."""
    figure = go.Figure()
    x, window = list(places.values()), window_of(levels)
    for level, (name, colour, dash) in theme.LEVELS.items():
        rows = levels[levels["level"] == level].reindex(list(places))
        if rows["value"].isna().all() or level == UNDRAWN:
            continue
        between = level == "between"
        if between and (rows["high"] > rows["low"]).any():
            theme.band(figure, x, rows, colour)
        figure.add_trace(
            go.Scatter(
                x=x,
                y=rows["value"],
                name=label if between else level_name(name, rows["value"], window),
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.6 if between else 1.8},
                marker={"size": 7 if between else 4},
                hovertemplate="%{y:.3f}",
            )
        )
    figure.update_yaxes(range=window)
    return figure


def window_of(levels: pd.DataFrame) -> list[float] | None:
    """Return the axis that the overlap and its nearer references need, if chance is far from it; else None."""
    is_chance = levels["level"].isin(["chance", UNDRAWN])
    chance, rest = levels[is_chance]["value"].dropna(), levels[~is_chance]
    seen = pd.concat([rest["value"], rest[rest["level"] == "between"]["low"], rest[rest["level"] == "between"]["high"]])
    seen = seen.dropna()
    if seen.empty or chance.empty or seen.nunique() < 2:
        return None
    low, high = float(seen.min()), float(seen.max())
    if low - chance.max() < _FAR * (high - low):
        return None
    margin = 0.08 * (high - low)
    return [low - margin, high + margin]


def level_name(name: str, values: pd.Series, window: list[float] | None, *, said: bool = False) -> str:
    """Return a level's name, with a word on where it lies if that is off the axis."""
    if window is None or values.max() >= window[0]:
        return name
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return f"{name}, below" if said else f"{name}, below: {low}" if low == high else f"{name}, below: {low} to {high}"


def levels_finished(figure: go.Figure, measure: str, by: str) -> go.Figure:
    """Finish a figure of levels: the axis is named by the measure, `by` says what lies along the other one."""
    title = theme.UNITS[measure][0]
    figure.update_yaxes(title=title)
    return theme.finish(
        figure,
        alt=f"{title} by {by}, with its reference levels.",
        name=f"{measure}-by-{by}",
        height=400,
        hovermode="x unified",
        legend=theme.LEGEND_BELOW,
    )
