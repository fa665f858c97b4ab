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
from neutral.figures.families import GREYS, Families
from neutral.metrics import metric

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
    """Return the name of a source of a mask."""
    if source.startswith("thinned "):
        return f"ticket of {float(source.split()[1]):.0%}, thinned at random"
    if source.startswith("reseeded "):
        return f"own, found under seed {theme.plain(source.split()[1])}"
    return SOURCES.get(source) or theme.member_name(source)


def _row(source: str) -> int:
    return list(SOURCES).index(source) if source in SOURCES else -1


def transfer_matrix(
    table: pd.DataFrame, order: Sequence[str], show: str = "gain", *, marks: Mapping[tuple[str, str], str] | None = None
) -> go.Figure:
    """Draw masks (down) against the languages that they are trained on (across).

    The colour is the gain. Its scale ends at the largest gain between languages, so that a random mask does not take
    all of it. For `value` the colour is the rank of the score within its column, as scores of different languages do
    not compare.

    Parameters
    ----------
    table : DataFrame
        As `results.against_own` returns it.
    order : sequence of str
        The languages; sources that are no language come below them.
    show : str
        The column to write: "gain", "relative" or "value".
    marks : (source, target) -> str, optional
        A sign written behind the number.
    """
    targets = [code for code in order if code in set(table["target"])]
    others = sorted(dict.fromkeys(source for source in table["source"] if source not in order), key=_row)
    sources = [code for code in order if code in set(table["source"])] + others
    name = table["metric"].iloc[0]
    square = table.pivot_table(index="source", columns="target", values=show).reindex(sources, columns=targets)
    values = square.to_numpy(dtype=float)
    gain = table.pivot_table(index="source", columns="target", values="gain").reindex(sources, columns=targets)
    colour, scale = _colours(values, gain.to_numpy(dtype=float), len(sources) - len(others), show, name)
    written = [[_written(v, show, name) for v in row] for row in values]
    if marks:
        written = [
            [f"{text}{marks.get((s, t), '')}" if text else "" for t, text in zip(targets, row, strict=True)]
            for s, row in zip(sources, written, strict=True)
        ]
    rows = table.drop_duplicates(["source", "target"]).to_dict("records")
    cells = {(row["source"], row["target"]): _hover(row, name) for row in rows}
    hover = [[cells.get((s, t), "") for t in targets] for s in sources]
    figure = go.Figure(
        go.Heatmap(
            z=colour,
            x=[theme.member_name(target) for target in targets],
            y=[source_name(source) for source in sources],
            xgap=1,
            ygap=1,
            text=written,
            texttemplate="%{text}" if len(targets) <= theme.TEXT_UP_TO else None,
            customdata=hover,
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            **scale,
        )
    )
    figure.update_xaxes(title="Trained and scored on", tickangle=-45, showgrid=False, type="category")
    figure.update_yaxes(title="Mask of", autorange="reversed", showgrid=False, type="category")
    theme.names_on_axes(figure, len(targets), len(sources))
    return theme.finish(
        figure,
        alt=f"Heatmap: {theme.METRIC_UNITS[name]} of each language's mask trained on each language, {show}.",
        name=f"transfer-{show}",
        height=theme.matrix_height(len(sources), least=300, most=760, row=34, above=160),
        least=theme.least_for(len(targets)),
    )


def _colours(values: np.ndarray, gain: np.ndarray, languages: int, show: str, name: str) -> tuple[np.ndarray, dict]:
    """Return the numbers behind the colours, (s, t), and their scale, whose ends the first `languages` rows set."""
    if show == "value":
        good = values if metric(name).higher_is_better else -values
        ranks = np.array([pd.Series(column).rank(pct=True).to_numpy() for column in good.T]).T
        return ranks, {"colorscale": theme.SEQUENTIAL, "zmin": 0, "zmax": 1, "showscale": False}
    better = values if show == "gain" else np.sign(gain) * np.abs(values)
    limit = _largest(better[:languages])
    percent = {"tickformat": ".0%"} if show == "relative" else {}
    bar = theme.colourbar("Against own mask (blue: better)", **percent)
    return np.clip(better, -limit, limit), {**_around_nothing(limit), "colorbar": bar}


def _largest(values: np.ndarray) -> float:
    """Return the largest magnitude, without NaN; 1 where there is none."""
    sizes = np.abs(values)
    return float(np.nanmax(sizes)) if np.isfinite(sizes).any() and np.nanmax(sizes) > 0 else 1.0


def cross_task_matrix(
    table: pd.DataFrame, order: Sequence[str], names: Mapping[str, str], *, marks: Mapping[tuple[str, str], str]
) -> go.Figure:
    """Draw what masks of other tasks (down) cost each language (across).

    `table` are a target task's rows of `across.cross_task`, `order` the languages, `names` the names of source tasks;
    `marks` (source task, language) -> a sign behind the number. The colour scale ends at the largest difference of a
    task's mask, so that the random mask does not take all of it.
    """
    sources = list(dict.fromkeys(table["source_task"].sort_values(key=lambda s: s == "random", kind="stable")))
    codes = [code for code in order if code in set(table["language"])]
    square = table.pivot(index="source_task", columns="language", values="difference").reindex(sources, columns=codes)
    values, name = square.to_numpy(dtype=float), table["metric"].iloc[0]
    unit = theme.METRIC_UNITS[name]
    limit = _largest(values[[source != "random" for source in sources]])
    written = [
        ["" if np.isnan(v) else f"{v:+.2f}{marks.get((source, code), '')}" for code, v in row]
        for source, row in zip(sources, ([*zip(codes, row, strict=True)] for row in values), strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=np.clip(values, -limit, limit),
            x=[theme.member_name(code) for code in codes],
            y=[theme.plain(names.get(source, source)) for source in sources],
            xgap=1,
            ygap=1,
            text=written,
            texttemplate="%{text}" if len(codes) <= theme.TEXT_UP_TO else None,
            customdata=values,
            hovertemplate=f"mask of <b>%{{y}}</b>, <b>%{{x}}</b><br>%{{customdata:+.4g}} {unit}<extra></extra>",
            hoverongaps=False,
            colorbar=theme.colourbar("Against own (blue: better)"),
            **_around_nothing(limit),
        )
    )
    figure.update_xaxes(tickangle=-45, showgrid=False, type="category")
    figure.update_yaxes(title="Mask found on", autorange="reversed", showgrid=False, type="category")
    theme.names_on_axes(figure, len(codes), len(sources))
    alt = f"Heatmap: {unit} under masks of {len(sources)} other tasks against the own one, by language."
    least = theme.least_for(len(codes))
    return theme.finish(figure, alt=alt, name="cross-task", height=230 + 40 * len(sources), least=least)


def _around_nothing(limit: float) -> dict:
    """Return a colour scale with white at 0 and blue above, where a mask is better."""
    steps = np.linspace(0, 1, len(theme.DIVERGING))
    colours = [[share, hue] for share, (_, hue) in zip(steps, reversed(theme.DIVERGING), strict=True)]
    return {"colorscale": colours, "zmin": -limit, "zmax": limit}


def _percent_axis(figure: go.Figure, title: str, values: pd.Series) -> None:
    """Write changes in percent, with as many decimals as tell ticks apart."""
    span = max(values.max(), 0.0) - min(values.min(), 0.0)
    digits = max(0, math.ceil(-math.log10(span)) - 1) if span > 0 else 0
    figure.update_yaxes(title=theme.plain(title), tickformat=f"+.{digits}%")


def drop_bars(drops: pd.DataFrame, order: Sequence[str], name: str) -> go.Figure:
    """Draw the relative change (`value`) of each source, in `order`; the column line (a sparsity) tells bars apart."""
    others = [source for source in dict.fromkeys(drops["source"]) if source not in order and source != "full"]
    sources = [code for code in order if code in set(drops["source"])] + others
    names, unit = {source: source_name(source) for source in sources}, theme.METRIC_UNITS[name]
    figure = grouped_bars(drops.set_index("source")[["line", "value"]], names, "%{y:+.2%}")
    figure.update_xaxes(title="Mask of")
    _percent_axis(figure, f"Mean change of {unit} on other languages", drops["value"])
    worse = "falls" if metric(name).higher_is_better else "rises"
    alt = f"Bars: by how much {unit} {worse} on other languages under each source's mask."
    return finished_bars(figure, alt, "relative-drop")


def overlap_against_transfer(
    points: pd.DataFrame, overlap: str, change: str, *, families: Families | None = None
) -> go.Figure:
    """Draw a point an ordered pair of languages: `points` has source, target, overlap (of their masks) and change.

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
                y=rows["change"],
                name=f"To {name}" if name not in GREYS else f"To {name.lower()}",
                mode="markers",
                marker={"size": 9, "color": families.colour(targets[0]), "opacity": 0.85},
                text=[
                    f"{theme.member_name(s)} to {theme.member_name(t)}"
                    for s, t in zip(rows["source"], rows["target"], strict=True)
                ],
                hovertemplate="<b>%{text}</b><br>overlap %{x:.4f}<br>change %{y:+.2%}<extra></extra>",
            )
        )
    figure.update_xaxes(title=theme.plain(overlap), showgrid=False)
    _percent_axis(figure, change, points["change"])
    return theme.finish(
        figure,
        alt=f"Scatter: {overlap} against {change} of {len(points)} ordered pairs of languages.",
        name="overlap-against-transfer",
        height=420,
        legend=theme.LEGEND_AT_FOOT,
        showlegend=True,
    )


def _written(value: float, show: str, name: str) -> str:
    if np.isnan(value):
        return ""
    if show == "relative":
        return f"{value:+.1%}" if abs(value) < 10 else f"{value:+.0%}"
    if value == 0:
        return "0"
    digits = 2 if name == "perplexity" and abs(value) < 1000 else 0 if name == "perplexity" else 3
    if name != "perplexity" and abs(value) > 1.5:  # in percent, as the paper prints scores
        digits = 2
    written = f"{value:+.{digits}f}" if show == "gain" else f"{value:.{digits}f}"
    return written if float(written) else written.lstrip("+-")


def _hover(row: Mapping[str, Any], name: str) -> str:
    source, target = row["source"], row["target"]
    spread = "" if np.isnan(row["std"]) else f" ± {row['std']:.3g}"
    text = f"mask: <b>{source_name(source)}</b>, trained on <b>{theme.member_name(target)}</b><br>"
    text += f"{theme.METRIC_UNITS[name]} {row['value']:.4g}{spread}"
    if source != target and not np.isnan(row["gain"]):
        paired = "" if row["paired"] == row["value"] else f"under the same seeds {row['paired']:.4g}, "
        text += f"<br>{paired}own mask {row['own']:.4g}: {row['gain']:+.3g} ({row['relative']:+.1%})"
    return text
