"""Figures of tokens and languages under compression: breaking points, spreads of the error, the map of the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neutral.figures import theme
from neutral.figures.compression.ratios import RATIO_AXIS, line_names, ratio_ticks

SCRIPTS = {
    "Latn": ("Latin", "#0a7fc4", "circle"),
    "Cyrl": ("Cyrillic", "#56b4e9", "diamond"),
    "Arab": ("Arabic", "#d55e00", "square"),
    "Deva": ("Devanagari", "#cc79a7", "triangle-up"),
    "Hans": ("Chinese", "#009e73", "cross"),
    "Jpan": ("Japanese", "#e69f00", "x"),
    "Hang": ("Hangul", "#7a68b8", "star"),
    "Grek": ("Greek", "#b8a800", "triangle-down"),
    "Hebr": ("Hebrew", "#a0522d", "hexagon"),
    "Thai": ("Thai", "#e69f00", "bowtie"),
    "Zyyy": ("Digits, signs", theme.NEUTRAL, "circle-open"),
}
"""ISO 15924 code -> the script's name, colour, marker. Where these scripts are few, others take what they leave."""

_OTHER = ("Other scripts", theme.NEUTRAL, "x-thin-open")
BOUNDS = {"": "", "above": ", or later", "below": ", or earlier"}


def breaking_points(breaks: pd.DataFrame, by: str, order: list[str], *, marked: str = "") -> go.Figure:
    """Draw the ratio at which each language passes a limit, a marker a method.

    `breaks` are rows of `results.breaking` at one limit, `order` the languages from top to bottom. Hollow
    markers are bounds: the limit lies above (pointing right) or below (pointing left) all ratios that were measured.
    The row of the language that is `marked`, if it is one of them, has a band behind it.
    """
    figure = go.Figure()
    if marked in order:
        place = order.index(marked)
        figure.add_hrect(place - 0.5, place + 0.5, fillcolor=theme.NEUTRAL, opacity=0.25, line_width=0, layer="below")
    lines, called = theme.compression_lines(breaks), line_names(breaks)
    names = [theme.member_name(code) for code in order]
    for line, style in lines.items():
        rows = breaks[breaks["line"] == line].set_index("language").reindex(order).dropna(subset="ratio")
        symbol = style["marker"]["symbol"]
        symbols = [
            {"above": "triangle-right-open", "below": "triangle-left-open"}.get(b, symbol) for b in rows["bound"]
        ]
        figure.add_trace(
            go.Scatter(
                x=rows["ratio"],
                y=[theme.member_name(code) for code in rows.index],
                name=called[line],
                mode="markers",
                marker={
                    **style["marker"],
                    "symbol": symbols,
                    "size": 10,
                    "line": {"width": 1.5, "color": style["line"]["color"]},
                },
                text=[BOUNDS[bound] for bound in rows["bound"]],
                hovertemplate=f"%{{y}}, {theme.plain(line)}: <b>%{{x:.2f}}</b>%{{text}}<extra></extra>",
            )
        )
    figure.update_xaxes(title=RATIO_AXIS[by], type="log", **ratio_ticks(breaks["ratio"]))
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names, range=[len(names) - 0.5, -0.5], showgrid=True
    )
    return theme.finish(
        figure,
        alt=f"Dots: the ratio by {by} at which each of {len(names)} languages passes the limit; {', '.join(lines)}."
        + (f" A band marks {theme.member_name(marked)}." if marked in order else ""),
        name=f"breaking-points-{by}",
        height=150 + 26 * len(names),
        hovermode="closest",
        legend={**theme.LEGEND_BELOW, "y": -0.16},
    )


def error_spread(groups: pd.DataFrame, title: str) -> go.Figure:
    """Draw the cosine distance of groups of tokens: a dot at the median from the 10 % to the 90 % quantile.

    `groups` has name, label, line, method, low, median, high, tokens; `title` says what the groups are.
    """
    figure = go.Figure()
    lines, called = theme.compression_lines(groups), line_names(groups)
    labels = list(dict.fromkeys(groups["label"]))
    for i, (line, style) in enumerate(lines.items()):
        rows = groups[groups["line"] == line]
        rows_at = np.array([labels.index(label) for label in rows["label"]])
        shift = (i - (len(lines) - 1) / 2) * 0.7 / max(1, len(lines))
        figure.add_trace(
            go.Scatter(
                x=rows["median"],
                y=rows_at + shift,
                name=called[line],
                mode="markers",
                marker={**style["marker"], "size": 7},
                error_x={
                    "array": rows["high"] - rows["median"],
                    "arrayminus": rows["median"] - rows["low"],
                    "color": style["line"]["color"],
                    "thickness": 1.6,
                    "width": 0,
                },
                text=[
                    f"{theme.plain(row.label)}: {row.low:.3f}, <b>{row.median:.3f}</b>, {row.high:.3f}"
                    for row in rows.itertuples()
                ],
                hovertemplate=f"{theme.plain(line)}<br>%{{text}}<extra></extra>",
            )
        )
    figure.update_xaxes(title="Cosine distance (10%, median, 90% of tokens)", rangemode="tozero")
    named, ends = list(map(theme.plain, labels)), [len(labels) - 0.5, -0.5]
    figure.update_yaxes(showgrid=False, tickvals=list(range(len(labels))), ticktext=named, range=ends)
    return theme.finish(
        figure,
        alt=f"Intervals: cosine distance of tokens by {title}, for {', '.join(lines)}.",
        name=f"distance-by-{title}",
        height=130 + (9 * max(2, len(lines)) + 10) * len(labels),
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )


def token_map(picture: pd.DataFrame, title: str) -> go.Figure:
    """Draw a picture of tokens before and after compression, coloured by script.

    `picture` has piece, script, before_x, before_y, after_x, after_y; `title` names the compressed table.
    """
    figure = make_subplots(1, 2, subplot_titles=("Full table", theme.plain(title)), horizontal_spacing=0.03)
    for annotation in figure.layout.annotations:
        annotation.font.size = 14
    styles = script_styles(picture["script"])
    named = picture["script"].where(picture["script"].isin(styles), "")
    for code, (name, colour, symbol) in {**styles, "": _OTHER}.items():
        rows = picture[named == code]
        if rows.empty:
            continue
        for column, side in ((1, "before"), (2, "after")):
            figure.add_trace(
                go.Scatter(
                    x=rows[f"{side}_x"],
                    y=rows[f"{side}_y"],
                    name=theme.plain(name),
                    legendgroup=theme.plain(name),
                    showlegend=column == 1,
                    mode="markers",
                    marker={"color": colour, "symbol": symbol, "size": 4, "opacity": 0.75},
                    text=[isolated(theme.plain(piece)) for piece in rows["piece"]],
                    hovertemplate=f"%{{text}}<extra>{theme.plain(name)}</extra>",
                ),
                row=1,
                col=column,
            )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return theme.finish(
        figure,
        alt=f"Two maps of {len(picture)} tokens coloured by script: the full table and {title}.",
        name="token-map",
        height=520,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "top", "y": -0.02, "x": 0, "itemsizing": "constant"},
    )


def script_styles(scripts: pd.Series) -> dict[str, tuple[str, str, str]]:
    """Return script -> name, colour, marker for the scripts of tokens, the most frequent first, digits and signs last.

    A script that is not in `SCRIPTS` takes the colour and the marker of one of these that is missing, as long as there
    is one; further scripts are left out.
    """
    counts = scripts.value_counts(sort=False)
    codes = sorted(counts.index, key=lambda code: (code == "Zyyy", -counts[code]))
    free = iter([style[1:] for code, style in SCRIPTS.items() if code not in {*counts.index, "Zyyy"}])
    styles = {code: SCRIPTS.get(code) or (script_name(code), *next(free, ())) for code in codes}
    return {code: style for code, style in styles.items() if len(style) == 3}


def script_name(code: str) -> str:
    """Return the name of a script; an unknown code is its own name.

    >>> script_name("Hans"), script_name("Taml"), script_name("Qqqq")
    ('Chinese', 'Tamil', 'Qqqq')
    """
    if code in SCRIPTS:
        return SCRIPTS[code][0]
    from langcodes import Language

    name = Language.make(script=code).script_name("en")
    return code if name.startswith("Unknown") else name


def isolated(text: str) -> str:
    """Return a text that keeps its own writing direction beside others (in Unicode's first strong isolate)."""
    return f"\u2068{text}\u2069"
