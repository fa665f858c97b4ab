"""What the Overlap and Layers pages show of all masks at once: weights that all keep ÷ weights that any keeps."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral.errors import NeutralError
from pages.parts import figures, show
from pages.parts.overlap import words
from pages.parts.views import View


def together(view: View, by: str, group: str) -> None:
    """Show the Jaccard of the masks of a view at once, in one group of weights."""
    if (table := _table(view, by)) is None:
        return
    rows = table[table["group"] == group].dropna(subset="value")
    if len(rows):
        st.markdown("## All at once")
        st.markdown(words.joint(rows.iloc[0]))
        show.table(table, "All at once", f"joint-{view.key}")


def by_layer(view: View) -> None:
    """Show the Jaccard of the masks of a view at once, layer by layer."""
    if (table := _table(view, "layer")) is None:
        return
    st.markdown("### All at once")
    st.caption(words.JOINT)
    show.figure(figures.joint_by_layer(table), f"joint-layers-{view.key}", table)


def _table(view: View, by: str) -> pd.DataFrame | None:
    """Return `summary.joint` of a view; None, and say so, where its source does not tell, and for less than three."""
    if len(view.members) < 3:
        return None
    try:
        return view.joint(by)
    except NeutralError:
        st.caption(words.untold(view))
        return None
