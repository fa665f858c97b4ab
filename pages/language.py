"""Language: its nearest languages, where in the network, what is known of it, and whose masks would serve it."""

import streamlit as st

from neutral import glossary, opening
from neutral.language import nearest
from neutral.members import display, order
from pages.parts import figures, pickers, show
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.language import tables, words
from pages.parts.overlap import words as of_overlap
from pages.parts.views import View, choose_all


def portrait(view: View, member: str, measure: str) -> None:
    """Show one language of one source."""
    show.heading(view)
    with show.captioned():
        st.caption(show.what(view))
        pins.button(pins.of_masks(view, "language", measure, (member,)), view.key)
    if member not in view.members:
        st.info(of_overlap.lacks(view.title, [member], view.members))
        return
    if not nearest.others(view.members, member):
        st.info(of_overlap.ONE_MASK)
        return
    near = tables.nearest(view.source, view.choice, member, measure, view.chosen)
    st.markdown(words.answer(member, near, measure))
    known = tables.facts(view.source, view.choice, member, view.members)
    spoken, tiles = words.spoken(known), words.tiles(known)
    if spoken or not tiles:
        st.caption(spoken or words.nothing_known(member))
    if tiles:
        show.tiles(tiles)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("## The nearest languages", help=glossary.line("sure"))
        st.caption(words.NEAREST)
        drawn = figures.nearest_dots(near, measure, member, view.families)
        show.figure(drawn, f"nearest-{view.key}", near.assign(name=near["language"].map(display)))
    other = near["language"].iloc[0]
    levels = tables.where(view.source, view.choice, member, other, measure, view.chosen)
    with right:
        st.markdown("## Where in the network")
        st.caption(words.WHERE)
        show.figure(figures.where_lines(levels, measure, other), f"where-{view.key}", levels)
    serving(view, member)


def serving(view: View, member: str) -> None:
    """Show whose masks would serve the language."""
    st.markdown("## Whose masks would serve it")
    table, told = tables.serving(view.source, view.choice, member, view.chosen)
    st.markdown(words.serving(member, table, told, view.choice))
    if table["ratio"].notna().any():
        st.caption(words.MEASURED)
    else:
        show.link("pages/transfer.py", words.TRANSFER, ":material/swap_horiz:")
    show.table(table.assign(name=table["language"].map(display)), "Whose masks would serve it", f"serving-{view.key}")


with page("Language", choose=choose_all) as views:
    members = order(dict.fromkeys(m for view in views for m in view.members))
    with st.container(border=True):
        left, right = st.columns(2)
        with left:
            chosen = pickers.pick("Language", members, "language", default=opening.first(members)[0], names=display)
        with right:
            by = pickers.pick_measure(list(views[0].kinds()))
        st.caption(pickers.about_measure(by))
    for shown in views:
        portrait(shown, chosen, by)
