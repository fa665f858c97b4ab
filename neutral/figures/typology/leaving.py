"""How far each distance's test hangs on one family, or on one script."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme

_KINDS = {"family": ("Without one family", "#0072b2", -0.15), "script": ("Without one script", "#d55e00", 0.15)}
_ROW = 30  # pixels


def leaving_ranges(table: pd.DataFrame, names: Mapping[str, str]) -> go.Figure:
    """Draw a row a distance: ρ of all languages as a dot, and as lines the range of ρ without one family or script.

    `table` is that of `association.leaving.moved`; `names` says what each distance is called.
    """
    figure = go.Figure()
    places = {distance: row for row, distance in enumerate(dict.fromkeys(table["distance"]))}
    for left, (name, colour, beside) in _KINDS.items():
        rows = table[table["left"] == left]
        y = [places[distance] + beside for distance in rows["distance"]]
        bars = {"array": (rows["high"] - rows["rho"]).clip(0), "arrayminus": (rows["rho"] - rows["low"]).clip(0)}
        figure.add_trace(
            go.Scatter(
                x=rows["rho"],
                y=y,
                error_x={"type": "data", "symmetric": False, "thickness": 3, "width": 0, **bars},
                name=name,
                mode="markers",
                marker={"color": colour, "size": 9},
                customdata=[
                    [theme.plain(row.most), row.rho_without, row.p_without, row.p] for row in rows.itertuples()
                ],
                hovertemplate="ρ %{x:.2f} (p %{customdata[3]:.3f}); without %{customdata[0]} "
                "%{customdata[1]:.2f} (p %{customdata[2]:.3f})",
            )
        )
    figure.add_vline(x=0, line={"width": 1, "color": "rgba(128,128,128,0.6)"})
    ticks = [theme.plain(names.get(distance, distance)) for distance in places]
    figure.update_yaxes(tickvals=list(places.values()), ticktext=ticks, autorange="reversed", zeroline=False)
    figure.update_xaxes(title="Spearman's ρ", zeroline=False)
    return theme.finish(
        figure,
        alt=f"ρ of {len(places)} distances with the overlap, and its range when one family or one script is left out.",
        name="without-one",
        height=150 + _ROW * len(places),
        hovermode="closest",
        legend=theme.LEGEND_BELOW,
    )
