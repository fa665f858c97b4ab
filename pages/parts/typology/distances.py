"""The part Distances: the overlap against one distance, against all in every layer, and against several at once."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pandas as pd
import streamlit as st

from neutral import typology
from neutral.association import findings
from neutral.errors import NeutralError
from neutral.labels import WHOLE
from neutral.runs.plans.typology import REGRESSED
from neutral.study import Study
from neutral.typology import similarity
from pages.parts import figures, memory, pickers, show
from pages.parts.pickers import ALL_COMPONENTS, ALL_LAYERS
from pages.parts.runs import lead
from pages.parts.text import as_text
from pages.parts.typology import answers, leaving, modelled, models, tables, words
from pages.parts.typology.many import is_many
from pages.parts.typology.shown import NOTHING, Asked, Shown, named

MORE = "What every test says, and what hangs on one family or script"


def ask(asked: Asked) -> dict:
    """Draw the pickers."""
    kinds = asked.kinds
    with st.columns([2, 5])[0]:
        control = pickers.pick(
            "Control for, in the table", [NOTHING, *kinds], "control", names=named, help=words.CONTROL
        )
    names = {typology.label(kind): kind for kind in kinds}
    default = [typology.label(kind) for kind in REGRESSED if kind in kinds]  # those that studies hold
    some = pickers.pick_some("Distances in the regression", list(names), "together", default=default)
    return {"control": None if control == NOTHING else control, "together": tuple(names[name] for name in some)}


def draw(shown: Shown, *, control: str | None, together: tuple[str, ...]) -> None:
    """Show the overlap against the chosen distance, the same for all distances and layers, and the regression."""
    view, spoken, kind = shown.view, shown.spoken, shown.kind
    control = control if control is not None and shown.knows(control) else None
    with shown.place or st.container(), _waiting(shown):
        tested = tables.tested(view, shown.measure, shown.by, shown.group)
    tested = tables.with_partial(tested, view, shown.measure, shown.by, shown.group, control)
    row = next((row for _, row in tested.iterrows() if row["distance"] == kind), None)
    with shown.place or st.container():
        answer(shown, tested, together)
    left, right = st.columns([5, 6], gap="medium")
    if row is not None:
        points = memory.remembered(similarity.points)(shown.overlap, shown.distances, kind, spoken)
        with left:
            st.markdown(f"## Overlap against {words.label(kind).lower()}")
            drawn = figures.distance_scatter(
                points,
                shown.measure,
                shown.far_name(kind),
                steps=typology.STEPS.get(kind),
                said=answers.written(row),
            )
            show.figure(drawn, f"scatter-{view.key}", points)
            st.caption(words.meaning(kind, row, points))
    else:
        left.info(words.unknown(kind))
    with right:
        st.markdown("## The same in every layer")
        heat = tables.by_layer(view, shown.measure)  # takes longest: after all that stands above
        key = f"heat-{view.key}"
        names = {kind: typology.label(kind) for kind in typology.kinds_in(shown.distances)}
        drawn = figures.association_heatmap(
            heat, names, chosen=(kind, shown.group), sure=findings.column("", answers.believed(heat))
        )
        show.figure(drawn, key, heat, on_select=lambda: follow(key), selection_mode="points")
        st.caption(answers.heat(heat))
        st.markdown(answers.layers(heat, kind))
    st.markdown("## Every distance")
    columns = [column for column in answers.COLUMNS if column in tested or column == "name"]
    table = words.named(tested.assign(name=tested["distance"].map(typology.label)))[columns]
    st.dataframe(
        table, hide_index=True, column_config=answers.COLUMNS, key=f"tested-{view.key}-table", height="content"
    )
    if control:
        st.caption(words.partial(control))
    if constant := words.constant(shown.distances, list(tested["distance"])):
        st.caption(constant)
    show.csv(tested, f"Associations {shown.measure} {shown.group}", f"tested-{view.key}")
    if not shown.knows("occurrences"):
        st.caption(words.NO_VOCABULARY)
        if isinstance(shown.view.source, Study):
            lead.offer("typology", shown.view.source, words.ADD_VOCABULARY, shown.view.key)
    with st.expander("How to read this", icon=":material/help:"):
        st.markdown(answers.method(spoken))
    leaving.draw(shown, tested)
    regression(shown, tested, together)


def _waiting(shown: Shown) -> AbstractContextManager:
    """Say what is computed, where that takes long."""
    codes = shown.spoken.codes
    if not is_many(codes):
        return nullcontext()
    return st.spinner(words.testing(len(typology.kinds_in(shown.distances)), len(codes)), show_time=True)


def answer(shown: Shown, tested: pd.DataFrame, together: tuple[str, ...]) -> None:
    """Say whether family or place goes with the overlap; in a box what all the tests say, unless that is the answer."""
    if alike := words.spread(shown.overlap):
        st.markdown(alike)
    hangs = leaving.first(shown, tested)
    said = answers.lead(tested, shown.unit, hangs)
    if said:
        st.markdown(said)
    for also in (words.kin(tables.recovered(shown.overlap)), words.twins(shown.overlap)):
        if also:
            st.markdown(also)
    with st.expander(MORE, icon=":material/science:") if said else st.container():
        st.markdown(answers.verdict(tested, shown.unit, shown.spoken))
        if hangs and not said:
            st.markdown(hangs)
        models.first(shown, tuple(filter(shown.knows, together)))


def regression(shown: Shown, tested: pd.DataFrame, together: tuple[str, ...]) -> None:
    """Show the regression on several distances at once."""
    st.markdown("## Several distances at once")
    kinds = tuple(filter(shown.knows, together))
    if not kinds:
        st.caption(words.CHOOSE)
        return
    try:
        table = tables.regression(shown.view, shown.measure, shown.by, shown.group, kinds)
    except NeutralError as error:
        st.info(as_text(error))
        return
    if too_few := words.too_few_pairs(table):
        st.info(too_few)
        return
    st.markdown(modelled.regression(table))
    columns = [column for column in modelled.REGRESSION if column in table or column == "name"]
    named = table.assign(name=table["distance"].map(typology.label))[columns]
    st.dataframe(
        named, hide_index=True, column_config=modelled.REGRESSION, key=f"mrm-{shown.view.key}", width="content"
    )
    if other := modelled.turned(table, tested):
        st.markdown(other)
    if constant := words.constant(shown.distances, kinds):
        st.caption(constant)
    st.caption(words.MRM if findings.column("p", "tree") in table else f"{words.MRM} {words.NOT_DRAWN}")
    models.draw(shown, kinds)


def follow(key: str) -> None:
    """Choose the distance and layer of the cell that was clicked."""
    points = st.session_state[key]["selection"]["points"]
    if points and (cell := points[0].get("customdata")):
        kind, group = cell
        st.session_state["distance"] = kind
        st.session_state["layer"] = ALL_LAYERS if group == WHOLE else group
        st.session_state["component"] = ALL_COMPONENTS
