"""Which pairs of masks are counted, as the places (i, j) of their members, i < j, row by row of the upper triangle.

Of n masks usually all n (n - 1) / 2 are. Masks of several languages that were found twice are compared within each
language only, and masks that are held against one reference with that alone: `meant` says which pairs a kind of counts
is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from neutral.errors import NeutralError
from neutral.members import speaker
from neutral.references import PRETRAINED


def every(n: int) -> np.ndarray:
    """Return all pairs of n masks: (n (n - 1) / 2, 2) int64."""
    return np.stack(np.triu_indices(n, k=1), axis=1)


def placed(pairs: Iterable[tuple[str, str]], members: Sequence[str]) -> np.ndarray:
    """Return named pairs as places, (P, 2) int64, in order and each once. Raises `NeutralError` for no such pair."""
    at = {member: place for place, member in enumerate(members)}
    places = set()
    for one, other in pairs:
        if unknown := [name for name in (one, other) if name not in at]:
            raise NeutralError(f"no mask {unknown[0]!r} to count; there are {', '.join(members)}")
        if one == other:
            raise NeutralError(f"{one} is no pair with itself")
        places.add((min(at[one], at[other]), max(at[one], at[other])))
    return np.array(sorted(places), dtype=np.int64).reshape(-1, 2)


def among(pairs: np.ndarray, places: Sequence[int], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs whose masks are both in `places`, by their places in that list, and where they were in `pairs`.

    `n` is the number of masks that `pairs` (P, 2) are of.
    """
    at = np.full((n, n), -1)
    at[pairs[:, 0], pairs[:, 1]] = at[pairs[:, 1], pairs[:, 0]] = np.arange(len(pairs))
    new = every(len(places))
    i, j = np.array(places, dtype=np.int64)[new].T
    old = at[i, j]
    return new[old >= 0], old[old >= 0]


def meant(kind: str, members: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return the pairs that counts of a kind (`study.KINDS`) are about; None for all.

    >>> meant("halves", ["en/a", "en/b", "fr/a", "fr/b"])
    [('en/a', 'en/b'), ('fr/a', 'fr/b')]
    >>> meant("pretrained", ["en", "fr", "pretrained"])
    [('en', 'pretrained'), ('fr', 'pretrained')]
    """
    if kind in ("halves", "seeds"):
        by_speaker: dict[str, list[str]] = {}
        for member in members:
            by_speaker.setdefault(speaker(member), []).append(member)
        return [pair for several in by_speaker.values() for pair in combinations(several, 2)]
    if kind == PRETRAINED:
        return [(member, PRETRAINED) for member in members if member != PRETRAINED and PRETRAINED in members]
    return None
