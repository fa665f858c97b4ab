"""A tree of languages with families folded: a branch all of whose languages are of one family is one row."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Folded:
    """A tree, ready to be drawn.

    Attributes
    ----------
    rows : list of tuples of languages
        What stands beside each other: a language, or a folded branch's languages.
    heights : list of float
        The height of each row's branch: 0 of a language, of a folded branch that at which its languages have joined.
    brackets : DataFrame
        Columns line, place, height; every line is a bracket of four points, which joins two branches. The n-th row
        stands at place n.
    """

    rows: list[tuple[str, ...]]
    heights: list[float]
    brackets: pd.DataFrame


def fold(
    linkage: np.ndarray, names: Sequence[str], families: Mapping[str, Hashable], closed: Collection[Hashable] = ()
) -> Folded:
    """Return a tree with the families of `closed` folded.

    Parameters
    ----------
    linkage : array (n - 1, 4)
        The tree, as `trees.tree` returns it.
    names : sequence of str
        Its n languages, in the order of the square that the tree was made from.
    families : language -> family
        A branch is folded if its languages are of one family and that is among `closed`; a family may have several
        such branches, or languages that stand alone.
    """
    count = len(names)
    family: list[Hashable | None] = [families[name] if families[name] in closed else None for name in names]
    for one, other, *_ in linkage:
        family.append(family[int(one)] if family[int(one)] == family[int(other)] else None)
    rows: list[tuple[str, ...]] = []
    heights: list[float] = []
    places: dict[int, tuple[float, float]] = {}  # node -> place and height at which it hangs
    brackets: list[tuple[int, float, float]] = []
    todo = [(count + len(linkage) - 1, False)]
    while todo:  # a tree may be as deep as it has languages, so there is no recursion
        node, joined = todo.pop()
        if node < count or family[node] is not None:
            height = 0.0 if node < count else float(linkage[node - count, 2])
            places[node] = (float(len(rows)), height)
            rows.append(tuple(names[leaf] for leaf in _leaves(linkage, node, count)))
            heights.append(height)
            continue
        one, other = (int(child) for child in linkage[node - count, :2])
        if not joined:
            todo += [(node, True), (other, False), (one, False)]
            continue
        (left, low), (right, lower), top = places[one], places[other], float(linkage[node - count, 2])
        line = len(brackets) // 4
        brackets += [(line, left, low), (line, left, top), (line, right, top), (line, right, lower)]
        places[node] = ((left + right) / 2, top)
    return Folded(rows, heights, pd.DataFrame(brackets, columns=["line", "place", "height"]))


def foldable(families: Mapping[str, Hashable]) -> list[Hashable]:
    """Return the families that have two languages or more, those of most first."""
    sizes: dict[Hashable, int] = {}
    for family in families.values():
        sizes[family] = sizes.get(family, 0) + 1
    return sorted((family for family, size in sizes.items() if size > 1), key=lambda family: -sizes[family])


def _leaves(linkage: np.ndarray, node: int, count: int) -> list[int]:
    """Return the leaves below a node, in the tree's order."""
    found, todo = [], [node]
    while todo:
        each = todo.pop()
        if each < count:
            found.append(each)
        else:
            one, other = linkage[each - count, :2]
            todo += [int(other), int(one)]
    return found
