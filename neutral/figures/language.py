"""One language: its nearest ones beside what they are compared with, and the overlap with the nearest by layer."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.families import Families, legend
from neutral.figures.levels import level_lines, level_name, levels_finished, window_of
from neutral.labels import sort_key
from neutral.members import display

SHOWN = 20
"""Nearest languages that are drawn."""

_NEAREST = "#d55e00"


def nearest_dots(table: pd.DataFrame, measure: str, member: str, families: Families) -> go.Figure:
    """Draw the nearest languages of a member, the nearest on top: `table` is that of `nearest.nearest`.

    A dot is the overlap, in the colour of the family, which hovering names; marks are control and bound of the pair. A
    dot is filled if the language keeps its place in 95% of the draws of layers.
    """
    table = table.head(SHOWN)
    names = theme.member_names(list(table["language"]))
    window = window_of(_as_levels(table))
    figure = go.Figure()
    for column, level in (("chance", "chance"), ("control", "pretrained"), ("bound", "seeds")):
        if table[column].isna().all():
            continue
        name, colour, _ = theme.LEVELS[level]
        name = "Same language again" if level == "seeds" else name
        figure.add_trace(
            go.Scatter(
                x=table[column],
                y=names,
                name=level_name(name, table[column], window),
                mode="markers",
                marker={"symbol": "line-ns", "size": 12, "line": {"color": colour, "width": 3}},
                hovertemplate="%{x:.3f}",
            )
        )
    legend(figure, list(table["language"]), families)
    figure.add_trace(
        go.Scatter(
            x=table["value"],
            y=names,
            name=theme.plain(f"With {display(member)}"),
            mode="markers",
            marker={
                "size": 11,
                "color": [families.colour(code) for code in table["language"]],
                "symbol": ["circle" if sure >= 0.95 else "circle-open" for sure in table["sure"]],
                "line": {"width": 2},
            },
            customdata=[
                [sure, theme.plain(families.family(code))]
                for code, sure in zip(table["language"], table["sure"], strict=True)
            ],
            hovertemplate="<b>%{x:.3f}</b>, %{customdata[1]}, keeps its place in %{customdata[0]:.0%} of the draws",
        )
    )
    figure.update_yaxes(type="category", autorange="reversed", showgrid=True, dtick=1)
    figure.update_xaxes(title=theme.UNITS[measure][0], range=window)
    return theme.finish(
        figure,
        alt=f"The {len(table)} languages nearest to {display(member)} by {theme.UNITS[measure][0]}, beside chance, the "
        f"pretrained control and the same language again.",
        name="nearest-languages",
        height=200 + 24 * len(table),
        hovermode="y unified",
        legend=theme.LEGEND_BELOW | {"y": -60 / (24 * len(table) + 40)},  # 60 px, which the axis takes
    )


def where_lines(levels: pd.DataFrame, measure: str, other: str) -> go.Figure:
    """Draw by layer the overlap with the nearest, `other`, and with all others: `levels` is that of `nearest.where`."""
    layers = sorted(dict.fromkeys(levels["group"]), key=sort_key)
    places = theme.layer_names(layers)
    figure = level_lines(levels[levels["level"] != "nearest"].set_index("group"), places, "With all others")
    pair = levels[levels["level"] == "nearest"].set_index("group").reindex(layers)
    figure.add_trace(
        go.Scatter(
            x=list(places.values()),
            y=pair["value"],
            name=theme.plain(f"With {display(other)}"),
            mode="lines+markers",
            line={"color": _NEAREST, "width": 2.6},
            marker={"size": 7},
            hovertemplate="%{y:.3f}",
        )
    )
    figure.update_xaxes(title=theme.LAYER_AXIS, type="category", showgrid=False, range=[-0.5, len(layers) - 0.5])
    return levels_finished(figure, measure, "layer")


def _as_levels(table: pd.DataFrame) -> pd.DataFrame:
    """Return the overlap and what it is compared with as rows of levels, for the axis."""
    columns = {"value": "between", "chance": "chance", "control": "pretrained", "bound": "seeds"}
    parts = [table[[c]].set_axis(["value"], axis=1).assign(level=level) for c, level in columns.items()]
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(low=rows["value"], high=rows["value"])
