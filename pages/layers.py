"""Layers: how sparsity and overlap lie over layers and components."""

import pandas as pd
import streamlit as st

from neutral import figures, summary
from neutral.figures.theme import UNITS
from neutral.members import display, order
from pages.parts import pickers, show
from pages.parts.frame import page
from pages.parts.overlap import ways
from pages.parts.views import View

EVERY = "All languages"


def overlap(view: View, measure: str, who: str) -> None:
    """Show where in the network the masks are alike."""
    st.markdown("##### Where the masks are alike")
    levels, pairs = view.levels(measure, "layer"), view.pairs(measure, "layer")
    fine = view.pairs(measure, "layer-component")
    if who == EVERY:
        lines, title = summary.by_language(pairs), f"{UNITS[measure][0]}, mean with the others"
    else:
        lines, title = summary.partners(pairs, who), f"{UNITS[measure][0]} with {display(who)}"
        fine = fine[(fine["source"] == who) | (fine["target"] == who)]
    if said := _peaks(pairs, measure):
        st.markdown(said)
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("All languages against their references. The band is from the least to the most alike pair.")
        show.figure(figures.by_layer(levels, measure), f"levels-{view.key}")
    with right:
        st.caption("Each language's mean with the others." if who == EVERY else f"{display(who)} with each other.")
        show.figure(figures.language_lines(_by_family(lines), title, name="overlap-by-layer"), f"lines-{view.key}")
    mean = fine.groupby("group", sort=False)[["value", "excess"]].mean().reset_index()
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("Mean of the pairs.")
        drawn = figures.layer_component(mean, UNITS[measure][0], name=f"{measure}-by-layer-component")
        show.figure(drawn, f"fine-{view.key}")
    with right:
        st.caption("Overlap less that of independent masks as dense: dense layers overlap more by chance alone.")
        excess = mean[["group", "excess"]].set_axis(["group", "value"], axis=1)
        drawn = figures.layer_component(excess, "Overlap beyond chance", name=f"{measure}-beyond-chance")
        show.figure(drawn, f"excess-{view.key}")
    show.table(levels, "Overlap by layer", f"levels-{view.key}")
    show.table(fine, "Overlap by layer and component", f"fine-{view.key}")


def _peaks(pairs: pd.DataFrame, measure: str) -> str:
    """Say in which layers masks are most and least alike; nothing of masks that keep nothing."""
    mean = pairs.groupby("group", sort=False)["value"].mean().dropna()
    if mean.empty:
        return ""
    short = figures.theme.short_layer(list(mean.index))
    top, low = mean.idxmax(), mean.idxmin()
    return (
        f"{UNITS[measure][0]} is highest in layer **{short[top]}** ({mean[top]:.3f}, mean of all pairs) and lowest in "
        f"layer **{short[low]}** ({mean[low]:.3f})."
    )


def sparsity(view: View, who: str) -> None:
    """Show where in the network weights were removed."""
    st.markdown("##### Where weights were removed")
    if view.choice.method == "wanda":
        st.info(
            "Wanda cuts the same share in every output row, so its sparsity is flat over layers and components by "
            "construction.",
            icon=":material/info:",
        )
    counts = view.counts()
    layers, fine = (counts.sparsity(by).rename(columns={"mask": "language"}) for by in ("layer", "layer-component"))
    if who != EVERY:
        layers, fine = layers[layers["language"] == who], fine[fine["language"] == who]
    mean = fine.groupby("group", sort=False)["value"].mean().reset_index()
    left, right = st.columns(2, gap="medium")
    with left:
        drawn = figures.language_lines(
            _by_family(layers), "Share of weights removed", name="sparsity-by-layer", percent=True
        )
        show.figure(drawn, f"sparsity-{view.key}")
    with right:
        title = "Share of weights removed" + ("" if who != EVERY else ", mean of languages")
        drawn = figures.layer_component(mean, title, name="sparsity-by-layer-component", percent=True)
        show.figure(drawn, f"sparsity-fine-{view.key}")
    show.table(layers, "Sparsity by layer", f"sparsity-{view.key}")
    show.table(fine, "Sparsity by layer and component", f"sparsity-fine-{view.key}")


def _by_family(table: pd.DataFrame) -> pd.DataFrame:
    """Put relatives next to each other in the legend."""
    place = {member: i for i, member in enumerate(order(dict.fromkeys(table["language"])))}
    return table.sort_values("language", key=lambda column: column.map(place), kind="stable")


with page("Layers") as views:
    members = order(dict.fromkeys(member for view in views for member in view.members))
    with st.container(border=True):
        left, right = st.columns(2)
        with left:
            measure = pickers.pick_measure(list(views[0].kinds()))
        with right:
            who = pickers.pick("Language", [EVERY, *members], "who", names=lambda m: m if m == EVERY else display(m))
        st.caption(f"{pickers.MEASURE_NAMES[measure]}: {pickers.MEASURE_WORDS[measure]}.")
    for view in views:
        show.heading(view)
        st.caption(show.what(view))
        if who != EVERY and who not in view.members:
            st.info(f"{view.title} has no {display(who)}. It has {', '.join(map(display, view.members))}.")
            continue
        if len(view.members) > 1:
            overlap(view, measure, who)
            ways.ways(view, measure)
        sparsity(view, who)
