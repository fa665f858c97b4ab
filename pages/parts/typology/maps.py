"""The part Similarity map: languages in a plane, near each other if they are alike, by MDS and by UMAP."""

from __future__ import annotations

import streamlit as st

from neutral import typology
from neutral.typology import similarity
from pages.parts import figures, pickers, show, umaps
from pages.parts.typology import captions, tables, words
from pages.parts.typology.shown import OVERLAP, Asked, Shown, left_out, named

MAKERS = {"MDS": tables.by_mds, "UMAP": tables.by_umap}
"""Title -> what makes the map; the one that is there at once comes first."""


def ask(asked: Asked) -> dict:
    """Draw the picker."""
    with st.columns([2, 5])[0]:
        return {"of": pickers.pick("Near in the map is near in", [OVERLAP, *asked.kinds], "near", names=named)}


def draw(shown: Shown, *, of: str) -> None:
    """Show both maps."""
    spoken = shown.spoken
    if not shown.knows(of):
        st.info(words.unknown(of))
        return
    far = typology.complete(shown.far(of))
    if len(far) < tables.LEAST:
        st.info(captions.NO_MAP)
        return
    name = shown.unit if of == OVERLAP else typology.label(of).lower()
    st.markdown(captions.map_answer(similarity.neighbours(far), spoken.blocks, name))
    places = {}
    for column, title in zip(st.columns(2, gap="medium"), MAKERS, strict=True):
        with column:
            st.markdown(f"## {title}")
            if title == "UMAP" and umaps.seconds() is not None:
                umaps.wait()
                continue
            places[title] = MAKERS[title](far)
            st.caption(captions.kept_by_map(title, places[title]))
            called = f"{title} of {shown.far_name(of)}", f"map-{title.lower()}"
            drawn = figures.language_map(figures.Placed(places[title], shown.view.families, *called))
            show.figure(drawn, f"map-{title}-{shown.view.key}", places[title])
    left_out(spoken, far)
