"""Figures with their captions and tables in one HTML file that asks nothing of the internet and can be printed."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from neutral import __version__
from neutral.errors import NeutralError, one_line
from neutral.export.paper import on_paper
from neutral.export.sizes import Size

_SIZE = Size(190.0, 9.0)  # mm and pt: what A4 has between its margins
_ROWS = 200
"""Most rows of a table in a report; of more it says how many are left out."""

# No script of ours, no form, no picture, font or frame from elsewhere: only what is in the file runs.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
_STYLE = """
:root { color-scheme: light; }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: #fff; color: #1b2530;
       font: 16px/1.5 "Noto Sans", "Liberation Sans", sans-serif; }
figure { margin: 1rem 0; overflow-x: auto; }
figcaption { max-width: 75ch; margin-top: .5rem; color: #3a4653; font-size: .9rem; }
table { border-collapse: collapse; font-size: .85rem; margin: .5rem 0; }
th, td { padding: .15rem .6rem; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
thead tr { border-top: 2px solid; border-bottom: 1px solid; }
tbody tr:last-child { border-bottom: 2px solid; }
div.table { overflow-x: auto; }
@page { margin: 10mm; }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 10pt; }
  section { break-inside: avoid-page; } details > summary { display: none; } }
"""
_DRAW = """
for (const place of document.querySelectorAll("figure > [data-drawn]")) {
  const drawn = JSON.parse(document.getElementById(place.dataset.drawn).textContent);
  Plotly.newPlot(place, drawn.data, drawn.layout, {displaylogo: false, modeBarButtonsToRemove: ["sendDataToCloud"]});
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(each => { each.open = true; }));
"""


class Part(NamedTuple):
    """One figure of a report: its heading and caption, in plain text, and the table behind it."""

    heading: str
    caption: str
    figure: go.Figure
    table: pd.DataFrame | None = None
    link: str = ""
    """The address of what it shows in the app; "" for none."""


def report(
    title: str,
    parts: Sequence[Part],
    *,
    lead: str = "",
    made: str = "",
    terms: Sequence[tuple[str, str]] = (),
) -> str:
    """Return a page of HTML with the figures, drawn by plotly, which is in it once (4 MB).

    `made` says when, `terms` are words with what they mean. Text is text: names from outside run nothing and fetch
    nothing. Raises `NeutralError` for a report of nothing.
    """
    if not parts:
        raise NeutralError("a report takes a figure or more; pin a view first")
    from plotly.offline import get_plotlyjs

    body = "\n".join(_section(i, part) for i, part in enumerate(parts))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="neutral {__version__}">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{_text(title)}</h1>
{f"<p>{_text(made)}</p>" if made else ""}
{f"<p>{_text(lead)}</p>" if lead else ""}
{body}
{_terms(terms) if terms else ""}
</main>
<script>{get_plotlyjs()}</script>
<script>{_DRAW}</script>
</body>
</html>
"""


def _terms(terms: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<dt>{_text(name)}</dt><dd>{_text(line)}</dd>" for name, line in terms)
    return f"<h2>Words</h2>\n<dl>{lines}</dl>"


def _link(address: str) -> str:
    """Return a link to a view in the app; nothing for what is no web address."""
    if not address.startswith(("http://", "https://")):
        return ""
    return f'<p><a href="{_text(address)}">This view in the app</a></p>'


def _section(number: int, part: Part) -> str:
    drawn = on_paper(part.figure, _SIZE)
    alt = (part.figure.layout.meta or {}).get("alt") or part.heading
    # In a script element only "</" and "<!--" mean something; < spelled out means nothing there, and JSON reads it.
    data = drawn.to_json().replace("<", "\\u003c")
    return f"""<section>
<h2>{_text(part.heading)}</h2>
<figure>
<div data-drawn="figure-{number}" role="img" aria-label="{_text(alt)}"></div>
<script type="application/json" id="figure-{number}">{data}</script>
<figcaption>{_text(part.caption)}</figcaption>
</figure>
{_link(part.link)}
{_table(part.table) if part.table is not None and len(part.table) else ""}
</section>"""


def _table(table: pd.DataFrame) -> str:
    numeric = [pd.api.types.is_float_dtype(table[column]) for column in table]
    head = "".join(f'<th scope="col">{_text(column)}</th>' for column in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(map(_cell, row, numeric)) + "</tr>"
        for row in table.head(_ROWS).itertuples(index=False, name=None)
    )
    more = f"<p>{len(table) - _ROWS:,} more rows are left out here.</p>" if len(table) > _ROWS else ""
    return f"""<details><summary>Table</summary>
<div class="table"><table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div>{more}</details>"""


def _cell(value: object, number: bool) -> str:
    if value is None or value is pd.NA or value != value:
        return "<td>–</td>"
    return f'<td class="number">{value:.4f}</td>' if number else f"<td>{_text(value)}</td>"


def _text(value: object) -> str:
    return html.escape(one_line(value))
