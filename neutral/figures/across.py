"""Studies of the same languages beside each other: each language's own mask, and what the overlap goes with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral import typology
from neutral.figures import theme
from neutral.figures.families import Families

HERE = "this study"
_WIDTH = 0.7  # of a column of points, in columns
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKS = ("circle", "diamond", "square", "cross", "x", "triangle-up")


def own_masks(table: pd.DataFrame, bounds: pd.Series, families: Families) -> go.Figure:
    """Draw each language's mask against its mask in every other study (called, language, value), a column a study.

    A dotted line is the bound of these languages (`bounds`, by `called`): each found again in this study.
    """
    figure = go.Figure()
    names = list(dict.fromkeys(table["called"]))
    for place, called in enumerate(names):
        rows = table[table["called"] == called].sort_values("language")
        beside = np.linspace(-_WIDTH / 2, _WIDTH / 2, len(rows)) if len(rows) > 1 else [0.0]
        members = list(rows["language"])
        figure.add_trace(
            go.Scatter(
                x=place + np.asarray(beside),
                y=rows["value"],
                mode="markers",
                name=theme.plain(called),
                marker={"color": [families.colour(member) for member in members], "size": 7, "opacity": 0.85},
                customdata=theme.member_names(members),
                hovertemplate="%{customdata}: %{y:.3f}<extra></extra>",
                showlegend=False,
            )
        )
        if called in bounds.index:
            where = {"xref": "x", "x0": place - _WIDTH / 2, "x1": place + _WIDTH / 2}
            figure.add_shape(theme.level_line(float(bounds[called])) | where)
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=[theme.plain(name) for name in names])
    figure.update_yaxes(title="Jaccard overlap with its own mask")
    alt = f"How much each language's mask overlaps with its own mask in {', '.join(names)}."
    return theme.finish(figure, alt=alt, name="own-masks", height=420)


def reasons(table: pd.DataFrame) -> go.Figure:
    """Draw ρ between overlap and each distance, here and in every other study.

    `table` has called, distance, languages (how many), here, there. Where another study has fewer of the languages,
    this one is drawn of the same ones, too.
    """
    figure = go.Figure()
    kinds = list(dict.fromkeys(table["distance"]))[::-1]
    most, columns = table["languages"].max(), {}
    for called, rows in table.groupby("called", sort=False):
        own, few = rows.set_index("distance"), rows["languages"].iloc[0]
        columns.setdefault(HERE if few == most else f"{HERE}, the same {few}", own["here"])
        columns[called] = own["there"]
    for number, (called, values) in enumerate(columns.items()):
        figure.add_trace(
            go.Scatter(
                x=values.reindex(kinds),
                y=[theme.plain(typology.label(kind)) for kind in kinds],
                mode="markers",
                name=theme.plain(called),
                marker={
                    "size": 11 if called == HERE else 9,
                    "symbol": _MARKS[number % len(_MARKS)],
                    "color": _COLOURS[number % len(_COLOURS)],
                },
                hovertemplate=f"%{{y}}, {theme.plain(called)}: ρ = %{{x:.2f}}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": theme.NEUTRAL, "width": 1})
    figure.update_xaxes(title="ρ (below 0: the nearer, the more alike)")
    alt = f"Spearman's correlation of overlap and {len(kinds)} distances, in {', '.join(columns)}."
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0}
    return theme.finish(figure, alt=alt, name="what-overlap-goes-with", height=60 + 30 * len(kinds) + 60, legend=legend)
