"""Transfer: the matrix of masks and languages, what masks of other tasks cost, and the drop of each source."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neutral.figures import theme
from neutral.figures.bars import finished_bars, grouped_bars
from neutral.figures.costs import square as square_of_costs
from neutral.figures.costs import written as percent
from neutral.figures.families import GREYS, Families
from neutral.members import display

SOURCES = {
    "full": "full model",
    "pretrained": "pretrained weights' mask",
    "core": "core of the others",
    "union": "union of the others",
    "vote": "most of the others",
    "random": "random mask",
    "reinitialised": "own mask, random weights",
}
"""Source that is no language -> its name in a figure, in the order of the rows; other sources come before."""


def source_name(source: str) -> str:
    """Return the name of a source of a mask, as figures draw it."""
    return theme.plain(source_words(source))


def source_words(source: str) -> str:
    """Return the name of a source of a mask, for a table."""
    if source.startswith("thinned "):
        return f"ticket of {float(source.split()[1]):.0%}, thinned at random"
    if source.startswith("reseeded "):
        return f"own, found under seed {source.split()[1]}"
    return SOURCES.get(source) or display(source)


def _row(source: str) -> int:
    return list(SOURCES).index(source) if source in SOURCES else -1


def transfer_matrix(
    table: pd.DataFrame, order: Sequence[str], show: str = "cost", *, marks: Mapping[tuple[str, str], str] | None = None
) -> go.Figure:
    """Draw masks (down) against the languages that they are trained on (across), coloured by their cost (`costs`).

    Parameters
    ----------
    table : DataFrame
        As `results.against_own` returns it.
    order : sequence of str
        The languages; sources that are no language come below them.
    show : str
        The column to write: "cost" or "value".
    marks : (source, target) -> str, optional
        A sign written behind the number.
    """
    targets = [code for code in order if code in set(table["target"])]
    others = sorted(dict.fromkeys(source for source in table["source"] if source not in order), key=_row)
    sources = [code for code in order if code in set(table["source"])] + others
    name = table["metric"].iloc[0]
    square = table.pivot_table(index="source", columns="target", values=["cost", "value"], dropna=False)
    costs, values = (
        square[column].reindex(sources, columns=targets).to_numpy(dtype=float) for column in ("cost", "value")
    )
    rows = table.drop_duplicates(["source", "target"]).to_dict("records")
    cells = {(row["source"], row["target"]): _hover(row, name) for row in rows}
    places = {(s, t): (i, j) for i, s in enumerate(sources) for j, t in enumerate(targets)}
    figure = square_of_costs(
        costs,
        [source_name(source) for source in sources],
        [theme.member_name(target) for target in targets],
        languages=len(sources) - len(others),
        hover=[[cells.get((s, t), "") for t in targets] for s in sources],
        texts=[[_score(v, name) for v in row] for row in values] if show == "value" else None,
        marks={places[cell]: mark for cell, mark in (marks or {}).items() if cell in places},
    )
    figure.update_xaxes(title="Trained and scored on")
    return theme.finish(
        figure,
        alt=f"Heatmap: what each language's mask costs each language that it is trained on, in per cent of the "
        f"{theme.METRIC_UNITS[name]} under the own mask.",
        name=f"transfer-{show}",
        height=theme.matrix_height(len(sources), least=300, most=760, row=34, above=160),
        least=theme.least_for(len(targets)),
    )


def cross_task_matrix(
    table: pd.DataFrame, order: Sequence[str], names: Mapping[str, str], *, marks: Mapping[tuple[str, str], str]
) -> go.Figure:
    """Draw what masks of other tasks (down) cost each language (across).

    `table` are a target task's rows of `across.cross_task`, `order` the languages, `names` the names of source tasks;
    `marks` (source task, language) -> a sign behind the number. Where the own scores are not known, as of the paper,
    costs are in points. The scale ends at the largest cost of a task's mask.
    """
    sources = list(dict.fromkeys(table["source_task"].sort_values(key=lambda s: s == "random", kind="stable")))
    codes = [code for code in order if code in set(table["language"])]
    in_points = table["cost"].isna().all()
    table = table.assign(shown=-table["difference"] if in_points else table["cost"])
    square = table.pivot(index="source_task", columns="language", values="shown").reindex(sources, columns=codes)
    costs, unit = square.to_numpy(dtype=float), theme.METRIC_UNITS[table["metric"].iloc[0]]
    written = [["" if np.isnan(v) else f"{v:+.2f}".replace("-", "−") for v in row] for row in costs]
    rows, columns = [theme.plain(names.get(source, source)) for source in sources], list(map(theme.member_name, codes))
    places = {(source, code): (i, j) for i, source in enumerate(sources) for j, code in enumerate(codes)}
    figure = square_of_costs(
        costs,
        rows,
        columns,
        languages=sum(source != "random" for source in sources),
        hover=[
            [
                f"mask of <b>{row}</b>, <b>{column}</b><br>"
                + (
                    f"{text} points of {unit}, above 0 is worse"
                    if in_points
                    else f"{percent(v)} of the own mask's {unit}"
                )
                for column, v, text in zip(columns, values, texts, strict=True)
            ]
            for row, values, texts in zip(rows, costs, written, strict=True)
        ],
        texts=written if in_points else None,
        marks={places[cell]: mark for cell, mark in marks.items() if cell in places},
        **({"title": "Cost in points (red: worse)", "ticks": _point} if in_points else {}),
    )
    figure.update_yaxes(title="Mask found on")
    alt = f"Heatmap: what masks of {len(sources)} other tasks cost, in {unit}, against the own one, by language."
    least = theme.least_for(len(codes))
    return theme.finish(figure, alt=alt, name="cross-task", height=230 + 40 * len(sources), least=least)


def _point(value: float) -> str:
    return f"{value:+g}".replace("-", "−") if value else "0"


def _percent_axis(figure: go.Figure, title: str, values: pd.Series) -> None:
    """Write costs in percent, with as many decimals as tell ticks apart."""
    span = max(values.max(), 0.0) - min(values.min(), 0.0)
    digits = max(0, math.ceil(-math.log10(span)) - 1) if span > 0 else 0
    figure.update_yaxes(title=theme.plain(title), tickformat=f"+.{digits}%")


def drop_bars(drops: pd.DataFrame, order: Sequence[str], name: str) -> go.Figure:
    """Draw the mean `cost` of each source, in `order`; the column line (a sparsity) tells bars apart."""
    others = [source for source in dict.fromkeys(drops["source"]) if source not in order and source != "full"]
    sources = [code for code in order if code in set(drops["source"])] + others
    names, unit = {source: source_name(source) for source in sources}, theme.METRIC_UNITS[name]
    bars = drops.rename(columns={"value": "relative", "cost": "value"})
    figure = grouped_bars(bars.set_index("source")[["line", "value"]], names, "%{y:+.2%}")
    figure.update_xaxes(title="Mask of")
    _percent_axis(figure, f"Mean cost, % of the own masks' {unit}", drops["cost"])
    alt = f"Bars: what each source's mask costs other languages in the mean, in per cent of their own masks' {unit}."
    return finished_bars(figure, alt, "relative-drop")


def overlap_against_transfer(
    points: pd.DataFrame, overlap: str, cost: str, *, families: Families | None = None
) -> go.Figure:
    """Draw a point an ordered pair of languages: `points` has source, target, overlap (of their masks) and cost.

    The colour is that of the target's family, by default of the languages here.
    """
    members = list(dict.fromkeys(points["target"]))
    families = families or Families(members)
    figure = go.Figure()
    for name, targets in families.among(members).items():
        rows = points[points["target"].isin(targets)]
        figure.add_trace(
            go.Scatter(
                x=rows["overlap"],
                y=rows["cost"],
                name=f"To {name}" if name not in GREYS else f"To {name.lower()}",
                mode="markers",
                marker={"size": 9, "color": families.colour(targets[0]), "opacity": 0.85},
                text=[
                    f"{theme.member_name(s)} to {theme.member_name(t)}"
                    for s, t in zip(rows["source"], rows["target"], strict=True)
                ],
                hovertemplate="<b>%{text}</b><br>overlap %{x:.4f}<br>cost %{y:+.2%}<extra></extra>",
            )
        )
    figure.update_xaxes(title=theme.plain(overlap), showgrid=False)
    _percent_axis(figure, cost, points["cost"])
    return theme.finish(
        figure,
        alt=f"Scatter: {overlap} against {cost} of {len(points)} ordered pairs of languages.",
        name="overlap-against-transfer",
        height=420,
        legend=theme.LEGEND_AT_FOOT,
        showlegend=True,
    )


def _score(value: float, name: str) -> str:
    if np.isnan(value):
        return ""
    digits = 2 if name == "perplexity" and abs(value) < 1000 else 0 if name == "perplexity" else 3
    if name != "perplexity" and abs(value) > 1.5:  # in percent, as the paper prints scores
        digits = 2
    return f"{value:.{digits}f}"


def _hover(row: Mapping[str, Any], name: str) -> str:
    source, target = row["source"], row["target"]
    spread = "" if np.isnan(row["std"]) else f" ± {row['std']:.3g}"
    text = f"mask: <b>{source_name(source)}</b>, trained on <b>{theme.member_name(target)}</b><br>"
    text += f"{theme.METRIC_UNITS[name]} {row['value']:.4g}{spread}"
    if source != target and not np.isnan(row["cost"]):
        paired = "" if row["paired"] == row["value"] else f"under the same seeds {row['paired']:.4g}, "
        text += f"<br>{paired}own mask {row['own']:.4g}: cost {percent(row['cost'])}"
    return text
