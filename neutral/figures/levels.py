"""The levels that an overlap is read against (`summary.levels`), as lines that several figures draw alike.

Chance is often so far below everything else that an axis with both would show a flat line. The axis then keeps to
the rest, and the legend says where chance lies.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme

BETWEEN = theme.LEVELS["between"][0]
_FAR = 2.0  # chance is off the axis if its distance is more than so many times the spread of the rest
UNDRAWN = "shuffled"  # says the same as chance


def level_lines(levels: pd.DataFrame, places: Mapping, label: str, window: list[float] | None = None) -> go.Figure:
    """Draw a line a level over `places` (value of the index of `levels` -> x); `label` names the level `between`.

    `window` is the range of the axis, by default what `window_of` says.
    """
    figure = go.Figure()
    x, window = list(places.values()), window or window_of(levels)
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
                name=theme.plain(label) if between else level_name(name, rows["value"], window),
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.6 if between else 1.8},
                marker={"size": 7 if between else 4},
                hovertemplate="%{y:.3f}",
            )
        )
    figure.update_yaxes(range=window)
    return figure


def window_of(levels: pd.DataFrame) -> list[float] | None:
    """Return the range of the axis for the overlap and its nearer references if chance is far from them; else None."""
    is_chance = levels["level"].isin(["chance", UNDRAWN])
    chance, rest = levels[is_chance]["value"].dropna(), levels[~is_chance]
    between = rest[rest["level"] == "between"]
    values = pd.concat([rest["value"], between["low"], between["high"]]).dropna()
    if values.empty or chance.empty or values.nunique() < 2:
        return None
    low, high = float(values.min()), float(values.max())
    if low - chance.max() < _FAR * (high - low):
        return None
    margin = 0.08 * (high - low)
    return [low - margin, high + margin]


def window_of_all(levels: pd.DataFrame) -> list[float] | None:
    """Return a range of the axis that holds every pair, so that figures of single pairs are drawn alike; else None.

    `levels` is that of all pairs. Chance is left out where it is below everything else.
    """
    rest = levels[~levels["level"].isin(["chance", UNDRAWN])]
    values = pd.concat([rest["value"], rest["low"], rest["high"]]).dropna()
    chance = levels[levels["level"] == "chance"]["value"].dropna()
    if values.empty or values.nunique() < 2:
        return None
    low, high = float(values.min()), float(values.max())
    if len(chance) and chance.max() >= low:
        low = min(low, float(chance.min()))
    margin = 0.04 * (high - low)
    return [low - margin, high + margin]


def level_name(name: str, values: pd.Series, window: list[float] | None, *, value_shown: bool = False) -> str:
    """Return a level's name and, if it is off the axis, where it lies (`value_shown`: the name has the value)."""
    if window is None or values.max() >= window[0]:
        return name
    if value_shown:
        return f"{name}, below"
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return f"{name}, below: {low}" if low == high else f"{name}, below: {low} to {high}"


def levels_finished(figure: go.Figure, measure: str, by: str) -> go.Figure:
    """Finish a figure of levels: the measure names the axis, `by` says what lies along the other one."""
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
