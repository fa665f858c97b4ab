"""How one pinned view differs from another, the same-language bound as a band, and in it what is usual."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.compare import Difference
from neutral.compare.differences import SURE
from neutral.figures import theme
from neutral.figures.compare.cells import CELLS, cells, square_of
from neutral.figures.compare.units import BY, places_along
from neutral.figures.compare.views import ROWS, along, in_rows, legend, pale, rowed
from neutral.labels import sort_key

_BOUND = "Within the bound"
_USUAL = f"{SURE:g} × what finding the masks again makes"


def gap(apart: Difference, title: str, measured: str) -> go.Figure:
    """Draw a difference, the bound as a band; `title` says what minus what, `measured` what is measured."""
    table, axis = apart.table, f"Difference: {measured}"
    reach = max(float(table["difference"].abs().max()), float(table["bound"].max()), 0.005)
    if not np.isfinite(reach):
        reach = float(table["difference"].abs().max())
    if apart.by in CELLS:
        drawn = cells(square_of(table, apart.by, "difference"), apart.by, axis, (-reach, reach), theme.DIVERGING)
        drawn.layout.meta["least"] = "small" if apart.by == "pair" else ""  # it has the width of the page
    elif apart.by in ROWS:
        drawn = _gap_dots(table, apart.by, axis)
    else:
        drawn = _gap_lines(apart, axis)
    beyond = int((table["difference"].abs() > table["bound"]).sum())
    alt = f"{title}, {measured} by {BY[apart.by]}: {beyond} of {len(table)} places differ by more than the bound."
    return drawn.update_layout(meta={**drawn.layout.meta, "alt": alt, "name": f"difference-{apart.by}"})


def _gap_dots(table: pd.DataFrame, by: str, axis: str) -> go.Figure:
    rows, names = in_rows(table, by)
    hue = theme.LEVELS["halves"][1]
    figure = go.Figure()
    for reach, name, thick in ((rows["bound"], _BOUND, 9), (SURE * rows["usual"], _USUAL, 15)):
        if reach.notna().any():
            error = {"type": "data", "array": reach, "thickness": thick, "width": 0, "color": pale(hue)}
            mark = {"size": 9, "symbol": "square", "color": pale(hue)}
            zero = [0.0] * len(rows)
            figure.add_trace(go.Scatter(x=zero, y=names, mode="markers", marker=mark, error_x=error, name=name))
    figure.add_trace(_differences(rows["difference"], names, rows["bound"], across=True))
    figure.add_vline(x=0, line={"color": theme.NEUTRAL, "width": 1})
    figure.update_xaxes(title=axis)
    return rowed(figure, len(rows))


def _gap_lines(apart: Difference, axis: str) -> go.Figure:
    table, by = apart.table, apart.by
    if by == "size" or apart.aligned == "depth":
        x = list(table["place"])
    else:
        table = table.sort_values("place", key=lambda places: places.map(sort_key), kind="stable")
        x = places_along(list(table["place"]), by)
    figure, hue = go.Figure(), theme.LEVELS["halves"][1]
    for reach, name, share in ((table["bound"], _BOUND, 0.18), (SURE * table["usual"], _USUAL, 0.4)):
        if reach.notna().any():
            theme.band(figure, x, pd.DataFrame({"low": -reach, "high": reach}), hue, share)
            figure.data[-1].update(name=name, showlegend=True)
    figure.add_trace(_differences(table["difference"], x, table["bound"], line=by != "component"))
    figure.add_shape(theme.level_line(0.0))
    figure.update_yaxes(title=axis)
    along(figure, by, x)
    if apart.aligned == "depth":
        figure.update_xaxes(title="Relative depth (0% is next to the input)")
    return theme.finish(figure, alt="", name="", height=360, hovermode="x unified", legend=legend(by), showlegend=True)


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
