"""What pairs of languages share, and the sums over pairs that a mixed model of them needs.

The m = n(n - 1)/2 pairs have the covariance σ²·V with

    V = I + φ_language²·Z Z' + Σ_blocks φ_block²·B B'

Z (m, n) says which languages a pair has, B (m, blocks) which pair of families (areas) it is of. V is never made:

- The languages of one cell (one family, one area, …) are exchangeable for V. How they differ from their cell's mean
  is a space that V multiplies by 1 + (n - 2)·φ_language², apart from all else. Without blocks there is one cell, and V
  has three eigenspaces, of dimensions 1, n - 1 and n(n - 3)/2.
- What is left of the languages are as many columns as there are cells, U. They and the smaller block effects go in by
  Woodbury's identity, a matrix of about thirty rows.
- The block effect of most blocks is first taken out in closed form: I + φ²·B B' is diagonal in block means.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

LANGUAGE = "language"


@dataclass(frozen=True)
class Pairs:
    """What the m pairs i < j of n languages share, in the order of `numpy.triu_indices(n, 1)`.

    Attributes
    ----------
    n : int
        How many languages.
    effects : tuple of str
        The K random effects: `LANGUAGE`, then the blocks that pairs can tell apart.
    cells : array (n,)
        A number for each language, the same if all its blocks are.
    blocks : name -> array (m,)
        A number for each pair, the same for pairs of the same two blocks.
    """

    n: int
    effects: tuple[str, ...]
    cells: np.ndarray
    blocks: dict[str, np.ndarray]

    @property
    def m(self) -> int:
        """The number of pairs."""
        return self.n * (self.n - 1) // 2


def pairs(codes: Sequence[str], blocks: Mapping[str, Mapping[str, Hashable] | None] | None = None) -> Pairs:
    """Return what the pairs of languages `codes` share.

    `blocks` is effect -> language -> block, say {"family": {"en": "Indo-European", …}}; a language that is not in it,
    or in the block "", is a block by itself. An effect is left out that pairs cannot tell from the mean, from single
    pairs or from another effect: all languages in one block, each in its own, or the same blocks once more.
    """
    n = len(codes)
    rows, columns = np.triu_indices(n, 1)
    kept: dict[str, np.ndarray] = {}
    partitions: list[np.ndarray] = []
    for name, block_of in (blocks or {}).items():
        known = {code: block for code, block in (block_of or {}).items() if block not in (None, "")}
        names = [known.get(code, ("alone", code)) for code in codes]
        numbers = {block: number for number, block in enumerate(dict.fromkeys(names))}
        partition = np.array([numbers[block] for block in names])
        twice = any((partition == other).all() for other in partitions)
        if 1 < len(numbers) < n and not twice:
            one, other = partition[rows], partition[columns]
            pair = np.minimum(one, other) * n + np.maximum(one, other)
            kept[name] = np.unique(pair, return_inverse=True)[1]
            partitions.append(partition)
    cells = np.zeros(n, dtype=int)
    if partitions:
        cells = np.unique(np.array(partitions), axis=1, return_inverse=True)[1].ravel()
    return Pairs(n, (LANGUAGE, *kept), cells, kept)


@dataclass(frozen=True)
class Sums:
    """Products of vectors over pairs that `reml` needs: all are linear in the weights of `weights`, (w, …).

    Attributes
    ----------
    columns : array (u,)
        Which effect each column of U belongs to.
    inner : array (w, u + p, u + p)
        Of U's columns and the p predictors with each other.
    outer : array (L, w, u + p)
        Of these with the L similarities.
    own : array (L, w)
        Of the similarities with themselves.
    sizes, counts : array (w - 2,)
        Pairs in a block of the effect that is taken out, and how many blocks have that size.
    out : int or None
        Which effect that is.
    """

    pairs: Pairs
    columns: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    own: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    out: int | None

    @property
    def predictors(self) -> int:
        """The number of predictors, p."""
        return self.inner.shape[1] - len(self.columns)

    def of(self, some: slice) -> Sums:
        """Return the sums of some of the similarities."""
        return replace(self, outer=self.outer[some], own=self.own[some])

    def weights(self, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights (…, w) of the sums at relative standard deviations φ (…, K), and log det so far (…)."""
        varying, inside = self.pairs.n - 2, self.pairs.n - self.pairs.cells.max() - 1
        language = phi[..., :1] ** 2
        logs = inside * np.log1p(varying * language[..., 0])
        weights = [np.ones_like(language), -language / (1 + varying * language)]
        if self.out is not None:
            block = phi[..., [self.out]] ** 2
            weights.append(-block / (1 + block * self.sizes))
            logs = logs + np.log1p(block * self.sizes) @ self.counts
        return np.concatenate(weights, axis=-1), logs


def sums(shared: Pairs, predictors: np.ndarray, similarities: np.ndarray) -> Sums:
    """Return the sums of predictors (p, m) and similarities (L, m) over the pairs."""
    n, m = shared.n, shared.m
    rows, columns = np.triu_indices(n, 1)
    each = np.arange(m)
    languages = sparse.csr_array(
        (np.ones(2 * m), (np.concatenate([each, each]), np.concatenate([rows, columns]))), shape=(m, n)
    )
    _, size = np.unique(shared.cells, return_counts=True)
    means = sparse.csr_array((1 / np.sqrt(size)[shared.cells], (np.arange(n), shared.cells)), shape=(n, len(size)))
    members = {name: _members(of) for name, of in shared.blocks.items()}
    out = max(members, key=lambda name: members[name].shape[1], default=None)
    inside = {LANGUAGE: languages @ means} | {name: each for name, each in members.items() if name != out}
    span = sparse.csr_array(sparse.hstack(list(inside.values())))  # (m, u): U
    of = np.concatenate([np.full(each.shape[1], shared.effects.index(name)) for name, each in inside.items()])

    u = span.shape[1]
    fixed = np.ascontiguousarray(predictors.T)  # (m, p)
    similar = np.ascontiguousarray(similarities.T)  # (m, L)
    left = [np.hstack([(span.T @ span).toarray(), span.T @ fixed]), np.hstack([fixed.T @ span, fixed.T @ fixed])]
    inner, outer, own = [np.vstack(left)], [np.vstack([span.T @ similar, fixed.T @ similar])], [(similar**2).sum(0)]

    def add(both: np.ndarray, alone: np.ndarray) -> None:
        inner.append(both.T @ both)
        outer.append(both.T @ alone)
        own.append((alone**2).sum(axis=0))

    deviations = [sums - means @ (means.T @ sums) for sums in (languages.T @ fixed, languages.T @ similar)]
    add(np.hstack([np.zeros((n, u)), deviations[0]]), deviations[1])
    sizes = counts = np.empty(0)
    if out is not None:
        block = members[out]
        size = np.asarray(block.sum(axis=0)).ravel()
        sizes, counts = np.unique(size, return_counts=True)
        both = np.hstack([(block.T @ span).toarray(), block.T @ fixed])
        alone = block.T @ similar
        for value in sizes:
            add(both[size == value], alone[size == value])
    return Sums(
        pairs=shared,
        columns=of,
        inner=np.array(inner),
        outer=np.moveaxis(np.array(outer), 2, 0),
        own=np.array(own).T,
        sizes=sizes,
        counts=counts,
        out=None if out is None else shared.effects.index(out),
    )


def _members(numbers: np.ndarray) -> sparse.csr_array:
    """Return which pair is in which block, ones and zeros (m, blocks)."""
    places = np.arange(len(numbers))
    return sparse.csr_array((np.ones(len(numbers)), (places, numbers)), shape=(len(numbers), numbers.max() + 1))
