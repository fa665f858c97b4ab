"""Inside the model: whether the network treats languages alike in the layers whose weights they share."""

import pandas as pd
import streamlit as st

from neutral.figures.inside import AT, LINES, REPRESENTATIONS
from neutral.figures.theme import UNITS
from neutral.inside import curves
from neutral.inside.definitions import PAPER, Definition
from neutral.study import Study
from neutral.summary import MEASURES
from pages.parts import figures, pickers, show
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.inside import tables, words
from pages.parts.runs import lead
from pages.parts.text import as_text
from pages.parts.views import View

MOST = 3  # studies that a page without results leads to


def lacking(view: View, *names: str) -> None:
    """Say what a study lacks, lead to the studies here that have it, and to the runs that make it."""
    others = dict(list(tables.having(names[0]).items())[:MOST])
    with st.container(border=True):
        st.markdown(words.lacks(view.title, names, others))
        for study, title in others.items():
            label = as_text(words.HAS.format(title=title))
            show.choose(label, ":material/hub:", "study", study)
        with st.container(horizontal=True):
            for name in names:
                lead.offer(name, view.source, words.MAKE[name], view.key, under_masks(view))
    with st.expander(words.COMMANDS, icon=":material/terminal:", expanded=not others):
        st.markdown(words.missing(view.source, view.choice, names))


def under_masks(view: View) -> dict[str, object]:
    """Return what fills in a run that looks at the masks shown, as `words.command` has it."""
    return {"method": view.choice.method, "sparsity": view.choice.sparsity, "masks": list(words.MASKS)}


def together(
    view: View, measure: str, retrieved: pd.DataFrame, states: pd.DataFrame, line: str, kind: str, at: str
) -> None:
    """Show the overlap of the masks, retrieval and representations on one axis."""
    table = curves.beside(view.pairs(measure, "layer"), retrieved, states, line)
    if table["layer"].nunique() < 2 or table["curve"].nunique() < 2:
        st.markdown("## Do they rise and fall together?")
        st.info(words.NO_LAYERS)
        return
    names = {
        "overlap": UNITS[measure][0],
        "retrieval": f"Retrieval {AT[at]}",
        "representation": REPRESENTATIONS[kind],
    }
    shapes = curves.shapes(table)
    st.markdown(words.answer(shapes, names, curves.chance(retrieved)))
    st.markdown("## Do they rise and fall together?")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show.figure(figures.together(table, names), f"together-{view.key}", table)
        st.caption(words.together(line))
    with right:
        st.markdown(words.verdict(shapes))
        st.markdown(words.peaks(shapes, names))
        st.caption(words.NO_P)


def retrieval(
    view: View, pairs: pd.DataFrame, at: str, some: list[str], line: str, layer: str | None, definition: Definition
) -> None:
    """Show retrieval accuracy by layer, and by pair in one layer."""
    left, right = st.columns([3, 2], gap="medium")
    means = curves.lines(pairs)
    with left:
        st.markdown("## Is a sentence's translation its nearest neighbour?")
        shown = means[means["line"].isin(some)]
        if shown.empty:
            st.info("Choose a line above.")
        else:
            chance = curves.chance(pairs)
            show.figure(figures.retrieval_by_layer(shown, at, chance=chance), f"retrieval-{view.key}", means)
        st.caption(words.retrieval(pairs, definition))
    with right:
        where = layer if layer in set(pairs["layer"]) else curves.layers_in(pairs)[-1]
        st.markdown(f"## Every pair, {words.place(where)}")
        rows = pairs[(pairs["line"] == line) & (pairs["layer"] == where)]
        compared = {*pairs["source"], *pairs["target"]}
        members = [member for member in view.members if member in compared]
        show.figure(figures.retrieval_matrix(rows, members, at), f"pairs-{view.key}", rows)
        st.caption(f"{LINES[line][0]}.")


def alike(view: View, pairs: pd.DataFrame, kind: str, some: list[str], definition: Definition) -> None:
    """Show how alike representations are by layer."""
    st.markdown("## How alike are the states of two languages?")
    means = curves.lines(pairs)
    shown = means[means["line"].isin(some)]
    if shown.empty:
        st.info(words.not_measured(kind))
        return
    show.figure(figures.representation_by_layer(shown, kind), f"alike-{view.key}", means)
    st.caption(words.representation(kind, definition))


with page("Inside the model", lead=words.LEAD) as asked:
    views = [tables.instead(view) or view for view in asked]
    known = list(dict.fromkeys(one for view in views for one in tables.definitions_of(view.source, view.choice)))
    with st.container(border=bool(known)):
        chosen = PAPER
        if known:
            chosen = pickers.pick("Definition of retrieval", known, "by", names=words.defined)
        by = [tables.shown(view.source, view.choice, chosen) for view in views]
        alike_by = [tables.of_states(view.source, definition) for view, definition in zip(views, by, strict=True)]
        at_first = [
            tables.pairs(view.source, view.choice, view.members, "at1", definition)
            for view, definition in zip(views, by, strict=True)
        ]
        lines, places = curves.lines_in(*at_first), curves.layers_in(*at_first)
        kinds = {
            kind: [
                tables.pairs(view.source, view.choice, view.members, kind, definition)
                for view, definition in zip(views, alike_by, strict=True)
            ]
            for kind in REPRESENTATIONS
        }
        measured = [kind for kind, of_views in kinds.items() if any(len(table) for table in of_views)]
        columns = iter(st.columns(1 + 2 * bool(lines) + (len(lines) > 1) + (len(measured) > 1)))
        line, at, place, kind = next(iter(lines), "full"), "at1", None, next(iter(measured), "cka")
        measure = MEASURES[0]
        if lines or measured:
            with next(columns):
                measure = pickers.pick_measure(list(views[0].kinds()))
        if lines:
            with next(columns):
                at = pickers.pick("Retrieval", list(AT), "retrieved", names=lambda key: f"Accuracy {AT[key]}")
        if len(lines) > 1:
            with next(columns):
                line = pickers.pick("States under", lines, "under", names=lambda key: LINES[key][0])
        if lines:
            with next(columns):
                place = pickers.pick(
                    "Pairs in layer", places, "in", default=places[len(places) // 2], names=str.capitalize
                )
        if len(measured) > 1:
            with next(columns):
                kind = pickers.pick(
                    "Representations", measured, "alike", default="cka", names=REPRESENTATIONS.__getitem__
                )
        some = lines
        if len(lines) > 1:
            by_name = {LINES[key][0]: key for key in lines}
            picked = pickers.pick_some("Lines", list(by_name), "lines-inside", default=list(by_name))
            some = [by_name[name] for name in picked]
    for i, view in enumerate(views):
        show.heading(view)
        if view is not asked[i]:
            st.markdown(words.instead(asked[i].title, view.title))
        with show.captioned():
            st.caption(show.what(view))
            pins.button(pins.of_masks(view, "overlap", measure, view.chosen), view.key)
        if not isinstance(view.source, Study):
            st.info(words.NO_MODEL)
            continue
        retrieved = tables.pairs(view.source, view.choice, view.members, at, by[i])
        states = kinds[kind][i]
        if retrieved.empty and states.empty:
            lacking(view, "retrieve", "represent")
            continue
        of_view = curves.lines_in(retrieved, states)
        at_line = line if line in of_view else of_view[0]
        together(view, measure, retrieved, states, at_line, kind, at)
        if of_view == ["full"] and view is asked[i]:
            with st.expander(words.COMMANDS, icon=":material/terminal:"):
                st.markdown(words.only_full(view.source, view.choice, by[i]))
            lead.offer("retrieve", view.source, words.MORE_MASKS, view.key, under_masks(view))
        if len(retrieved):
            retrieval(view, retrieved, at, some, at_line, place, by[i])
        elif view is asked[i]:
            lacking(view, "retrieve")
        if len(states):
            alike(view, states, kind, some, alike_by[i])
        elif view is asked[i]:
            lacking(view, "represent")
        if view is not asked[i]:
            lacking(asked[i], "retrieve", "represent")
