"""Tests without one family, or one script, in turn: how far each distance hangs on one of them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral import typology
from neutral.association import leaving
from pages.parts import export, figures, memory, show
from pages.parts.typology import fits, hanging
from pages.parts.typology.shown import Shown


def moved_in(shown: Shown, tested: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return the study's tests without one family or script and how far they move; None where it has none of these."""
    rows = fits.leaving(shown.view, shown.measure, shown.by, tested)
    moved = memory.remembered(leaving.moved)(rows) if rows is not None else None
    return None if moved is None or moved.empty else (rows, leaving.with_whole(moved, tested, "tree"))


def first(shown: Shown, tested: pd.DataFrame) -> str:
    """Say which distances hold whichever family or script is left out; "" where the study does not tell."""
    found = moved_in(shown, tested)
    return hanging.first(found[1]) if found else ""


def draw(shown: Shown, tested: pd.DataFrame) -> None:
    """Show what the study has of such tests, beside those of all languages; nothing where it has none of these."""
    found = moved_in(shown, tested)
    if found is None:
        return
    rows, moved = found
    st.markdown(f"## {hanging.TITLE}")
    st.markdown(hanging.sentence(moved))
    key = f"leaving-{shown.view.key}"
    names = {kind: typology.label(kind) for kind in moved["distance"]}
    each = export.More("Each test without one family or script", rows)
    show.figure(figures.leaving_ranges(moved, names), key, moved, more=[each])
    st.caption(hanging.caption(rows))
