"""Pinned views side by side, on shared axes and one colour scale, and how each differs from the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from neutral.compare import Difference, View, difference, labels, title_of_gap
from neutral.figures.compare.gaps import gap
from neutral.figures.compare.units import place_names, told, unit, unit_of_gap
from neutral.figures.compare.views import beside, span

__all__ = ["Sheet", "beside", "gap", "place_names", "sheets", "span", "unit", "unit_of_gap"]


class Sheet(NamedTuple):
    """A view, or a difference of two, as a page or a report shows it."""

    title: str
    figure: go.Figure
    caption: str
    """Every setting that the numbers hang on."""
    table: pd.DataFrame
    apart: Difference | None = None
    """The difference that is shown; None for a view."""


def sheets(views: Sequence[View], by: str) -> list[Sheet]:
    """Return a sheet a view, by one of `views.PLACES`, and one for each view's difference from the first.

    Raises `NeutralError` for views without values by that, and for those that share nothing.
    """
    ends, names = span(views, by), labels(views)
    found = [
        Sheet(name, beside(view, by, ends), view.settings, told(view.tables[by], view, by))
        for name, view in zip(names, views, strict=True)
    ]
    for name, other in zip(names[1:], views[1:], strict=True):
        apart = difference(views[0], other, by)
        title = title_of_gap(name, names[0], other)
        caption = f"{other.settings}, minus {views[0].settings}"
        found.append(Sheet(title, gap(apart, title, unit_of_gap(other)), caption, told(apart.table, other, by), apart))
    return found
