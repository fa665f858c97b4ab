"""What the Typology page computes: overlap between languages, distances between them, and how they go together.

Masks are folded to languages first: several masks of one language count by their mean, and a mask whose name is no
language's is left out. What is computed is remembered under the tables it was computed from, which hold a few
hundred numbers, so a user's masks are served like a study's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import streamlit as st

from neutral import association, typology
from neutral.errors import NeutralError
from neutral.labels import WHOLE
from neutral.languages import relation
from neutral.members import speaker
from neutral.study import Study
from neutral.typology import graphs, trees
from pages.parts import catalogue
from pages.parts.views import View

LEAST = association.LEAST

STEPS = {
    "family": {0.0: "one branch", 0.5: "one family", 1.0: "other families"},
    "script": {0.0: "same script", 1.0: "another script"},
}
"""What the values of a distance in steps are called."""


@dataclass(frozen=True)
class Languages:
    """The languages that a view's masks stand for."""

    codes: tuple[str, ...]
    others: tuple[str, ...]  # members that are no language
    about: pd.DataFrame  # of `typology.about`
    repeated: bool  # a language has several masks

    @property
    def families(self) -> dict[str, str]:
        """Code -> family, or Unknown."""
        return dict(zip(self.about["code"], self.about["family"], strict=True))

    @property
    def branches(self) -> dict[str, str]:
        """Code -> branch."""
        return dict(zip(self.about["code"], self.about["branch"], strict=True))

    @property
    def blocks(self) -> dict[str, str]:
        """Code -> what it may be exchanged within: a language of unknown family stays where it is."""
        return typology.families(self.codes)


def languages(view: View) -> Languages:
    """Return the languages of a view, relatives beside each other."""
    speakers = [speaker(member) for member in view.members]
    labels = list(dict.fromkeys(speakers))
    codes = tuple(label for label in labels if is_language(label))
    others = tuple(label for label in labels if label not in codes)
    return Languages(codes, others, _about(codes), len(labels) < len(speakers))


def is_language(label: str) -> bool:
    """Whether a label is a language's code: a mixture is not."""
    try:
        typology.known(label)
    except NeutralError:
        return False
    return True


@st.cache_data(max_entries=100, show_spinner=False)
def _about(codes: tuple[str, ...]) -> pd.DataFrame:
    return typology.about(codes)


def similarity(view: View, there: Languages, measure: str, by: str = "all") -> pd.DataFrame:
    """Return the overlap between languages: group, source, target, value."""
    table = view.pairs(measure, by)[["group", "source", "target", "value"]]
    table = table.assign(source=table["source"].map(speaker), target=table["target"].map(speaker))
    known = table["source"].isin(there.codes) & table["target"].isin(there.codes)
    table = table[known & (table["source"] != table["target"])]
    if not there.repeated:
        return table.reset_index(drop=True)
    place = {code: i for i, code in enumerate(there.codes)}
    turned = table["source"].map(place) > table["target"].map(place)
    table = table.assign(
        source=table["source"].where(~turned, table["target"]), target=table["target"].where(~turned, table["source"])
    )
    return table.groupby(["group", "source", "target"], sort=False, as_index=False)["value"].mean()


def by_layer(view: View, there: Languages, measure: str) -> pd.DataFrame:
    """Return `similarity` of the whole network and of every layer."""
    return pd.concat([similarity(view, there, measure), similarity(view, there, measure, "layer")], ignore_index=True)


def distances(source: catalogue.Source, codes: tuple[str, ...]) -> pd.DataFrame:
    """Return distance, source, target, value: the study's where it has them, else computed here.

    In the order of `typology.KINDS`; kinds without any value for these languages are left out.
    """
    stored = _stored(source)
    stored = stored[stored["source"].isin(codes) & stored["target"].isin(codes)]
    missing = tuple(kind for kind in typology.MODEL_FREE if kind not in set(stored["distance"]))
    table = pd.concat([stored, _computed(codes, missing)], ignore_index=True)
    place = {kind: i for i, kind in enumerate(typology.KINDS)}
    table = table[table.groupby("distance")["value"].transform("count") > 0]
    order = table["distance"].map(lambda kind: place.get(kind, len(place)))
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def _stored(source: catalogue.Source) -> pd.DataFrame:
    columns = ["distance", "source", "target", "value"]
    table = catalogue.table(source, "distance") if isinstance(source, Study) else pd.DataFrame()
    if table.empty:
        return pd.DataFrame({column: pd.Series(dtype=float if column == "value" else str) for column in columns})
    return table[columns].astype({"value": float})


@st.cache_data(max_entries=100, show_spinner=False)
def _computed(codes: tuple[str, ...], kinds: tuple[str, ...]) -> pd.DataFrame:
    return typology.distances(codes, kinds)


def kinds(table: pd.DataFrame) -> list[str]:
    """Return the kinds in a table of distances, in its order."""
    return list(dict.fromkeys(table["distance"]))


def label(kind: str) -> str:
    """What a kind of distance is called."""
    return typology.KINDS[kind].label if kind in typology.KINDS else kind.capitalize()


def points(there: Languages, overlap: pd.DataFrame, table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return source, target, value (overlap), distance, relation: a row a pair of languages."""
    square = typology.square(table, kind, there.codes)
    pairs = list(zip(overlap["source"], overlap["target"], strict=True))
    known = {row.code: row for row in there.about.itertuples()}
    return pd.DataFrame(
        {
            "source": [a for a, _ in pairs],
            "target": [b for _, b in pairs],
            "value": overlap["value"].to_numpy(),
            "distance": [square.at[a, b] for a, b in pairs],
            "relation": [relation(known[a], known[b]) for a, b in pairs],
        }
    )


@st.cache_data(max_entries=300, show_spinner=False)
def _associations(
    overlap: pd.DataFrame, table: pd.DataFrame, blocks: dict[str, str] | None, controls: tuple[str, ...]
) -> pd.DataFrame:
    return association.associations(overlap, table, within=blocks, controls=controls)


@st.cache_data(max_entries=300, show_spinner=False)
def _regression(
    overlap: pd.DataFrame, table: pd.DataFrame, chosen: tuple[str, ...], blocks: dict[str, str] | None
) -> pd.DataFrame:
    return association.regression(overlap, table, chosen, within=blocks)


def associations(
    there: Languages, overlap: pd.DataFrame, table: pd.DataFrame, control: str | None = None
) -> pd.DataFrame:
    """Test every group against every distance, by permuting all languages and by permuting within families.

    Returns `association.associations` with the columns p_within, holm_within, tested_within, permutations_within and
    exact_within beside; with a `control` also partial, partial_p, partial_p_within (NaN for the control itself).
    """
    key = ["group", "distance"]
    found = _associations(overlap, table, None, ())
    columns = [*key, "p", "holm", "tested", "permutations", "exact"]
    found = found.merge(_associations(overlap, table, there.blocks, ())[columns], on=key, suffixes=("", "_within"))
    if control is None:
        return found
    partial = _associations(overlap, table, None, (control,))[[*key, "rho", "p"]]
    within = _associations(overlap, table, there.blocks, (control,))[[*key, "p"]]
    partial = partial.rename(columns={"rho": "partial", "p": "partial_p"})
    within = within.rename(columns={"p": "partial_p_within"})
    return found.merge(partial, on=key, how="left").merge(within, on=key, how="left")


def regressed(there: Languages, overlap: pd.DataFrame, table: pd.DataFrame, chosen: tuple[str, ...]) -> pd.DataFrame:
    """Return `association.regression` on some distances, with the columns p_within and r2_p_within beside.

    Raises `NeutralError` for distances that follow from one another on these languages.
    """
    found = _regression(overlap, table, chosen, None)
    within = _regression(overlap, table, chosen, there.blocks)[["distance", "p", "r2_p"]]
    return found.merge(within, on="distance", suffixes=("", "_within"))


def square(overlap: pd.DataFrame, codes: tuple[str, ...]) -> pd.DataFrame:
    """Return the overlap of one group as a symmetric square, languages × languages; 1 on the diagonal."""
    found = pd.DataFrame(np.eye(len(codes)), index=list(codes), columns=list(codes)).where(lambda cell: cell == 1)
    for a, b, value in overlap[["source", "target", "value"]].itertuples(index=False):
        found.loc[a, b] = found.loc[b, a] = value
    return found


def nearness(distance: pd.DataFrame) -> pd.DataFrame:
    """Turn a square of distances into similarities from 0 (the furthest two) to 1 (the nearest)."""
    values = distance.to_numpy(dtype=float)
    off = values[~np.eye(len(values), dtype=bool)]
    low, high = np.nanmin(off), np.nanmax(off)
    near = (high - values) / (high - low) if high > low else np.where(np.isnan(values), np.nan, 1.0)
    return pd.DataFrame(near, index=distance.index, columns=distance.columns)


def complete(distance: pd.DataFrame) -> pd.DataFrame:
    """Drop languages until no distance is missing, the one that lacks most first."""
    while distance.isna().to_numpy().any():
        distance = distance.drop(index=(worst := distance.isna().sum().idxmax()), columns=worst)
    return distance


@dataclass(frozen=True)
class Drawn:
    """A graph of languages, ready to be drawn."""

    edges: pd.DataFrame  # source, target, weight, value
    communities: list[set[str]]
    modularity: float
    agreement: float  # adjusted Rand index with the families
    span: tuple[float, float]  # weights of all pairs, drawn or not
    least: float  # the lowest value drawn, or the largest where values are distances


def drawn(weights: pd.DataFrame, values: pd.DataFrame, there: Languages, how: str, amount: float) -> Drawn:
    """Make a graph of languages from a square of similarities; `values` are what its edges are told by.

    `how` is share (the strongest `amount` percent of the pairs), strongest (each language's `amount` strongest) or
    tree.
    """
    off = pd.Series([weights.at[a, b] for a, b in combinations(weights.index, 2)]).dropna().sort_values(ascending=False)
    if how == "tree" or off.empty:
        made = graphs.graph(weights, tree=True)
    elif how == "strongest":
        made = graphs.graph(weights, strongest=int(amount))
    else:
        made = graphs.graph(weights, threshold=float(off.iloc[max(1, round(len(off) * amount / 100)) - 1]))
    edges = pd.DataFrame(
        [(a, b, w, values.at[a, b]) for a, b, w in made.edges.data("weight")],
        columns=["source", "target", "weight", "value"],
    )
    made.remove_edges_from([(a, b) for a, b, w in made.edges.data("weight") if w <= 0])  # φ may be below 0
    groups = graphs.communities(made)
    weakest = edges["value"].iloc[edges["weight"].argmin()] if len(edges) else np.nan
    return Drawn(
        edges,
        groups,
        graphs.modularity(made, groups),
        graphs.agreement(groups, there.blocks),
        (float(off.min()), float(off.max())) if len(off) else (0.0, 1.0),
        float(weakest),
    )


@st.cache_data(max_entries=100, show_spinner=False)
def layout(weights: pd.DataFrame) -> pd.DataFrame:
    """See `graphs.layout`."""
    return graphs.layout(weights)


@dataclass(frozen=True)
class Tree:
    """A tree of languages, ready to be drawn, and how well it keeps distances."""

    brackets: pd.DataFrame
    leaves: list[str]
    kept: float  # cophenetic correlation with the distances it was made from
    heights: pd.DataFrame  # a square


def tree(distance: pd.DataFrame) -> Tree:
    """Return the average-linkage tree of a complete square of distances."""
    linkage, names = trees.tree(distance), list(distance.index)
    kept = trees.cophenetic_correlation(linkage, distance)
    return Tree(trees.branches(linkage, names), trees.leaves(linkage, names), kept, trees.heights(linkage, names))


def tree_agreement(found: Tree, there: Languages, table: pd.DataFrame, kind: str) -> pd.Series | None:
    """Test the heights of a tree against a distance: a row of `associations`, its rho positive if they agree."""
    members = list(found.heights.index)
    rows = [(WHOLE, a, b, -found.heights.at[a, b]) for a, b in combinations(members, 2)]
    heights = pd.DataFrame(rows, columns=["group", "source", "target", "value"])
    one = table[(table["distance"] == kind) & table["source"].isin(members) & table["target"].isin(members)]
    if one.empty or len(members) < LEAST:
        return None
    row = associations(there, heights, one).iloc[0]
    return row.replace({"rho": row["rho"]}) if row["rho"] != row["rho"] else pd.Series({**row, "rho": -row["rho"]})


@st.cache_data(max_entries=50, show_spinner=False)
def by_mds(distance: pd.DataFrame) -> pd.DataFrame:
    """See `maps.by_mds`."""
    from neutral.typology import maps

    return maps.by_mds(distance)


@st.cache_data(max_entries=50, show_spinner="Making the map; the first takes some seconds …")
def by_umap(distance: pd.DataFrame) -> pd.DataFrame:
    """See `maps.by_umap`."""
    from neutral.typology import maps

    return maps.by_umap(distance, neighbours(len(distance)))


def neighbours(count: int) -> int:
    """Return how many languages a UMAP takes as neighbours of each, itself among them: a third of all, at least 3."""
    return max(3, round(count / 3))
