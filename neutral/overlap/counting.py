"""One pass over the bits of several masks: the counts of what they keep."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from neutral.errors import NeutralError
from neutral.masks import Mask, shared_header
from neutral.members import numbered
from neutral.overlap import pairs as of_pairs
from neutral.overlap.counts import Counts
from neutral.overlap.popcount import count_tensors


def count(
    masks: Sequence[Mask],
    names: Sequence[str] | None = None,
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    exactly: bool = True,
) -> Counts:
    """Count what masks of one network keep: each, every pair, and exactly k of them.

    Parameters
    ----------
    masks : sequence of n Mask
    names : sequence of n str, optional
        Names of the members, all different; by default each mask's `named`, numbered where one comes again ("en 2").
    pairs : iterable of (str, str), optional
        Names of the pairs to count, where not all mean something (`pairs.meant`); then `exactly` is not counted.
    exactly : bool
        False leaves the neutral core out, which takes two thirds of the time.

    Returns
    -------
    Counts

    Raises
    ------
    MismatchError
        Naming the first tensor that differs between the masks; one prefix of all names may differ (`Mask.bridged`).
    NeutralError
        For no masks, for names that do not fit, and for pairs of no such names.

    >>> from neutral.masks import Mask
    >>> en = Mask.from_tensors({"encoder.layer.0.output.dense.weight": [1, 1, 0, 0]}, language="en")
    >>> fr = Mask.from_tensors({"encoder.layer.0.output.dense.weight": [0, 1, 0, 0]}, language="fr")
    >>> count([en, fr]).jaccard(by="layer")
           group source target  value
    0  encoder 0     en     fr    0.5
    """
    masks = list(masks)
    if not masks:
        raise NeutralError("there are no masks to count")
    members = _members(masks, names)
    counted = of_pairs.every(len(masks)) if pairs is None else of_pairs.placed(pairs, members)
    first = masks[0]
    masks = [mask.bridged(first) for mask in masks]
    for mask, member in zip(masks, members, strict=True):
        first.require_same(mask, names=(members[0], member))
    sizes = np.array([math.prod(shape) for shape in first.shapes.values()], dtype=np.int64)
    bits = [[mask.bits[name] for mask in masks] for name in first.names]
    found = count_tensors(bits, sizes, counted, exactly=exactly and pairs is None)
    return Counts(members, first.names, sizes, *found, header=shared_header(masks), counted=counted)


def _members(masks: list[Mask], names: Sequence[str] | None) -> tuple[str, ...]:
    if names is not None:
        if len(names) != len(masks) or len(set(names)) != len(masks):
            raise NeutralError(f"{len(masks)} masks need as many different names; got {', '.join(names)}")
        return tuple(names)
    return tuple(numbered([mask.named for mask in masks]))
