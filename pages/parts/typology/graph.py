"""The part Graph: languages joined by overlap, beside the same joined by a distance."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from neutral import typology
from neutral.typology import graphs, similarity
from pages.parts import figures, pickers, show
from pages.parts.text import as_text
from pages.parts.typology import captions, tables, words
from pages.parts.typology.many import is_many
from pages.parts.typology.shown import Asked, Shown

EDGES = {"share": "Strongest pairs", "strongest": "Strongest of each", "tree": "Spanning tree"}


def ask(asked: Asked) -> dict:
    """Draw the pickers."""
    left, right = st.columns([2, 4])
    with left:
        how = pickers.pick("Edges", list(EDGES), "edges", names=EDGES.__getitem__)
    amount = 0.0
    with right:
        if how == "share":
            amount = pickers.pick_number(
                "Threshold: so many % of the pairs", list(range(5, 105, 5)), "threshold", default=share(asked.codes)
            )
        elif how == "strongest":
            amount = pickers.pick_number("Strongest of each", list(range(1, 6)), "strongest", default=2)
    return {"how": how, "amount": amount}


def draw(shown: Shown, *, how: str, amount: float) -> None:
    """Show both graphs."""
    spoken, kind = shown.spoken, shown.kind
    square, far = shown.square, shown.far(kind)
    places = tables.layout(square)
    networks = {"overlap": tables.network(square, square, spoken.blocks, how, amount)}
    if shown.knows(kind):
        networks["distance"] = tables.network(typology.nearness(far), far, spoken.blocks, how, amount)
    pairs = tables.related(shown.overlap, spoken.codes)
    joined = similarity.joined(pairs, networks["overlap"].edges)
    if len(joined):
        st.markdown(captions.graph_answer(joined, pairs, networks["overlap"], shown.unit))
    left, right = st.columns(2, gap="medium")
    for column, value, title in (
        (left, "overlap", f"Joined by {shown.unit}"),
        (right, "distance", f"Joined by {typology.label(kind).lower()}"),
    ):
        with column:
            st.markdown(f"## {as_text(title)}")
            network = networks.get(value)
            if network is None:
                st.info(words.unknown(kind))
                continue
            st.markdown(captions.graph(network, spoken, value))
            figure = figures.network(
                figures.Placed(places, shown.view.families, title, f"graph-{value}"),
                network.edges,
                communities=network.communities,
                span=network.span,
            )
            show.figure(figure, f"graph-{value}-{shown.view.key}", network.edges)
    st.caption(captions.graphs(*networks.values()))


def communities(shown: Shown) -> graphs.Network:
    """Return the graph of the overlap's strongest pairs, whose communities other parts show."""
    return tables.network(shown.square, shown.square, shown.spoken.blocks, "share", share(shown.spoken.codes))


def share(codes: Sequence[str]) -> int:
    """Return % of the pairs: as many as are joined at first, and as make the communities that other parts show."""
    return 5 if is_many(codes) else 30
