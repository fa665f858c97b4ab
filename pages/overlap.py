"""Overlap: every pair of languages as a heatmap, with what the numbers must be read against."""

import streamlit as st

from neutral.masksets import MaskSet
from pages.parts import figures, pickers, show
from pages.parts.frame import page
from pages.parts.overlap import alike, tables, together, words
from pages.parts.views import View

with page("Overlap") as views:
    with st.container(border=True):
        left, middle, right = st.columns([2, 4, 2])
        with left:
            measure = pickers.pick_measure(list(views[0].kinds()))
        with middle:
            by, group = pickers.pick_place(views[0].all_counts())
        with right:
            order = pickers.pick_order()
        st.caption(pickers.about_measure(measure))

    def overlap(view: View) -> None:
        """Show one source."""
        show.heading(view)
        st.caption(show.what(view, group))
        if isinstance(view.source, MaskSet) and (said := words.opposed(view.counts())):
            st.warning(said)
        pairs = view.pairs(measure, by)
        pairs = pairs[pairs["group"] == group].dropna(subset="value")
        if pairs.empty:
            st.info(words.nothing(view, by, group))
            return
        levels = view.levels(measure, by)
        levels = levels[levels["group"] == group]
        wide, narrow = st.columns([3, 1], gap="medium")
        with wide:
            show.matrix(view, measure, f"matrix-{view.key}", by=by, group=group, order=order)
            st.caption(words.diagonal(view, measure, by, group))
            if told := alike.said(pairs, view.within(measure, by, group)):
                st.markdown(told)
        with narrow:
            st.markdown("###### Against its references")
            show.figure(figures.level_strip(pairs, levels, measure), f"strip-{view.key}")
        st.markdown(words.levels(levels))
        together.together(view, by, group)
        ranked = tables.ranked(view.source, view.choice, measure, by, view.chosen)
        ranked = ranked[ranked["group"] == group].dropna(subset="value")
        event = show.table(
            ranked,
            f"Overlap {measure} {group}",
            f"pairs-{view.key}",
            on_select="rerun",
            selection_mode="single-row",
        )
        if event and (rows := event["selection"]["rows"]):
            chosen = ranked.iloc[rows[0]]
            show.open_pair(chosen["source"], chosen["target"])

    for shown in views:
        overlap(shown)
