"""What the Typology page shows, remembered under the tables that it was computed from.

These hold a few hundred numbers, so a user's masks are served like a study's.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral import association, typology
from neutral.association import schemes, stored
from neutral.typology import graphs, similarity, trees, world
from neutral.typology.graphs import Network
from neutral.typology.similarity import Languages
from neutral.typology.trees import Dendrogram
from pages.parts import catalogue
from pages.parts.views import View

LEAST = association.LEAST


@st.cache_data(max_entries=100, show_spinner=False)
def languages(members: tuple[str, ...]) -> Languages:
    """See `similarity.languages`."""
    return similarity.languages(members)


def overlap(view: View, spoken: Languages, measure: str, by: str = "all") -> pd.DataFrame:
    """Return `similarity.similarity` of a view's masks."""
    return similarity.similarity(view.pairs(measure, by), spoken)


def distances(source: catalogue.Source, codes: tuple[str, ...]) -> pd.DataFrame:
    """Return `typology.filled` of the study's distances, or of none."""
    return _distances(catalogue.table(source, "distance"), codes)


@st.cache_data(max_entries=100, show_spinner=False)
def _distances(stored: pd.DataFrame, codes: tuple[str, ...]) -> pd.DataFrame:
    return typology.filled(stored, codes)


@st.cache_data(max_entries=300, show_spinner="Testing the distances …")
def associations(
    overlap: pd.DataFrame, distances: pd.DataFrame, families: dict[str, str], controls: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Return `association.associations`, plain and within families beside each other (`schemes.beside`)."""
    tests = schemes.both(association.associations, overlap, distances, families=families, controls=controls)
    return schemes.beside(tests)


def by_layer(view: View, spoken: Languages, measure: str, distances: pd.DataFrame) -> pd.DataFrame:
    """Return `associations` of the whole network and, corrected among themselves, of every layer.

    The layers' tests are the study's own, if it has them and its tests of the whole network agree with those made anew.
    """
    network, layers = (overlap(view, spoken, measure, by) for by in ("all", "layer"))
    tested = associations(network, distances, spoken.blocks)
    of_network = _stored(view, measure, "all", network, distances)
    tests = None
    if of_network and stored.same(of_network, tested):
        tests = _stored(view, measure, "layer", layers, distances)
    of_layers = schemes.beside(tests) if tests else associations(layers, distances, spoken.blocks)
    return pd.concat([tested, of_layers], ignore_index=True)


def _stored(
    view: View, measure: str, by: str, overlap: pd.DataFrame, distances: pd.DataFrame
) -> dict[str, pd.DataFrame] | None:
    """Return `stored.read` of a view: the tests that its study holds of just these languages, groups and distances."""
    return stored.read(
        catalogue.table(view.source, "association"),
        groups=list(dict.fromkeys(overlap["group"])),
        distances=typology.kinds_in(distances),
        **view.choice._asdict(),
        measure=measure,
        by=by,
        members=", ".join(view.counts(measure).members),
    )


def with_partial(
    overlap: pd.DataFrame, distances: pd.DataFrame, families: dict[str, str], control: str | None
) -> pd.DataFrame:
    """Return `associations` with those that hold a control beside them (`schemes.with_partial`), if there is one."""
    tested = associations(overlap, distances, families)
    if control is None:
        return tested
    return schemes.with_partial(tested, associations(overlap, distances, families, (control,)))


@st.cache_data(max_entries=300, show_spinner=False)
def regression(
    overlap: pd.DataFrame, distances: pd.DataFrame, families: dict[str, str], kinds: tuple[str, ...]
) -> pd.DataFrame:
    """Return `association.regression` on the distances `kinds`, with the columns p_within and r2_p_within beside.

    Raises `NeutralError` for distances that follow from one another on these languages.
    """
    tests = schemes.both(association.regression, overlap, distances, kinds, families=families)
    return schemes.beside(tests, ("p", "r2_p"))


def edges(networks: dict[str, Network], overlap: str, kind: str) -> pd.DataFrame:
    """Return the edges of the networks "overlap" and, if it is among them, "distance"; column graph names them."""
    names = {"overlap": overlap, "distance": kind}
    return pd.concat([network.edges.assign(graph=names[value]) for value, network in networks.items()])


@st.cache_data(max_entries=100, show_spinner=False)
def network(weights: pd.DataFrame, values: pd.DataFrame, families: dict[str, str], how: str, amount: float) -> Network:
    """See `graphs.network`."""
    return graphs.network(weights, values, families, how, amount)


@st.cache_data(max_entries=100, show_spinner=False)
def places(codes: tuple[str, ...]) -> pd.DataFrame:
    """See `world.places`."""
    return world.places(codes)


@st.cache_data(max_entries=100, show_spinner=False)
def related(overlap: pd.DataFrame, codes: tuple[str, ...]) -> pd.DataFrame:
    """See `similarity.related`."""
    return similarity.related(overlap, codes)


@st.cache_data(max_entries=100, show_spinner=False)
def dendrogram(distance: pd.DataFrame) -> Dendrogram:
    """See `trees.dendrogram`."""
    return trees.dendrogram(distance)


@st.cache_data(max_entries=100, show_spinner=False)
def layout(weights: pd.DataFrame) -> pd.DataFrame:
    """See `graphs.layout`."""
    return graphs.layout(weights)


@st.cache_data(max_entries=100, show_spinner=False)
def tree_agreement(
    heights: pd.DataFrame, distances: pd.DataFrame, kind: str, families: dict[str, str]
) -> pd.Series | None:
    """See `trees.agreement`."""
    return trees.agreement(heights, distances, kind, families)


@st.cache_data(max_entries=50, show_spinner=False)
def by_mds(distance: pd.DataFrame) -> pd.DataFrame:
    """See `maps.by_mds`."""
    from neutral.typology import maps

    return maps.by_mds(distance)


@st.cache_data(max_entries=50, show_spinner="Making the map; the first takes some seconds …")
def by_umap(distance: pd.DataFrame) -> pd.DataFrame:
    """See `maps.by_umap`."""
    from neutral.typology import maps

    return maps.by_umap(distance, maps.usual_neighbours(len(distance)))
