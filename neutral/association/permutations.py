"""Permutations of languages, and the p-values that come of them.

A pair of languages is no independent sample: eleven languages make fifty-five pairs. So languages are permuted, which
moves rows and columns of a matrix together (Mantel 1967). If there are few permutations all of them are used, and p is
exact; else they are drawn, and p counts the observed value as one of the draws, because otherwise it is too small
(Phipson & Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9, 39).

Permutations within blocks exchange only the languages of one block, say of one family, and keep all differences
between blocks. They are the right ones if languages of one family could be exchanged under the null hypothesis and
languages of different families could not. They have limits. A language alone in its block never moves. A pair only
takes the place of a pair of the same two blocks (`Orders.classes`), so nothing is learnt from how blocks differ. With
few permutations p cannot be small (`Orders.smallest`): 1/2 in a block of two, 1/24 of four, 1/720 of six, times each
other for several blocks.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, permutations, product
from math import factorial, prod

import numpy as np

from neutral.errors import NeutralError

TOLERANCE = 1e-11
"""Statistics that differ by less, relative to 1 or to their size, are tied: rounding makes about 1e-15."""


@dataclass(frozen=True)
class Orders:
    """Permutations of n languages.

    Attributes
    ----------
    array : array (P, n)
        Row p puts language array[p, i] in place i. P is 0 when nothing can be exchanged.
    exact : bool
        Whether these are all that exist, the identity first. Else they are seeded draws from all, each independent of
        the others.
    classes : array (m,)
        A number for each of the m = n(n - 1)/2 pairs; pairs of the same number can take each other's place. Pairs i < j
        are in the order of `numpy.triu_indices(n, 1)`, which is SciPy's condensed form.
    """

    array: np.ndarray
    exact: bool
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.array)

    @property
    def smallest(self) -> float:
        """The smallest p that these permutations can give; NaN without any."""
        return 1 / (len(self) + (not self.exact)) if len(self) else float("nan")

    def backwards(self) -> Orders:
        """Return the permutations that undo these, one by one."""
        return replace(self, array=np.argsort(self.array, axis=1))

    def pairs(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return permutations `start` to `stop` of the pairs, all by default: (P, m) places in a vector over them."""
        n, some = self.array.shape[1], self.array[start:stop]
        rows, columns = np.triu_indices(n, 1)
        place = np.zeros((n, n), dtype=np.intp)
        place[rows, columns] = place[columns, rows] = np.arange(len(rows))
        cells = np.take(some, rows, axis=1) * n + np.take(some, columns, axis=1)
        return np.take(place.ravel(), cells)


def orders(
    members: Sequence[str], *, within: Mapping[str, Hashable] | None = None, count: int = 9999, seed: int = 0
) -> Orders:
    """Return the permutations of `members`: all of them if there are at most `count` + 1, else `count` draws.

    `within` names each member's block: only members of one block are exchanged, a member without a block never moves.
    Draws are with replacement from all permutations, the identity included: otherwise p would be too small.

    Raises `NeutralError` when `count` is less than 1.
    """
    if count < 1:
        raise NeutralError(f"permutations: at least 1, usually 9,999; got {count}")
    blocks = _blocks(members, within)
    classes = _classes(list(blocks.values()), len(members))
    moving = [places for places in blocks.values() if len(places) > 1]
    if not moving:
        return Orders(np.empty((0, len(members)), dtype=np.intp), True, classes)
    exact = possible(members, within) <= count + 1
    if exact:
        combined = product(*(permutations(places) for places in moving))
        moved = np.array([list(chain.from_iterable(parts)) for parts in combined], dtype=np.intp)
    else:
        rng = np.random.default_rng(seed)
        moved = np.hstack([rng.permuted(np.tile(places, (count, 1)), axis=1) for places in moving])
    array = np.tile(np.arange(len(members), dtype=np.intp), (len(moved), 1))
    array[:, list(chain.from_iterable(moving))] = moved
    return Orders(array, exact, classes)


def possible(members: Sequence[str], within: Mapping[str, Hashable] | None = None) -> int:
    """Return how many permutations of `members` there are, with blocks as in `orders`; 1 if nothing can be exchanged.

    >>> possible(["en", "de", "fi", "ko"], {"en": 1, "de": 1, "fi": 2, "ko": 3})
    2
    """
    return prod(factorial(len(places)) for places in _blocks(members, within).values())


def two_sided(observed: np.ndarray, permuted: np.ndarray, exact: bool) -> np.ndarray:
    """Return p of `observed` (…) among `permuted` (P, …): the share of values at least as far from 0, on either side.

    For statistics whose mean over the permutations is 0.
    """
    return upper(abs(observed), abs(permuted), exact)


def upper(observed: np.ndarray, permuted: np.ndarray, exact: bool) -> np.ndarray:
    """Return p of `observed` (…) among `permuted` (P, …): the share of values at least as large; ties count as hits."""
    if not len(permuted):
        return np.full(observed.shape, np.nan)
    hits = (permuted >= observed - TOLERANCE * np.maximum(1, abs(observed))).sum(axis=0)
    p = hits / len(permuted) if exact else (hits + 1) / (len(permuted) + 1)
    return np.where(np.isnan(observed), np.nan, p)


def _blocks(members: Sequence[str], within: Mapping[str, Hashable] | None) -> dict[Hashable, list[int]]:
    """Return block -> the places of its members."""
    blocks: dict[Hashable, list[int]] = {}
    for place, member in enumerate(members):
        block = None if within is None else within.get(member, ("alone", member))
        blocks.setdefault(block, []).append(place)
    return blocks


def _classes(blocks: list[list[int]], n: int) -> np.ndarray:
    """Return a number from 0 for each pair, (m,): the same for pairs in, or between, the same blocks."""
    block = np.empty(n, dtype=int)
    for number, places in enumerate(blocks):
        block[places] = number
    one, other = (block[side] for side in np.triu_indices(n, 1))
    numbers = np.minimum(one, other) * n + np.maximum(one, other)
    return np.unique(numbers, return_inverse=True)[1]
