"""Typology: which distances between languages go with the overlap of their masks, and what languages group together."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import streamlit as st

from neutral import figures, typology
from neutral.errors import NeutralError
from neutral.figures.theme import UNITS
from neutral.labels import WHOLE
from neutral.members import display
from pages.parts import pickers, show
from pages.parts.frame import page
from pages.parts.pickers import ALL_COMPONENTS, ALL_LAYERS
from pages.parts.typology import tables, words
from pages.parts.typology.tables import Languages
from pages.parts.views import View

LEAD = "Do languages share weights because they are related, written alike, built alike, or share words?"
OVERLAP, NOTHING = "Overlap", "Nothing"
LEAST_PAIRS = 5  # to a distance of a regression
TOGETHER = (
    "syntactic",
    "geographic",
    "family",
    "script",
    "occurrences",
)  # regressed on at first, as far as they are there
EDGES = {"share": "Strongest pairs", "strongest": "Strongest of each", "tree": "Spanning tree"}


class Shown(NamedTuple):
    """One source, what is looked at in it, and the tables of that."""

    view: View
    there: Languages
    measure: str
    group: str
    overlap: pd.DataFrame  # between languages, in this group
    distances: pd.DataFrame
    kind: str  # the distance chosen

    @property
    def unit(self) -> str:
        """What the measure is called."""
        return UNITS[self.measure][0]

    @property
    def square(self) -> pd.DataFrame:
        """The overlap, languages × languages."""
        return tables.square(self.overlap, self.there.codes)

    def far(self, kind: str) -> pd.DataFrame:
        """A distance, languages × languages; that of the masks is 1 - overlap."""
        return 1 - self.square if kind == OVERLAP else typology.square(self.distances, kind, self.there.codes)

    def far_name(self, kind: str) -> str:
        """What an axis calls such a distance."""
        return f"1 − {self.unit}" if kind == OVERLAP else f"{tables.label(kind)} distance"


def ask_distances(kinds: list[str]) -> dict:
    """Draw the pickers of the part `Distances`."""
    with st.columns([2, 5])[0]:
        control = pickers.pick("Control for, in the table", [NOTHING, *kinds], "control", names=_named, help=CONTROL)
    names = {tables.label(kind): kind for kind in kinds}
    default = [tables.label(kind) for kind in TOGETHER if kind in kinds]
    some = pickers.pick_some("Distances in the regression", list(names), "together", default=default)
    return {"control": None if control == NOTHING else control, "together": tuple(names[name] for name in some)}


CONTROL = (
    "The table then shows what each distance has to do with the overlap beyond this one. It does not make the plain "
    "test valid: languages of one family stay dependent."
)


def distances(shown: Shown, *, control: str | None, together: tuple[str, ...]) -> None:
    """Show the overlap against the chosen distance, the same for all distances and layers, and the regression."""
    view, there, kind = shown.view, shown.there, shown.kind
    control = control if control in tables.kinds(shown.distances) else None
    tested = tables.associations(there, shown.overlap, shown.distances, control)
    layers = tables.by_layer(view, there, shown.measure)
    whole = layers["group"] == WHOLE  # corrected as in the table; the layers' cells among themselves
    parts = [tables.associations(there, rows, shown.distances) for rows in (layers[whole], layers[~whole])]
    heat = pd.concat(parts, ignore_index=True)
    st.markdown(f"{words.verdict(tested, shown.unit)} {words.spread(shown.overlap)}")
    left, right = st.columns([5, 6], gap="medium")
    if kind in set(tested["distance"]):
        row = tested[tested["distance"] == kind].iloc[0]
        points = tables.points(there, shown.overlap, shown.distances, kind)
        with left:
            st.markdown(f"##### Overlap against {tables.label(kind).lower()}")
            known = typology.KINDS.get(kind)
            drawn = figures.distance_scatter(
                points,
                shown.measure,
                shown.far_name(kind),
                steps=tables.STEPS.get(kind),
                said=words.written(row),
            )
            show.figure(drawn, f"scatter-{view.key}")
            st.caption(
                " ".join(
                    filter(
                        None,
                        [
                            f"{known.meaning[:1].upper()}{known.meaning[1:]} ({known.origin})." if known else "",
                            words.missing(row),
                        ],
                    )
                )
            )
    else:
        left.info(f"There is no {tables.label(kind).lower()} distance for these languages.")
    with right:
        st.markdown("##### The same in every layer")
        key = f"heat-{view.key}"
        names = {kind: tables.label(kind) for kind in tables.kinds(shown.distances)}
        drawn = figures.association_heatmap(heat, names, chosen=(kind, shown.group))
        show.figure(drawn, key, on_select=lambda: follow(key), selection_mode="points")
        st.caption(
            "● p < 0.05 within families, ○ only when all languages are permuted; Holm over the distances in “all”, "
            f"over all {parts[1]['p'].notna().sum()} cells in the layers (stricter). Click a cell for its pairs."
        )
        st.markdown(words.layers(heat, kind))
    st.markdown("##### Every distance")
    columns = [column for column in words.COLUMNS if column in tested or column == "name"]
    table = tested.assign(name=tested["distance"].map(tables.label))[columns]
    st.dataframe(table, hide_index=True, column_config=words.COLUMNS, key=f"tested-{view.key}-table", height="content")
    if control:
        st.caption(f"Partial: with {tables.label(control).lower()} held.")
    show.csv(tested, f"Associations {shown.measure} {shown.group}", f"tested-{view.key}")
    if "occurrences" not in tables.kinds(shown.distances):
        st.caption(
            "Shared vocabulary and text size need the model's tokenizer and its text: `python -m neutral typology "
            "--study DIR --model MODEL --text TEXT` adds them to a study."
        )
    with st.expander("How to read this", icon=":material/help:"):
        st.markdown(words.method(there))
    regression(shown, together)
    if kind in set(tested["distance"]):
        show.table(points, "Pairs", f"points-{view.key}")
    show.table(heat, "Associations by layer", f"heat-{view.key}")


def regression(shown: Shown, together: tuple[str, ...]) -> None:
    """Show the regression on several distances at once."""
    st.markdown("##### Several distances at once")
    used = tuple(kind for kind in together if kind in tables.kinds(shown.distances))
    if not used:
        st.caption("Choose distances for the regression above.")
        return
    try:
        table = tables.regressed(shown.there, shown.overlap, shown.distances, used)
    except NeutralError as error:
        st.info(str(error))
        return
    count = int(table["languages"].iloc[0])
    if count * (count - 1) // 2 < LEAST_PAIRS * len(used):
        st.info(
            f"{count} languages have {count * (count - 1) // 2} pairs; a regression on {len(used)} distances would fit "
            f"them whatever they are. Choose fewer distances, or more languages: {LEAST_PAIRS} pairs a distance."
        )
        return
    st.markdown(words.regression(table))
    named = table.assign(name=table["distance"].map(tables.label))[list(words.REGRESSION)]
    st.dataframe(named, hide_index=True, column_config=words.REGRESSION, key=f"mrm-{shown.view.key}", width="content")
    st.caption("Multiple regression on distance matrices, on ranks; Holm over the distances in it.")


def follow(key: str) -> None:
    """Choose the distance and layer of the cell that was clicked."""
    points = st.session_state[key]["selection"]["points"]
    if points and (cell := points[0].get("customdata")):
        kind, group = cell
        st.session_state["distance"] = kind
        st.session_state["layer"] = ALL_LAYERS if group == WHOLE else group
        st.session_state["component"] = ALL_COMPONENTS


def ask_graph(kinds: list[str]) -> dict:
    """Draw the pickers of the part `Graph`."""
    left, right = st.columns([2, 4])
    with left:
        how = pickers.pick("Edges", list(EDGES), "edges", names=EDGES.__getitem__)
    amount = 0.0
    with right:
        if how == "share":
            amount = pickers.pick_number(
                "Threshold: so many % of the pairs", list(range(5, 105, 5)), "threshold", default=30
            )
        elif how == "strongest":
            amount = pickers.pick_number("Strongest of each", list(range(1, 6)), "strongest", default=2)
    return {"how": how, "amount": amount}


def graph(shown: Shown, *, how: str, amount: float) -> None:
    """Show languages joined by overlap, beside the same joined by the chosen distance."""
    there, kind = shown.there, shown.kind
    square, far = shown.square, shown.far(kind)
    places = tables.layout(square)
    ours = tables.drawn(square, square, there, how, amount)
    has = kind in tables.kinds(shown.distances)
    theirs = tables.drawn(tables.nearness(far), far, there, how, amount) if has else None
    left, right = st.columns(2, gap="medium")
    for column, drawn, title, value in (
        (left, ours, f"Joined by {shown.unit}", "overlap"),
        (right, theirs, f"Joined by {tables.label(kind).lower()}", "distance"),
    ):
        with column:
            st.markdown(f"##### {title}")
            if drawn is None:
                st.info(f"There is no {tables.label(kind).lower()} distance for these languages.")
                continue
            figure = figures.network(
                places,
                drawn.edges,
                there.families,
                communities=drawn.communities,
                span=drawn.span,
                title=title,
                name=f"graph-{value}",
            )
            show.figure(figure, f"graph-{value}-{shown.view.key}")
            st.markdown(words.graph(drawn, there, value))
    said = f"{words.shared(ours, theirs)} " if theirs else ""
    st.caption(
        f"{said}Colour: family. Marker: community (Louvain, by edge weight). Width: how alike, from the least to the "
        "most alike pair. A language stands at one place in both graphs: that of its overlap with all others, "
        "whichever edges are drawn."
    )
    edges = pd.concat([ours.edges.assign(graph=OVERLAP), *([theirs.edges.assign(graph=kind)] if theirs else [])])
    show.table(edges, "Edges", f"edges-{shown.view.key}")


def ask_tree(kinds: list[str]) -> dict:
    """Draw the picker of the part `Tree`."""
    with st.columns([2, 5])[0]:
        return {"beside": pickers.pick("Beside it", kinds, "beside", default="family", names=_named)}


def tree(shown: Shown, *, beside: str) -> None:
    """Show the tree of languages by overlap, beside that of the families or another distance."""
    there = shown.there
    left, right = st.columns(2, gap="medium")
    for column, kind, title in (
        (left, OVERLAP, f"By {shown.unit}"),
        (right, beside, f"By {tables.label(beside).lower()}"),
    ):
        with column:
            st.markdown(f"##### {title}")
            far = shown.far(kind)
            if kind != OVERLAP and kind not in tables.kinds(shown.distances):
                st.info(f"There is no {tables.label(kind).lower()} distance for these languages.")
                continue
            whole = tables.complete(far)
            if len(whole) < 2:
                st.info("A tree takes two languages whose distance is known.")
                continue
            found = tables.tree(whole)
            figure = figures.dendrogram(
                found.brackets,
                found.leaves,
                there.families,
                notes=there.branches,
                title=shown.far_name(kind),
                name=f"tree-{kind.lower()}",
            )
            show.figure(figure, f"tree-{column is left}-{shown.view.key}")
            row = tables.tree_agreement(found, there, shown.distances, beside) if kind == OVERLAP else None
            st.markdown(words.tree(found, row, beside))
            if lacking := [code for code in there.codes if code not in whole.index]:
                st.caption(f"Without data, so left out: {', '.join(map(display, lacking))}.")
    st.caption("Average linkage. The colour is the family, the small print the branch.")


def ask_map(kinds: list[str]) -> dict:
    """Draw the picker of the part `Map`."""
    with st.columns([2, 5])[0]:
        return {"of": pickers.pick("Near in the map is near in", [OVERLAP, *kinds], "near", names=_named)}


def language_map(shown: Shown, *, of: str) -> None:
    """Show maps of the languages by UMAP and by MDS."""
    there = shown.there
    if of != OVERLAP and of not in tables.kinds(shown.distances):
        st.info(f"There is no {tables.label(of).lower()} distance for these languages.")
        return
    whole = tables.complete(shown.far(of))
    if len(whole) < tables.LEAST:
        st.info(f"A map takes {tables.LEAST} languages whose distances are known.")
        return
    named, places = shown.far_name(of), {}
    for column, title, make in zip(
        st.columns(2, gap="medium"), ("MDS", "UMAP"), (tables.by_mds, tables.by_umap), strict=True
    ):
        with column:
            st.markdown(f"##### {title}")
            found = places[title] = make(whole)
            drawn = figures.language_map(
                found, there.families, title=f"{title} of {named}", name=f"map-{title.lower()}"
            )
            show.figure(drawn, f"map-{title}-{shown.view.key}")
            st.caption(_keeps(title, found))
    if lacking := [code for code in there.codes if code not in whole.index]:
        st.caption(f"Without data, so left out: {', '.join(map(display, lacking))}.")
    show.table(
        places["MDS"].merge(places["UMAP"], on="language", suffixes=("_mds", "_umap")),
        "Places",
        f"map-{shown.view.key}",
    )


def _keeps(title: str, places: pd.DataFrame) -> str:
    """Say what a map keeps of the distances."""
    if title == "MDS":
        kept = f" A plane holds {places.attrs['kept']:.0%} of their spread." if "kept" in places.attrs else ""
        return f"Classical scaling keeps distances: far apart is different.{kept}"
    return (
        f"UMAP keeps neighbours, here the {tables.neighbours(len(places)) - 1} nearest of each language, so few "
        "because there are few languages: groups show, distances between groups mean little, and another seed gives "
        "another picture."
    )


def _named(kind: str) -> str:
    return kind if kind in (OVERLAP, NOTHING) else tables.label(kind)


class Part(NamedTuple):
    """A part of the page: its pickers, and what it shows of one source with what they say."""

    ask: Callable[[list[str]], dict]
    show: Callable[..., None]


PARTS = {
    "Distances": Part(ask_distances, distances),
    "Graph": Part(ask_graph, graph),
    "Tree": Part(ask_tree, tree),
    "Map": Part(ask_map, language_map),
}


with page("Typology", lead=LEAD) as views:
    there = [tables.languages(view) for view in views]
    far = [tables.distances(view.source, each.codes) for view, each in zip(views, there, strict=True)]
    kinds = [kind for kind in typology.KINDS if any(kind in set(table["distance"]) for table in far)]
    with st.container(border=True):
        left, middle, right = st.columns([2, 4, 2])
        with left:
            measure = pickers.pick_measure(list(views[0].kinds()))
        with middle:
            by, group = pickers.pick_place(views[0].all_counts())
        with right:
            kind = pickers.pick("Distance", kinds, "distance", names=tables.label) if kinds else ""
        st.caption(f"{pickers.MEASURE_NAMES[measure]}: {pickers.MEASURE_WORDS[measure]}.")
    part = PARTS[pickers.pick_part(list(PARTS), "section")]
    asked = part.ask(kinds) if kinds else {}
    for view, each, table in zip(views, there, far, strict=True):
        show.heading(view)
        st.caption(show.what(view) + ("" if group == WHOLE else f" · {pickers.readable(group)}"))
        if said := words.who(each):
            st.info(said)
        if len(each.codes) < tables.LEAST:
            st.info(words.too_few(each))
            continue
        overlap = tables.similarity(view, each, measure, by)
        overlap = overlap[overlap["group"] == group].reset_index(drop=True)
        if overlap["value"].notna().sum() == 0:
            st.info(f"{view.title} has no overlap to speak of in “{pickers.readable(group)}”.")
            continue
        part.show(Shown(view, each, measure, group, overlap, table, kind), **asked)
