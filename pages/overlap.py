"""Overlap: every pair of languages as a heatmap, with what the numbers must be read against."""

import pandas as pd
import streamlit as st

from neutral.masksets import MaskSet
from pages.parts import export, figures, pickers, show
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.overlap import answers, cell, tables, together, words
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

    def every_pair(view: View) -> export.More:
        """Return the table of all pairs, the most alike first: a row that is picked opens the pair."""

        def ranked() -> pd.DataFrame:
            return tables.ranked(view.source, view.choice, measure, by, view.chosen, group).dropna(subset="value")

        def opened(row: pd.Series) -> None:
            show.open_pair(row["source"], row["target"])

        where = "" if group == "all" else f", {pickers.readable(group)}"
        return export.More(f"{pickers.MEASURE_NAMES[measure]} of every pair{where}", ranked, picked=opened)

    def strip(view: View, pairs: pd.DataFrame, levels: pd.DataFrame) -> None:
        """Show all pairs against their references."""
        st.markdown("## Against its references")
        show.figure(figures.level_strip(pairs, levels, measure), f"strip-{view.key}")

    def overlap(view: View) -> None:
        """Show one source."""
        show.heading(view)
        with show.captioned():
            st.caption(show.what(view, group))
            pins.button(pins.of_masks(view, "overlap", measure, view.chosen, by=by, group=group), view.key)
        if isinstance(view.source, MaskSet) and (said := words.opposed(view.counts())):
            st.warning(said)
        pairs = view.pairs(measure, by, group=group).dropna(subset="value")
        if pairs.empty:
            st.info(words.nothing(view, by, group))
            return
        levels = view.levels(measure, by, group=group)
        st.markdown(answers.overlap(view, pairs, levels, measure, by, group))
        wide, narrow = st.columns([2, 1], gap="medium")
        key = f"matrix-{view.key}"
        with wide:
            drawn = show.matrix(view, measure, key, by=by, group=group, order=order, more=[every_pair(view)])
            pair = cell.chosen(view, drawn, key)
            st.caption(words.diagonal(view, measure, by, group))
        with narrow:
            if pair:
                cell.beside(view, pair, measure)
            else:
                strip(view, pairs, levels)
        if pair:
            left, right = st.columns([1, 2], gap="medium", vertical_alignment="center")
            with left:
                strip(view, pairs, levels)
            right.markdown(words.levels(levels))
        else:
            st.markdown(words.levels(levels))
        together.together(view, by, group)

    for shown in views:
        overlap(shown)
