"""Typology: which distances between languages go with the overlap of their masks, and what languages group together."""

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import typology
from neutral.labels import WHOLE
from neutral.summary import MEASURES
from pages.parts import pickers, show, views
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.typology import across, distances, graph, maps, tables, tree, words, world
from pages.parts.typology.shown import OVERLAP, Asked, Shown

LEAD = "Do languages share weights because they are related, near each other, written alike or built alike?"


SIMILARITY = "Similarity map"
FIRST = "geographic"  # family or place is asked most, and family has few values


class Part(NamedTuple):
    """A part of the page: its pickers, and what it shows of one source with what they say.

    By one distance, and by the overlap that is picked, if it says so.
    """

    ask: Callable[[Asked], dict]
    draw: Callable[..., None]
    by_distance: bool = False
    by_overlap: bool = True
    pins: str = "overlap"
    """The kind of what is pinned there; "" for nothing."""


PARTS = {
    "Distances": Part(distances.ask, distances.draw, by_distance=True, pins="typology"),
    "World": Part(world.ask, world.draw),
    "Graph": Part(graph.ask, graph.draw, by_distance=True),
    "Tree": Part(tree.ask, tree.draw),
    SIMILARITY: Part(maps.ask, maps.draw),
    "Other text": Part(across.ask, across.draw, by_overlap=False, pins=""),
}


def choose(notices: DeltaGenerator) -> list[views.View]:
    """Draw the sidebar's pickers, without those of the masks where a map of a distance is shown."""
    of_distance = pickers.peek("section", "") == SIMILARITY and pickers.peek("near", OVERLAP) != OVERLAP
    return views.choose(notices, without=("method", "sparsity", "seed") if of_distance else ())


with page("Typology", lead=LEAD, choose=choose) as shown:
    everyone = [tables.languages(view.members) for view in shown]
    far = [tables.distances(view.source, spoken.codes) for view, spoken in zip(shown, everyone, strict=True)]
    there = {kind for table in far for kind in typology.kinds_in(table)}
    kinds = [kind for kind in typology.KINDS if kind in there]
    part = PARTS[pickers.pick_part(list(PARTS), "section")]
    first = st.container() if len(shown) == 1 else None  # the answer is above the pickers that it depends on
    with st.container(border=True):
        above, below = st.container(), st.container()
        with below:
            settings = part.ask(Asked(kinds, everyone)) if kinds else {}
        by, group, kind, measure = "all", WHOLE, kinds[0] if kinds else "", MEASURES[0]
        if part.by_overlap and settings.get("of", OVERLAP) == OVERLAP:
            left, middle, right = above.columns([2, 4, 2])
            with left:
                measure = pickers.pick_measure(list(shown[0].kinds()))
            with middle:
                by, group = pickers.pick_place(shown[0].all_counts())
            st.caption(pickers.about_measure(measure))
            if kinds and part.by_distance:
                with right:
                    kind = pickers.pick("Distance", kinds, "distance", default=FIRST, names=typology.label)
    for view, spoken, table in zip(shown, everyone, far, strict=True):
        show.heading(view)
        with show.captioned():
            st.caption(show.what(view, group))
            if part.pins:
                pin = pins.of_masks(view, part.pins, measure, view.chosen, by=by, group=group)
                pins.button(pin, view.key)
        if about := words.who(spoken):
            st.info(about)
        if len(spoken.codes) < tables.LEAST:
            st.info(words.too_few(spoken))
            continue
        overlap = tables.overlap(view, spoken, measure, by, group).reset_index(drop=True)
        if overlap["value"].notna().sum() == 0:
            st.info(words.no_overlap(view.title, pickers.readable(group)))
            continue
        part.draw(Shown(view, spoken, measure, by, group, overlap, table, kind, first), **settings)
