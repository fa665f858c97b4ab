"""What the Transfer page shows of masks from another task, and of masks of several languages at once."""

from __future__ import annotations

import streamlit as st

from neutral.members import display, order
from neutral.transfer import answers
from pages.parts import figures, pickers, show
from pages.parts.text import as_text
from pages.parts.transfer import words
from pages.parts.transfer.tables import PAPER, Experiment


def tasks(shown: list[Experiment]) -> None:
    """Show another task's masks beside the task's own."""
    with st.spinner("Testing masks of other tasks …"):
        tables = {one.title: table for one in shown if len(table := one.across())}
    if not tables:
        return
    st.header("Across tasks", anchor=False)
    st.caption(words.ACROSS_TASKS)
    targets = dict.fromkeys(task for table in tables.values() for task in table["target_task"])
    with st.columns([2, 5])[0]:
        usual = shown[0].task
        target = pickers.pick("Trained and scored on", list(targets), "target", default=usual, names=pickers.task_name)
    columns = st.columns(len(tables), gap="medium")
    for column, (title, table) in zip(columns, tables.items(), strict=True):
        rows = table[table["target_task"] == target]
        if title != PAPER:  # which prints points
            rows = answers.in_points(rows, ["own", "difference", "low", "high"])
        with column:
            st.markdown(f"## {as_text(title)}")
            if rows.empty:
                st.info(words.none_across(target))
                continue
            codes = order(list(dict.fromkeys(rows["language"])))
            names = {task: pickers.task_name(task) for task in rows["source_task"]} | {"random": "Random mask"}
            marks = dict.fromkeys(answers.different(rows, ("source_task", "language")), "*")
            show.figure(
                figures.cross_task_matrix(rows, codes, names, marks=marks),
                f"cross-{title}",
                rows,
                named=lambda table: words.named(table, words.ACROSS_COLUMNS),
            )
            st.caption(words.across_tasks(target, rows, codes, printed=title == PAPER))


def languages(shown: list[Experiment]) -> None:
    """Show masks found on several languages at once beside single ones."""
    tables = {one.title: table for one in shown if len(table := one.multilingual())}
    if not tables:
        return
    st.header("A ticket for several languages", anchor=False)
    st.caption(words.SEVERAL)
    columns = st.columns(len(tables), gap="medium")
    for column, (title, table) in zip(columns, tables.items(), strict=True):
        printed = title == PAPER
        with column:
            st.markdown(f"## {as_text(title)}")
            table = table if printed else answers.in_points(table, ["value"])
            for task, mixture, rows in answers.mixtures(table):
                square = answers.mixture_square(rows)
                st.caption(words.mixture(task, rows, square["mean"], printed=printed))
                names = words.mixture_names(mixture)
                square = square.rename(columns=lambda code: "Mean" if code == "mean" else display(code))
                square = square.rename(index=lambda source, names=names: names.get(source) or display(source))
                formats = {column: st.column_config.NumberColumn(format="%.2f") for column in square.columns}
                st.dataframe(
                    square.rename_axis(index="Mask of"),
                    column_config=formats,
                    height="content",
                    key=f"mixed-{title}-{mixture}-{task}",
                )
            if printed:
                st.caption(words.TABLE_1)
