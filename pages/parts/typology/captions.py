"""What the Typology page says of its pictures: the world, graphs, trees and maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from neutral.association import LEAST
from neutral.figures.theme import member_name, number, plain, signed
from neutral.members import display
from neutral.typology import similarity
from neutral.typology.graphs import Network
from neutral.typology.maps import usual_neighbours
from neutral.typology.similarity import Languages
from neutral.typology.trees import Dendrogram
from pages.parts.text import as_text, in_words
from pages.parts.typology.words import NAMED, label, some

TREES = (
    "Average linkage. The colour is the family, the small print the branch. A wedge is a branch all of whose languages "
    "are of one folded family; it begins where they have joined."
)
FOLD = "Folded families"
NO_TREE = "A tree takes two languages whose distance is known."
NO_MAP = f"A map takes {LEAST} languages whose distances are known."
COLOURS = {"Family": "Family", "Community": "Community of the overlap", "Overlap": "Overlap with a language"}
LINKS = "Links: so many of the strongest overlaps"
COMMUNITIES = (
    "Communities are Louvain's, of the graph that joins the {share} % strongest pairs (part Graph). Their number goes "
    "by their size."
)
WORLD = (
    "Places are Glottolog's: one point a language, often its middle or its largest town. Languages of one place stand "
    "around it. A link is the shortest way on the globe; it is the wider, the stronger. Coasts: Natural Earth."
)
GROUPS = 6  # so many communities are named in a sentence, more are counted
RELATED = {
    "same branch": "are of one branch",
    "same family": "of one family otherwise",
    "same script": "of one script alone",
}
"""Relation of two languages -> what two such languages are."""


def graph(network: Network, spoken: Languages, value: str) -> str:
    """Say what a graph's communities are; `value` is what its edges are labelled with."""
    ordered = [[code for code in spoken.codes if code in group] for group in network.communities]
    groups = [some(group) for group in ordered if len(group) > 1]
    alone = [code for group in ordered if len(group) == 1 for code in group]
    more = len(groups) - GROUPS
    groups = [*groups[:GROUPS], f"and {more} more"] if more > 1 else groups
    communities = "; ".join(groups) if groups else "none"
    if alone:
        communities += f"; alone: {some(alone)}"
    rand = f"adjusted Rand index: **{signed(network.agreement)}** (1 the same, 0 chance)"
    agreement = f"agreement with the families, {rand}"
    if len(set(spoken.blocks.values())) == len(spoken.codes):
        agreement = "each language is of a family of its own, so communities cannot agree with families"
    lines = [
        f"{len(network.edges)} pairs drawn, {value} {network.weakest:.4g} at the weakest.",
        f"**Communities:** {communities}.",
        f"Modularity {signed(network.modularity)}; {agreement}.",
    ]
    return "  \n".join(lines)


def graph_answer(links: pd.DataFrame, pairs: pd.DataFrame, one: Network, measure: str) -> str:
    """Say what the pairs that a graph joins have in common, beside all, and how far its communities are families.

    `links` and `pairs` are those of `similarity.related`, of the pairs drawn and of all.
    """
    few, every = (similarity.shares(table) for table in (links, pairs))
    related = " and ".join(
        f"{few[relation]:.0%} {RELATED[relation]} (of all pairs {every[relation]:.0%})"
        for relation in ("same branch", "same family")
    )
    agree = (
        ""
        if one.agreement != one.agreement
        else (f" The communities agree with the families by {signed(one.agreement)} (1 the same, 0 chance).")
    )
    return f"**Of the {len(links)} pairs joined by {measure}, {related}.**{agree}"


def tree_answer(links: pd.DataFrame, agreement: pd.Series | None, kind: str, measure: str) -> str:
    """Say which languages a tree joins first, and how far it agrees with another distance; `links` is sorted."""
    first = links.iloc[0]
    said = (
        f"**By {measure} {in_words(first['source'])} and {in_words(first['target'])} join first ({first['value']:.3f})"
    )
    if agreement is None or agreement["rho"] != agreement["rho"]:
        return f"{said}.**"
    return (
        f"{said}; the tree's heights agree with {label(kind).lower()} by ρ = {signed(agreement['rho'])} "
        f"(p = {number(agreement['p'])}).**"
    )


def map_answer(near: Mapping[str, str], families: Mapping[str, str], by: str) -> str:
    """Say how many languages have their nearest in their own family, of those that have relatives here."""
    kin = [code for code in near if sum(families[code] == families[other] for other in near) > 1]
    own = [code for code in kin if families[near[code]] == families[code]]
    if not kin:
        return "No two of these languages are of one family."
    return (
        f"**By {as_text(by)} {'all' if len(own) == len(kin) else f'{len(own)} of the'} {len(kin)} languages with "
        "relatives here have their nearest in their own family.**"
    )


def graphs(one: Network, other: Network | None = None) -> str:
    """Say how many edges the two graphs share, and how both are drawn."""
    shared = ""
    if other is not None:
        shared = f"{one.shared(other)} of the {len(one.edges)} pairs of the one graph are in the other. "
    return (
        f"{shared}Colour: family. Marker: community (Louvain, by edge weight). Width: how alike, from the least to the "
        "most alike pair. A language stands at one place in both graphs: that of its overlap with all others, "
        "whichever edges are drawn."
    )


def tree(dendrogram: Dendrogram, agreement: pd.Series | None, kind: str) -> str:
    """Say how well a tree keeps its distances, and how well it agrees with another distance."""
    if dendrogram.kept != dendrogram.kept:
        return "All pairs are equally far here, so the tree says nothing."
    sentences = [
        f"The tree keeps the distances it was made from with a cophenetic correlation of **{signed(dendrogram.kept)}** "
        "(1: nothing is lost)."
    ]
    if agreement is not None and agreement["rho"] != agreement["rho"]:
        sentences.append(f"It cannot be compared with {label(kind).lower()}, which is the same for all pairs.")
    elif agreement is not None:
        sentences.append(
            f"Its heights agree with {label(kind).lower()} by a rank correlation of **{signed(agreement['rho'])}** "
            f"(p = {number(agreement['p'])}, within families {number(agreement['p_within'])})."
        )
    return " ".join(sentences)


def links(shown: pd.DataFrame, pairs: pd.DataFrame, measure: str, to: str | None, region: str = "") -> str:
    """Say what languages the strongest overlaps join, beside all pairs; both are tables of `similarity.related`."""
    if shown.empty:
        return "No links are drawn."
    what = f"The {len(shown)} strongest overlaps{f' of {in_words(to)}' if to else ''}"
    what += f" in the region {region}" if region else ""
    if to and len(shown) <= NAMED // 3:
        others = [b if a == to else a for a, b in zip(shown["source"], shown["target"], strict=True)]
        what += f" ({', '.join(map(in_words, others))})"
    few, every = (
        ", ".join(f"{share:.0%} {RELATED[relation]}" for relation, share in similarity.shares(table).items())
        for table in (shown, pairs)
    )
    where = " there" if region else ""
    return (
        f"**{what}** ({measure} at least {shown['value'].min():.3g}): {few}. "
        f"Of all {len(pairs):,} pairs{where}: {every}."
    )


def coloured(colour: str, to: str | None) -> str:
    """Say for a figure's alternative text what its colours mean."""
    return f"coloured by overlap with {display(to)}" if to else f"coloured by {COLOURS[colour].lower()}"


def not_here(code: str) -> str:
    """Say that a language is not among those of a source."""
    return f"{in_words(code)} is not among these languages."


def without_place(names: Sequence[str]) -> str:
    """Say which languages are not on the map."""
    return f"Not on the map, for Glottolog knows no place: {', '.join(names)}."


def places(
    table: pd.DataFrame,
    spoken: Languages,
    near: Mapping[str, Sequence[tuple[str, float]]],
    with_one: Mapping[str, float],
) -> dict[str, str]:
    """Return language -> what hovering over it says besides its name and family, as figures draw it.

    `table` is that of `world.places`; `near` are the languages that each has the highest overlap with, `with_one` are
    overlaps with one chosen language.
    """
    about = spoken.about.set_index("code")
    said = {}
    for row in table.itertuples():
        code, known = row.language, about.loc[row.language]
        lines = [plain(f"{known['branch']}, script {known['script']}")]
        if code in with_one:
            lines.append(f"overlap with the chosen one <b>{with_one[code]:.4f}</b>")
        if near.get(code):
            lines.append("nearest: " + ", ".join(f"{member_name(other)} {value:.3f}" for other, value in near[code]))
        if row.together > 1:
            lines.append(f"{row.together} are at this place")
        said[code] = "<br>".join(lines)
    return said


def kept_by_map(title: str, places: pd.DataFrame) -> str:
    """Say what a map, by MDS or UMAP, keeps of the distances."""
    if title == "MDS":
        kept = f" A plane holds {places.attrs['kept']:.0%} of their spread." if "kept" in places.attrs else ""
        return f"Classical scaling keeps distances: far apart is different.{kept}"
    count = usual_neighbours(len(places))
    few = ", so few because there are few languages" if count < usual_neighbours(1000) else ""
    return (
        f"UMAP keeps neighbours, here the {count - 1} nearest of each language{few}: groups show, distances between "
        "groups mean little, and another seed gives another picture."
    )
