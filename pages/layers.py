"""Layers: how sparsity and overlap lie over layers and components."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from neutral import summary
from neutral.figures.familylines import ONE_EACH_UP_TO
from neutral.figures.theme import UNITS
from neutral.members import display, order, rows_in_order
from pages.parts import export, figures, pickers, show
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.overlap import experts, tables, together, ways, words
from pages.parts.text import as_text
from pages.parts.views import View

EVERY = "All languages"
MOST = 8  # lines of languages beside those of families


def overlap(view: View, measure: str, who: str, chosen: list[str]) -> None:
    """Show where in the network the masks are alike."""
    levels, one = view.levels(measure, "layer"), "" if who == EVERY else who
    asked = view.source, view.choice, measure
    lines = tables.lines(*asked, "layer", view.chosen, one)
    title = f"{UNITS[measure][0]} with {display(one)}" if one else UNITS[measure][0]
    what = f"{display(one)} with the others" if one else "mean of all pairs"
    if peaks := words.peaks(tables.means(*asked, "layer", view.chosen, one), measure, as_text(what)):
        st.markdown(f"{peaks} {words.by_layer(levels)}")
    st.markdown("## Where the masks are alike")
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption(words.BAND)
        show.figure(figures.by_layer(levels, measure), f"levels-{view.key}", levels)
    with right:
        st.caption(words.lines(None if who == EVERY else who, many=len(view.members) > ONE_EACH_UP_TO))
        drawn = each(view, rows_in_order(lines), title, "overlap-by-layer", chosen, least=words.noise(levels))
        show.figure(drawn, f"lines-{view.key}")
    if who == EVERY:
        together.by_layer(view)
    mean = tables.means(*asked, "layer-component", view.chosen, one)
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("Mean of the pairs.")
        drawn = figures.layer_component(mean, UNITS[measure][0], name=f"{measure}-by-layer-component")
        pairs = export.More("Overlap of every pair by layer and component", lambda: finest(view, measure, one))
        show.figure(drawn, f"fine-{view.key}", more=[pairs])
    with right:
        st.caption(words.EXCESS)
        excess = mean[["group", "excess"]].set_axis(["group", "value"], axis=1)
        drawn = figures.layer_component(excess, "Overlap beyond chance", name=f"{measure}-beyond-chance")
        show.figure(drawn, f"excess-{view.key}")
    experts.by_expert(view, measure, one)


def each(view: View, table: pd.DataFrame, title: str, name: str, chosen: list[str], **options: object) -> go.Figure:
    """Draw how far languages are from their mean: a row each of few, lines of the families of many; one as it is."""
    percent, count = bool(options.get("percent")), table["language"].nunique()
    if count == 1:
        return figures.language_lines(table, title, name=name, percent=percent, families=view.families)
    title, apart = f"{title}, from the mean", summary.deviations(table)
    if count <= ONE_EACH_UP_TO:
        return figures.language_deviations(apart, title, name=name, **options)
    return figures.language_lines(apart, title, name=name, percent=percent, families=view.families, chosen=chosen)


def finest(view: View, measure: str, who: str) -> pd.DataFrame:
    """Return the pairs by layer and component: all, or those of one language."""
    fine = view.pairs(measure, "layer-component")
    return fine[(fine["source"] == who) | (fine["target"] == who)] if who else fine


def removed(view: View, layers: pd.DataFrame, fine: pd.DataFrame, who: str, chosen: list[str]) -> None:
    """Draw where weights were removed."""
    mean = summary.means(fine)
    left, right = st.columns(2, gap="medium")
    with left:
        drawn = each(view, rows_in_order(layers), "Share removed", "sparsity-by-layer", chosen, percent=True)
        show.figure(drawn, f"sparsity-{view.key}", layers)
    with right:
        title = "Share of weights removed" + ("" if who != EVERY else ", mean of languages")
        drawn = figures.layer_component(mean, title, name="sparsity-by-layer-component", percent=True)
        show.figure(drawn, f"sparsity-fine-{view.key}", more=[export.More("Sparsity of each language", fine)])


def sparsity(view: View, who: str, chosen: list[str]) -> None:
    """Show where in the network weights were removed."""
    st.markdown("## Where weights were removed")
    if view.choice.method == "wanda":
        st.info(words.WANDA, icon=":material/info:")
    counts = view.counts()
    layers, fine = (counts.sparsity(by).rename(columns={"mask": "language"}) for by in ("layer", "layer-component"))
    if who != EVERY:
        layers, fine = layers[layers["language"] == who], fine[fine["language"] == who]
    st.markdown(words.removed(layers))
    if not words.is_flat(fine):
        removed(view, layers, fine, who, chosen)
        return
    show.table(layers, "Sparsity by layer", f"sparsity-{view.key}")
    show.table(fine, "Sparsity by layer and component", f"sparsity-fine-{view.key}")


with page("Layers") as views:
    members = order(dict.fromkeys(member for view in views for member in view.members))
    with st.container(border=True):
        left, right = st.columns(2)
        with left:
            measure = pickers.pick_measure(list(views[0].kinds()))
        with right:
            who = pickers.pick("Language", [EVERY, *members], "who", names=lambda m: m if m == EVERY else display(m))
        chosen = pickers.pick_drawn(members, MOST) if len(members) > ONE_EACH_UP_TO else []
        st.caption(pickers.about_measure(measure))
    for view in views:
        show.heading(view)
        with show.captioned():
            st.caption(show.what(view))
            if len(view.members) > 1 and who in (EVERY, *view.members):
                kind, pinned = ("overlap", view.chosen) if who == EVERY else ("language", (who,))
                pins.button(pins.of_masks(view, kind, measure, pinned), view.key)
        if who != EVERY and who not in view.members:
            st.info(words.lacks(view.title, [who], view.members))
            continue
        if len(view.members) > 1:
            overlap(view, measure, who, chosen)
            ways.ways(view, measure)
        sparsity(view, who, chosen)
        experts.used(view)
