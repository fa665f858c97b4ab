"""Figures with a language a point: a graph, and a map on which near languages are alike.

A family has one colour in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.families import legend
from neutral.figures.typology import points
from neutral.figures.typology.points import Placed

WIDTHS = (1.0, 1.6, 2.4, 3.4, 4.6, 6.0)
"""px: the widths of edges, from the weakest of all pairs to the strongest."""


def network(
    placed: Placed,
    edges: pd.DataFrame,
    *,
    communities: Sequence[set[str]] = (),
    span: tuple[float, float],
) -> go.Figure:
    """Draw languages joined by edges.

    Parameters
    ----------
    placed : Placed
    edges : DataFrame
        Columns source, target, weight, which decides the width, and value, which hovering shows.
    communities : sequence of sets of languages
        The community decides the marker.
    span : (float, float)
        Lowest and highest weight of all pairs, drawn or not, so that widths stay while a threshold moves.
    """
    places, families, title, name = placed
    members, room = list(places["language"]), points.room_for(places)
    xy = places.set_index("language")[["x", "y"]]
    figure = go.Figure()
    step, many = widths(edges["weight"].to_numpy(dtype=float), span), points.is_many(places)
    for i, width in enumerate(WIDTHS):
        rows = edges[step == i]
        lines = {axis: [p for a, b in _ends(rows) for p in (xy.at[a, axis], xy.at[b, axis], None)] for axis in "xy"}
        figure.add_trace(go.Scatter(**lines, mode="lines", line=edge(width, many), hoverinfo="skip", showlegend=False))
    figure.add_trace(
        go.Scatter(
            x=[(xy.at[a, "x"] + xy.at[b, "x"]) / 2 for a, b in _ends(edges)],
            y=[(xy.at[a, "y"] + xy.at[b, "y"]) / 2 for a, b in _ends(edges)],
            text=[
                f"{theme.member_name(row.source)} and {theme.member_name(row.target)}<br><b>{row.value:.4f}</b>"
                for row in edges.itertuples()
            ],
            mode="markers",
            marker={"size": 14, "opacity": 0},
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    )
    community = points.by_community(communities)
    symbols = {member: points.SYMBOLS[i % len(points.SYMBOLS)] for member, i in community.items()}
    notes = {member: f"community {i + 1}" for member, i in community.items()}
    points.nodes(figure, places, families, room, symbols=symbols, notes=notes)
    legend(figure, members, families)
    together = [group for group in communities if len(group) > 1]
    for i, group in enumerate(together):
        symbol = points.SYMBOLS[i % len(points.SYMBOLS)]
        points.in_legend(figure, f"Community {i + 1} ({len(group)})", colour=theme.NEUTRAL, symbol=f"{symbol}-open")
    points.bare(figure, room)
    return theme.finish(
        figure,
        alt=f"Graph: {title}; {len(edges)} edges between {len(places)} languages in {len(communities)} communities: "
        f"{'; '.join(points.listed(group, members) for group in communities)}.",
        name=name,
        height=points.height(places, len(families.among(members)) + len(together)),
        hovermode="closest",
        legend=points.LEGEND,
    )


def language_map(placed: Placed) -> go.Figure:
    """Draw languages as points. One unit is as long across as it is up."""
    places, families, title, name = placed
    members, room = list(places["language"]), points.room_for(places, equal=True)
    figure = go.Figure()
    points.nodes(figure, places, families, room)
    legend(figure, members, families)
    points.bare(figure, room)
    return theme.finish(
        figure,
        alt=f"Map of {len(places)} languages: {title}.",
        name=name,
        height=round(room.height / points.SHARE) + points.legend_height(len(families.among(members))),
        hovermode="closest",
        legend=points.LEGEND,
    )


def widths(weights: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Return the place in `WIDTHS` of each weight, between the lowest and the highest of all pairs."""
    low, high = span
    share = (weights - low) / (high - low) if high > low else np.ones(len(weights))
    return np.clip((share * len(WIDTHS)).astype(int), 0, len(WIDTHS) - 1)


def edge(width: float, many: bool) -> dict:
    """Return the style of an edge; where there are `many` languages thin, and pale where they are not the strongest."""
    shade = 0.55 if not many else 0.12 + 0.4 * (width / max(WIDTHS)) ** 2
    return {"width": 0.4 * width if many else width, "color": f"rgba(128,128,128,{shade:.2f})"}


def _ends(edges: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(edges["source"], edges["target"], strict=True))
