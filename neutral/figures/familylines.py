"""Lines of languages: one each of few, of many the median and the range of every family, and those that were chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.families import Families
from neutral.members import display

ONE_EACH_UP_TO = 12
"""Most languages of which each has a line."""


def singly(members: Sequence[str], chosen: Collection[str] = ()) -> list[str]:
    """Return the members that have a line of their own: all of up to `ONE_EACH_UP_TO`, else the chosen ones."""
    return [member for member in members if len(members) <= ONE_EACH_UP_TO or member in chosen]


def lines(members: Sequence[str], families: Families, *, titled: bool) -> Iterator[tuple[str, dict, dict]]:
    """Yield each member with the style of its line (`Families.line`) and its place in the legend.

    If `titled` that is under its family.
    """
    for member in members:
        name = families.name(member)
        heading = {"legendgroup": name, "legendgrouptitle": {"text": name, "font": {"size": 11}}}
        yield member, families.line(member), heading if titled else {}


def bands(figure: go.Figure, wide: pd.DataFrame, families: Families, hover: str) -> None:
    """Draw every family's median as a line, and its lowest to highest member as a band that the legend hides with it.

    Parameters
    ----------
    figure : Figure
    wide : DataFrame (places × members)
        Values; its index is what lies along the axis.
    families : Families
        Their colours. Families without one of their own are one band.
    hover : str
        What hovering says of a place and its value, with plotly's `%{x}` and `%{y}`.
    """
    groups = families.among([str(member) for member in wide.columns])
    share = 0.16 if len(groups) < 4 else 0.08
    for name, group in groups.items():
        values, colour = wide[group], families.colour(group[0])
        key = f"band {name}"
        if len(group) > 1:
            edges = pd.DataFrame({"low": values.min(axis=1), "high": values.max(axis=1)})
            theme.band(figure, wide.index, edges, colour, share, legendgroup=key)
        figure.add_trace(
            go.Scatter(
                x=list(wide.index),
                y=values.median(axis=1),
                name=f"{theme.plain(name)}, {len(group)}",
                mode="lines" if len(wide) > 1 else "markers",
                line={"color": colour, "width": 2.4},
                legendgroup=key,
                hovertemplate=f"{theme.plain(name)}, median of {len(group)}, {hover}<extra></extra>",
            )
        )


def layout(members: Sequence[str], own: Sequence[str], families: Families) -> dict:
    """Return height and legend of a figure with lines of its members, of which some have their `own`: all in sight."""
    if len(own) == len(members):
        entries = len(own) + len(families.among(own))
        return {"height": max(430, 150 + 19 * entries), "legend": {"tracegroupgap": 3}}
    entries = len(families.among(members)) + len(own)
    return {"height": 430 + 10 * entries, "legend": {**theme.LEGEND_AT_FOOT, "tracegroupgap": 3}}


def said(members: Sequence[str], own: Sequence[str], families: Families) -> str:
    """Say in an alternative text whose lines a figure has."""
    if len(own) == len(members):
        return ", ".join(map(display, members))
    return ", ".join([f"{len(members)} languages by family", *families.among(members), *map(display, own)])
