"""Transfer: does a language's sub-network work for another language, after training on it?"""

from functools import partial

import streamlit as st

from neutral.members import display, order
from neutral.transfer import answers, published, results
from pages.parts import catalogue, figures, memory, pickers, settings, show
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.text import as_text
from pages.parts.transfer import across, sidebar, words
from pages.parts.transfer.tables import PAPER, Experiment

SHOWN = {"cost": "Cost in % of the own mask's score", "value": "Score"}


def matrix(one: Experiment, show_as: str) -> None:
    """Show masks against languages."""
    table = one.matrix()
    tested = dict.fromkeys(answers.different(one.bootstrap()), "*")
    alike = dict.fromkeys(answers.successful(table), "°")
    drawn = figures.transfer_matrix(table, answers.languages(table), show_as, marks=alike | tested)
    show.figure(drawn, f"matrix-{one.key}", table, named=lambda rows: words.named(rows, words.COLUMNS))
    st.caption(words.matrix(one, table, tested=bool(tested), alike=bool(alike)))


def pair(one: Experiment, place: int) -> None:
    """Show what one language's mask costs another, by default the one that costs most."""
    table = one.matrix()
    spoken = answers.languages(table)
    if len(answers.ranked(table)) < 2:
        return
    most = answers.dearest(table)
    own = f"-{place}" if place else ""
    with st.container(border=True):
        left, right, _ = st.columns([2, 2, 3])
        with left:
            source = pickers.pick("Mask of", spoken, f"mask-of{own}", default=most["source"], names=display)
        with right:
            others = [code for code in spoken if code != source]
            target = pickers.pick("Trained on", others, f"trained-on{own}", default=most["target"], names=display)
        st.markdown(words.pair(table, source, target))


def searched(one: Experiment) -> None:
    """Show how much of what another's mask costs an own mask costs too that another search found."""
    if costs := words.searched(one):
        st.markdown("## Is it the language, or the search?")
        st.markdown(costs)


def drops(one: Experiment) -> None:
    """Show the mean cost of each source at every sparsity that there is."""
    table = one.drops()
    name = one.matrix()["metric"].iloc[0]
    members = answers.languages(one.matrix())
    st.markdown("## What each mask costs the other languages")
    drawn = figures.drop_bars(table[table["source"].isin(members)], members, name)
    show.figure(drawn, f"drops-{one.key}", table, named=lambda rows: words.named(rows, words.DROP_COLUMNS))
    st.caption(words.DROPS)


def left_out(one: Experiment) -> None:
    """Show whether what all others agree on serves a language that was left out."""
    table = one.left_out()
    if table.empty:
        return
    st.markdown("## Do the others together serve an unseen language?")
    st.markdown(words.left_out(table))
    shown = words.named(
        table.set_index("target").loc[order(list(table["target"]))].reset_index(), words.LEFT_OUT_COLUMNS
    )
    shares = table["metric"].iloc[0] != "perplexity"
    digits = st.column_config.NumberColumn(format="%.3f" if shares else "%.2f", width=90)
    st.dataframe(
        shown,
        hide_index=True,
        column_config=dict.fromkeys(list(words.LEFT_OUT_COLUMNS.values())[1:], digits),
        height="content",
        key=f"core-{one.key}-table",
    )


def overlap(one: Experiment) -> None:
    """Show whether overlap, and the check without training, foretell transfer."""
    tested, table = one.association(), one.matrix()
    left, right = st.columns(2, gap="medium")
    if len(tested):
        with left:
            st.markdown("## Does overlap foretell transfer?")
            points = answers.against_overlap(table, one.overlap())
            families = catalogue.families(one.study, answers.languages(table))
            titles = "Jaccard overlap of the masks", "Cost, % of the own mask's score"
            drawn = figures.overlap_against_transfer(points, *titles, families=families)
            show.figure(drawn, f"overlap-{one.key}")
            st.markdown(words.association(tested))
            st.caption(words.ASSOCIATION)
    foretold = memory.remembered(results.foretold)(table).set_index("target")
    if foretold["n"].get("all"):
        with right:
            st.markdown("## Does the check without training foretell it?")
            st.markdown(words.foretold(*foretold.loc["all", ["rho", "n"]]))
            shown = foretold.drop("all")
            shown = shown.loc[order(list(shown.index))].rename(index=display).reset_index()
            st.dataframe(
                shown.rename(columns={"target": "Trained on", "rho": "ρ", "n": "Masks"}),
                hide_index=True,
                column_config={"ρ": st.column_config.NumberColumn(format="%.2f")},
                height="content",
                key=f"foretold-{one.key}-table",
            )


with page("Transfer", lead=words.LEAD, choose=sidebar.choose) as experiments:
    show_as = pickers.pick("Show", list(SHOWN), "as", names=SHOWN.__getitem__)
    for place, one in enumerate(experiments):
        task = pickers.task_name(one.task)
        model = f" · {published.MODELS[one.model]}" if one.title == PAPER else f" · {one.method}"
        st.header(as_text(f"{one.title}{model} · {task} · {one.sparsity:.0%} removed"), anchor=False)
        settings.source(partial(sidebar.settings, one))
        if one.study:
            show.notes(one.study, one.key)
        st.markdown(words.answer(one))
        pins.button(pins.of_transfer(one), f"transfer-{place}")
        with st.spinner("Testing what each mask costs, on held-out examples drawn 2,000 times …"):
            one.bootstrap()  # remembered; the answer above does without
        pair(one, place)
        if tiles := words.tiles(one):
            show.tiles(tiles)
        matrix(one, show_as)
        if said := words.verdict(one):
            st.markdown("## How sure is it?")
            st.markdown(said)
        searched(one)
        drops(one)
        left_out(one)
        overlap(one)
    if len(experiments) == 2 and (beside := words.beside(*experiments)):
        st.markdown(beside)
    sidebar.lacking()
    across.tasks(experiments)
    across.languages(experiments)
