"""Language pair: what two languages share, by layer and component, and what only one of them keeps."""

import streamlit as st

from neutral import opening, summary
from neutral.figures.costs import written
from neutral.members import display, order
from neutral.search import evaluations
from pages.parts import columns, figures, formats, pickers, show
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.overlap import answers, experts, tables, words
from pages.parts.views import View, choose_all


def pair(view: View, a: str, b: str, measure: str) -> None:
    """Show two languages of one source."""
    show.heading(view)
    with show.captioned():
        st.caption(show.what(view))
        pins.button(pins.of_masks(view, "pair", measure, (a, b)), view.key)
    members = view.all_counts().members
    if missing := [member for member in (a, b) if member not in members]:
        st.info(words.lacks(view.title, missing, members))
        return
    whole, layers = (view.levels(measure, by, (a, b)) for by in ("all", "layer"))
    st.markdown(answers.pair(view, a, b, measure, whole, layers))
    show.tiles(words.pair_tiles(whole))
    st.caption(words.about_pair(a, b, view.members, view.within(measure)))
    left, right = st.columns([3, 2], gap="medium")
    label = f"{display(a)} and {display(b)}"
    with left:
        st.markdown("## By layer")
        show.figure(
            figures.by_layer(layers, measure, label=label, every=view.levels(measure, "layer")),
            f"layers-{view.key}",
            layers,
        )
    components = view.levels(measure, "component", (a, b))
    with right:
        st.markdown("## By component")
        show.figure(figures.by_component(components, measure, label=label), f"components-{view.key}", components)
    fine = view.pairs(measure, "layer-component", (a, b))
    if fine["value"].notna().any():
        st.markdown("## By layer and component")
        name = figures.theme.UNITS[measure][0]
        show.figure(figures.layer_component(fine, name, name=f"{measure}-{a}-{b}"), f"fine-{view.key}")
    experts.by_expert(view, measure, members=(a, b))
    kept(view, a, b)
    use(view, a, b)


def kept(view: View, a: str, b: str) -> None:
    """Show what both, one and neither keep, and the core that many languages keep."""
    left, right = st.columns([3, 2], gap="medium")
    counts = view.all_counts()
    shares = summary.shares(counts, a, b, "layer")
    with left:
        st.markdown("## What both keep, and what only one keeps")
        show.figure(figures.kept_bars(shares, a, b), f"kept-{view.key}", shares)
    if counts.exactly is None or len(counts.members) < 3:
        return
    with right:
        st.markdown(f"## The neutral core of all {len(counts.members)}")
        core = counts.core()
        show.figure(figures.core_curve(core), f"core-{view.key}", core)


def use(view: View, a: str, b: str) -> None:
    """Show how well the two are modelled: at this sparsity, and under each other's mask."""
    scores, choice = view.scores(), view.choice
    each = (evaluations.at(scores, choice.method, choice.sparsity, code) for code in (a, b))
    table = tables.stacked(*each) if len(scores) else scores
    check = view.functional((a, b))
    if table.empty and check.empty:
        return
    st.markdown("## How well they work")
    left, right = st.columns(2, gap="medium")
    if len(table):
        with left:
            st.caption(words.pair_scores(choice.sparsity))
            table = table[[*words.SCORE_COLUMNS]]
            st.dataframe(
                columns.written(table).rename(columns=words.SCORE_COLUMNS),
                hide_index=True,
                column_config=formats.NUMBERS,
                placeholder=columns.MISSING,
            )
            show.csv(table, "Pair scores", f"scores-{view.key}")
    if len(check):
        with right if len(table) else left:
            st.caption(words.pair_check(table, check))
            cost = check["cost"].map(written)
            named = check.assign(source=check["source"].map(display), target=check["target"].map(display), cost=cost)
            named["value"] = check["value"].map("{:.4g}".format)
            called = {"source": "Mask", "target": "Text", "value": "Perplexity", "cost": "Cost"}
            st.dataframe(named[[*called]].rename(columns=called), hide_index=True)
            show.csv(check, "Pair functional check", f"check-{view.key}")


with page("Language pair", choose=choose_all) as views:
    members = order(dict.fromkeys(m for view in views for m in view.all_counts().members))
    if len(members) < 2:
        st.info(words.ONE_OF_PAIR)
        st.stop()
    first = opening.first(members)
    with st.container(border=True):
        left, middle, right = st.columns(3)
        with left:
            one = pickers.pick("One language", members, "a", default=first[0], names=display)
        with middle:
            other = pickers.pick("The other", members, "b", default=first[1], names=display)
        with right:
            chosen = pickers.pick_measure(list(views[0].kinds()))
        st.caption(pickers.about_measure(chosen))
    if one == other:
        st.info("Choose two different languages.")
        st.stop()
    for shown in views:
        pair(shown, one, other, chosen)
