"""The text that Wanda and Fisher look at: blocks or examples, and which of them belong to either half of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Calibration(NamedTuple):
    """Text that weights are scored on.

    Attributes
    ----------
    items : sequence
        Blocks or examples, as a task's `items` returns them.
    a, b : sequences of int
        The places of the items of both halves.
    """

    items: Sequence
    a: Sequence[int]
    b: Sequence[int]


def alternating(items: Sequence) -> Calibration:
    """Return text whose halves are every other item: the even places and the odd ones."""
    return Calibration(items, range(0, len(items), 2), range(1, len(items), 2))


def joined(one: np.ndarray, other: np.ndarray) -> Calibration:
    """Return text of two halves, blocks (A, length) and (B, length), one behind the other."""
    return Calibration(np.concatenate([one, other]), range(len(one)), range(len(one), len(one) + len(other)))


def interleaved(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return blocks of two halves in turn, as many of either: `alternating` tells them apart.

    What the longer one has beyond the other is left out: any place for it would be one of the other half's. Who calls
    says so.

    >>> interleaved(np.array([[1], [3], [5]]), np.array([[2], [4]])).ravel()
    array([1, 2, 3, 4])
    """
    several = min(len(one), len(other))
    return np.stack([one[:several], other[:several]], axis=1).reshape(2 * several, *one.shape[1:])
