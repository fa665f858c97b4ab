"""Tidy tables of pairs as matrices and vectors, and which languages have a value for every pair."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neutral.errors import NeutralError


@dataclass(frozen=True)
class Batch:
    """Groups of similarities and sets of distances that are complete on the same n languages, m = n(n - 1)/2 pairs.

    Attributes
    ----------
    groups : tuple of str
        Names of the similarities.
    sets : tuple of tuples of str
        Names of the distances that are tested together.
    codes, left_out : tuple of str
        The n languages, and the other languages of the similarities.
    similarities : array (groups, m)
        In the order of `numpy.triu_indices(n, 1)`.
    distances : name -> array (m,)
        In the same order.
    """

    groups: tuple[str, ...]
    sets: tuple[tuple[str, ...], ...]
    codes: tuple[str, ...]
    left_out: tuple[str, ...]
    similarities: np.ndarray
    distances: dict[str, np.ndarray]

    @property
    def pairs(self) -> int:
        """The number of pairs of languages."""
        return len(self.codes) * (len(self.codes) - 1) // 2

    def of(self, names: Sequence[str]) -> np.ndarray:
        """Return the named distances as (names, m)."""
        return np.array([self.distances[name] for name in names]).reshape(len(names), self.pairs)


def batches(
    similarity: pd.DataFrame,
    distances: pd.DataFrame,
    sets: Sequence[tuple[str, ...]],
    *,
    among: Collection[str] | None = None,
) -> Iterator[Batch]:
    """Yield every group of `similarity` with every set of distances, in as few batches as possible.

    The languages are those of `similarity` that are `among` some, if these are given, without those that `complete`
    drops for a group and a set.

    Raises `NeutralError` for a table without its columns, or a missing distance.
    """
    check(similarity, "group")
    check(distances, "distance")
    every = list(dict.fromkeys(similarity[["source", "target"]].to_numpy().ravel()))
    codes = every if among is None else [code for code in every if code in among]
    groups, similar = squares(similarity, "group", codes)
    names, far = squares(distances, "distance", codes)
    if unknown := [name for chosen in sets for name in chosen if name not in names]:
        raise NeutralError(f"no distance {unknown[0]!r} in the table; there are {', '.join(names)}")
    parts: dict[tuple, tuple[np.ndarray, list[int], list[tuple[str, ...]]]] = {}
    holes = np.isnan(similar)
    for hole in np.unique(holes, axis=0):
        of_groups = tuple(np.flatnonzero((holes == hole).all(axis=(1, 2))))
        for chosen in sets:
            kept = complete(hole | np.isnan(far[[names.index(name) for name in chosen]]).any(axis=0))
            parts.setdefault((of_groups, tuple(kept)), (kept, list(of_groups), []))[2].append(chosen)
    for kept, of_groups, kept_sets in parts.values():
        rows, columns = (kept[side] for side in np.triu_indices(len(kept), 1))
        yield Batch(
            groups=tuple(groups[i] for i in of_groups),
            sets=tuple(kept_sets),
            codes=tuple(stay := [codes[i] for i in kept]),
            left_out=tuple(code for code in every if code not in stay),
            similarities=similar[of_groups][:, rows, columns],
            distances={name: far[names.index(name), rows, columns] for name in dict.fromkeys(sum(kept_sets, ()))},
        )


def check(table: pd.DataFrame, by: str) -> None:
    """Raise `NeutralError` for a table that lacks a column."""
    if lacking := [column for column in (by, "source", "target", "value") if column not in table]:
        raise NeutralError(f"a table of pairs has columns {by}, source, target, value; there is no {lacking[0]}")


def squares(table: pd.DataFrame, by: str, codes: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the names in column `by`, in the order they come, and their symmetric matrices (names, n, n).

    Pairs with other languages are ignored, a pair that is missing or has no value is NaN, and a pair in both directions
    gets the mean. The diagonal is 0.
    """
    names = list(dict.fromkeys(table[by]))
    one, other = (pd.Index(codes).get_indexer(table[side]) for side in ("source", "target"))
    values = table["value"].to_numpy(dtype=float)
    valid = (one >= 0) & (other >= 0) & (one != other) & ~np.isnan(values)
    place = (pd.Index(names).get_indexer(table[by])[valid], one[valid], other[valid])
    total, seen = np.zeros((2, len(names), len(codes), len(codes)))
    np.add.at(total, place, values[valid])
    np.add.at(seen, place, 1)
    with np.errstate(invalid="ignore"):
        matrices = (total + total.swapaxes(1, 2)) / (seen + seen.swapaxes(1, 2))
    matrices[:, range(len(codes)), range(len(codes))] = 0
    return names, matrices


def complete(missing: np.ndarray) -> np.ndarray:
    """Drop languages until none of their pairs is `missing` (n, n); return the places of those that stay.

    The language with most missing pairs is dropped first; of several, the last.
    """
    kept = np.arange(len(missing))
    while (gaps := missing[np.ix_(kept, kept)].sum(axis=1)).any():
        kept = np.delete(kept, len(kept) - 1 - np.argmax(gaps[::-1]))
    return kept
