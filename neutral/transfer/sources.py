"""The source of the mask that a transfer trains: a language, a mixture of languages, or a baseline.

In results, addresses and options a source is a text ("fr", "en+fa", "core", "thinned 0.2", "reseeded 2"); `MaskSource`
is its meaning, parsed on the way in and written on the way out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from neutral.corpora import parts
from neutral.references import FULL, PRETRAINED

JOINED = ("core", "union", "vote")
"""Sources that are made of the masks of several languages: what all of them keep, any of them, most of them."""

THINNED, RESEEDED = "thinned", "reseeded"

REINITIALISED = "reinitialised"
"""The source whose weights are random and whose mask is the target's own."""

BASELINES = (FULL, "random", PRETRAINED, *JOINED, THINNED, RESEEDED, REINITIALISED)
"""Sources that are no single language.

full: no mask. random: uniform in every tensor. pretrained: magnitudes of the untouched weights. core, union, vote: of
all sources but the target and mixtures with it, at the sparsity of a single mask. thinned: the target's own tickets of
lower sparsity, thinned at random; each is a source of its own, "thinned 0.2". reseeded: the target's own mask found
under another seed, "reseeded 2"; a cost of another language's mask beyond this one's is due to the language, the rest
to the search. reinitialised: the target's own mask on random weights, drawn anew as the model's architecture draws
them; what is better under pretrained weights is due to their values, the rest to which weights are kept.
"""

_THINNED = re.compile(rf"^{THINNED} (0\.\d+)$")
_RESEEDED = re.compile(rf"^{RESEEDED} (\d+)$")


@dataclass(frozen=True)
class MaskSource:
    """Whose mask is trained.

    Attributes
    ----------
    name : str
        A language, a mixture ("en+fa"), or one of `BASELINES`.
    sparsity : float or None
        Of the ticket that is thinned; None for other sources.
    seed : int or None
        The seed under which a reseeded mask was found; None for other sources.
    """

    name: str
    sparsity: float | None = None
    seed: int | None = None

    @classmethod
    def parse(cls, text: str) -> MaskSource:
        """Read a source as results write it.

        >>> MaskSource.parse("thinned 0.2"), MaskSource.parse("reseeded 2").seed, MaskSource.parse("fr").is_language
        (MaskSource(name='thinned', sparsity=0.2, seed=None), 2, True)
        """
        if match := _THINNED.match(text):
            return cls(THINNED, sparsity=float(match[1]))
        if match := _RESEEDED.match(text):
            return cls(RESEEDED, seed=int(match[1]))
        return cls(text)

    def __str__(self) -> str:
        if self.sparsity is not None:
            return f"{self.name} {self.sparsity:g}"
        return self.name if self.seed is None else f"{self.name} {self.seed}"

    @property
    def is_language(self) -> bool:
        """Whether this is the mask of one language: neither a baseline nor a mixture."""
        return self.name not in BASELINES and len(parts(self.name)) == 1


@lru_cache(maxsize=1024)
def source(text: str) -> MaskSource:
    """Return the meaning of a source in a table of results; see `MaskSource.parse`."""
    return MaskSource.parse(text)


def is_language(text: str) -> bool:
    """Whether a source in a table of results is the mask of one language: neither a baseline nor a mixture."""
    return source(text).is_language


def reseeded_from(text: str) -> int | None:
    """Return the seed that the mask of a source "reseeded 2" was found under; None for other sources."""
    return source(text).seed
