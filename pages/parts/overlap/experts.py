"""What the Layers page shows of a mixture of experts: which experts each language uses."""

from __future__ import annotations

import streamlit as st

from neutral import figures
from neutral.members import rows_in_order
from pages.parts import pickers, show
from pages.parts.overlap import tables, words
from pages.parts.views import View


def used(view: View) -> None:
    """Show which share of a layer's tokens each expert gets, and how much of their routing languages share."""
    table = tables.experts_used(view.source, view.choice, view.members)
    if table.empty:
        return
    st.markdown("##### Which experts each language uses")
    shared, told = tables.routing(view.source, view.choice, view.members)
    if told is not None:
        st.markdown(words.routing(told))
    layers = list(dict.fromkeys(table["layer"]))
    layer = pickers.pick("Layer of experts", layers, f"routed-{view.key}")
    st.caption(words.EXPERTS)
    show.figure(figures.experts_used(rows_in_order(table), layer), f"experts-{view.key}")
    show.table(table, "Tokens of each expert", f"experts-{view.key}")
    if told is not None:
        show.table(shared, "Shared routing", f"routing-{view.key}")
