"""Moran spectral randomization: similarities drawn anew, as smooth along a tree, or over a map, as the real one.

A neighbourhood says how near languages are (`neighbours`). Its Moran eigenvectors (MEM) are patterns over the
languages, from those in which neighbours are alike to those in which they differ; how much of a variable lies in each
is its power, and together they decide its Moran's I. A draw turns each two patterns of neighbouring eigenvalues into
each other by a random angle, which keeps the power of every two (the procedure "pair" of Wagner & Dray 2015, Generating
spatially constrained null models for irregularly spaced data using Moran spectral randomization methods, Methods in
Ecology and Evolution 6, 1169-1178). Of a matrix that is done to its principal coordinates, all by the same angles, and
the distances are made again (Crabot, Clappe, Dray & Datry 2019, Testing the Mantel statistic with a
spatially-constrained permutation procedure, the same journal 10, 532-540).

Patterns of one eigenvalue, as of languages that are alone in their families, are any basis of the space that they
span: which one a computer finds hangs on the order of the languages. So each draw takes a basis of its own, turned by a
random rotation (Haar's, by QR of normal numbers: Mezzadri 2007, How to generate random matrices from the classical
compact groups, Notices of the AMS 54, 592-604), and turns it back. Where all eigenvalues are single nothing of this is
done. Tests that studies hold from before 2026-11-28 were drawn without it, by the basis of their languages' order.

Coordinates need not be had. If V are similarities with 0 on the diagonal and H centres, G = HVH/2 are the products of
coordinates whose squared distances are a constant less V. With the eigenvectors U and the turn R a draw has the
products G* = URU'GUR'U', and v*_ij = 2 g*_ij - g*_ii - g*_jj. The constant changes nothing, so distances need not be
Euclidean. Draws are not ranked again.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from neutral.errors import NeutralError

_SAME = 1e-9  # eigenvalues that differ by less, relative to the largest, are one: rounding makes about 1e-15
_AT_ONCE = 200_000  # numbers of a step: what a processor keeps near


class Eigenvectors(NamedTuple):
    """Moran's eigenvectors of n languages: vectors (n, n - 1), orthonormal and centred, values (n - 1,), falling."""

    vectors: np.ndarray
    values: np.ndarray

    def shared(self) -> tuple[tuple[int, int], ...]:
        """Return where eigenvectors of one and the same eigenvalue begin and end; () if all are single."""
        if not len(self.values):
            return ()
        apart = -np.diff(self.values) > _SAME * max(1.0, float(np.abs(self.values).max()))
        ends = [0, *(np.flatnonzero(apart) + 1), len(self.values)]
        return tuple((int(a), int(b)) for a, b in pairwise(ends) if b - a > 1)


class Autocorrelation(NamedTuple):
    """Moran's I: that of a variable, and the mean over all permutations of its values, which is below zero."""

    observed: float
    expected: float


def eigenvectors(weights: np.ndarray) -> Eigenvectors:
    """Return Moran's eigenvectors of symmetric `weights` (n, n), larger for nearer languages."""
    n = len(weights)
    apart = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, :-1]]))[0][:, 1:]  # spans what is centred
    values, turned = np.linalg.eigh(apart.T @ weights @ apart)
    return Eigenvectors(apart @ turned[:, ::-1], values[::-1])


def morans_i(values: np.ndarray, weights: np.ndarray) -> Autocorrelation:
    """Return Moran's I of one or several variables `values` (n,) or (n, k) together, with symmetric `weights` (n, n).

    The diagonal of the weights does not count. Without autocorrelation I is -1 / (n - 1), not 0 (Moran 1950, Notes on
    continuous stochastic phenomena, Biometrika 37, 17-23).
    """
    centred = values.reshape(len(values), -1) - values.reshape(len(values), -1).mean(axis=0)
    between = weights * (1 - np.eye(len(weights)))
    products = (centred * (between @ centred)).sum() / (centred**2).sum()
    return Autocorrelation(float(len(weights) / between.sum() * products), -1 / (len(weights) - 1))


def spectral(weights: np.ndarray, *, count: int, seed: int) -> Spectral:
    """Return `count` draws along a neighbourhood, symmetric `weights` (n, n); none where nobody is nearer than others.

    Raises `NeutralError` when `count` is less than 1.
    """
    if count < 1:
        raise NeutralError(f"permutations: at least 1, usually 9,999; got {count}")
    n = len(weights)
    apart = weights[np.triu_indices(n, 1)]
    drawn = count * bool(apart.size and np.ptp(apart) > 0)
    patterns = eigenvectors(weights) if n else Eigenvectors(np.empty((0, 0)), np.empty(0))
    return Spectral(patterns.vectors, drawn, seed, shared=patterns.shared())


@dataclass(frozen=True)
class Spectral:
    """Draws of similarities between n languages, in place of `Orders`.

    Attributes
    ----------
    vectors : array (n, n - 1)
        Moran's eigenvectors, those of neighbouring eigenvalues beside each other.
    count, seed : int
        How many draws (0 where all languages are as near to each other), and of which seed.
    classes : array (m,)
        Zeros: any pair can take the place of any other.
    exact : bool
        Never: there are infinitely many.
    shared : tuple of (int, int)
        See `Eigenvectors.shared`.
    """

    vectors: np.ndarray
    count: int
    seed: int
    exact: bool = False
    shared: tuple[tuple[int, int], ...] = ()

    @property
    def classes(self) -> np.ndarray:
        """One class of pairs."""
        n = len(self.vectors)
        return np.zeros(n * (n - 1) // 2, dtype=int)

    def __len__(self) -> int:
        return self.count

    @property
    def smallest(self) -> float:
        """The smallest p that these draws can give."""
        return 1 / (self.count + 1)

    def turned(self) -> Turns:
        """Return the random turns of the eigenvectors: those of one seed are the same, whatever is drawn."""
        patterns = self.vectors.shape[1]
        rng = np.random.default_rng(self.seed)
        order = np.tile(np.arange(patterns), (self.count, 1))
        if patterns % 2:  # any of them may be the one that is left
            alone = rng.integers(0, patterns, (self.count, 1))
            order[:, :-1] = np.where(order[:, :-1] < alone, order[:, :-1], order[:, 1:])
            order[:, -1:] = alone
        angles = rng.uniform(0, 2 * np.pi, (self.count, patterns // 2))
        signs = rng.choice([-1.0, 1.0], (self.count, patterns))
        return Turns(order, angles, signs, tuple((a, b, _rotations(rng, self.count, b - a)) for a, b in self.shared))

    def products(self, similarities: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return products of drawn similarities with `columns` (m, c): (P, L, c), in float32's precision.

        `similarities` (L, m) are at any length and mean; what is drawn of them is centred and of length 1. `columns`
        are centred. Where a similarity is all zeros its products are 0.
        """
        n, (count, m), c = len(self.vectors), similarities.shape, columns.shape[1]
        squares = _squares(np.vstack([similarities, columns.T]), n)
        gram = self.vectors.T @ squares[:count] @ self.vectors / 2  # (L, n - 1, n - 1)
        weights = squares[count:]
        weights[:, range(n), range(n)] = -weights.sum(axis=2)
        trace, norm = np.trace(gram, axis1=1, axis2=2), (gram**2).sum(axis=(1, 2))
        constant = trace**2 + 2 * norm - (n * trace) ** 2 / m  # the part of the length that no turn changes
        gram, weights = gram.astype(np.float32), weights.reshape(c, -1).T.astype(np.float32)
        turns, found = self.turned(), np.empty((self.count, count, c))
        step = max(1, _AT_ONCE // max(1, count * n * n))

        def fill(start: int) -> None:
            turned = turns.of(self.vectors, start, start + step).astype(np.float32)  # (step, n, n - 1)
            half = gram.reshape(-1, n - 1) @ turned.swapaxes(1, 2)
            drawn = turned[:, None] @ half.reshape(len(turned), count, n - 1, n)  # (step, L, n, n)
            own = np.diagonal(drawn, axis1=2, axis2=3).astype(float)
            length = np.sqrt(np.maximum(n * (own**2).sum(axis=2) + constant, 0))[..., None]
            products = (drawn.reshape(-1, n * n) @ weights).reshape(len(turned), count, c)
            found[start : start + step] = products / np.where(length > 0, length, np.inf)

        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, range(0, self.count, step)))
        return found


class Turns(NamedTuple):
    """Random turns of eigenvectors: order (P, n - 1), of which each two are turned and an odd last one is not; the
    angles of every two, and everyone's sign before; bases, from where to where eigenvectors are of one eigenvalue, and
    the rotations (P, k, k) that make another basis of them first.
    """

    order: np.ndarray
    angles: np.ndarray
    signs: np.ndarray
    bases: tuple[tuple[int, int, np.ndarray], ...] = ()

    def of(self, vectors: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Return eigenvectors (n, n - 1), turned as draws `start` to `stop` say: (draws, n, n - 1)."""
        order, angles, signs = (each[start:stop, None] for each in self[:3])
        pairs = 2 * angles.shape[-1]
        own = signs * vectors
        for a, b, rotations in self.bases:
            own[..., a:b] = vectors[:, a:b] @ rotations[start:stop]
        moved = np.take_along_axis(own, order, axis=2)
        left, right = moved[..., :pairs:2].copy(), moved[..., 1:pairs:2].copy()
        cosine, sine = np.cos(angles), np.sin(angles)
        moved[..., :pairs:2], moved[..., 1:pairs:2] = cosine * left - sine * right, sine * left + cosine * right
        turned = np.empty_like(moved)
        np.put_along_axis(turned, np.broadcast_to(order, moved.shape), moved, axis=2)
        for a, b, rotations in self.bases:  # the basis goes back: what is drawn is of the eigenvectors again
            turned[..., a:b] = turned[..., a:b] @ rotations[start:stop].swapaxes(1, 2)
        return turned


def _rotations(rng: np.random.Generator, count: int, k: int) -> np.ndarray:
    """Return random rotations and reflections of k axes, each as likely as any other: (count, k, k)."""
    made, upper = np.linalg.qr(rng.normal(size=(count, k, k)))
    return made * np.sign(np.diagonal(upper, axis1=1, axis2=2))[:, None]


def _squares(vectors: np.ndarray, n: int) -> np.ndarray:
    """Return vectors over pairs (k, m) as symmetric squares (k, n, n) with 0 on the diagonal."""
    rows, columns = np.triu_indices(n, 1)
    squares = np.zeros((len(vectors), n, n))
    squares[:, rows, columns] = squares[:, columns, rows] = vectors
    return squares
