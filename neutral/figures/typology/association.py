"""Figures of what explains the overlap: overlap against a distance, and the association by distance and layer.

A relation of two languages has one colour and one marker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.labels import WHOLE, sort_key
from neutral.metrics import SIGNIFICANT

RELATIONS = {
    "same branch": ("#7a68b8", "circle"),
    "same family": ("#56b4e9", "square"),
    "same script": ("#e69f00", "diamond"),
    "unrelated": ("#8c8c8c", "x-thin-open"),
}
"""Relation of `languages.RELATIONS` -> colour, marker."""

_MARKS = {"both": ("●", "under the test to be sure of"), "plain": ("○", "under the plain test only")}
_SAID = {"_tree": "along the tree", "_globe": "over the globe", "_within": "within families", "": "all permuted"}
"""How the columns of a scheme end (`schemes.SUFFIXES`) -> what the test is called."""
_CROWD = 600  # more points than this are small, pale, and have their medians drawn
_MEDIAN = "#d55e00"
_PALE = 0.35
_TENTHS = 10
MEDIANS = "Median of the pairs by distance, and their middle half"
_PHONE = 49  # letters that have room above the points on a phone
_TAG = re.compile(r"<[^>]*>")
_FEW = 6  # a distance of at most so many values is drawn in steps, with points spread sideways


def distance_scatter(
    points: pd.DataFrame,
    measure: str,
    title: str,
    *,
    steps: Mapping[float, str] | None = None,
    said: Sequence[str] = (),
) -> go.Figure:
    """Draw a point a pair of languages: its overlap against its distance.

    Parameters
    ----------
    points : DataFrame
        Columns source, target, relation (of `RELATIONS`), value (the overlap) and distance. Pairs that lack one of the
        two are not drawn.
    measure : str
        The overlap's, one of `theme.UNITS`.
    title : str
        Names the distance.
    steps : value -> str, optional
        Names of the distance's values where they are few.

    Of many pairs the points are pale, and over them stand the medians and quartiles of the overlap by distance.
    said : sequence of str
        Lines written above the points, broken where a phone is too narrow for them.
    """
    points = points.dropna(subset=["value", "distance"])
    figure = go.Figure()
    x = _spread(points["distance"].to_numpy(dtype=float))
    overlap = theme.UNITS[measure][0]
    size = 10 if len(points) <= _CROWD else 5
    for relation, (colour, symbol) in RELATIONS.items():
        chosen = (points["relation"] == relation).to_numpy()
        rows = points[chosen]
        if rows.empty:
            continue
        names = [
            f"{theme.member_name(a)} and {theme.member_name(b)}"
            for a, b in zip(rows["source"], rows["target"], strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=x[chosen],
                y=rows["value"],
                name=f"{relation.capitalize()} ({len(rows)})",
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": size, "line": {"color": colour, "width": size / 5}},
                opacity=_PALE if len(points) > _CROWD else 1,
                customdata=[[f"{distance:.3f}"] for distance in rows["distance"]],
                text=names,
                hovertemplate=f"<b>%{{text}}</b>, {relation}<br>{overlap} <b>%{{y:.4f}}</b><br>"
                f"{theme.plain(title.lower())} %{{customdata[0]}}<extra></extra>",
                cliponaxis=False,
            )
        )
    if len(points) > _CROWD:
        figure.add_trace(_medians(points))
    figure.update_xaxes(title=theme.plain(title), showgrid=False)
    if steps:
        shown = [value for value in steps if (points["distance"] == value).any()]
        figure.update_xaxes(tickvals=shown, ticktext=[steps[value] for value in shown])
    figure.update_yaxes(title=overlap)
    lines = [part for line in said for part in _broken(line)]
    if lines:
        figure.add_annotation(
            text="<br>".join(lines),
            xref="paper",
            yref="paper",
            x=0,
            y=1,
            xanchor="left",
            yanchor="bottom",
            align="left",
            showarrow=False,
            font={"size": 13},
        )
    theme.finish(
        figure,
        alt=f"Scatter: {overlap} against {title.lower()} of {len(points)} pairs of languages. {' '.join(said)}",
        name="overlap-against-distance",
        height=350 + 20 * max(len(lines), 4),
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )
    return figure.update_layout(margin_t=14 + 20 * len(lines))


def medians(points: pd.DataFrame) -> pd.DataFrame:
    """Return the overlap's median and quartiles by distance: columns distance, low, value, high, pairs.

    A row a value of the distance where these are few, else a row a tenth of the pairs, at the median of its distances.
    """
    far = points["distance"].astype(float)
    few = far.nunique() <= _FEW
    groups = far if few else pd.qcut(far, _TENTHS, labels=False, duplicates="drop")
    grouped = points.assign(distance=far).groupby(groups.to_numpy())
    value = grouped["value"]
    return pd.DataFrame(
        {
            "distance": grouped["distance"].median(),
            "low": value.quantile(0.25),
            "value": value.median(),
            "high": value.quantile(0.75),
            "pairs": value.size(),
        }
    ).reset_index(drop=True)


def _medians(points: pd.DataFrame) -> go.Scatter:
    """Return the line of the `medians` of many points, each with its quartiles."""
    table = medians(points)
    return go.Scatter(
        x=table["distance"],
        y=table["value"],
        error_y={"array": table["high"] - table["value"], "arrayminus": table["value"] - table["low"], "width": 4},
        mode="lines+markers",
        name=MEDIANS,
        marker={"size": 8, "color": _MEDIAN},
        line={"width": 2.5, "color": _MEDIAN},
        customdata=table["pairs"],
        hovertemplate="median <b>%{y:.4f}</b> of %{customdata:,} pairs<extra></extra>",
    )


def _broken(line: str) -> list[str]:
    """Return a line as lines of at most `_PHONE` letters that are seen, broken between words."""
    lines = [""]
    for word in re.split(r"(?<!=) (?!=)", line):  # an equation stays whole
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and len(_TAG.sub("", longer)) > _PHONE:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def association_heatmap(
    table: pd.DataFrame, names: Mapping[str, str], *, chosen: tuple[str, str] | None = None, sure: str = "_within"
) -> go.Figure:
    """Draw ρ by distance (down) and layer (across), the whole network first; every cell can be selected.

    A full dot marks a cell where Holm's correction leaves p < 0.05 under the test to be `sure` of, an open one where it
    does so under the plain test only. A selected point's `customdata` is [distance, group].

    Parameters
    ----------
    table : DataFrame
        Columns group, distance, rho, p, holm, and those of other schemes, as `schemes.beside` names them (NaN where not
        tested).
    names : distance -> str
        What each distance is called, in the order to draw.
    chosen : (str, str), optional
        Distance and group of the cell that is framed.
    sure : str
        How that test's columns end; "" for the plain one.
    """
    groups = sorted(dict.fromkeys(table["group"]), key=lambda group: (group != WHOLE, sort_key(group)))
    kinds = [kind for kind in names if kind in set(table["distance"])]
    short = {**theme.layer_names([group for group in groups if group != WHOLE]), WHOLE: WHOLE}
    x, y = [short[group] for group in groups], [theme.plain(names[kind]) for kind in kinds]
    cells = table.set_index(["distance", "group"])
    rho = cells["rho"].unstack().reindex(kinds, columns=groups).to_numpy(dtype=float)
    limit = max(0.5, float(np.ceil(10 * np.nanmax(np.abs(rho))) / 10)) if np.isfinite(rho).any() else 1.0
    figure = go.Figure(
        go.Heatmap(
            z=rho,
            x=x,
            y=y,
            zmin=-limit,
            zmax=limit,
            colorscale=theme.DIVERGING,
            colorbar=theme.colourbar(
                "ρ (blue: the nearer, the more alike)", tickvals=[-limit, -limit / 2, 0, limit / 2, limit]
            ),
            xgap=1,
            ygap=1,
            hoverinfo="skip",
        )
    )
    places = {(kind, group): (short[group], theme.plain(names[kind])) for kind in kinds for group in groups}
    for mark, (sign, meaning) in _MARKS.items():
        marked = [place for place in places if mark_of(_cell(cells, *place), sure) == mark]
        figure.add_trace(
            go.Scatter(
                x=[places[place][0] for place in marked],
                y=[places[place][1] for place in marked],
                mode="text",
                text=sign,
                name=f"{sign} {meaning}",
                textfont={"size": 15, "color": [_ink(_cell(cells, *place), limit) for place in marked]},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    figure.add_trace(_clickable(cells, places, names))
    if chosen and chosen[0] in kinds and chosen[1] in groups:
        column, row = groups.index(chosen[1]), kinds.index(chosen[0])
        frame = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
        figure.add_shape(type="rect", **frame, line={"color": "#e69f00", "width": 3})
    figure.update_xaxes(
        title=f"Layer (“{WHOLE}”: whole network)",
        type="category",
        showgrid=False,
        range=[-0.5, len(groups) - 0.5],
        dtick=1,
    )
    figure.update_yaxes(type="category", showgrid=False, range=[len(kinds) - 0.5, -0.5], dtick=1)
    holding = sum(mark_of(row, sure) == "both" for row in table.to_dict("records"))
    return theme.finish(
        figure,
        alt=f"Heatmap: rank correlation of overlap with {len(kinds)} distances, in the whole network and in "
        f"{len(groups) - (WHOLE in groups)} layers; {holding} of {len(places)} hold {_SAID[sure]} after Holm's "
        "correction.",
        name="association-by-layer",
        height=170 + 30 * len(kinds),
        least=theme.least_for(len(groups)),
        hovermode="closest",
        clickmode="event+select",
    )


def _clickable(
    cells: pd.DataFrame, places: Mapping[tuple[str, str], tuple[str, str]], names: Mapping[str, str]
) -> go.Scatter:
    """Return invisible markers at the `places` of all cells, which take clicks and carry the hover text."""
    groups = {group for _, group in places}
    return go.Scatter(
        x=[x for x, _ in places.values()],
        y=[y for _, y in places.values()],
        customdata=[[kind, group] for kind, group in places],
        text=[
            _hover(_cell(cells, kind, group), theme.plain(names[kind]), theme.plain(group)) for kind, group in places
        ],
        mode="markers",
        marker={"symbol": "square", "size": max(12, min(34, 480 // max(1, len(groups)))), "opacity": 0},
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
        unselected={"marker": {"opacity": 0}},
        selected={"marker": {"opacity": 0}},
    )


def mark_of(row: Mapping, sure: str) -> str:
    """Return the mark of a row of the heatmap's table: "both", "plain", or "" for none."""
    if sure and row.get(f"holm{sure}", np.nan) < SIGNIFICANT:
        return "both"
    return "plain" if row.get("holm", np.nan) < SIGNIFICANT else ""


def _ink(row: Mapping, limit: float) -> str:
    """Return a colour that is visible on a cell: the ends of the scale are dark."""
    return "#ffffff" if abs(row["rho"]) > 0.7 * limit else "#1b1b1b"


def _cell(cells: pd.DataFrame, kind: str, group: str) -> dict:
    return cells.loc[(kind, group)].to_dict() if (kind, group) in cells.index else {}


def _hover(row: dict, name: str, group: str) -> str:
    where = "whole network" if group == WHOLE else group
    if not row or row["rho"] != row["rho"]:
        return f"<b>{name}</b>, {where}<br>no correlation: one side does not vary"
    tests = [
        f"{said}: p = {theme.number(row[f'p{ending}'])}, Holm {theme.number(row.get(f'holm{ending}', np.nan))}"
        for ending, said in _SAID.items()
        if f"p{ending}" in row
    ]
    return "<br>".join(
        [f"<b>{name}</b>, {where}", f"ρ = <b>{theme.signed(row['rho'])}</b>", *tests, "<i>click to see its pairs</i>"]
    )


def _spread(values: np.ndarray) -> np.ndarray:
    """Spread the points of a distance of few values a little sideways, the same every time."""
    steps = np.unique(values)
    if not 1 <= len(steps) <= _FEW:
        return values
    gap = float(np.diff(steps).min()) if len(steps) > 1 else 1.0
    shift = np.zeros(len(values))
    for step in steps:
        places = np.flatnonzero(values == step)
        shift[places] = (np.arange(len(places)) * 0.618034) % 1 - 0.5 if len(places) > 1 else 0
    return values + 0.36 * gap * shift
