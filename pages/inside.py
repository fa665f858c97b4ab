"""Inside the model: whether the network treats languages alike in the layers whose weights they share."""

import pandas as pd
import streamlit as st

from neutral import figures
from neutral.figures.inside import AT, LINES, REPRESENTATIONS
from neutral.figures.theme import UNITS, signed
from neutral.study import Study
from pages.parts import pickers, show
from pages.parts.frame import page
from pages.parts.inside import tables
from pages.parts.views import View

LEAD = (
    "Does the network make the same of a sentence in every language, and is that in the layers whose weights the "
    "languages share?"
)
NO_MODEL = (
    "Masks alone do not tell what the network makes of a sentence. With its model and these files: `python -m neutral "
    "retrieve --study DIR --model MODEL --mask-files …`, into a study."
)


def together(view: View, measure: str, found: pd.DataFrame, alike: pd.DataFrame, line: str, kind: str, at: str) -> None:
    """Show the overlap of the masks, retrieval and representations on one axis."""
    st.markdown("##### Do they rise and fall together?")
    curves = tables.curves(view, measure, found, alike, line)
    if curves["layer"].nunique() < 2 or curves["curve"].nunique() < 2:
        st.info("There are no two layers here that have both masks and states.")
        return
    names = {
        "overlap": UNITS[measure][0],
        "retrieval": f"Retrieval {AT[at]}",
        "representation": REPRESENTATIONS[kind],
    }
    table = tables.shapes(curves)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show.figure(figures.together(curves, names), f"together-{view.key}")
        st.caption(
            "Each curve runs from its own lowest layer to its own highest: see the legend for how far apart these are. "
            f"States: {LINES[line][0].lower()}."
        )
    with right:
        st.markdown(_verdict(table))
        st.markdown("\n".join(f"- {_peak(row, names[row['curve']])}" for _, row in table.iterrows()))
        st.caption(
            "No p-values: neighbouring layers are alike in everything, so they are no independent cases. To rise to "
            "the middle: to peak in the middle third of the layers and be lower at both ends."
        )
    show.table(curves, "Overlap, retrieval and representations by layer", f"together-{view.key}")


def _verdict(table: pd.DataFrame) -> str:
    """Say whether the paper's remark is seen here."""
    rows = table.set_index("curve")
    remark = "The paper's remark is that mask overlap and retrieval both rise to the middle layers. "
    if "retrieval" not in rows.index:
        verdict = (
            f"Retrieval is not there to tell; mask overlap {'does' if rows.at['overlap', 'middle'] else 'does not'}."
        )
    elif rows.at["overlap", "middle"] and rows.at["retrieval", "middle"]:
        verdict = "**Here both do.**"
    elif not (rows.at["overlap", "middle"] or rows.at["retrieval", "middle"]):
        verdict = "**Here neither does.**"
    else:
        one = "retrieval" if rows.at["retrieval", "middle"] else "mask overlap"
        verdict = f"**Here only {one} does.**"
    return remark + verdict


def _peak(row: pd.Series, name: str) -> str:
    """Say where a curve peaks, and how it goes with the overlap."""
    spread = row["high"] - row["low"]
    digits = 2 if spread >= 0.05 else 3 if spread >= 0.005 else 4
    said = (
        f"**{name}** peaks in {row['peak']} ({row['high']:.{digits}f}; lowest in {row['bottom']}, "
        f"{row['low']:.{digits}f})"
    )
    if row["curve"] == "overlap":
        return f"{said}."
    return f"{said}; rank correlation with the overlap over layers **{signed(row['rho'])}**."


def retrieval(view: View, found: pd.DataFrame, at: str, some: list[str], line: str, layer: str | None) -> None:
    """Show retrieval accuracy by layer, and by pair in one layer."""
    left, right = st.columns([3, 2], gap="medium")
    means = tables.lines(found)
    with left:
        st.markdown("##### Is a sentence's translation its nearest neighbour?")
        shown = means[means["line"].isin(some)]
        if shown.empty:
            st.info("Choose a line above.")
        else:
            chance = float(found["chance"].mean())
            show.figure(figures.retrieval_by_layer(shown, at, chance=chance), f"retrieval-{view.key}")
        st.caption(
            f"Mean of the ordered pairs, {found['sentences'].max():.0f} sentences; band: the middle half of the pairs; "
            "dotted: chance. Margin score, k = 5, of mean token states, without any training for it."
        )
    with right:
        where = layer if layer in set(found["layer"]) else tables.layers(found)[-1]
        st.markdown(f"##### Every pair, {_place(where)}")
        rows = found[(found["line"] == line) & (found["layer"] == where)]
        show.figure(figures.retrieval_matrix(rows, _members(view, found), at), f"pairs-{view.key}")
        st.caption(f"{LINES[line][0]}.")
    show.table(means, f"Retrieval {AT[at]} by layer", f"retrieval-{view.key}")
    show.table(rows, f"Retrieval {AT[at]} by pair", f"pairs-{view.key}")


def alike(view: View, found: pd.DataFrame, kind: str, some: list[str]) -> None:
    """Show how alike representations are by layer."""
    st.markdown("##### How alike are the states of two languages?")
    means = tables.lines(found)
    shown = means[means["line"].isin(some)]
    if shown.empty:
        st.info(f"{REPRESENTATIONS[kind]} was not measured for the lines chosen above.")
        return
    show.figure(figures.representation_by_layer(shown, kind), f"alike-{view.key}")
    st.caption(
        f"{REPRESENTATIONS[kind]}, mean of the pairs; band: the middle half of the pairs; dotted: chance, the same "
        "with the sentences shuffled. What is above chance is what the languages' states have in common."
    )
    show.table(means, f"{REPRESENTATIONS[kind]} by layer", f"alike-{view.key}")


def missing(view: View, names: list[str]) -> None:
    """Say which command makes what is not there."""
    lines = "\n".join(tables.command(view.source, view.choice, name) for name in names)
    st.info(f"{view.title} has no such results for this choice. These commands make them:\n\n```sh\n{lines}\n```")


def _members(view: View, found: pd.DataFrame) -> list[str]:
    there = {*found["source"], *found["target"]}
    return [member for member in view.members if member in there]


def _place(layer: str) -> str:
    return "after the embeddings" if layer == "embeddings" else f"after {layer}"


with page("Inside the model", lead=LEAD) as views:
    at_first = [tables.pairs(view.source, view.choice, view.members, "at1") for view in views]
    there = [line for line in LINES if any(line in set(table["line"]) for table in at_first)]
    places = tables.layers(pd.concat(at_first)) if at_first else []
    kinds = {
        kind: [tables.pairs(view.source, view.choice, view.members, kind) for view in views] for kind in REPRESENTATIONS
    }
    measured = [kind for kind, tables in kinds.items() if any(len(table) for table in tables)]
    with st.container(border=True):
        columns = iter(st.columns(2 + (len(there) > 1) + bool(there) + (len(measured) > 1)))
        with next(columns):
            measure = pickers.pick_measure(list(views[0].kinds()))
        line, at, place, kind = next(iter(there), "full"), "at1", None, next(iter(measured), "cka")
        with next(columns):
            at = pickers.pick("Retrieval", list(AT), "retrieved", names=lambda key: f"Accuracy {AT[key]}")
        if len(there) > 1:
            with next(columns):
                line = pickers.pick("States under", there, "under", names=lambda key: LINES[key][0])
        if there:
            with next(columns):
                place = pickers.pick(
                    "Pairs in layer", places, "in", default=places[len(places) // 2], names=str.capitalize
                )
        if len(measured) > 1:
            with next(columns):
                kind = pickers.pick(
                    "Representations", measured, "alike", default="cka", names=REPRESENTATIONS.__getitem__
                )
        some = there
        if len(there) > 1:
            by_name = {LINES[key][0]: key for key in there}
            chosen = pickers.pick_some("Lines", list(by_name), "lines-inside", default=list(by_name))
            some = [by_name[name] for name in chosen]
    for i, view in enumerate(views):
        show.heading(view)
        st.caption(show.what(view))
        if not isinstance(view.source, Study):
            st.info(NO_MODEL)
            continue
        found = tables.pairs(view.source, view.choice, view.members, at)
        states = kinds[kind][i]
        if found.empty and states.empty:
            missing(view, ["retrieve", "represent"])
            continue
        lines = tables.there(pd.concat([found, states]))
        at_line = line if line in lines else lines[0]
        together(view, measure, found, states, at_line, kind, at)
        if lines == ["full"]:
            st.caption(
                "Only the full model was looked at for this choice; this shows it under the masks as well:\n\n"
                f"`{tables.command(view.source, view.choice, 'retrieve')}`"
            )
        if len(found):
            retrieval(view, found, at, some, at_line, place)
        else:
            missing(view, ["retrieve"])
        if len(states):
            alike(view, states, kind, some)
        else:
            missing(view, ["represent"])
