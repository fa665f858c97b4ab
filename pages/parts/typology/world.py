"""The part World: languages where they are spoken, and the strongest overlaps between them."""

from __future__ import annotations

import streamlit as st

from neutral.members import display
from neutral.typology import similarity, world
from pages.parts import export, figures, pickers, show
from pages.parts.text import in_words
from pages.parts.typology import captions, graph, tables
from pages.parts.typology.many import is_many
from pages.parts.typology.shown import OVERLAP, Asked, Shown, lacks

FAMILY, COMMUNITY = "Family", "Community"
WORLD = "The world"
COUNTS = (0, 5, 10, 25, 50, 100, 200, 400)


def ask(asked: Asked) -> dict:
    """Draw the pickers."""
    left, middle, right, last = st.columns([2, 2, 2, 3])
    with left:
        colour = pickers.pick("Colour", [FAMILY, COMMUNITY, OVERLAP], "colour", names=captions.COLOURS.__getitem__)
    to = None
    if colour == OVERLAP and asked.codes:
        with middle:
            to = pickers.pick("Language", asked.codes, "to", names=display)
    everywhere = tables.places(tuple(asked.codes))
    regions = [region for region in world.REGIONS if len(world.within(everywhere, region)) > 1]
    with right:
        region = pickers.pick("Region", [WORLD, *regions], "region")
    with last:
        most = 50 if is_many(asked.codes) else 10
        count = pickers.pick_number(captions.LINKS, COUNTS, "links", default=most)
    return {"colour": colour, "to": to, "region": region, "count": int(count)}


def draw(shown: Shown, *, colour: str, to: str | None, region: str, count: int) -> None:
    """Show the map, which pairs it joins, and who has no place."""
    spoken = shown.spoken
    places = tables.places(spoken.codes)
    pairs = tables.related(shown.overlap, spoken.codes)
    if to is not None and to not in spoken.codes:
        st.info(captions.not_here(to))
        return
    shown_here = places if region == WORLD else world.within(places, region)
    among = similarity.among(pairs, list(shown_here["language"]))
    links = similarity.strongest(among, count, to)
    st.markdown(captions.links(links, among, shown.unit, to, "" if region == WORLD else region))
    with_one = similarity.with_one(pairs, to) if to else None
    communities = graph.communities(shown).communities if colour == COMMUNITY else None
    figure = figures.world_map(
        figures.Placed(shown_here, shown.view.families, captions.coloured(colour, to), "world-map"),
        links,
        measure=shown.measure,
        communities=communities,
        overlap=with_one,
        notes=captions.places(places, spoken, similarity.nearest(pairs, 3), with_one or {}),
    )
    show.figure(figure, f"world-{shown.view.key}", links, more=[export.More("Places", places)])
    if communities is not None:
        st.caption(captions.COMMUNITIES.format(share=graph.share(spoken.codes)))
    if lacking := lacks(spoken.codes, list(places["language"])):
        st.caption(captions.without_place(list(map(in_words, lacking))))
    st.caption(captions.WORLD)
