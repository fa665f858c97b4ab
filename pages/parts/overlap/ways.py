"""What the Layers page shows of other tasks and other ways of pruning: do they see the same languages meet?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral import association, figures, typology
from neutral.association.agreement import over_layers, over_pairs
from neutral.figures.theme import UNITS
from neutral.summary import Choice
from pages.parts import catalogue, pickers, show
from pages.parts.typology.tables import is_language
from pages.parts.views import View

ALL, LAYER = "all", "layer"


def ways(view: View, measure: str) -> None:
    """Show the overlap of the study's other masks of the same sparsity by layer, and how far they agree."""
    others = [choice for choice in _others(view) if len(_members(view, choice)) > 1 and _has(view, choice, measure)]
    if not others:
        return
    shared = tuple(m for m in view.members if all(m in _members(view, choice) for choice in others))
    if len(shared) < 2:
        shared = view.members
    mine = view.choice.method
    names = {  # what is not said is as on the rest of the page
        c: c.method if c.task == view.choice.task else f"{c.method}, {pickers.TASKS.get(c.task, c.task)}"
        for c in others
    }
    lines = [view.pairs(measure, LAYER, shared).assign(line=mine, method=view.choice.method)]
    tested, found, few = [], [], []
    for choice in others:
        members = _members(view, choice)
        there = tuple(member for member in members if member in shared)
        theirs = catalogue.pairs(view.source, choice, measure, LAYER, there)
        lines.append(theirs.assign(line=names[choice], method=choice.method))
        codes = tuple(filter(is_language, members))
        if len(codes) < association.LEAST:
            few.append(f"- **{names[choice]}** masks are of {len(codes)} languages, too few to correlate pairs.")
            continue
        for each in dict.fromkeys((measure, "beyond")):
            if _has(view, choice, each):
                layers, whole = _agreement(view.source, view.choice, choice, each, codes)
                found.append({"Masks": names[choice], "Overlap": UNITS[each][0], **whole})
                if each == measure:
                    tested.append(layers.assign(line=names[choice], method=choice.method))
    st.markdown("##### Other tasks, other ways of pruning")
    if found or few:
        st.markdown("\n".join([*_answers(mine, found), *few]))
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption(
            f"{UNITS[measure][0]}, mean of the pairs of {len(shared)} languages, at {view.choice.sparsity:.0%} removed."
        )
        means = pd.concat(lines).groupby(["line", "method", "group"], sort=False)["value"].mean().reset_index()
        means = means[means["group"].isin(lines[0]["group"])]  # another task's network may have more, as a pooler
        show.figure(figures.ways_by_layer(means, UNITS[measure][0]), f"ways-{view.key}")
    if tested:
        with right:
            st.caption(
                f"Rank correlation with {mine} over the pairs of languages. Filled: p < 0.05, exchanging relatives "
                "only, not corrected for the layers (Holm's is in the table)."
            )
            show.figure(figures.agreement_by_layer(pd.concat(tested)), f"agreement-{view.key}")
        numbers = {name: "%.2f" if name.startswith("ρ") else "%.4f" for name in found[0] if name[0] in "ρp"}
        st.dataframe(
            pd.DataFrame(found),
            hide_index=True,
            column_config={name: st.column_config.NumberColumn(format=form) for name, form in numbers.items()},
            height="content",
            key=f"agreement-{view.key}-found",
        )
        st.caption(
            "p is a Mantel test's: exchanging any languages, and only relatives. Layers are no sample and have no p."
        )
        show.table(pd.concat(tested), "Agreement by layer", f"agreement-{view.key}")


def _answers(mine: str, found: list[dict]) -> list[str]:
    """Say, a line for each of the others, whether its overlap goes with that of the masks."""
    said = []
    for row in found:
        related = row["p, relatives"]
        found_so = related < 0.05 and row["ρ, relatives"] > 0
        told = "goes with" if found_so else "is not seen to go with" if related == related else "beside"
        within = (
            f"exchanging relatives only ρ = {row['ρ, relatives']:.2f}, p = {related:.4f}"
            if related == related
            else "cannot be tested among relatives"
        )
        said.append(
            f"- {row['Overlap']} of **{row['Masks']}** masks {told} that of {mine}: over pairs of languages "
            f"ρ = **{row['ρ over pairs']:.2f}** (p = {row['p']:.4f}; {within}). Whether languages meet in the same "
            f"layers is another question: over layers ρ = **{row['ρ over layers']:.2f}**."
        )
    return said


def _others(view: View) -> list[Choice]:
    """The study's other masks of this sparsity and seed; random ones overlap by chance and are left out."""
    mine = view.choice
    return [
        choice
        for choice in catalogue.choices(view.source)
        if abs(choice.sparsity - mine.sparsity) < 1e-6
        and choice.seed == mine.seed
        and (choice.task, choice.method) != (mine.task, mine.method)
        and "random" not in (choice.method, mine.method)
    ]


def _has(view: View, choice: Choice, measure: str) -> bool:
    """Whether both have the counts of a measure."""
    return measure != "beyond" or all("beyond" in catalogue.kinds(view.source, c) for c in (view.choice, choice))


def _members(view: View, choice: Choice) -> tuple[str, ...]:
    there = catalogue.counts(view.source, choice, "jaccard", ()).members
    return tuple(member for member in view.members if member in there)


@catalogue.remembered
def _agreement(
    source: catalogue.Source, mine: Choice, other: Choice, measure: str, members: tuple[str, ...]
) -> tuple[pd.DataFrame, dict]:
    """Return the correlation over pairs in every layer, and a row of the table for the whole network."""
    one, two = (catalogue.pairs(source, choice, measure, LAYER, members) for choice in (mine, other))
    whole = [catalogue.pairs(source, choice, measure, ALL, members) for choice in (mine, other)]
    families = typology.families(members)
    plain, related = (over_pairs(*whole, within=within).iloc[0] for within in (None, families))
    layers = over_layers(one, two)
    row = {
        "ρ over pairs": plain["rho"],
        "p": plain["p"],
        "ρ, relatives": related["tested"],
        "p, relatives": related["p"],
        "Languages": len(members),
        "ρ over layers": layers.means,
        "ρ over pairs and layers": layers.cells,
    }
    return over_pairs(one, two, within=families), row
