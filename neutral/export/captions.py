"""A figure's caption: what it shows, and every setting behind it, so that who reads it can draw it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from neutral import __version__
from neutral.errors import one_line

_NAMED = 24
"""Most languages that a caption names; of more it says how many."""


def caption(figure: go.Figure, settings: Mapping[str, str | Sequence[str]], *, link: str = "") -> str:
    """Return a figure's alternative text and the settings it was drawn with, in sentences on one line.

    `settings` are name -> value, or values; empty ones are left out. `link` opens the view.

    >>> figure = go.Figure().update_layout(meta={"alt": "Jaccard overlap by layer."})
    >>> caption(figure, {"Study": "mine", "Seed": "0"}).replace(__version__, "1.0")
    'Jaccard overlap by layer. Study: mine; seed: 0. Drawn with neutral 1.0.'
    """
    said = one_line((figure.layout.meta or {}).get("alt") or "").strip()
    parts = [f"{name}: {_value(value)}" for name, value in settings.items() if value]
    parts = [part if i == 0 else part[:1].lower() + part[1:] for i, part in enumerate(parts)]
    sentences = [said if not said or said.endswith(".") else f"{said}.", f"{'; '.join(parts)}." if parts else ""]
    made = f"Drawn with neutral {__version__}" + (f": {one_line(link)}" if link else ".")
    return " ".join(filter(None, [*sentences, made]))


def _value(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return one_line(value)
    names = [one_line(each) for each in value]
    return ", ".join(names) if len(names) <= _NAMED else f"{len(names)} ({', '.join(names[:3])}, …)"
