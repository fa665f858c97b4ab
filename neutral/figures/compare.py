"""Pinned views side by side, on shared axes and one colour scale, and how each differs from the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.compare import AND, FACTOR, Difference, View, difference, labels
from neutral.figures import scales, theme
from neutral.figures.families import Families
from neutral.figures.heatmap import heatmap
from neutral.labels import COMPONENTS, parsed, sort_key
from neutral.members import display, order

_TIMES = "Perplexity ÷ full table's"
_NATS = "Nats a token"
_FAR = 2.0  # chance is off the axis if it is further from the rest than so many times their spread
_AGAIN = {"seeds": "Same language, other seed", "halves": "Same language, other half"}
_CELLS = ("layer-component", "pair")
_SIZE = "Times smaller"


class Sheet(NamedTuple):
    """A view, or a difference of two, as a page or a report shows it."""

    title: str
    figure: go.Figure
    caption: str
    """Every setting that the numbers hang on."""
    table: pd.DataFrame
    apart: Difference | None = None
    """The difference that is shown; None for a view."""


def sheets(views: Sequence[View], by: str) -> list[Sheet]:
    """Return a sheet a view, by one of `views.PLACES`, and one for each view's difference from the first.

    Raises `NeutralError` for views without values by that, and for those that share nothing.
    """
    ends, names = span(views, by), labels(views)
    found = [
        Sheet(name, beside(view, by, ends), view.settings, view.tables[by])
        for name, view in zip(names, views, strict=True)
    ]
    for name, other in zip(names[1:], views[1:], strict=True):
        apart = difference(views[0], other, by)
        title = f"{name} less {names[0]}"
        measured = _NATS if other.measure == FACTOR else unit(other)
        caption = f"{other.settings}, less {views[0].settings}"
        found.append(Sheet(title, gap(apart, title, measured), caption, apart.table, apart))
    return found


def unit(view: View) -> str:
    """Return what a view's values are, for an axis."""
    return _TIMES if view.measure == FACTOR else theme.UNITS[view.measure][0]


def span(views: Sequence[View], by: str) -> tuple[float, float]:
    """Return the ends of the axis, or of the colour scale, that views share."""
    values = np.concatenate([view.tables[by]["value"].to_numpy(dtype=float) for view in views])
    if by in _CELLS:
        again = np.concatenate([view.tables[by]["again"].to_numpy(dtype=float) for view in views])
        found = float(again[np.isfinite(again)].mean()) if np.isfinite(again).any() else None
        return scales.span(values, again=found)
    own = np.concatenate([view.tables[by]["again"].to_numpy(dtype=float) for view in views])
    chance = np.concatenate([view.tables[by]["chance"].to_numpy(dtype=float) for view in views])
    low, high = scales.span(np.concatenate([values, own]), equal=False)
    if views[0].measure == FACTOR:
        return low * (low / high) ** 0.06, high * (high / low) ** 0.06
    near = chance[np.isfinite(chance)]
    if near.size and low - near.max() < _FAR * (high - low):
        low = min(low, float(near.min()))
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def beside(view: View, by: str, ends: tuple[float, float]) -> go.Figure:
    """Draw one view by one of `views.PLACES`, on an axis or a colour scale with these ends."""
    table = view.tables[by]
    if by in _CELLS:
        drawn = _cells(_square(table, by, "value"), by, unit(view), ends, theme.SEQUENTIAL)
    elif by == "language":
        drawn = _dots(view, table, ends)
    else:
        drawn = _lines(view, table, by, ends)
    low, high = table["value"].min(), table["value"].max()
    return drawn.update_layout(
        meta={
            **drawn.layout.meta,
            "alt": f"{unit(view)} of {view.name} by {by}, {low:.3f} to {high:.3f}: {view.settings}",
            "name": f"pinned-{view.pin.kind}-{by}",
        }
    )


def gap(apart: Difference, title: str, measured: str) -> go.Figure:
    """Draw a difference, the bound as a band; `title` says what less what, `measured` what is measured."""
    table, axis = apart.table, f"Difference: {measured}"
    reach = max(float(table["difference"].abs().max()), float(table["bound"].max()), 0.005)
    if not np.isfinite(reach):
        reach = float(table["difference"].abs().max())
    if apart.by in _CELLS:
        drawn = _cells(_square(table, apart.by, "difference"), apart.by, axis, (-reach, reach), theme.DIVERGING)
        drawn.layout.meta["least"] = "small" if apart.by == "pair" else ""  # it has the width of the page
    elif apart.by == "language":
        drawn = _gap_dots(table, axis)
    else:
        drawn = _gap_lines(apart, axis)
    beyond = int((table["difference"].abs() > table["bound"]).sum())
    alt = f"{title}, {measured} by {apart.by}: {beyond} of {len(table)} places differ by more than the bound."
    return drawn.update_layout(meta={**drawn.layout.meta, "alt": alt, "name": f"difference-{apart.by}"})


def _lines(view: View, table: pd.DataFrame, by: str, ends: tuple[float, float]) -> go.Figure:
    """Draw a view over layers, components or sizes."""
    if by == "size":
        x = list(table["place"])
    else:
        table = table.sort_values("place", key=lambda places: places.map(sort_key), kind="stable")
        x = _names(list(table["place"]), by)
    figure = go.Figure()
    mode = "markers" if by == "component" else "lines+markers"
    for column, name, colour, dash in _columns(view):
        if column != "value" and (table[column].isna().all() or table[column].max() < ends[0]):
            continue
        figure.add_trace(
            go.Scatter(
                x=x,
                y=table[column],
                name=name,
                mode=mode,
                line={"color": colour, "dash": dash, "width": 2.6 if column == "value" else 1.8},
                marker={"size": 8 if column == "value" else 4 if mode != "markers" else 9, "color": colour},
                hovertemplate="%{y:.3f}",
            )
        )
    figure.update_yaxes(title=unit(view), **_axis(view, ends))
    _along(figure, by, x)
    return theme.finish(figure, alt="", name="", height=340, hovermode="x unified", legend=_legend(by), showlegend=True)


def _axis(view: View, ends: tuple[float, float]) -> dict:
    """Return an axis of a view's values: logarithmic for perplexities."""
    if view.measure == FACTOR:
        return {**theme.log_axis(*ends), "range": [float(np.log10(end)) for end in ends]}
    return {"range": list(ends)}


def _columns(view: View) -> list[tuple[str, str, str, str]]:
    between, chance = theme.LEVELS["between"], theme.LEVELS["chance"]
    own = theme.LEVELS[view.again or "halves"]
    return [
        ("value", theme.plain(view.name), between[1], "solid"),
        ("again", _AGAIN.get(view.again, ""), own[1], own[2]),
        ("chance", chance[0], chance[1], chance[2]),
    ]


def _legend(by: str) -> dict:
    """Return where the legend stands: above components, whose names hang below."""
    return {"orientation": "h", "yanchor": "bottom", "y": 1.02} if by == "component" else theme.LEGEND_BELOW


def _along(figure: go.Figure, by: str, x: list) -> None:
    """Say what lies along the axis."""
    if by == "size":
        figure.update_xaxes(title=_SIZE, **theme.log_axis(float(min(x)), float(max(x))))
        return
    title = theme.LAYER_AXIS if by == "layer" else by.capitalize()
    figure.update_xaxes(title=title, type="category", showgrid=False, range=[-0.5, len(x) - 0.5])
    if by == "component":
        figure.update_xaxes(tickangle=-30)


def _dots(view: View, table: pd.DataFrame, ends: tuple[float, float]) -> go.Figure:
    """Draw a view's languages, a row each."""
    rows = table.set_index("place").loc[order(list(table["place"]))]
    names = theme.member_names(list(rows.index))
    figure = go.Figure()
    for column, name, colour, _ in _columns(view)[:2]:
        if rows[column].isna().all():
            continue
        mark = {"size": 10, "color": colour} if column == "value" else _tick(colour)
        hover = "%{x:.3f}"
        figure.add_trace(
            go.Scatter(x=rows[column], y=names, name=name, mode="markers", marker=mark, hovertemplate=hover)
        )
    figure.update_xaxes(title=unit(view), **_axis(view, ends))
    return _rowed(figure, len(rows))


def _gap_dots(table: pd.DataFrame, axis: str) -> go.Figure:
    rows = table.set_index("place").loc[order(list(table["place"]))]
    names = theme.member_names(list(rows.index))
    hue = theme.LEVELS["halves"][1]
    figure = go.Figure()
    if rows["bound"].notna().any():
        error = {"type": "data", "array": rows["bound"], "thickness": 9, "width": 0, "color": _pale(hue)}
        mark = {"size": 9, "symbol": "square", "color": _pale(hue)}
        zero = [0.0] * len(rows)
        figure.add_trace(go.Scatter(x=zero, y=names, mode="markers", marker=mark, error_x=error, name=_BOUND))
    figure.add_trace(_differences(rows["difference"], names, rows["bound"], across=True))
    figure.add_vline(x=0, line={"color": theme.NEUTRAL, "width": 1})
    figure.update_xaxes(title=axis)
    return _rowed(figure, len(rows))


_BOUND = "Within the bound"


def _gap_lines(apart: Difference, axis: str) -> go.Figure:
    table, by = apart.table, apart.by
    if by == "size" or apart.aligned == "depth":
        x = list(table["place"])
    else:
        table = table.sort_values("place", key=lambda places: places.map(sort_key), kind="stable")
        x = _names(list(table["place"]), by)
    figure, hue = go.Figure(), theme.LEVELS["halves"][1]
    if table["bound"].notna().any():
        around = pd.DataFrame({"low": -table["bound"], "high": table["bound"]})
        theme.band(figure, x, around, hue, 0.18)
        figure.data[-1].update(name=_BOUND, showlegend=True)
    figure.add_trace(_differences(table["difference"], x, table["bound"], line=by != "component"))
    figure.add_shape(theme.level_line(0.0))
    figure.update_yaxes(title=axis)
    _along(figure, by, x)
    if apart.aligned == "depth":
        figure.update_xaxes(title="Relative depth (0% is next to the input)")
    return theme.finish(figure, alt="", name="", height=360, hovermode="x unified", legend=_legend(by), showlegend=True)


def _differences(
    values: pd.Series, places: list, bound: pd.Series, *, across: bool = False, line: bool = False
) -> go.Scatter:
    """Draw differences: filled where they pass the bound, open where they do not."""
    passed = values.abs() > bound
    symbols = ["circle" if beyond or bound.isna().all() else "circle-open" for beyond in passed]
    hue = theme.LEVELS["between"][1]
    x, y = (values, places) if across else (places, values)
    return go.Scatter(
        x=x,
        y=y,
        name="Difference" if bound.isna().all() else "Difference (filled: beyond the bound)",
        mode="lines+markers" if line else "markers",
        line={"color": hue, "width": 2.2},
        marker={"size": 9, "color": hue, "symbol": symbols, "line": {"width": 2}},
        customdata=bound,
        hovertemplate=f"%{{{'x' if across else 'y'}:+.3f}}, bound %{{customdata:.3f}}",
    )


def _rowed(figure: go.Figure, rows: int) -> go.Figure:
    figure.update_yaxes(type="category", autorange="reversed", showgrid=True)
    theme.names_on_axes(figure, 1, rows)
    height = theme.matrix_height(rows, least=220, most=620, row=26, above=130)
    legend = theme.LEGEND_BELOW | {"y": -60 / max(60, height - 100)}
    several = len(figure.data) > 1
    return theme.finish(
        figure, alt="", name="", height=height, hovermode="y unified", legend=legend, showlegend=several
    )


def _cells(square: pd.DataFrame, by: str, title: str, ends: tuple[float, float], colours: object) -> go.Figure:
    """Draw cells; of many members without gaps and numbers, as the matrix of the page Overlap."""
    if by != "pair" or len(square) <= theme.MANY:
        return _heatmap(square, by, title, ends, colours)
    figure = heatmap(square, title, Families(list(square.index)), span=ends, clicks=False)
    if colours is theme.DIVERGING:
        figure.data[0].update(
            colorscale=colours, hovertemplate="<b>%{y}</b> and <b>%{x}</b><br>%{z:+.4f}<extra></extra>"
        )
    legend = theme.LEGEND_AT_FOOT
    return theme.finish(figure, alt="", name="", height=figure.layout.height, legend=legend, least="small")


def _heatmap(square: pd.DataFrame, by: str, title: str, ends: tuple[float, float], colours: object) -> go.Figure:
    """Draw cells by layer and component, or by pair."""
    form = "+.3f" if colours is theme.DIVERGING else ".3f"
    columns, rows = list(square.columns), list(square.index)
    if by == "pair":
        x = y = theme.member_names(rows)
    else:
        x = [theme.plain(column.replace("_", " ")) for column in columns]
        y = list(theme.layer_names(rows).values())
    figure = go.Figure(
        go.Heatmap(
            z=square.to_numpy(dtype=float),
            x=x,
            y=y,
            zmin=ends[0],
            zmax=ends[1],
            colorscale=colours,
            colorbar=theme.colourbar(title),
            xgap=1,
            ygap=1,
            hovertemplate=f"%{{y}}, %{{x}}<br><b>%{{z:{form}}}</b><extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(showgrid=False, type="category", tickangle=-45 if by == "pair" else -30)
    figure.update_yaxes(showgrid=False, type="category", autorange="reversed")
    theme.names_on_axes(figure, len(x), len(y))
    if by != "pair":
        figure.update_yaxes(title="Layer")
    height = theme.matrix_height(len(y), least=260, most=620, row=24, above=170)
    return theme.finish(figure, alt="", name="", height=height)


def _square(table: pd.DataFrame, by: str, column: str) -> pd.DataFrame:
    """Return a column as a square of members, or as layers × components."""
    if by == "pair":
        members = order(list(dict.fromkeys([*table["source"], *table["target"]])))
        half = table.pivot(index="source", columns="target", values=column)
        half = half.reindex(index=members, columns=members)
        return half.where(half.notna(), half.T)
    groups = [parsed(place) for place in table["place"]]
    cells = pd.DataFrame(
        {
            "layer": [group.layer for group in groups],
            "component": [group.component or "other" for group in groups],
            "value": table[column].to_numpy(dtype=float),
        }
    )
    square = cells.pivot_table(index="layer", columns="component", values="value", aggfunc="mean", dropna=False)
    across = [component for component in COMPONENTS if component in square.columns]
    return square.reindex(index=sorted(square.index, key=sort_key), columns=across)


def _names(places: list[str], by: str) -> list[str]:
    if by == "layer":
        return list(theme.layer_names(places).values())
    return [theme.plain(place.replace("_", " ")) for place in places]


def _tick(colour: str) -> dict:
    return {"symbol": "line-ns", "size": 12, "line": {"color": colour, "width": 3}}


def _pale(hue: str) -> str:
    red, green, blue = (int(hue[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"


def place_names(places: Sequence[object], by: str) -> list[str]:
    """Return places for people; the stack is said where there are several.

    >>> place_names(["decoder 3", "decoder 4"], "layer"), place_names(["encoder 0", "decoder 0"], "layer")
    (['layer 3', 'layer 4'], ['encoder 0', 'decoder 0'])
    >>> place_names(["en / fr"], "pair"), place_names(["35%"], "layer"), place_names([10.0], "size")
    (['English and French'], ['depth 35%'], ['10 times smaller'])
    """
    stacks = {str(place).split(" ")[0] for place in places if " " in str(place)}
    return [_place_name(place, by, one_stack=len(stacks) == 1) for place in places]


def _place_name(place: object, by: str, *, one_stack: bool) -> str:
    if by == "size":
        return f"{float(place):.3g} times smaller"
    text = str(place)
    if by == "language":
        return display(text)
    if by == "pair":
        return " and ".join(map(display, text.split(AND)))
    if by == "layer" and text.endswith("%"):
        return f"depth {text}"
    if by != "component" and one_stack and " " in text:
        text = f"layer {text.partition(' ')[2]}"
    return text.replace("_", " ")
