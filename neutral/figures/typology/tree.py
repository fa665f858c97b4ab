"""A tree of languages with its rows down the left; a family may be folded into one row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.families import Families, legend
from neutral.members import display
from neutral.typology.folding import Folded

_NAMED = 12  # so many languages of a folded row are named where it is hovered over
_WEDGE = 0.32  # of a row's height: half of what a folded branch takes


def dendrogram(tree: Folded, families: Families, *, notes: Mapping[str, str], title: str, name: str) -> go.Figure:
    """Draw a tree of languages.

    Parameters
    ----------
    tree : Folded
        The tree. A folded branch is a wedge, from where its languages have joined to the least height in sight.
    families : Families
        Their colours.
    notes : language -> str
        Stands after its name (its branch).
    title, name : str
        Title of the axis, and name of the file.
    """
    heights = tree.brackets["height"].to_numpy(dtype=float)
    joins = heights[heights > 0]
    low, high = (float(joins.min()), float(joins.max())) if joins.size else (0.0, 1.0)
    cut = low > 0.5 * high  # joins far from 0 would be crowded
    left = low - 0.25 * (high - low) if cut and high > low else 0.0
    figure = go.Figure()
    x: list[float | None] = []
    y: list[float | None] = []
    for _, bracket in tree.brackets.groupby("line", sort=False):
        x += [*np.maximum(bracket["height"], left), None]
        y += [*bracket["place"], None]
    line = {"color": theme.NEUTRAL, "width": 2}
    figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False))
    _wedges(figure, tree, families, left)
    begins = f"<br>(axis begins at {left:.3g})" if left else ""
    figure.update_xaxes(title=theme.plain(title) + begins, range=[left, high + 0.04 * (high - left)])
    count, many = len(tree.rows), len(tree.rows) > theme.MANY
    texts = [_text(row, families, notes) for row in tree.rows]
    figure.update_yaxes(tickvals=list(range(count)), ticktext=texts, range=[count - 0.5, -0.5], showgrid=False)
    if many:
        figure.update_yaxes(tickfont_size=theme.SMALL)
    legend(figure, [language for row in tree.rows for language in row], families)
    return theme.finish(
        figure,
        alt=f"Dendrogram by {title}; rows in order: {', '.join(map(_said, tree.rows))}.",
        name=name,
        height=134 + (15 if many else 30) * count,
        hovermode="closest",
        legend=theme.LEGEND_AT_FOOT,
    )


def _wedges(figure: go.Figure, tree: Folded, families: Families, left: float) -> None:
    """Draw folded branches: each a wedge in its family's colour, which names its languages."""
    for place, (row, height) in enumerate(zip(tree.rows, tree.heights, strict=True)):
        if len(row) == 1:
            continue
        colour = families.colour(row[0])
        figure.add_trace(
            go.Scatter(
                x=[max(height, left), left, left, max(height, left)],
                y=[place, place - _WEDGE, place + _WEDGE, place],
                mode="lines",
                fill="toself",
                line={"color": colour, "width": 1},
                hoveron="fills+points",
                hoverinfo="text",
                text=f"<b>{theme.plain(families.family(row[0]))}</b><br>{'<br>'.join(_lines(row))}",
                showlegend=False,
            )
        )


def _text(row: tuple[str, ...], families: Families, notes: Mapping[str, str]) -> str:
    if len(row) > 1:
        return f"▸ {theme.plain(families.family(row[0]))}, {len(row)} languages {families.square(row[0])}"
    leaf = row[0]
    note = "" if notes.get(leaf) == display(leaf) else notes.get(leaf, "")
    more = f"· {theme.plain(note)}" if note else ""
    return f"{theme.member_name(leaf)} {more} {families.square(leaf)}"


def _lines(row: tuple[str, ...]) -> list[str]:
    names = list(map(theme.member_name, row[:_NAMED]))
    return [*names, f"… and {len(row) - _NAMED} more"] if len(row) > _NAMED else names


def _said(row: tuple[str, ...]) -> str:
    return display(row[0]) if len(row) == 1 else f"{len(row)} languages ({', '.join(map(display, row))})"
