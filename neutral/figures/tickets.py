"""Tickets: the scores of masked networks by sparsity, and how sparse a winning one is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.bars import finished_bars, grouped_bars
from neutral.figures.families import Families
from neutral.members import display
from neutral.metrics import metric

_LOST = "Worse than the full model"
_FAR = 3.0  # random masks so many times above the tickets' highest perplexity are named, not drawn


def score_curves(curves: pd.DataFrame, metric: str = "perplexity") -> go.Figure:
    """Draw `evaluations.curves`: score over the full model's by sparsity, one line a method, on a log scale."""
    figure = go.Figure(layout={"shapes": [theme.level_line(1.0)]})
    for (method, variant), rows in curves.groupby(["method", "variant"], sort=True):
        rows = rows.sort_values("sparsity")
        colour, symbol = theme.METHODS.get(method, ("#56b4e9", "circle"))
        theme.band(figure, rows["sparsity"], rows, colour)
        figure.add_trace(
            go.Scatter(
                x=rows["sparsity"],
                y=rows["value"],
                name=theme.plain(f"{method}, {variant}" if variant else method),
                mode="lines+markers",
                line={"color": colour, "width": 2.2, "dash": "dot" if variant == "untrained" else "solid"},
                marker={"symbol": symbol, "size": 7},
                hovertemplate="%{y:.2f} times",
            )
        )
    one = curves["sparsity"].nunique() == 1
    figure.update_xaxes(title=theme.SPARSITY_AXIS, tickformat=".0%", showgrid=False, range=[0, 1] if one else None)
    low, high = curves["low"].min(), curves["high"].max()
    axis = theme.log_axis(low, high) if high / low < 100 else {"type": "log", "dtick": 1}
    figure.update_yaxes(title=f"{metric.capitalize()} ÷ full model's", **axis)
    return theme.finish(
        figure,
        alt=f"Lines: {metric} over the full model's by sparsity and method, mean over languages.",
        name="scores-by-sparsity",
        height=400,
        hovermode="x unified",
        legend=theme.LEGEND_BELOW,
    )


def ticket_curve(levels: pd.DataFrame, random: pd.DataFrame, language: str, *, trained: bool = True) -> go.Figure:
    """Draw one language's score by sparsity: tickets, the full model with its spread over seeds, random masks.

    `levels` are the language's rows of `winning.levels`; `random` has sparsity and value. Open markers are tickets that
    the paired bootstrap finds worse than the full model. Random masks far above the tickets are named in the legend and
    leave the axis to the tickets. Masks that were not `trained` again are no tickets, and are not called so.
    """
    called, of = ("Ticket", "tickets") if trained else ("Mask, not retrained", "masks, not retrained,")
    levels = levels.sort_values("sparsity")
    name = levels["metric"].iloc[0]
    figure = go.Figure()
    _full_line(figure, levels)
    lost = [worse is not pd.NA and not worse for worse in levels["not_worse"]]
    figure.add_trace(
        go.Scatter(
            x=levels["sparsity"],
            y=levels["value"],
            name=called,
            mode="lines+markers",
            line={"color": "#0a7fc4", "width": 2.2},
            marker={"size": 10, "symbol": ["circle-open" if loses else "circle" for loses in lost], "color": "#0a7fc4"},
            customdata=[_LOST if loses else "" for loses in lost],
            hovertemplate=f"{called.lower()}: %{{y:.4g}} %{{customdata}}",
        )
    )
    lower = not metric(name).higher_is_better
    drawn = [*levels["value"], float(levels["full"].iloc[0])]
    shown = random[random["value"] <= _FAR * max(drawn)] if lower else random
    if len(random):
        _random_line(figure, random.sort_values("sparsity"), shown)
    figure.update_xaxes(title=theme.SPARSITY_AXIS, tickformat=".0%", showgrid=False)
    low, high = min(drawn), max(*drawn, *shown["value"])
    title = "F1" if name == "f1" else theme.METRIC_UNITS[name].capitalize()
    figure.update_yaxes(title=title, **(theme.log_axis(low, high) if lower and high > 3 * low else {}))
    return theme.finish(
        figure,
        alt=f"Lines: {theme.METRIC_UNITS[name]} of {display(language)}'s {of} by sparsity, "
        "beside full model and random masks.",
        name=f"tickets-{language}",
        height=400,
        hovermode="x unified",
        legend=theme.LEGEND_BELOW,
    )


def _full_line(figure: go.Figure, levels: pd.DataFrame) -> None:
    """Draw the full model's score across the figure, with a band of its standard deviation over seeds."""
    full, std = float(levels["full"].iloc[0]), float(levels["full_std"].iloc[0])
    ends = [0.0, float(levels["sparsity"].max()) + 0.02]
    if not np.isnan(std):
        theme.band(figure, ends, pd.DataFrame({"low": [full - std] * 2, "high": [full + std] * 2}), "#8c8c8c")
    spread = "" if np.isnan(std) else f" ± {std:.3g} over {int(levels['full_seeds'].iloc[0])} seeds"
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=[full] * 2,
            mode="lines",
            line={"color": "#8c8c8c", "dash": "dash"},
            name=f"Full model {full:.4g}{spread}",
            hoverinfo="skip",
        )
    )


def _random_line(figure: go.Figure, random: pd.DataFrame, shown: pd.DataFrame) -> None:
    """Draw the random masks that are `shown`; the legend names the first of the others, which lie above."""
    beyond = random[~random.index.isin(shown.index)]
    above = next((f"{_short(row.value)} at {row.sparsity:.0%}" for row in beyond.itertuples()), "")
    above += " and more beyond" if len(beyond) > 1 else ""
    figure.add_trace(
        go.Scatter(
            x=random["sparsity"] if len(shown) else [None],
            y=random["value"].where(random.index.isin(shown.index)) if len(shown) else [None],
            name=f"Random mask, above: {above}" if above else "Random mask",
            mode="lines+markers",
            line={"color": "#e69f00", "dash": "dot"},
            marker={"symbol": "x", "size": 8},
            hovertemplate="random: %{y:.4g}",
        )
    )


def _short(value: float) -> str:
    """Write a score: thousands with their commas, never by powers of ten.

    >>> _short(1.699e6), _short(99.0), _short(34.27)
    ('1,699,000', '99', '34.27')
    """
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def winning_bars(winners: pd.DataFrame, order: Sequence[str], families: Families | None = None) -> go.Figure:
    """Draw the sparsity of each language's winning ticket (NaN: none); the column line (a rule) tells bars apart.

    Of more than `theme.MANY` languages each is a dot above its family, with the family's median and range as a box.
    """
    codes = [code for code in order if code in set(winners["language"])]
    if len(codes) > theme.MANY:
        return _winning_families(winners, codes, families or Families(codes))
    table = winners.set_index("language")[["line", "sparsity"]].fillna({"sparsity": 0})
    figure = grouped_bars(table, {code: theme.member_name(code) for code in codes}, "%{y:.0%}")
    figure.update_xaxes(dtick=1)  # every language's name, however narrow
    for code in codes:
        if winners.loc[winners["language"] == code, "sparsity"].isna().all():
            name = theme.member_name(code)
            figure.add_annotation(x=name, y=0, text="none", yanchor="bottom", showarrow=False, textangle=-90)
    figure.update_yaxes(title="Sparsest winning ticket", tickformat=".0%", range=[0, 1])
    alt = f"Bars: sparsity of the winning ticket of {len(codes)} languages by rule."
    return finished_bars(figure, alt, "winning-tickets")


def _winning_families(winners: pd.DataFrame, codes: Sequence[str], families: Families) -> go.Figure:
    """Draw the winning tickets of many languages as dots and boxes, a column a family."""
    figure = go.Figure()
    table = winners.set_index("language").fillna({"sparsity": 0})
    for name, group in families.among(codes).items():
        rows = table.loc[table.index.isin(group)]
        figure.add_trace(
            go.Box(
                x=[theme.plain(name)] * len(rows),
                y=rows["sparsity"],
                text=[
                    f"{theme.member_name(code)}, {theme.plain(line)}"
                    for code, line in zip(rows.index, rows["line"], strict=True)
                ],
                boxpoints="all",
                pointpos=0,
                jitter=0.6,
                marker={"color": families.colour(group[0]), "size": 5},
                hovertemplate="%{text}: <b>%{y:.0%}</b><extra></extra>",
                hoveron="points",
                showlegend=False,
            )
        )
    figure.update_xaxes(type="category", tickangle=-45, showgrid=False)
    figure.update_yaxes(title="Sparsest winning ticket", tickformat=".0%", range=[0, 1])
    alt = f"Boxes: sparsity of the winning ticket of {len(codes)} languages by family."
    return theme.finish(figure, alt=alt, name="winning-tickets", height=400)
