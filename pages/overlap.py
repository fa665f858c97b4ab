"""Overlap: every pair of languages as a heatmap, with what the numbers must be read against."""

import streamlit as st

from neutral import figures
from neutral.members import is_known, relation
from pages.parts import pickers, show
from pages.parts.frame import page
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
        st.caption(f"{pickers.MEASURE_NAMES[measure]}: {pickers.MEASURE_WORDS[measure]}.")

    def overlap(view: View) -> None:
        """Show one source."""
        show.heading(view)
        st.caption(show.what(view) + ("" if group == "all" else f" · {pickers.readable(group)}"))
        pairs = view.pairs(measure, by)
        pairs = pairs[pairs["group"] == group].dropna(subset="value")
        if pairs.empty:
            st.info(_nothing(view))
            return
        levels = view.levels(measure, by)
        levels = levels[levels["group"] == group]
        wide, narrow = st.columns([3, 1], gap="medium")
        with wide:
            show.matrix(view, measure, f"matrix-{view.key}", by=by, group=group, order=order)
            st.caption(_reading(view))
        with narrow:
            st.markdown("###### Against its references")
            show.figure(figures.level_strip(pairs, levels, measure), f"strip-{view.key}")
        show.level_list(levels, group)
        related = [relation(a, b) for a, b in zip(pairs["source"], pairs["target"], strict=True)]
        frame = pairs.assign(relation=related) if all(map(is_known, view.members)) else pairs
        event = show.table(
            frame.sort_values("value", ascending=False),
            f"Overlap {measure} {group}",
            f"pairs-{view.key}",
            on_select="rerun",
            selection_mode="single-row",
        )
        if event and (rows := event["selection"]["rows"]):
            chosen = frame.sort_values("value", ascending=False).iloc[rows[0]]
            show.open_pair(chosen["source"], chosen["target"])

    def _nothing(view: View) -> str:
        if len(view.members) < 2:
            return "There is one mask here. An overlap takes two."
        if group in view.counts().groups(by):
            return "These masks keep nothing at all here, so there is no overlap to speak of."
        return f"{view.title} has no weights called “{pickers.readable(group)}”. Choose another layer or component."

    def _reading(view: View) -> str:
        click = "Click a cell, or a row of the table, to open the pair."
        kind = next(
            (kind for kind in ("seeds", "halves") if view.within(measure, by, group) and kind in view.kinds()), ""
        )
        twice = {"seeds": "under another seed", "halves": "from the other half of its text"}.get(kind)
        return f"On the diagonal: the language found again {twice}. {click}" if twice else click

    for shown in views:
        overlap(shown)
