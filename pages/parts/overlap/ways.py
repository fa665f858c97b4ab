"""What the Layers page shows of other tasks and other ways of pruning: do they see the same languages meet?"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from neutral import association, summary, typology
from neutral.association.agreement import Agreement
from neutral.figures.theme import UNITS
from neutral.summary import Choice
from pages.parts import figures, pickers, show
from pages.parts.overlap import agreement, tables
from pages.parts.views import View

LAYER = "layer"
NUMBERS = {
    **dict.fromkeys(("ρ over pairs", "ρ, relatives", "ρ over layers", "ρ over pairs and layers"), "%.2f"),
    **dict.fromkeys(("p", "p, relatives"), "%.4f"),
}


def ways(view: View, measure: str) -> None:
    """Show the overlap of the study's other masks of the same sparsity by layer, and how far they agree."""
    members = {
        choice: common
        for choice in summary.alternatives(view.source, view.choice)
        if _has(view, choice, measure) and len(common := _common(view, choice)) > 1
    }
    if not members:
        return
    shared = tuple(member for member in view.members if all(member in common for common in members.values()))
    if len(shared) < 2:
        shared = view.members
    method = view.choice.method
    names = {  # the task only if it differs from the rest of the page
        c: c.method if c.task == view.choice.task else f"{c.method}, {pickers.TASKS.get(c.task, c.task)}"
        for c in members
    }
    own = view.pairs(measure, LAYER, shared)
    lines = [own.assign(line=method, method=method)]
    for choice, common in members.items():
        compared = tuple(member for member in common if member in shared)
        pairs = tables.pairs(view.source, choice, measure, LAYER, compared)
        lines.append(pairs.assign(line=names[choice], method=choice.method))
    agreements, by_layer, few = _agreements(view, measure, members, names)
    st.markdown("## Other tasks, other ways of pruning")
    if agreements or few:
        st.markdown(agreement.agreement(method, agreements, few))
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption(
            f"{UNITS[measure][0]}, mean of the pairs of {len(shared)} languages, at {view.choice.sparsity:.0%} removed."
        )
        means = summary.means(pd.concat(lines), by=["line", "method", "group"])
        means = means[means["group"].isin(own["group"])]  # another task's network may have more, as a pooler
        show.figure(figures.ways_by_layer(means, UNITS[measure][0]), f"ways-{view.key}")
    if by_layer:
        with right:
            st.caption(agreement.agreement_by_layer(method))
            table = pd.concat(by_layer)
            show.figure(figures.agreement_by_layer(table), f"agreement-{view.key}", table)
        st.dataframe(
            agreement.agreement_table(agreements),
            hide_index=True,
            column_config={name: st.column_config.NumberColumn(format=form) for name, form in NUMBERS.items()},
            height="content",
            key=f"agreement-{view.key}-found",
        )
        st.caption(agreement.AGREEMENT)


def _agreements(
    view: View, measure: str, members: Mapping[Choice, tuple[str, ...]], names: Mapping[Choice, str]
) -> tuple[list[tuple[str, str, Agreement]], list[pd.DataFrame], dict[str, int]]:
    """Return how far each choice's overlap agrees with the view's, by the measure and beyond the pretrained mask.

    The parts: the masks' name, the overlap's name and their agreement; tables of the measure's agreement by layer; and
    name -> number of languages of masks of too few.
    """
    agreements, by_layer, few = [], [], {}
    for choice, common in members.items():
        codes = tuple(filter(typology.is_code, common))
        if len(codes) < association.LEAST:
            few[names[choice]] = len(codes)
            continue
        for each in dict.fromkeys((measure, "beyond")):
            if _has(view, choice, each):
                agreed = tables.agreement_of(view.source, view.choice, choice, each, codes)
                agreements.append((names[choice], UNITS[each][0], agreed))
                if each == measure:
                    by_layer.append(agreed.by_layer.assign(line=names[choice], method=choice.method))
    return agreements, by_layer, few


def _has(view: View, choice: Choice, measure: str) -> bool:
    """Whether the view's masks and those of another choice both have the counts of a measure."""
    return measure != "beyond" or all("beyond" in tables.kinds(view.source, c) for c in (view.choice, choice))


def _common(view: View, choice: Choice) -> tuple[str, ...]:
    """Return the members of a view that another choice has masks of."""
    members = tables.counts(view.source, choice, "jaccard", ()).members
    return tuple(member for member in view.members if member in members)
