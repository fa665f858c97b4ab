"""The figure of one method's languages: perplexity over the full model's against the ratio, a panel or line each."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neutral.figures import familylines, theme
from neutral.figures.compression.ratios import (
    FACTOR_AXIS,
    MOST,
    RATIO_AXIS,
    curve,
    factor_axis,
    ratio_axis,
    ratio_ticks,
)
from neutral.figures.families import Families
from neutral.members import display

_PANELS = 4  # side by side


def language_perplexity_by_ratio(
    scores: pd.DataFrame,
    by: str,
    line: str,
    *,
    limit: float = 1.1,
    top: float = 0.0,
    families: Families | None = None,
) -> go.Figure:
    """Draw a line a language for one method: `scores` has language, size, factor; all else as `perplexity_by_ratio`.

    Few languages have a panel each, with the others in grey behind: their lines lie upon each other. The colour is the
    family's, by default of the languages here.
    """
    figure = go.Figure(layout={"shapes": [theme.level_line(1.0), theme.level_line(limit)]})
    members = list(dict.fromkeys(scores["language"]))
    families = families or Families(members)
    own = familylines.singly(members)
    if len(own) == len(members) > 1:
        return _panels(scores, by, line, members, families, limit=limit, top=top)
    if len(own) < len(members):
        wide = scores.pivot_table(index="size", columns="language", values="factor").clip(upper=MOST)
        familylines.bands(figure, wide[members], families, "%{y:.3f}")
    for member, style, place in familylines.lines(own, families, titled=len(own) == len(members)):
        figure.add_trace(curve(scores[scores["language"] == member], theme.member_name(member), style, **place))
    figure.update_yaxes(title=FACTOR_AXIS, **factor_axis(scores["factor"], top))
    ratio_axis(figure, scores["size"], by)
    names = familylines.said(members, own, families)
    return theme.finish(
        figure,
        alt=f"Lines: perplexity of {names} over the full model's against the ratio by {by}, under {line}.",
        name=f"perplexity-by-language-{by}",
        hovermode="closest",
        **familylines.layout(members, own, families),
    )


def _panels(
    scores: pd.DataFrame, by: str, line: str, members: list[str], families: Families, *, limit: float, top: float
) -> go.Figure:
    """Draw a panel a language, with all others in grey behind."""
    count = -(-len(members) // _PANELS)
    titles = [theme.member_name(member) for member in members]
    axes = {"shared_xaxes": "all", "shared_yaxes": "all", "horizontal_spacing": 0.02, "vertical_spacing": 0.24 / count}
    figure = make_subplots(count, _PANELS, subplot_titles=titles, **axes)
    wide = scores.pivot_table(index="size", columns="language", values="factor").clip(upper=MOST)
    grey = {"mode": "lines", "line": {"color": theme.NEUTRAL, "width": 1}, "opacity": 0.35, "hoverinfo": "skip"}
    x = [*wide.index, None] * len(members)
    y = [value for member in members for value in (*wide[member], None)]
    for i, member in enumerate(members):
        place = {"row": i // _PANELS + 1, "col": i % _PANELS + 1}
        figure.add_trace(go.Scatter(x=x, y=y, showlegend=False, **grey), **place)
        style = {"line": {"color": families.colour(member), "width": 2.4}, "marker": {"size": 6}}
        rows = scores[scores["language"] == member]
        figure.add_trace(curve(rows, theme.member_name(member), style, showlegend=False), **place)
    for level in (1.0, limit):
        figure.add_hline(level, line={"color": theme.NEUTRAL, "dash": "dot", "width": 1.5})
    figure.update_annotations(font_size=13)
    figure.update_yaxes(**factor_axis(scores["factor"], top))
    figure.update_yaxes(title=FACTOR_AXIS, row=(count + 1) // 2, col=1)
    figure.update_xaxes(type="log", showgrid=False, **ratio_ticks(scores["size"], most=5))
    figure.update_xaxes(title=RATIO_AXIS[by], row=count, col=2)
    return theme.finish(
        figure,
        alt=f"A panel a language: its perplexity over the full model's against the ratio by {by}, under {line}, before "
        f"those of the others; {', '.join(map(display, members))}.",
        name=f"perplexity-by-language-{by}",
        height=110 + 150 * count,
        least="small",
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        hovermode="closest",
    )
