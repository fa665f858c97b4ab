"""What the Typology page shows, remembered under the tables that it was computed from.

A study's are remembered under its folder, those of masks in memory under the numbers that they are made of.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral import across as beside
from neutral import association, typology
from neutral.association import findings, schemes, stored
from neutral.study import Study
from neutral.summary import Choice
from neutral.typology import graphs, recovery, rows, similarity, trees, world
from neutral.typology.graphs import Network
from neutral.typology.similarity import Languages
from neutral.typology.trees import Dendrogram
from pages.parts import catalogue
from pages.parts.typology.many import is_many
from pages.parts.views import View

LEAST = association.LEAST
MAPPED = ("all", "layer")
"""The groupings of weights that the heatmap has, all groups of which are tested together."""


@st.cache_data(max_entries=100, show_spinner=False)
def languages(members: tuple[str, ...]) -> Languages:
    """See `similarity.languages`."""
    return similarity.languages(members)


def overlap(view: View, spoken: Languages, measure: str, by: str = "all", group: str = "") -> pd.DataFrame:
    """Return `similarity.similarity` of a view's masks, in one group or in all."""
    return similarity.similarity(view.pairs(measure, by, group=group), spoken)


def distances(source: catalogue.Source, codes: tuple[str, ...]) -> pd.DataFrame:
    """Return `typology.filled` of the study's distances, or of none."""
    return _of_study(source, codes) if isinstance(source, Study) else _of_none(codes)


@catalogue.remembered
def _of_study(source: Study, codes: tuple[str, ...]) -> pd.DataFrame:
    return typology.filled(rows.read(source), codes)


@st.cache_data(max_entries=100, show_spinner=False)
def _of_none(codes: tuple[str, ...]) -> pd.DataFrame:
    return typology.filled(pd.DataFrame(), codes)


def across(view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `across.read` of a study's masks; of others nothing is there."""
    return _across(view.source, view.choice) if isinstance(view.source, Study) else (pd.DataFrame(), pd.DataFrame())


@catalogue.remembered
def _across(source: Study, choice: Choice) -> tuple[pd.DataFrame, pd.DataFrame]:
    return beside.read(source, choice)


def tested(view: View, measure: str, by: str, group: str) -> pd.DataFrame:
    """Return a group's association with every distance, corrected among themselves, the schemes beside each other."""
    return findings.of_group(
        _tested(view.source, view.choice, measure, by, "" if by in MAPPED else group, view.chosen), group
    )


def by_layer(view: View, measure: str) -> pd.DataFrame:
    """Return the associations of the whole network and, corrected among themselves, of every layer."""
    parts = [_tested(view.source, view.choice, measure, by, "", view.chosen) for by in MAPPED]
    return pd.concat(parts, ignore_index=True)


@catalogue.remembered
def _tested(
    source: catalogue.Source, choice: Choice, measure: str, by: str, group: str, chosen: tuple[str, ...]
) -> pd.DataFrame:
    """Return the associations of every group, or of one, with every distance: `schemes.beside`.

    The tests are the study's own as far as it has them, of these languages and with the ρ that there is now. What it
    lacks is tested here.
    """
    view = View(source, choice, chosen)
    spoken = languages(view.members)
    table, apart = overlap(view, spoken, measure, by, group), distances(source, spoken.codes)
    held = _stored(view, measure, by, table, apart) or {}
    if held and not stored.same(held, association.associations(table, apart, count=1)[["rho", "languages"]]):
        held = {}
    if is_many(spoken.codes):  # drawing along the tree takes seconds a group, over the globe as long
        wanted = (*schemes.BOTH, findings.FIRST[0]) if group or by == "all" else schemes.BOTH
    else:
        wanted = schemes.SCHEMES if group or by == "all" or not held else schemes.BOTH
    lacking = tuple(scheme for scheme in wanted if scheme not in held)
    return schemes.beside(held | (_tests(table, apart, spoken.blocks, lacking) if lacking else {}))


def _exactly(table: pd.DataFrame) -> bytes:
    """Return a table's hash: Streamlit's own is of a sample of rows where there are many."""
    return pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()


@st.cache_data(max_entries=300, show_spinner="Testing the distances …", hash_funcs={pd.DataFrame: _exactly})
def _tests(
    overlap: pd.DataFrame,
    distances: pd.DataFrame,
    families: dict[str, str],
    chosen: tuple[str, ...],
    controls: tuple[str, ...] = (),
) -> dict[str, pd.DataFrame]:
    """Return scheme -> `association.associations`, for the schemes that are chosen."""
    test = association.associations
    return schemes.each(test, overlap, distances, families=families, chosen=chosen, controls=controls)


def _stored(
    view: View, measure: str, by: str, overlap: pd.DataFrame, distances: pd.DataFrame
) -> dict[str, pd.DataFrame] | None:
    """Return `stored.read` of a view: the tests that its study holds of just these languages, groups and distances."""
    return stored.read(
        catalogue.table(view.source, "association"),
        groups=list(dict.fromkeys(overlap["group"])),
        distances=typology.kinds_in(distances),
        **key(view, measure, by),
    )


def key(view: View, measure: str, by: str) -> dict:
    """Return what tells a view's rows in a study from others."""
    members = ", ".join(view.counts(measure).members)
    return {**view.choice._asdict(), "measure": measure, "by": by, "members": members}


def with_partial(
    tested: pd.DataFrame, view: View, measure: str, by: str, group: str, control: str | None
) -> pd.DataFrame:
    """Return tests of a group with those that hold a control beside them (`schemes.with_partial`), if there is one."""
    if control is None:
        return tested
    held = _partial(view.source, view.choice, measure, by, group, view.chosen, control)
    return schemes.with_partial(tested, held)


@catalogue.remembered
def _partial(
    source: catalogue.Source, choice: Choice, measure: str, by: str, group: str, chosen: tuple[str, ...], control: str
) -> pd.DataFrame:
    """Return the associations of a group with a control held: the study's own, and what it lacks and takes no time."""
    view = View(source, choice, chosen)
    table, apart, codes = of_group(view, measure, by, group)
    rows, held = catalogue.table(source, "association"), {}
    if len(rows):
        kinds = [kind for kind in typology.kinds_in(apart) if kind != control]
        asked = {**key(view, measure, by), "groups": [group], "distances": kinds, "control": control}
        held = stored.read(rows[rows["group"] == group], **asked) or {}
    if held:
        now = association.associations(table, apart, controls=(control,), count=1)
        held = held if stored.same(held, now[["rho", "languages"]]) else {}
    wanted = schemes.BOTH if is_many(codes) else (*schemes.BOTH, findings.FIRST[0])
    lacking = tuple(scheme for scheme in wanted if scheme not in held)
    made = _tests(table, apart, typology.families(codes), lacking, (control,)) if lacking else {}
    return schemes.beside(held | made)


def regression(view: View, measure: str, by: str, group: str, kinds: tuple[str, ...]) -> pd.DataFrame:
    """Return `association.regression` on the distances `kinds`, with p and r2_p of the other schemes beside.

    Raises `NeutralError` for distances that follow from one another on these languages.
    """
    return _regression(view.source, view.choice, measure, by, group, view.chosen, kinds)


@catalogue.remembered
def _regression(
    source: catalogue.Source,
    choice: Choice,
    measure: str,
    by: str,
    group: str,
    chosen: tuple[str, ...],
    kinds: tuple[str, ...],
) -> pd.DataFrame:
    view = View(source, choice, chosen)
    spoken = languages(view.members)
    table, apart = overlap(view, spoken, measure, by, group), distances(source, spoken.codes)
    rows = catalogue.table(source, "regression")
    held = stored.read_regression(rows, group=group, kinds=kinds, **key(view, measure, by)) or {}
    if held and not stored.same(
        held, association.regression(table, apart, kinds, count=1)[["beta", "r2"]], ("beta", "r2")
    ):
        held = {}
    wanted = schemes.BOTH if is_many(spoken.codes) else schemes.SCHEMES
    lacking = tuple(scheme for scheme in wanted if scheme not in held)
    made = _regressions(table, apart, spoken.blocks, kinds, lacking) if lacking else {}
    return schemes.beside(held | made, ("p", "r2_p"))


@st.cache_data(max_entries=300, show_spinner=False, hash_funcs={pd.DataFrame: _exactly})
def _regressions(
    overlap: pd.DataFrame,
    distances: pd.DataFrame,
    families: dict[str, str],
    kinds: tuple[str, ...],
    chosen: tuple[str, ...],
) -> dict[str, pd.DataFrame]:
    return schemes.each(association.regression, overlap, distances, kinds, families=families, chosen=chosen)


def of_group(view: View, measure: str, by: str, group: str) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return the overlap of one group between a view's languages, their distances, and which languages they are."""
    spoken = languages(view.members)
    table = overlap(view, spoken, measure, by, group)
    return table, distances(view.source, spoken.codes), spoken.codes


@st.cache_data(max_entries=100, show_spinner=False)
def recovered(overlap: pd.DataFrame) -> pd.DataFrame:
    """See `recovery.recovered`, of the overlap of one group."""
    return recovery.recovered(overlap)


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


@st.cache_data(max_entries=50, show_spinner="Making the UMAP; the first takes some seconds …")
def by_umap(distance: pd.DataFrame) -> pd.DataFrame:
    """See `maps.by_umap`."""
    from neutral.typology import maps

    return maps.by_umap(distance, maps.usual_neighbours(len(distance)))
