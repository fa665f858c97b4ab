"""The part Tree: languages by overlap as a tree, beside that of the families or another distance."""

from __future__ import annotations

import streamlit as st

from neutral import typology
from neutral.typology import folding, similarity
from pages.parts import figures, pickers, show
from pages.parts.text import as_text
from pages.parts.typology import captions, tables, words
from pages.parts.typology.many import is_many
from pages.parts.typology.shown import OVERLAP, Asked, Shown, left_out, named


def ask(asked: Asked) -> dict:
    """Draw the pickers; of many languages all families are folded at first."""
    with st.columns([2, 5])[0]:
        beside = pickers.pick("Beside it", asked.kinds, "beside", default="family", names=named)
    families = folding.foldable(asked.families)
    first = families if is_many(asked.codes) else []
    closed = pickers.pick_some(captions.FOLD, families, "folded", default=first) if families else []
    return {"beside": beside, "closed": tuple(closed)}


def draw(shown: Shown, *, beside: str, closed: tuple[str, ...]) -> None:
    """Show both trees."""
    spoken = shown.spoken
    said(shown, beside)
    left, right = st.columns(2, gap="medium")
    for column, kind, title in (
        (left, OVERLAP, f"By {shown.unit}"),
        (right, beside, f"By {typology.label(beside).lower()}"),
    ):
        with column:
            st.markdown(f"## {as_text(title)}")
            if not shown.knows(kind):
                st.info(words.unknown(kind))
                continue
            far = typology.complete(shown.far(kind))
            if len(far) < 2:
                st.info(captions.NO_TREE)
                continue
            dendrogram = tables.dendrogram(far)
            agreement = None
            if kind == OVERLAP:
                agreement = tables.tree_agreement(dendrogram.heights, shown.distances, beside, spoken.blocks)
            st.markdown(captions.tree(dendrogram, agreement, beside))
            folded = folding.fold(dendrogram.linkage, list(far.index), spoken.blocks, closed)
            figure = figures.dendrogram(
                folded,
                shown.view.families,
                notes=spoken.branches,
                title=shown.far_name(kind),
                name=f"tree-{kind.lower()}",
            )
            show.figure(figure, f"tree-{column is left}-{shown.view.key}")
            left_out(spoken, far)
    st.caption(captions.TREES)


def said(shown: Shown, beside: str) -> None:
    """Say which languages join first, and how far the tree agrees with what is beside it."""
    first = similarity.strongest(tables.related(shown.overlap, shown.spoken.codes), 1)
    far = typology.complete(shown.far(OVERLAP))
    if first.empty or len(far) < 2:
        return
    agreement = None
    if shown.knows(beside):
        heights = tables.dendrogram(far).heights
        agreement = tables.tree_agreement(heights, shown.distances, beside, shown.spoken.blocks)
    st.markdown(captions.tree_answer(first, agreement, beside, shown.unit))
