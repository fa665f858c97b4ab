"""Languages as a graph: edges between the similar ones, communities, and whether these are families.

Louvain communities: Blondel et al. (2008); modularity: Newman (2006); both by networkx. Adjusted Rand index: Hubert &
Arabie (1985).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb

import networkx as nx
import numpy as np
import pandas as pd

from neutral.errors import NeutralError
from neutral.ties import ROUNDING, merged


@dataclass(frozen=True)
class Network:
    """A graph of languages, ready to be drawn.

    Attributes:
        edges: source, target, weight, value.
        communities: of the edges with a weight above 0, the largest first.
        modularity: of these communities.
        agreement: adjusted Rand index of the communities and the families.
        span: lowest and highest weight of all pairs, drawn or not.
        weakest: the value of the weakest edge; NaN without any.
    """

    edges: pd.DataFrame
    communities: list[set[str]]
    modularity: float
    agreement: float
    span: tuple[float, float]
    weakest: float

    def shared(self, other: Network) -> int:
        """Return how many edges two graphs share."""
        both = [set(map(frozenset, zip(e["source"], e["target"], strict=True))) for e in (self.edges, other.edges)]
        return len(both[0] & both[1])


HOW = ("share", "strongest", "tree")
"""Which pairs a network joins: so many percent of all, so many of each language, or those of the spanning tree."""


def network(
    weights: pd.DataFrame, values: pd.DataFrame, families: Mapping[str, Hashable], how: str, amount: float = 0
) -> Network:
    """Join languages where they are similar: `weights` is a symmetric square of similarities.

    `values` is the square that edges are labelled from (the overlap itself, or the distance behind a similarity). `how`
    is one of `HOW`, and `amount` the percentage or number that it takes.

    Raises `NeutralError` for another `how`.
    """
    if how not in HOW:
        raise NeutralError(f"no such way to choose edges: {how}; use {', '.join(HOW)}")
    pairs = pd.Series([weights.at[a, b] for a, b in combinations(weights.index, 2)], dtype=float).dropna()
    pairs = pairs.sort_values(ascending=False)
    if how == "tree" or pairs.empty:
        joined = graph(weights, tree=True)
    elif how == "strongest":
        joined = graph(weights, strongest=int(amount))
    else:
        joined = graph(weights, threshold=float(pairs.iloc[max(1, round(len(pairs) * amount / 100)) - 1]))
    edges = pd.DataFrame(
        [(a, b, weight, values.at[a, b]) for a, b, weight in joined.edges.data("weight")],
        columns=["source", "target", "weight", "value"],
    )
    joined.remove_edges_from(
        [(a, b) for a, b, weight in joined.edges.data("weight") if weight <= 0]
    )  # φ may be below 0
    groups = communities(joined)
    return Network(
        edges,
        groups,
        modularity(joined, groups),
        agreement(groups, families),
        (float(pairs.min()), float(pairs.max())) if len(pairs) else (0.0, 1.0),
        float(edges["value"].iloc[edges["weight"].argmin()]) if len(edges) else float("nan"),
    )


def graph(
    similarity: pd.DataFrame,
    *,
    threshold: float | None = None,
    strongest: int | None = None,
    tree: bool = False,
) -> nx.Graph:
    """Return languages as nodes, joined where they are similar; an edge's weight is the similarity.

    `similarity` is a symmetric square, languages × languages; a pair without a value has no edge. One of: `threshold`
    (at least so similar), `strongest` (each language with the k it is most similar to), `tree` (the spanning tree of
    greatest similarity: the least that joins all). None of them: every pair.

    Raises `NeutralError` for more than one of them, or a square that is none.
    """
    if sum((threshold is not None, strongest is not None, tree)) > 1:
        raise NeutralError("choose one of threshold, strongest and tree")
    if list(similarity.index) != list(similarity.columns):
        raise NeutralError("a graph is made from a square, languages by languages")
    full = nx.Graph()
    full.add_nodes_from(similarity.index)
    pairs = list(combinations(similarity.index, 2))
    # The threshold is merged with them: it is often the similarity of a pair.
    given = -np.inf if threshold is None else threshold
    *weights, least = merged([*(similarity.at[pair] for pair in pairs), given]).tolist()
    for (a, b), value in zip(pairs, weights, strict=True):
        if not np.isnan(value):
            full.add_edge(a, b, weight=value)
    if tree:
        return nx.maximum_spanning_tree(full)
    if strongest is not None:
        wanted = {frozenset((a, b)) for a in full for b in _nearest(full, a, strongest)}
        return _only(full, lambda a, b, _: frozenset((a, b)) in wanted)
    if threshold is not None:
        return _only(full, lambda _a, _b, weight: weight >= least)
    return full


def communities(graph: nx.Graph, seed: int = 0) -> list[set]:
    """Return the communities that Louvain's method finds by edge weight, the largest first.

    Raises `NeutralError` for a negative weight (φ may have one), which modularity is not defined for.
    """
    weights = [weight for *_, weight in graph.edges.data("weight")]
    if weights and min(weights) < -ROUNDING * max(map(abs, weights)):
        raise NeutralError("communities need similarities of at least 0")
    found = nx.community.louvain_communities(graph, weight="weight", seed=seed)
    place = {node: i for i, node in enumerate(graph)}
    return sorted(found, key=lambda group: (-len(group), min(place[node] for node in group)))


def modularity(graph: nx.Graph, groups: Iterable[set]) -> float:
    """Return how much more weight lies within groups than would by chance; NaN for a graph without edges."""
    return float(nx.community.modularity(graph, groups, weight="weight")) if graph.size() else float("nan")


def agreement(groups: Iterable[set], labels: Mapping[Hashable, Hashable]) -> float:
    """Return the adjusted Rand index of a partition and labels: 1 where they are the same, 0 by chance.

    (Σ C(n_ij, 2) - E) / (½ (Σ C(a_i, 2) + Σ C(b_j, 2)) - E), with E = Σ C(a_i, 2) · Σ C(b_j, 2) / C(n, 2).
    NaN where both put everything together or everything apart.
    """
    pairs = [(number, labels[node]) for number, group in enumerate(groups) for node in group]
    together = _twos(Counter(pairs))
    ours, theirs = _twos(Counter(a for a, _ in pairs)), _twos(Counter(b for _, b in pairs))
    total = comb(len(pairs), 2)
    if not total:
        return float("nan")
    expected, largest = ours * theirs / total, (ours + theirs) / 2
    return (together - expected) / (largest - expected) if largest != expected else float("nan")


def layout(similarity: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return where to draw languages: language, x, y, in [-1, 1].

    A spring layout (Fruchterman & Reingold 1991) of all pairs, by how similar they are among those here; it does not
    depend on which edges are drawn, so nodes keep their places while a threshold moves.
    """
    full = graph(similarity)
    weights = nx.get_edge_attributes(full, "weight")
    if weights:
        low, high = min(weights.values()), max(weights.values())
        spread = {e: 0.05 + (w - low) / (high - low) if high > low else 1.0 for e, w in weights.items()}
        nx.set_edge_attributes(full, spread, "weight")
    places = (
        nx.spring_layout(full, weight="weight", seed=seed, iterations=200)
        if len(full) > 1
        else dict.fromkeys(full, (0, 0))
    )
    return pd.DataFrame([(node, float(x), float(y)) for node, (x, y) in places.items()], columns=["language", "x", "y"])


def _nearest(full: nx.Graph, node: Hashable, count: int) -> list[Hashable]:
    return sorted(full[node], key=lambda other: -full[node][other]["weight"])[:count]


def _only(full: nx.Graph, wanted) -> nx.Graph:
    chosen = nx.Graph()
    chosen.add_nodes_from(full)
    chosen.add_edges_from((a, b, {"weight": w}) for a, b, w in full.edges.data("weight") if wanted(a, b, w))
    return chosen


def _twos(sizes: Counter) -> int:
    return sum(comb(n, 2) for n in sizes.values())
