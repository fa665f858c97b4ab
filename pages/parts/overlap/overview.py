"""Overview, the first page: what a study is, its key numbers, and what to look at first. `app.py` runs it."""

import pandas as pd
import streamlit as st

from neutral.members import display
from neutral.search import evaluations
from neutral.study import Study
from pages.parts import catalogue, figures, formats, readme, show, views
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.overlap import answers, cell, tables, words
from pages.parts.views import View


def overview(view: View) -> None:
    """Show one source."""
    show.heading(view)
    pairs, levels = view.pairs("jaccard").dropna(subset="value"), view.levels("jaccard")
    kinship = tables.kinship(view.source, view.choice, "jaccard", view.chosen)
    st.markdown(answers.answer(view, pairs, levels))
    if pairs.empty:
        return
    show.tiles(answers.tiles(view, pairs, levels))
    st.markdown(answers.why(levels, kinship))
    with show.captioned():
        st.caption(f"{show.what(view)} · {answers.network(view)}")
        pins.button(pins.of_masks(view, "overlap", "jaccard", view.chosen), view.key)
    left, right = st.columns([3, 2], gap="medium")
    with left:  # first: in a browser the figure takes longer than all else
        st.markdown("## How much each two languages share")
        key = f"matrix-{view.key}"
        pair = cell.chosen(view, show.matrix(view, "jaccard", key, small=True), key)
        st.caption(words.diagonal(view, "jaccard", "all", "all"))
    with right:
        if pair:
            cell.beside(view, pair, "jaccard")
        st.markdown("## Look at this first")
        first_looks(view, pairs)
        related(pairs, kinship)
    by_sparsity = tables.across_sparsity(view.source, view.choice, "jaccard", view.chosen)
    curves = evaluations.curves(view.scores())
    across(view, by_sparsity, curves)
    functional(view)
    st.caption(answers.NO_SPEED)


def get_ready() -> None:
    """Make what `overview` shows to a visitor who has chosen nothing, so that it is remembered."""
    view = views.at_first()
    if view is None:
        return
    view.pairs("jaccard")
    view.levels("jaccard")
    tables.kinship(view.source, view.choice, "jaccard", view.chosen)
    show.drawn_matrix(view, "jaccard", small=True)
    evaluations.curves(view.scores())
    catalogue.studies("compression")
    tables.across_sparsity(view.source, view.choice, "jaccard", view.chosen)
    view.functional()


def first_looks(view: View, pairs: pd.DataFrame) -> None:
    """Link to the views that tell most."""
    for row, label in answers.first_looks(pairs):
        show.link(
            "pages/pair.py",
            label,
            ":material/compare_arrows:",
            a=display(row["source"]),
            b=display(row["target"]),
        )
    if "beyond" in view.kinds():
        label = "What languages share beyond the pretrained weights"
        show.link("pages/overlap.py", label, ":material/difference:", measure="Beyond pretrained")
    if len(pairs) > 1:
        show.link("pages/overlap.py", "All pairs, clustered", ":material/account_tree:", order="Clustering")
    show.link("pages/layers.py", "Which layers are shared", ":material/layers:")
    if len(pairs) > 5:  # four languages
        show.link("pages/typology.py", "What explains it: family, script, grammar, shared words?", ":material/public:")
    if isinstance(view.source, Study) and len(catalogue.table(view.source, "retrieval")):
        show.link("pages/inside.py", "Do these layers treat languages alike?", ":material/hub:")
    show.link("pages/transfer.py", "Does a mask work for another language?", ":material/swap_horiz:")
    show.link("pages/tickets.py", "How sparse a language's ticket can get", ":material/confirmation_number:")
    show.link("pages/masks.py", "Upload your own masks and compare", ":material/upload_file:")
    show.link("pages/runs.py", "The same for your own model and text", ":material/play_circle:")
    if catalogue.studies("compression")[0]:
        show.link("pages/compression.py", "How small the token table can get", ":material/compress:")


def related(pairs: pd.DataFrame, kinship: pd.DataFrame) -> None:
    """Say whether relatives overlap more."""
    if len(kinship) < 2:
        return
    st.markdown("## Do related languages share more?")
    table = kinship.assign(relation=kinship["relation"].replace(answers.NOT_RELATED))
    overlaps = ["value", "low", "high"]
    table[overlaps] = table[overlaps].map(formats.percent)
    st.dataframe(
        table.drop(columns="chance").rename(columns=answers.KINSHIP_COLUMNS),
        hide_index=True,
    )
    if said := answers.scripts(pairs, kinship):
        st.caption(said)


def across(view: View, levels: pd.DataFrame, curves: pd.DataFrame) -> None:
    """Show how overlap and scores change with sparsity."""
    several = levels["sparsity"].nunique() > 1
    if not several and curves.empty:
        return
    left, right = st.columns(2, gap="medium")
    if several:
        with left:
            st.markdown("## Overlap by sparsity")
            show.figure(figures.by_sparsity(levels, "jaccard", at=view.choice.sparsity), f"across-{view.key}", levels)
    if len(curves):
        with right if several else left:
            st.markdown("## What removing weights costs")
            show.figure(figures.score_curves(curves), f"scores-{view.key}", view.scores)


def functional(view: View) -> None:
    """Show the functional check of this choice, if a language was scored under another one's mask."""
    table = view.functional()
    if table.empty or not evaluations.crossed(table):
        return
    st.markdown("## Do the masks work for each other's languages?")
    st.markdown(answers.FUNCTIONAL)
    show.figure(figures.functional_matrix(table, list(view.members)), f"functional-{view.key}", table)


def show_all() -> None:
    """Run the page."""
    with page("Which weights do languages share?", lead=answers.INTRODUCTION) as sources:
        for shown in sources:
            overview(shown)
            readme.show(shown.source)
