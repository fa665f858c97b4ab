"""Winning tickets: how sparse a language's sub-network can get and still be as good as the full model."""

from functools import partial

import streamlit as st

from neutral.members import display, order
from neutral.search import winning
from neutral.study import Study
from neutral.transfer import published
from pages.parts import export, figures, memory, origins, pickers, show
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.search import tables, words
from pages.parts.search.words import PAPER
from pages.parts.views import View, choose


def tickets(view: View) -> None:
    """Show one source's tickets."""
    show.heading(view)
    by = pickers.pick_score(tables.measures(view))
    levels, trained = tables.levels(view, by)
    if levels.empty:
        st.info(words.NO_SCORES)
        return
    languages = order(list(dict.fromkeys(levels["language"])))
    winners = memory.remembered(winning.winners)(levels)
    with show.captioned():
        st.caption(words.what(view, levels))
        if len(winners):
            pins.button(pins.of_tickets(view, by), view.key)
    st.markdown(words.answer(winners, levels, languages))
    origin = origins.said(view.source) if isinstance(view.source, Study) else ""
    st.caption(" ".join(filter(None, [words.tried(levels, trained=trained), origin])))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        who = pickers.pick("Language", languages, "who", names=display)
        rows = levels[levels["language"] == who]
        every = export.More("Tickets of all languages by sparsity", levels)
        drawn = figures.ticket_curve(rows, tables.randoms(view, who, by, trained=trained), who, trained=trained)
        show.figure(drawn, f"ticket-{view.key}", more=[every])
        st.caption(words.curve(rows, trained=trained))
    with right:
        if len(winners):
            st.markdown(f"## {words.heading(trained=trained)}")
            lines = winners.assign(line=winners["rule"].map(words.RULES))
            drawn = figures.winning_bars(lines, languages, view.families)
            show.figure(drawn, f"winners-{view.key}", winners)
        if undecided := [code for code in languages if code not in set(winners["language"])]:
            st.info(words.undecided(undecided))


def paper(task: str) -> None:
    """Show the paper's table of a task, or another."""
    st.header(PAPER, anchor=False)
    table = published.winning_tickets()
    tasks, usual = list(dict.fromkeys(table["task"])), published.TASKS.get(task)
    task = pickers.pick("Task", tasks, "paper-task", default=usual, names=pickers.task_name)
    rows = table[table["task"] == task]
    languages = order(list(dict.fromkeys(rows["language"])))
    left, right = st.columns(2, gap="medium")
    with left:
        show.figure(figures.winning_bars(rows.assign(line=PAPER), languages), "paper-winners")
    with right:
        shown = rows.set_index("language").loc[languages].reset_index()
        shown = shown.assign(language=shown["language"].map(display))[list(words.COLUMNS)]
        numbers = {"Sparsity": st.column_config.NumberColumn(format="percent")}
        st.dataframe(
            shown.rename(columns=words.COLUMNS),
            hide_index=True,
            column_config=numbers,
            height="content",
            key="paper-table",
        )
    st.caption(words.paper(rows["metric"].iloc[0]))


def recipes(views: list[View]) -> None:
    """Show how tickets were trained, and how alike one language's are under other seeds, beside the paper."""
    st.markdown("## How they were trained")
    st.dataframe(tables.recipes(views), height="content", key="recipes")
    st.caption(words.RECIPES)


with page("Winning tickets", lead=words.LEAD, choose=partial(choose, without=("sparsity", "seed"))) as views:
    for view in views:
        tickets(view)
    paper(views[0].choice.task if views else "mlm")
    recipes([view for view in views if view.choice.method != "upload"])
