"""Languages as a graph: edges between similar ones, communities, and whether communities are families.

Louvain communities: Blondel et al. (2008); modularity: Newman (2006); both by networkx. Adjusted Rand index: Hubert &
Arabie (1985).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
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

    Attributes
    ----------
    edges : DataFrame
        source, target, weight, value.
    communities : list of sets
        Of the edges with a weight above 0, the largest first.
    modularity : float
        Of these communities.
    agreement : float
        Adjusted Rand index of the communities and the families.
    span : (float, float)
        Lowest and highest weight of all pairs, drawn or not.
    weakest : float
        The value of the weakest edge; NaN without any.
    """

    edges: pd.DataFrame
    communities: list[set[str]]
    modularity: float
    agreement: float
    span: tuple[float, float]
    weakest: float

    def shared(self, other: Network) -> int:
        """Return how many edges two graphs share."""
        first, second = (
            set(map(frozenset, zip(edges["source"], edges["target"], strict=True)))
            for edges in (self.edges, other.edges)
        )
        return len(first & second)


HOW = ("share", "strongest", "tree")
"""Which pairs a network joins: a percentage of all, the strongest of each language, or the spanning tree."""


def network(
    weights: pd.DataFrame, values: pd.DataFrame, families: Mapping[str, Hashable], how: str, amount: float = 0
) -> Network:
    """Join similar languages.

    Parameters
    ----------
    weights : DataFrame
        A symmetric square of similarities.
    values : DataFrame
        The square of values that label the edges: the overlap itself, or the distance behind a similarity.
    families : language -> family
        What the communities are compared with.
    how : str
        One of `HOW`.
    amount : float
        The percentage for share, the number of edges for strongest; tree ignores it.

    Raises
    ------
    NeutralError
        For another `how`.
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
    """Return a graph of languages whose edges are weighted by similarity: every pair, or those of one option.

    Parameters
    ----------
    similarity : DataFrame
        A symmetric square, languages × languages; a pair without a value has no edge.
    threshold : float or None
        Join pairs that are at least so similar.
    strongest : int or None
        Join each language with so many that it is most similar to.
    tree : bool
        Join by the spanning tree of greatest similarity: the fewest edges that join all.

    Raises
    ------
    NeutralError
        For more than one of these options, or a table that is not square.
    """
    if sum((threshold is not None, strongest is not None, tree)) > 1:
        raise NeutralError("choose one of threshold, strongest and tree")
    if list(similarity.index) != list(similarity.columns):
        raise NeutralError("a graph is made from a square, languages by languages")
    full = nx.Graph()
    full.add_nodes_from(similarity.index)
    pairs = list(combinations(similarity.index, 2))
    # The threshold is merged with the weights: it is often the similarity of a pair.
    lowest = -np.inf if threshold is None else threshold
    *weights, lowest = merged([*(similarity.at[pair] for pair in pairs), lowest]).tolist()
    for (a, b), value in zip(pairs, weights, strict=True):
        if not np.isnan(value):
            full.add_edge(a, b, weight=value)
    if tree:
        return nx.maximum_spanning_tree(full)
    if strongest is not None:
        edges = {frozenset((a, b)) for a in full for b in _nearest(full, a, strongest)}
        return _only(full, lambda a, b, _: frozenset((a, b)) in edges)
    if threshold is not None:
        return _only(full, lambda _a, _b, weight: weight >= lowest)
    return full


def communities(graph: nx.Graph, seed: int = 0) -> list[set]:
    """Return the communities that Louvain's method finds by edge weight, the largest first.

    Raises `NeutralError` for a negative weight (φ may have one), which modularity is not defined for.
    """
    weights = [weight for *_, weight in graph.edges.data("weight")]
    if weights and min(weights) < -ROUNDING * max(map(abs, weights)):
        raise NeutralError("communities need similarities of at least 0")
    groups = nx.community.louvain_communities(graph, weight="weight", seed=seed)
    place = {node: i for i, node in enumerate(graph)}
    return sorted(groups, key=lambda group: (-len(group), min(place[node] for node in group)))


def modularity(graph: nx.Graph, groups: Iterable[set]) -> float:
    """Return how much more weight lies within groups than would by chance; NaN for a graph without edges."""
    return float(nx.community.modularity(graph, groups, weight="weight")) if graph.size() else float("nan")


def agreement(groups: Iterable[set], labels: Mapping[Hashable, Hashable]) -> float:
    """Return the adjusted Rand index of a partition and labels: 1 if they are the same, 0 by chance.

    (Σ C(n_ij, 2) - E) / (½ (Σ C(a_i, 2) + Σ C(b_j, 2)) - E), with E = Σ C(a_i, 2) · Σ C(b_j, 2) / C(n, 2).
    NaN if both put everything together or everything apart.
    """
    nodes = [(number, labels[node]) for number, group in enumerate(groups) for node in group]
    together = _twos(Counter(nodes))
    in_groups, in_labels = _twos(Counter(group for group, _ in nodes)), _twos(Counter(label for _, label in nodes))
    total = comb(len(nodes), 2)
    if not total:
        return float("nan")
    expected, largest = in_groups * in_labels / total, (in_groups + in_labels) / 2
    return (together - expected) / (largest - expected) if largest != expected else float("nan")


def layout(similarity: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return the places of languages in a drawing: language, x, y, in [-1, 1].

    A spring layout (Fruchterman & Reingold 1991) of all pairs, by similarity relative to the lowest and the highest. It
    does not depend on which edges are drawn, so nodes keep their places while a threshold moves.
    """
    full = graph(similarity)
    weights = nx.get_edge_attributes(full, "weight")
    if weights:
        low, high = min(weights.values()), max(weights.values())
        scaled = {e: 0.05 + (w - low) / (high - low) if high > low else 1.0 for e, w in weights.items()}
        nx.set_edge_attributes(full, scaled, "weight")
    places = (
        nx.spring_layout(full, weight="weight", seed=seed, iterations=200)
        if len(full) > 1
        else dict.fromkeys(full, (0, 0))
    )
    return pd.DataFrame([(node, float(x), float(y)) for node, (x, y) in places.items()], columns=["language", "x", "y"])


def _nearest(full: nx.Graph, node: Hashable, count: int) -> list[Hashable]:
    return sorted(full[node], key=lambda other: -full[node][other]["weight"])[:count]


def _only(full: nx.Graph, keep: Callable[[Hashable, Hashable, float], bool]) -> nx.Graph:
    chosen = nx.Graph()
    chosen.add_nodes_from(full)
    chosen.add_edges_from((a, b, {"weight": w}) for a, b, w in full.edges.data("weight") if keep(a, b, w))
    return chosen


def _twos(sizes: Counter) -> int:
    """Return how many pairs lie in one group, for groups of these sizes."""
    return sum(comb(n, 2) for n in sizes.values())
