"""The functions of `neutral.figures`, remembered: what is drawn from the same table again is not drawn again.

Plotly takes 10 to 60 ms to make a figure, most of a rerun. Figures are shared between sessions, so no page changes one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from neutral import figures
from pages.parts import memory

theme = figures.theme


@cache
def __getattr__(name: str) -> Any:
    """Return what `neutral.figures` has by that name."""
    found = getattr(figures, name)
    return memory.remembered(found) if callable(found) and not isinstance(found, type) else found
