"""Figures of compressed token tables: perplexity and errors against the ratio, and against each other.

A method has one colour and one marker everywhere; dashes and the filling of the marker tell its lines (weights,
variants, trimmed vocabulary) apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme

RATIO_AXIS = {"parameters": "Times smaller, by parameters", "bytes": "Times smaller, by bytes"}
FACTOR_AXIS = "Perplexity ÷ full model's"
ERROR_AXES = {
    "cosine": "Mean cosine distance",
    "rmse": "RMSE",
    "mae": "MAE",
    "power": "Mean |error|^0.6",
}
MOST = 1e4  # larger factors are drawn at this one: a ruined model is ruined
_TICKS = (
    (1, 2, 5, 10, 20, 50),
    (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50),
    (*(i / 10 for i in range(10, 20)), *(i / 2 for i in range(4, 10)), *range(5, 51)),
)
"""Ratios that an axis may name, from few to many: a narrow axis needs closer ones."""
_FACTORS = (1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 100, 1000, 10000)
UNWEIGHTED = ("int8", "int4", "trim")

MARKED = "#c2185b"  # the ring around an answer, on light and on dark ground


class Mark(NamedTuple):
    """A point on a curve that is the answer: its ratio, its factor, and what is written beside it."""

    ratio: float
    factor: float
    text: str


def perplexity_by_ratio(
    means: pd.DataFrame,
    by: str,
    *,
    limit: float = 1.1,
    who: str = "mean of languages",
    top: float = 0.0,
    mark: Mark | None = None,
) -> go.Figure:
    """Draw a line a method: perplexity over the full model's against the ratio, both on logarithmic axes.

    Parameters
    ----------
    means : DataFrame
        Columns line, method, size, factor and, for means over languages, low and high: the languages that suffer least
        and most, drawn as a band where there are at most three lines.
    by : "parameters" or "bytes"
        What size and axis count.
    limit : float
        A factor; a dotted line marks it, and another one the full model.
    who : str
        Names the languages in the alternative text.
    top : float
        Where the axis ends; 0: with the data. A line that is above it everywhere is not drawn (`off_axis`).
    mark : Mark, optional
        A point to ring.
    """
    figure = go.Figure(layout={"shapes": [theme.level_line(1.0), theme.level_line(limit)]})
    means = means[~means["line"].isin(off_axis(means, top))]
    lines, names = theme.compression_lines(means), line_names(means)
    for line, style in lines.items():
        rows = means[means["line"] == line]
        if "high" in rows and len(lines) <= 3 and len(rows) > 1:
            theme.band(figure, rows["size"], rows.assign(high=rows["high"].clip(upper=MOST)), style["line"]["color"])
        figure.add_trace(curve(rows, names[line], style))
    if mark:
        _ring(figure, mark)
    figure.update_yaxes(title=FACTOR_AXIS, **factor_axis(means["factor"], top))
    ratio_axis(figure, means["size"], by)
    return theme.finish(
        figure,
        alt=f"Lines: perplexity over the full model's against the ratio by {by}, {who}; {_listed(lines)}."
        + (f" Ringed: {mark.text}." if mark else ""),
        name=f"perplexity-by-ratio-{by}",
        height=400 + 15 * len(lines),
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )


def off_axis(means: pd.DataFrame, top: float) -> list[str]:
    """Return the lines of which an axis that ends at `top` shows no point; none where it does not end (0)."""
    least = means.groupby("line", sort=False)["factor"].min()
    return list(least.index[least > top]) if top > 0 and (least <= top).any() else []


def line_names(table: pd.DataFrame) -> dict[str, str]:
    """Return line -> its name in a legend: where tokens counted in several ways, also of those that count all alike.

    Rounding and trimming know no weights.
    """
    rows = table.drop_duplicates("line")
    several = "weights" in rows and rows["weights"].nunique() > 1
    uniform = rows[(rows["weights"] == "uniform") & ~rows["method"].isin(UNWEIGHTED)] if several else rows[:0]
    alike = set(uniform["line"])
    return {line: theme.plain(f"{line}, uniform" if line in alike else line) for line in rows["line"]}


def _ring(figure: go.Figure, mark: Mark) -> None:
    """Ring a point and write beside it what it is."""
    ring = {"symbol": "circle-open", "size": 17, "color": MARKED, "line": {"width": 3}}
    figure.add_trace(
        go.Scatter(
            x=[mark.ratio],
            y=[min(mark.factor, MOST)],
            mode="markers",
            marker=ring,
            showlegend=False,
            hovertemplate=f"<b>{theme.plain(mark.text)}</b><extra></extra>",
            name=theme.plain(mark.text),
        )
    )
    place = {"x": float(np.log10(mark.ratio)), "y": float(np.log10(min(mark.factor, MOST)))}
    figure.add_annotation(
        **place,
        text=f"<b>{theme.plain(mark.text)}</b>",
        xanchor="right",
        ax=-18,
        ay=-34,
        arrowcolor=MARKED,
        arrowwidth=1.5,
        font={"size": 13},
    )


def error_by_ratio(tables: pd.DataFrame, error: str, by: str) -> go.Figure:
    """Draw a line a method: an error against the ratio, log axis. `tables` has line, method, size and that error."""
    figure, title = go.Figure(), ERROR_AXES[error]
    lines, names = theme.compression_lines(tables), line_names(tables)
    for line, style in lines.items():
        rows = tables[tables["line"] == line]
        figure.add_trace(
            go.Scatter(
                x=rows["size"],
                y=rows[error],
                name=names[line],
                mode="lines+markers" if len(rows) > 1 else "markers",
                hovertemplate=f"{names[line]} at %{{x:.2f}}: <b>%{{y:.4f}}</b><extra></extra>",
                cliponaxis=False,
                **(style if len(rows) > 1 else _alone(style)),
            )
        )
    figure.update_yaxes(title=title, rangemode="tozero")
    ratio_axis(figure, tables["size"], by)
    return theme.finish(
        figure,
        alt=f"Lines: {title} against the ratio by {by}; {_listed(lines)}.",
        name=f"{error}-by-ratio-{by}",
        height=380,
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )


def error_against_perplexity(points: pd.DataFrame, error: str, *, factor: str = "factor") -> go.Figure:
    """Draw a dot a table: its perplexity (column `factor`, over the full model's, log axis) against an error."""
    figure, title = go.Figure(), ERROR_AXES[error]
    methods = list(dict.fromkeys(points["method"]))
    for method in methods:
        rows = points[points["method"] == method]
        colour, symbol = theme.compression_method(method)
        names = [f"{theme.plain(row.line)} at {row.ratio:g} by {row.by}" for row in rows.itertuples()]
        figure.add_trace(
            go.Scatter(
                x=rows[error],
                y=rows[factor].clip(upper=MOST),
                name=theme.plain(method),
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 9, "opacity": 0.85},
                text=names,
                customdata=[f"{value:,.2f}" for value in rows[factor]],
                hovertemplate=f"%{{text}}<br>{title} %{{x:.4f}}<br>perplexity <b>%{{customdata}}</b> times"
                "<extra></extra>",
            )
        )
    figure.update_xaxes(title=title, rangemode="tozero")
    figure.update_yaxes(title=FACTOR_AXIS, **factor_axis(points[factor]))
    return theme.finish(
        figure,
        alt=f"Scatter: perplexity over the full model's against {title} of {len(points)} compressed tables.",
        name=f"perplexity-against-{error}",
        height=400,
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )


def curve(rows: pd.DataFrame, name: str, style: dict, **options: object) -> go.Scatter:
    """Return the line of factors against sizes; a single point is a larger marker."""
    return go.Scatter(
        x=rows["size"],
        y=rows["factor"].clip(upper=MOST),
        name=name,
        mode="lines+markers" if len(rows) > 1 else "markers",
        customdata=[f"{value:,.3f}" if value < 10 else f"{value:,.0f}" for value in rows["factor"]],
        hovertemplate=f"{name} at %{{x:.2f}}: <b>%{{customdata}}</b> times<extra></extra>",
        **(style if len(rows) > 1 else _alone(style)),
        **options,
    )


def ratio_ticks(sizes: pd.Series, most: int = 12) -> dict:
    """Return the ticks of a logarithmic axis of ratios, at `most` so many, and its range if the data lie at one place.

    Then two neighbours are named with it: an axis with one tick says nothing of its scale.
    """
    low, high = (float(sizes.min()), float(sizes.max())) if len(sizes) else (1.0, 10.0)
    alone = high < 1.1 * low
    if alone:
        low, high = low / 1.5, high * 1.5
    for named in _TICKS:
        ticks = [tick for tick in named if low / 1.1 <= tick <= high * 1.1]
        if len(ticks) >= 4:
            break
    ticks = ticks[:: -(-len(ticks) // most)]
    ends = {"range": [float(np.log10(low / 1.1)), float(np.log10(high * 1.1))]} if alone else {}
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks], **ends}


def ratio_axis(figure: go.Figure, sizes: pd.Series, by: str) -> None:
    """Give a figure its logarithmic axis of ratios."""
    figure.update_xaxes(title=RATIO_AXIS[by], type="log", showgrid=False, **ratio_ticks(sizes))


def factor_axis(factors: pd.Series, top: float = 0.0) -> dict:
    """Return the logarithmic axis of perplexity ratios; it ends at `top` where the data go further."""
    low, high = (float(factors.min()), min(MOST, float(factors.max()))) if len(factors) else (1.0, 2.0)
    cut = 0 < top < high
    high = top if cut else high
    ticks = [tick for tick in _FACTORS if tick <= high * 1.2]
    if high > 20:  # small steps would overlap
        ticks = [tick for tick in ticks if tick not in (1.1, 1.2, 1.5)]
    margin = 0.03 * np.log10(high / min(low, 1.0))
    range_ = [np.log10(min(low, 1.0)) - margin, np.log10(high) + margin] if cut else None
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{t:,g}" for t in ticks], "range": range_}


def _alone(style: dict) -> dict:
    """Return the style of a line of a single point: a larger marker."""
    return {**style, "marker": {**style["marker"], "size": 12}}


def _listed(lines: dict[str, dict]) -> str:
    return ", ".join(lines) or "no line"
