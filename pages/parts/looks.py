"""Rules of looks that Streamlit has no setting for: whole names, and figures whose form fits the width they get."""

from __future__ import annotations

from collections.abc import Mapping

from neutral.figures import theme

MIDDLE = "st-key-least-wide-world"
"""Part of the class of figures that are scrolled sideways from their middle: there is most of the land."""
MOST = 1.6
"""The greatest width of a figure that has a least one, by that: wider, its cells would be far from square."""


def place(meta: Mapping, key: str) -> str:
    """Return the key of the container that gives a figure its size, by its meta (`theme.finish`); "" for none."""
    if meta.get("least"):
        return f"least-{meta['least']}-{key}"
    return ""


def _least(name: str, width: int) -> str:
    box = f'[class*="st-key-least-{name}-"]'
    return f"{box} {{ overflow-x: auto; }} {box} > * {{ min-width: {width}px; max-width: {MOST * width:.0f}px; }}"


# Columns go below each other where one of them is too narrow for its figure; nothing of a figure is then cut.
_ROOM = 280  # px that a figure takes to be read
_BLOCK, _COLUMN = '[data-testid="stHorizontalBlock"]', '[data-testid="stColumn"]'
_STACKED = " ".join(
    f"{_BLOCK}:has(> {_COLUMN} {figure}) {{ flex-wrap: wrap; }}"
    f" {_BLOCK} > {_COLUMN}:has({figure}) {{ min-width: min(100%, {room}px); }}"
    for figure, room in (
        ('[data-testid="stPlotlyChart"]', _ROOM),
        *((f'[class*="st-key-least-{name}-"]', width) for name, width in theme.LEAST.items()),
    )
)

# Tiles share one row, however narrow the page, and two columns on a phone. Streamlit's own row would break.
_ROW = '[data-testid="stHorizontalBlock"]:has(> [data-testid="stElementContainer"] > [data-testid="stMetric"])'
_TILES = f"""
{_ROW} {{ display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 0.5rem; }}
{_ROW} > * {{ width: auto !important; min-width: 0; }}
{_ROW} [data-testid="stMetric"] > div {{ padding: 0.5rem 0.6rem; }}
{_ROW} [data-testid="stMetricLabel"] {{ gap: 0.2rem; }}
{_ROW} [data-testid="stMetricLabel"] * {{ white-space: normal; overflow: visible; overflow-wrap: normal; }}
{_ROW} :is([data-testid="stMetricLabel"], [data-testid="stMetricDelta"]) p {{ font-size: 0.8rem; word-break: normal; }}
{_ROW} [data-testid="stMetricValue"] * {{ overflow: visible; text-overflow: clip; }}
{_ROW} [data-testid="stMetricValue"] {{ font-size: clamp(1.25rem, 0.5rem + 1.3vw, 2rem); }}
{_ROW} [data-testid="stMetricDelta"] {{ padding: 0; background: none; color: inherit; opacity: 0.85; }}
@media (min-width: 641px) and (max-width: 1340px) {{ {_ROW} [data-testid="stMetricLabel"] {{ min-height: 2.4rem; }} }}
@media (max-width: 640px) {{
  {_ROW} {{ grid-auto-flow: row; grid-template-columns: repeat(2, minmax(0, 1fr)); }}
}}
"""

# What is still on its way is as high as it will be, so that nothing below it moves.
_SKELETON = '[data-testid="stElementContainer"] > [data-testid="stSkeleton"]'
MENU = "menu"
"""Key of the links to all pages."""
_WAITING = f"""
[data-testid="stHorizontalBlock"]:has(> :nth-child(3) > [data-testid="stSkeleton"]) {_SKELETON} {{
  height: 7.75rem; }}
.st-key-{MENU} [data-testid="stSkeleton"] {{ height: 1.5rem; width: 100%; }}
"""

# A phone has no room for the buttons over a figure or a table: they would lie on its title.
_PHONE = """
@media (max-width: 640px) { .modebar, [data-testid="stElementToolbar"] { display: none !important; } }
"""
_LARGE = "@media (min-width: 2200px) { html { font-size: 18px; } }"

# A tile's note and a link's label would end in "…" where they are wider than their place, and hide a language's name.
_WHOLE = """
:is([data-testid="stMetricDelta"], [data-testid="stPageLink"]) * {
  white-space: normal !important; text-overflow: clip; }
[data-testid="stPageLink"] :is(a, a *) { overflow: visible; height: auto; }
"""

_MEASURE = "80ch"
"""The longest line of text: who reads a longer one loses the next."""

_TEXT = f"""
[data-testid="stMain"] :is([data-testid="stMarkdownContainer"], [data-testid="stCaptionContainer"])
  > :is(p, ul, ol, blockquote) {{ max-width: {_MEASURE}; }}
[data-testid="stMain"] [data-testid="stText"] {{ max-width: {_MEASURE}; white-space: pre-wrap; }}
"""

# Streamlit's greys are 3.7 and 4.2 to their ground, where 4.5 is wanted.
_CONTRAST = """
[data-testid="stPlotlyChart"] :is([class*="tick"], [class*="cbtitle"]) text,
[data-testid="stPlotlyChart"] text:is([class$="title"], [style*="rgb(128, 132, 149)"]) {
  fill: currentColor !important; fill-opacity: 0.8 !important; }
[data-testid="stCaptionContainer"], [data-testid="stExpander"] summary { opacity: 0.85 !important; }
[data-testid="stPlotlyChart"] [class*="tick"] tspan[style*="font-size"] { fill-opacity: 1; }
[data-testid="stCaptionContainer"] code { color: inherit; }
[data-testid="stBaseButton-primary"]:enabled :is(p, span) { color: light-dark(#ffffff, #10161d); }
"""

# What only a screen that is too narrow for a matrix needs.
NARROW = "narrow"
_NARROW = f'@media (min-width: 641px) {{ [class*="st-key-{NARROW}-"] {{ display: none; }} }}'

UNSEEN = "unseen"
"""Key of what takes no room, or its beginning."""
_HIDDEN = f'[class*="st-key-{UNSEEN}"]'
_UNSEEN = f'{_HIDDEN}, [data-testid="stLayoutWrapper"]:has(> {_HIDDEN}) {{ display: none; }}'

RING = "light-dark(#b3261e, #ffb347)"
"""The colour of the ring around what the keyboard is on: no page, button or figure has it."""
# Streamlit gives a link that has the focus the ground of the page that is shown, and a heading of a box nothing.
_FOCUS = f"""
:is([data-testid="stSidebar"] a, [data-testid="stPageLink"] a, summary, button, [role="tab"]):focus-visible {{
  outline: 3px solid {RING} !important; outline-offset: 1px; }}
"""

SIDE_BY_SIDE = "side-by-side"
"""Key of a row of views, and the beginning of those of its views."""

_COLUMNS = "repeat(auto-fit, minmax(min(260px, 100%), 1fr))"  # all as wide, so that their axes are

STYLE = f"""<style>{_WHOLE}{_STACKED}{_TILES}{_WAITING}{_PHONE}{_LARGE}{_TEXT}{_CONTRAST}{_NARROW}{_UNSEEN}{_FOCUS}
.st-key-{SIDE_BY_SIDE} {{ display: grid; grid-template-columns: {_COLUMNS}; }}
{" ".join(_least(name, width) for name, width in theme.LEAST.items())}
</style>"""
"""Goes into every page."""
