"""Typology: which distances between languages go with the overlap of their masks, and what languages group together."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import streamlit as st

from neutral import figures, typology
from neutral.errors import NeutralError
from neutral.figures.theme import UNITS
from neutral.labels import WHOLE
from neutral.study import Study
from neutral.typology import graphs, maps, similarity, trees
from neutral.typology.similarity import Languages
from pages.parts import pickers, show
from pages.parts.frame import page
from pages.parts.pickers import ALL_COMPONENTS, ALL_LAYERS
from pages.parts.runs import lead
from pages.parts.text import as_text
from pages.parts.typology import tables, words
from pages.parts.views import View

LEAD = "Do languages share weights because they are related, written alike, built alike, or share words?"
OVERLAP, NOTHING = "Overlap", "Nothing"
# Regressed on at first, as far as they are known:
TOGETHER = ("syntactic", "geographic", "family", "script", "occurrences")

EDGES = {"share": "Strongest pairs", "strongest": "Strongest of each", "tree": "Spanning tree"}


class Shown(NamedTuple):
    """One source, what is looked at in it, and the tables of that."""

    view: View
    spoken: Languages
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
        return similarity.square(self.overlap, self.spoken.codes)

    def far(self, kind: str) -> pd.DataFrame:
        """A distance, languages × languages; that of the masks is 1 - overlap."""
        return 1 - self.square if kind == OVERLAP else typology.square(self.distances, kind, self.spoken.codes)

    def far_name(self, kind: str) -> str:
        """What an axis calls such a distance."""
        return f"1 − {self.unit}" if kind == OVERLAP else f"{typology.label(kind)} distance"

    def knows(self, kind: str) -> bool:
        """Whether anything is known of such a distance between these languages."""
        return kind == OVERLAP or kind in typology.kinds_in(self.distances)


def ask_distances(kinds: list[str]) -> dict:
    """Draw the pickers of the part `Distances`."""
    with st.columns([2, 5])[0]:
        control = pickers.pick(
            "Control for, in the table", [NOTHING, *kinds], "control", names=_named, help=words.CONTROL
        )
    names = {typology.label(kind): kind for kind in kinds}
    default = [typology.label(kind) for kind in TOGETHER if kind in kinds]
    some = pickers.pick_some("Distances in the regression", list(names), "together", default=default)
    return {"control": None if control == NOTHING else control, "together": tuple(names[name] for name in some)}


def distances(shown: Shown, *, control: str | None, together: tuple[str, ...]) -> None:
    """Show the overlap against the chosen distance, the same for all distances and layers, and the regression."""
    view, spoken, kind = shown.view, shown.spoken, shown.kind
    control = control if control is not None and shown.knows(control) else None
    tested = tables.with_partial(shown.overlap, shown.distances, spoken.blocks, control)
    heat = tables.by_layer(view, spoken, shown.measure, shown.distances)
    row = next((row for _, row in tested.iterrows() if row["distance"] == kind), None)
    st.markdown(f"{words.verdict(tested, shown.unit, spoken)} {words.spread(shown.overlap)}")
    left, right = st.columns([5, 6], gap="medium")
    if row is not None:
        points = similarity.points(shown.overlap, shown.distances, kind, spoken)
        with left:
            st.markdown(f"##### Overlap against {words.label(kind).lower()}")
            drawn = figures.distance_scatter(
                points,
                shown.measure,
                shown.far_name(kind),
                steps=typology.STEPS.get(kind),
                said=words.written(row),
            )
            show.figure(drawn, f"scatter-{view.key}")
            st.caption(words.meaning(kind, row, points))
    else:
        left.info(words.unknown(kind))
    with right:
        st.markdown("##### The same in every layer")
        key = f"heat-{view.key}"
        names = {kind: typology.label(kind) for kind in typology.kinds_in(shown.distances)}
        drawn = figures.association_heatmap(heat, names, chosen=(kind, shown.group))
        show.figure(drawn, key, on_select=lambda: follow(key), selection_mode="points")
        st.caption(words.heat(heat))
        st.markdown(words.layers(heat, kind))
    st.markdown("##### Every distance")
    columns = [column for column in words.COLUMNS if column in tested or column == "name"]
    table = words.named(tested.assign(name=tested["distance"].map(typology.label)))[columns]
    st.dataframe(table, hide_index=True, column_config=words.COLUMNS, key=f"tested-{view.key}-table", height="content")
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
        st.markdown(words.method(spoken))
    regression(shown, together)
    if row is not None:
        show.table(points, "Pairs", f"points-{view.key}")
    show.table(heat, "Associations by layer", f"heat-{view.key}")


def regression(shown: Shown, together: tuple[str, ...]) -> None:
    """Show the regression on several distances at once."""
    st.markdown("##### Several distances at once")
    kinds = tuple(filter(shown.knows, together))
    if not kinds:
        st.caption(words.CHOOSE)
        return
    try:
        table = tables.regression(shown.overlap, shown.distances, shown.spoken.blocks, kinds)
    except NeutralError as error:
        st.info(as_text(error))
        return
    if too_few := words.too_few_pairs(table):
        st.info(too_few)
        return
    st.markdown(words.regression(table))
    named = table.assign(name=table["distance"].map(typology.label))[list(words.REGRESSION)]
    st.dataframe(named, hide_index=True, column_config=words.REGRESSION, key=f"mrm-{shown.view.key}", width="content")
    if constant := words.constant(shown.distances, kinds):
        st.caption(constant)
    st.caption(words.MRM)


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
    spoken, kind = shown.spoken, shown.kind
    square, far = shown.square, shown.far(kind)
    places = tables.layout(square)
    networks = {"overlap": graphs.network(square, square, spoken.blocks, how, amount)}
    if shown.knows(kind):
        networks["distance"] = graphs.network(typology.nearness(far), far, spoken.blocks, how, amount)
    left, right = st.columns(2, gap="medium")
    for column, value, title in (
        (left, "overlap", f"Joined by {shown.unit}"),
        (right, "distance", f"Joined by {typology.label(kind).lower()}"),
    ):
        with column:
            st.markdown(f"##### {as_text(title)}")
            network = networks.get(value)
            if network is None:
                st.info(words.unknown(kind))
                continue
            figure = figures.network(
                places,
                network.edges,
                shown.view.families,
                communities=network.communities,
                span=network.span,
                title=title,
                name=f"graph-{value}",
            )
            show.figure(figure, f"graph-{value}-{shown.view.key}")
            st.markdown(words.graph(network, spoken, value))
    st.caption(words.graphs(*networks.values()))
    show.table(tables.edges(networks, OVERLAP, kind), "Edges", f"edges-{shown.view.key}")


def ask_tree(kinds: list[str]) -> dict:
    """Draw the picker of the part `Tree`."""
    with st.columns([2, 5])[0]:
        return {"beside": pickers.pick("Beside it", kinds, "beside", default="family", names=_named)}


def tree(shown: Shown, *, beside: str) -> None:
    """Show the tree of languages by overlap, beside that of the families or another distance."""
    spoken = shown.spoken
    left, right = st.columns(2, gap="medium")
    for column, kind, title in (
        (left, OVERLAP, f"By {shown.unit}"),
        (right, beside, f"By {typology.label(beside).lower()}"),
    ):
        with column:
            st.markdown(f"##### {as_text(title)}")
            if not shown.knows(kind):
                st.info(words.unknown(kind))
                continue
            far = typology.complete(shown.far(kind))
            if len(far) < 2:
                st.info(words.NO_TREE)
                continue
            dendrogram = trees.dendrogram(far)
            figure = figures.dendrogram(
                dendrogram.brackets,
                dendrogram.leaves,
                shown.view.families,
                notes=spoken.branches,
                title=shown.far_name(kind),
                name=f"tree-{kind.lower()}",
            )
            show.figure(figure, f"tree-{column is left}-{shown.view.key}")
            agreement = None
            if kind == OVERLAP:
                agreement = tables.tree_agreement(dendrogram.heights, shown.distances, beside, spoken.blocks)
            st.markdown(words.tree(dendrogram, agreement, beside))
            left_out(spoken, far)
    st.caption(words.TREES)


def left_out(spoken: Languages, far: pd.DataFrame) -> None:
    """Say which languages a complete square of distances lacks."""
    if lacking := [code for code in spoken.codes if code not in far.index]:
        st.caption(words.left_out(lacking))


def ask_map(kinds: list[str]) -> dict:
    """Draw the picker of the part `Map`."""
    with st.columns([2, 5])[0]:
        return {"of": pickers.pick("Near in the map is near in", [OVERLAP, *kinds], "near", names=_named)}


def language_map(shown: Shown, *, of: str) -> None:
    """Show maps of the languages by UMAP and by MDS."""
    spoken = shown.spoken
    if not shown.knows(of):
        st.info(words.unknown(of))
        return
    far = typology.complete(shown.far(of))
    if len(far) < tables.LEAST:
        st.info(words.NO_MAP)
        return
    makers = {"MDS": tables.by_mds, "UMAP": tables.by_umap}
    places = {}
    for column, (title, make) in zip(st.columns(2, gap="medium"), makers.items(), strict=True):
        with column:
            st.markdown(f"##### {title}")
            places[title] = make(far)
            drawn = figures.language_map(
                places[title],
                shown.view.families,
                title=f"{title} of {shown.far_name(of)}",
                name=f"map-{title.lower()}",
            )
            show.figure(drawn, f"map-{title}-{shown.view.key}")
            st.caption(words.kept_by_map(title, places[title]))
    left_out(spoken, far)
    show.table(maps.beside(places["MDS"], places["UMAP"]), "Places", f"map-{shown.view.key}")


def _named(kind: str) -> str:
    return kind if kind in (OVERLAP, NOTHING) else typology.label(kind)


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
    everyone = [tables.languages(view.members) for view in views]
    far = [tables.distances(view.source, spoken.codes) for view, spoken in zip(views, everyone, strict=True)]
    kinds = [kind for kind in typology.KINDS if any(kind in set(table["distance"]) for table in far)]
    with st.container(border=True):
        left, middle, right = st.columns([2, 4, 2])
        with left:
            measure = pickers.pick_measure(list(views[0].kinds()))
        with middle:
            by, group = pickers.pick_place(views[0].all_counts())
        with right:
            kind = pickers.pick("Distance", kinds, "distance", names=typology.label) if kinds else ""
        st.caption(pickers.about_measure(measure))
    part = PARTS[pickers.pick_part(list(PARTS), "section")]
    settings = part.ask(kinds) if kinds else {}
    for view, spoken, table in zip(views, everyone, far, strict=True):
        show.heading(view)
        st.caption(show.what(view, group))
        if about := words.who(spoken):
            st.info(about)
        if len(spoken.codes) < tables.LEAST:
            st.info(words.too_few(spoken))
            continue
        overlap = tables.overlap(view, spoken, measure, by)
        overlap = overlap[overlap["group"] == group].reset_index(drop=True)
        if overlap["value"].notna().sum() == 0:
            st.info(words.no_overlap(view.title, pickers.readable(group)))
            continue
        part.show(Shown(view, spoken, measure, group, overlap, table, kind), **settings)
