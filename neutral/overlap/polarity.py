"""A hint that masks say opposite things: in one 1 means kept, in the other 1 means removed.

Both read well, and look like two languages that share almost nothing. Found masks never do: what languages keep is
alike or, at worst, independent. Sparse masks that have nothing in common are no such case: at a third kept and less,
φ cannot come near the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neutral.overlap.counts import Counts

OPPOSED = -0.5
"""φ over all weights, from which on two masks are taken to be opposed; of a mask and its complement it is -1."""

_NAMED = 3  # pairs that a line names


def opposed(counts: Counts) -> list[tuple[str, str]]:
    """Return the pairs of masks whose φ over all weights is `OPPOSED` or less, in the order of the members.

    None among the masks of one search, whose headers say its method and sparsity: 1 means kept in all of them, and a
    complement is meant. A mask that was turned does not say its sparsity any more.

    >>> from neutral.masks import Mask
    >>> bits = {"en": [1, 1, 0, 0], "fr": [1, 1, 0, 0], "fi": [0, 0, 1, 1]}
    >>> from neutral.overlap import count
    >>> opposed(count([Mask.from_tensors({"w": b}, language=code) for code, b in bits.items()]))
    [('en', 'fi'), ('fr', 'fi')]
    """
    if {"method", "sparsity"} <= counts.header.keys():
        return []
    pairs = counts.phi()
    pairs = pairs[pairs["value"] <= OPPOSED]
    return list(zip(pairs["source"], pairs["target"], strict=True))


def about_opposed(counts: Counts, name: Callable[[str], str] = str) -> str:
    """Say which masks are `opposed`: the pairs, or the one mask that is against all others; "" for none.

    `name` returns what a member is called in the line.
    """
    pairs = opposed(counts)
    if not pairs:
        return ""
    alone = _against_all(pairs, counts.members)
    if alone is not None:
        one = name(alone)
        return f"{one} shares far fewer weights than chance with every other mask: it may say 1 for what is removed"
    several = "; ".join(f"{name(a)} and {name(b)}" for a, b in pairs[:_NAMED])
    several += f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    which = "one of them" if len(pairs) == 1 else "one of each pair"
    return f"{several} share far fewer weights than chance: {which} may say 1 for what is removed"


def _against_all(pairs: Sequence[tuple[str, str]], members: Sequence[str]) -> str | None:
    """Return the member that is in every pair, and in one with each of the two or more others; None for no such."""
    if len(members) < 3 or len(pairs) != len(members) - 1:
        return None
    return next((member for member in members if all(member in pair for pair in pairs)), None)
