"""Rules of looks that Streamlit has no setting for: whole names, and figures whose form fits the width they get."""

from __future__ import annotations

from collections.abc import Mapping

from neutral.figures import theme

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


# A tile's note and a link's label would end in "…" where they are wider than a phone, and hide a language's name.
_WHOLE = """
[data-testid="stMetricDelta"] *, [data-testid="stPageLink"] * { white-space: normal !important; text-overflow: clip; }
"""

SIDE_BY_SIDE = "side-by-side"
"""Key of a row of views, and the beginning of those of its views."""

_NARROWEST = 260  # px of a view beside others

STYLE = f"""<style>{_WHOLE}
.st-key-{SIDE_BY_SIDE} > * {{ flex: 1 1 {_NARROWEST}px; min-width: min({_NARROWEST}px, 100%); }}
{" ".join(_least(name, width) for name, width in theme.LEAST.items())}
</style>"""
"""Goes into every page."""
