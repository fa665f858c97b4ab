"""Every pair as a heatmap whose cells can be opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import scales, theme
from neutral.figures.families import Families, legend
from neutral.figures.heatmap import heatmap


def pair_matrix(
    matrix: pd.DataFrame,
    measure: str,
    *,
    diagonal: dict[str, float] | None = None,
    small: bool = False,
    families: Families | None = None,
    brackets: pd.DataFrame | None = None,
    marked: Sequence[str] = (),
) -> go.Figure:
    """Draw a square overlap matrix; of up to `theme.MANY` members with numbers, of more as `heatmap.heatmap` does.

    A selected point's `customdata` is [source, target]. Plotly selects no cells of a heatmap, so invisible
    markers over it take the clicks and carry the hover text.

    Parameters
    ----------
    matrix : DataFrame (members × members)
        Overlaps, in the order to draw.
    measure : str
        One of `theme.UNITS`.
    diagonal : member -> float, optional
        Overlap of the language with itself under another seed or half of the text. It is written on the diagonal
        without a colour: the scale is that of different languages. It ends at the mean of these and is at least as wide
        as that is below 1 (`scales.span`); of two members, whose overlap is one number, it is all that can be.
    small : bool
        For half a page: numbers that would take many digits are not written, and many members take less height.
    families : Families, optional
        The colours that stand beside the names; by default those of the members' families.
    brackets : DataFrame, optional
        The tree that the members are in the order of (`typology.folding.fold`), drawn where there are many.
    marked : sequence of str
        Members whose row and column are framed where there are many.
    """
    members = [str(member) for member in matrix.index]
    families = families or Families(members)
    values = matrix.to_numpy(dtype=float).copy()
    np.fill_diagonal(values, np.nan)
    title = theme.UNITS[measure][0]
    again = scales.found_again(diagonal, members)
    ends = scales.span(values, again=again) if len(members) > 2 else (0.0, 1.0)  # one number is no scale
    if len(members) > theme.MANY:
        figure = heatmap(matrix, title, families, span=ends, brackets=brackets, marked=marked, small=small)
        digits = theme.digits(values)
        options = {"height": figure.layout.height}
    else:
        figure, digits = _numbered(members, values, title, diagonal or {}, families, ends, small=small)
        options = {"height": theme.matrix_height(len(members), least=260, most=620, row=42) + 24}
    different = values[~np.eye(len(members), dtype=bool)]
    span = "which is not defined"
    if np.isfinite(different).any():
        span = f"from {np.nanmin(different):.{digits}f} to {np.nanmax(different):.{digits}f}"
    return theme.finish(
        figure,
        alt=f"Heatmap: {title} of {len(members)} masks, {span} between different ones.",
        name=f"overlap-{measure}",
        hovermode="closest",
        clickmode="event+select",
        legend={**theme.LEGEND_AT_FOOT, "itemwidth": 30},  # squares, no dashes
        least="small" if small or len(members) <= theme.MANY else "wide",
        **options,
    )


def _numbered(
    members: list[str],
    values: np.ndarray,
    title: str,
    diagonal: dict[str, float],
    families: Families,
    ends: tuple[float, float],
    *,
    small: bool,
) -> tuple[go.Figure, int]:
    """Draw a heatmap of few members, with the numbers in its cells; also returns how many digits they have."""
    names = theme.member_names(members)
    own = {i: diagonal[member] for i, member in enumerate(members) if member in diagonal}
    digits = theme.digits(values)
    # Written numbers must fit their cells; hovering shows the others.
    fits = len(members) <= (theme.TEXT_UP_TO if digits == 2 or not small else theme.TEXT_UP_TO // 2)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=names,
            y=names,
            zmin=ends[0],
            zmax=ends[1],
            colorscale=theme.SEQUENTIAL,
            colorbar=theme.colourbar(title),
            xgap=1,
            ygap=1,
            hoverinfo="skip",
            texttemplate="%{text}" if fits else None,
            text=[[theme.tick(v, digits) for v in row] for row in values],
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[names[i] for i in own],
            y=[names[i] for i in own],
            text=[theme.tick(v, digits) if fits else "" for v in own.values()],
            mode="text",
            textfont={"size": 11},
            hovertext=[f"<b>{names[i]}</b>, found twice<br>{v:.4f}" for i, v in own.items()],
            hovertemplate="%{hovertext}<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_trace(_clickable(members, names, values))
    coloured = [f"{name} {families.square(member)}" for member, name in zip(members, names, strict=True)]
    edge = len(members) - 0.5
    figure.update_xaxes(tickangle=-45, showgrid=False, type="category", range=[-0.5, edge])
    figure.update_yaxes(showgrid=False, type="category", range=[edge, -0.5], tickvals=names, ticktext=coloured, dtick=1)
    legend(figure, members, families)
    return figure, digits


def _clickable(members: list[str], names: list[str], values: np.ndarray) -> go.Scatter:
    """Return invisible markers over the cells (m, m) that are not NaN, which take clicks and carry the hover text."""
    cells = [(i, j) for i in range(len(members)) for j in range(len(members)) if not np.isnan(values[i, j])]
    return go.Scatter(
        x=[names[j] for _, j in cells],
        y=[names[i] for i, _ in cells],
        customdata=[[members[i], members[j]] for i, j in cells],
        text=[
            f"<b>{names[i]} and {names[j]}</b><br>{values[i, j]:.4f}<br><i>click to see the pair</i>" for i, j in cells
        ],
        mode="markers",
        marker={"symbol": "square", "size": max(12, min(44, 480 // max(1, len(members)))), "opacity": 0},
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
        unselected={"marker": {"opacity": 0}},
        selected={"marker": {"opacity": 0}},
    )
