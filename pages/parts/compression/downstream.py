"""What fine-tuning with each table in place came to: the answer, the scores, their table."""

from __future__ import annotations

import streamlit as st

from neutral.metrics import metric
from neutral.study import Study
from pages.parts import export, figures, pickers, show
from pages.parts.compression import columns, tables, words
from pages.parts.compression.budget import Budget
from pages.parts.compression.tables import TableChoice


def show_tasks(study: Study, _choice: TableChoice, _asked: Budget | None) -> None:
    """Show the scores of one task by one metric."""
    scored = tables.downstream(study)
    st.markdown("## What a table costs after fine-tuning")
    if scored.empty:
        st.info(words.NO_TUNING)
        return
    first, second = st.columns([3, 1])
    with first:
        setting = pickers.pick("Task", list(dict.fromkeys(scored["setting"])), "setting")
    rows = scored[scored["setting"] == setting]
    with second:
        name = pickers.pick("Metric", list(dict.fromkeys(rows["metric"])), "metric", names=lambda m: metric(m).label)
    rows = rows[rows["metric"] == name]
    st.markdown(words.tuning(rows))
    every = export.More("All tasks and metrics", scored, columns.named, 3)
    show.figure(figures.scores_by_table(rows, name), "downstream", rows, named=columns.named, digits=3, more=[every])
    st.caption(words.TUNING)
