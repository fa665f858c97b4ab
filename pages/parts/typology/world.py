"""The part World: languages where they are spoken, and the strongest overlaps between them."""

from __future__ import annotations

import streamlit as st

from neutral import figures
from neutral.members import display
from neutral.typology import similarity
from pages.parts import pickers, show
from pages.parts.text import in_words
from pages.parts.typology import captions, graph, tables
from pages.parts.typology.shown import OVERLAP, Asked, Shown, lacks

FAMILY, COMMUNITY = "Family", "Community"
COUNTS = (0, 5, 10, 25, 50, 100, 200, 400)


def ask(asked: Asked) -> dict:
    """Draw the pickers."""
    left, middle, right = st.columns([2, 2, 4])
    with left:
        colour = pickers.pick("Colour", [FAMILY, COMMUNITY, OVERLAP], "colour", names=captions.COLOURS.__getitem__)
    to = None
    if colour == OVERLAP and asked.codes:
        with middle:
            to = pickers.pick("Language", asked.codes, "to", names=display)
    with right:
        most = 50 if len(asked.codes) > figures.theme.MANY else 10
        count = pickers.pick_number(captions.LINKS, COUNTS, "links", default=most)
    return {"colour": colour, "to": to, "count": int(count)}


def draw(shown: Shown, *, colour: str, to: str | None, count: int) -> None:
    """Show the map, which pairs it joins, and who has no place."""
    spoken = shown.spoken
    places = tables.places(spoken.codes)
    pairs = tables.related(shown.overlap, spoken.codes)
    if to is not None and to not in spoken.codes:
        st.info(captions.not_here(to))
        return
    links = similarity.strongest(pairs, count, to)
    st.markdown(captions.links(links, pairs, shown.unit, to))
    with_one = similarity.with_one(pairs, to) if to else None
    communities = graph.communities(shown).communities if colour == COMMUNITY else None
    figure = figures.world_map(
        places,
        links,
        shown.view.families,
        measure=shown.measure,
        communities=communities,
        overlap=with_one,
        notes=captions.places(places, spoken, similarity.nearest(pairs, 3), with_one or {}),
        title=captions.coloured(colour, to),
        name="world-map",
    )
    show.figure(figure, f"world-{shown.view.key}")
    if communities is not None:
        st.caption(captions.COMMUNITIES.format(share=graph.SHARE))
    if lacking := lacks(spoken.codes, list(places["language"])):
        st.caption(captions.without_place(list(map(in_words, lacking))))
    st.caption(captions.WORLD)
    show.table(links, "Strongest overlaps", f"world-{shown.view.key}")
    show.table(places, "Places", f"world-places-{shown.view.key}")
