"""What a mask costs a language, as a square: masks down, languages across, in per cent of the score under its own mask.

Above 0, and red, is worse than the own mask, whatever the metric. The scale ends at the largest cost between languages.
A row most of whose cells go beyond it, a random mask's say, is grey, and its name says so; a single cell beyond it has
the colour of the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from neutral.figures import theme

OFF = " (off the scale)"
TITLE = "Cost in % of the own mask's score (red: worse)"
_GREY = "rgba(128,128,128,0.35)"
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def written(cost: float) -> str:
    """Write a cost as text: "+4.2%" or "−12%"; "" for NaN.

    >>> written(0.042), written(-0.123), written(23.4), written(0.0)
    ('+4.2%', '−12%', '+2,340%', '0%')
    """
    if np.isnan(cost):
        return ""
    if np.isinf(cost):
        return "+∞" if cost > 0 else "−∞"
    if abs(cost) >= 1000:
        text = f"{100 * cost:+.0e}%".replace("e+0", "e").replace("e+", "e")
    else:
        text = f"{cost:+,.1%}" if abs(cost) < 0.0995 else f"{cost:+,.0%}"
    return "0%" if text in ("+0.0%", "-0.0%") else text.replace("-", "−")


def square(
    costs: np.ndarray,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    languages: int,
    hover: Sequence[Sequence[str]],
    texts: Sequence[Sequence[str]] | None = None,
    marks: Mapping[tuple[int, int], str] | None = None,
    title: str = TITLE,
    least: float = 0.03,
    ticks: Callable[[float], str] = written,
) -> go.Figure:
    """Draw costs (s, t), shares of the own mask's score, of which the first `languages` rows set the scale.

    Parameters
    ----------
    costs : array (s, t)
        NaN where a cell is empty.
    sources, targets : sequences of str
        The names of rows and columns, as a figure may have them.
    languages : int
        So many rows are of single languages' masks; they come first.
    hover : (s, t) of str
        What a cell says.
    texts : (s, t) of str, optional
        What is written in the cells; the costs by default.
    marks : (row, column) -> str, optional
        A sign behind what is written.
    title : str
        Of the colour bar.
    least : float
        The scale's end is no smaller a cost: below it there is little to tell apart.
    ticks : float -> str
        Writes its ticks.
    """
    shades = np.sign(costs) * np.log2(1 + np.abs(costs))
    sizes = np.nan_to_num(np.abs(shades), nan=0.0, posinf=np.inf)
    among = sizes[:languages][np.isfinite(sizes[:languages])]
    limit = max(float(np.log2(1 + least)), float(among.max()) if among.size else 0.0)
    known = np.where(np.isnan(costs), np.nan, sizes)
    off = np.array([np.nanmedian(row) > limit * (1 + 1e-9) if not np.isnan(row).all() else False for row in known])
    names = [f"{name}{OFF}" if is_off else name for name, is_off in zip(sources, off, strict=True)]
    texts = texts or [[written(cost) for cost in row] for row in costs]
    texts = [[f"{text}{(marks or {}).get((i, j), '')}" for j, text in enumerate(row)] for i, row in enumerate(texts)]
    common = {
        "x": list(targets),
        "y": names,
        "xgap": 1,
        "ygap": 1,
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
        "hoverongaps": False,
        "texttemplate": "%{text}" if len(targets) <= theme.TEXT_UP_TO else None,
    }
    scale = {"colorscale": theme.DIVERGING, "zmin": -limit, "zmax": limit, "colorbar": _bar(limit, title, ticks)}
    inside = [[""] * len(row) if is_off else row for row, is_off in zip(texts, off, strict=True)]
    figure = go.Figure(go.Heatmap(z=np.where(off[:, None], np.nan, shades), text=inside, **common, **scale))
    if off.any():
        grey = {"colorscale": [[0, _GREY], [1, _GREY]], "zmin": 0, "zmax": 1, "showscale": False}
        beyond = np.where(off[:, None] & ~np.isnan(costs), 0.5, np.nan)
        rest = [row if is_off else [""] * len(row) for row, is_off in zip(texts, off, strict=True)]
        figure.add_trace(go.Heatmap(z=beyond, text=rest, **common, **grey))
    figure.update_xaxes(tickangle=-45, showgrid=False, type="category")
    figure.update_yaxes(title="Mask of", autorange="reversed", showgrid=False, type="category")
    theme.names_on_axes(figure, len(targets), len(names))
    return figure


def _bar(limit: float, title: str, ticks: Callable[[float], str]) -> dict:
    """Return a colour bar whose ticks are round costs on both sides of 0."""
    inside = [tick for tick in _TICKS if np.log2(1 + tick) <= limit]
    ends = [tick for tick in (inside[-1], inside[-3] if len(inside) > 2 else None) if tick]
    costs = [*(-tick for tick in ends), 0.0, *reversed(ends)]
    places = [float(np.sign(cost) * np.log2(1 + abs(cost))) for cost in costs]
    return theme.colourbar(title, tickvals=places, ticktext=[ticks(cost).replace(".0%", "%") for cost in costs])
