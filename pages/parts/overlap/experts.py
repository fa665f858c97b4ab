"""What pages show of a mixture of experts: which experts each language uses, and how alike the masks are in each."""

from __future__ import annotations

import streamlit as st

from neutral import labels, summary
from neutral.figures.theme import UNITS
from neutral.members import rows_in_order
from pages.parts import export, figures, pickers, show
from pages.parts.overlap import tables, words
from pages.parts.views import View


def by_expert(view: View, measure: str, who: str = "", members: tuple[str, ...] = ()) -> None:
    """Show the overlap in every expert of every layer: the mean of all pairs, of one language's, or of `members`.

    Shows nothing for a network without experts.
    """
    if not labels.has_experts(view.counts().tensors):
        return
    table = view.pairs(measure, "expert", members)
    if who:
        table = table[(table["source"] == who) | (table["target"] == who)]
    if table["value"].isna().all():
        return
    st.markdown("## By expert")
    st.caption(words.BY_EXPERT)
    drawn = figures.layer_expert(summary.means(table), UNITS[measure][0], name=f"{measure}-by-expert")
    show.figure(drawn, f"by-expert-{view.key}", table)


def used(view: View) -> None:
    """Show which share of a layer's tokens each expert gets, and how much of their routing languages share."""
    table = tables.experts_used(view.source, view.choice, view.members)
    if table.empty:
        return
    st.markdown("## Which experts each language uses")
    shared, told = tables.routing(view.source, view.choice, view.members)
    if told is not None:
        st.markdown(words.routing(told))
    layers = list(dict.fromkeys(table["layer"]))
    layer = pickers.pick("Layer of experts", layers, f"routed-{view.key}")
    st.caption(words.EXPERTS)
    more = [export.More("Shared routing", shared)] if told is not None else []
    show.figure(figures.experts_used(rows_in_order(table), layer), f"experts-{view.key}", table, more=more)
