"""Tidy tables of pairs as matrices and vectors, and which languages have a value for every pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neutral.errors import NeutralError


@dataclass(frozen=True)
class Batch:
    """Groups of similarities and sets of distances that are complete on the same n languages, m = n(n - 1)/2 pairs.

    `similarities` (groups, m) and `distances` (name -> (m,)) are in the order of `numpy.triu_indices(n, 1)`.
    """

    groups: tuple[str, ...]
    sets: tuple[tuple[str, ...], ...]
    codes: tuple[str, ...]
    left_out: tuple[str, ...]
    similarities: np.ndarray
    distances: dict[str, np.ndarray]

    @property
    def pairs(self) -> int:
        """How many pairs of languages there are."""
        return len(self.codes) * (len(self.codes) - 1) // 2

    def of(self, names: Sequence[str]) -> np.ndarray:
        """Return some distances as (names, m)."""
        return np.array([self.distances[name] for name in names]).reshape(len(names), self.pairs)


def batches(similarity: pd.DataFrame, distances: pd.DataFrame, sets: Sequence[tuple[str, ...]]) -> Iterator[Batch]:
    """Go through every group of `similarity` with every set of distances, in as few batches as there can be.

    The languages are those of `similarity`; from a group and a set those are left out that `complete` drops.

    Raises `NeutralError` for a table without its columns, or a distance that is not there.
    """
    check(similarity, "group")
    check(distances, "distance")
    codes = list(dict.fromkeys(similarity[["source", "target"]].to_numpy().ravel()))
    groups, similar = squares(similarity, "group", codes)
    names, far = squares(distances, "distance", codes)
    if unknown := [name for names_ in sets for name in names_ if name not in names]:
        raise NeutralError(f"no distance {unknown[0]!r} in the table; there are {', '.join(names)}")
    alike: dict[tuple, tuple[np.ndarray, list[int], list[tuple[str, ...]]]] = {}
    holes = np.isnan(similar)
    for hole in np.unique(holes, axis=0):
        of_groups = tuple(np.flatnonzero((holes == hole).all(axis=(1, 2))))
        for chosen in sets:
            kept = complete(hole | np.isnan(far[[names.index(name) for name in chosen]]).any(axis=0))
            alike.setdefault((of_groups, tuple(kept)), (kept, list(of_groups), []))[2].append(chosen)
    for kept, of_groups, some in alike.values():
        rows, columns = (kept[side] for side in np.triu_indices(len(kept), 1))
        yield Batch(
            groups=tuple(groups[i] for i in of_groups),
            sets=tuple(some),
            codes=tuple(codes[i] for i in kept),
            left_out=tuple(code for i, code in enumerate(codes) if i not in kept),
            similarities=similar[of_groups][:, rows, columns],
            distances={name: far[names.index(name), rows, columns] for name in dict.fromkeys(sum(some, ()))},
        )


def check(table: pd.DataFrame, by: str) -> None:
    """Raise `NeutralError` for a table that lacks a column."""
    if lacking := [column for column in (by, "source", "target", "value") if column not in table]:
        raise NeutralError(f"a table of pairs has columns {by}, source, target, value; there is no {lacking[0]}")


def squares(table: pd.DataFrame, by: str, codes: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the names in column `by`, in the order they come, and their symmetric matrices (names, n, n).

    Pairs with other languages are ignored, a pair that is not there or has no value is NaN, and one that is there in
    both directions gets the mean. The diagonal is 0.
    """
    names = list(dict.fromkeys(table[by]))
    one, other = (pd.Index(codes).get_indexer(table[side]) for side in ("source", "target"))
    values = table["value"].to_numpy(dtype=float)
    there = (one >= 0) & (other >= 0) & (one != other) & ~np.isnan(values)
    place = (pd.Index(names).get_indexer(table[by])[there], one[there], other[there])
    total, seen = np.zeros((2, len(names), len(codes), len(codes)))
    np.add.at(total, place, values[there])
    np.add.at(seen, place, 1)
    with np.errstate(invalid="ignore"):
        matrices = (total + total.swapaxes(1, 2)) / (seen + seen.swapaxes(1, 2))
    matrices[:, range(len(codes)), range(len(codes))] = 0
    return names, matrices


def complete(missing: np.ndarray) -> np.ndarray:
    """Return the places of the languages that stay when none of their pairs is to be `missing` (n, n).

    The language with most missing pairs is dropped first; of several, the last.
    """
    kept = np.arange(len(missing))
    while (lacks := missing[np.ix_(kept, kept)].sum(axis=1)).any():
        kept = np.delete(kept, len(kept) - 1 - np.argmax(lacks[::-1]))
    return kept
