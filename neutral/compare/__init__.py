"""Anything beside anything: what is pinned, the tables of a pinned view, and how two of them differ.

A pin (`pins`) is one value of an address that says what is shown: all languages, a pair, one language, or a token
table. `view` makes tables of it, by layer, component, language, pair or size. `difference` sets two views side by side
by what they share, whatever they are of: two pairs, two studies, two models, two methods, before and after.
"""

from neutral.compare import masks, tokens
from neutral.compare.differences import Difference, Found, difference, found, shared
from neutral.compare.pins import KINDS, MOST, MaskPin, Pin, PinError, TablePin, read
from neutral.compare.views import AND, FACTOR, View, labels
from neutral.summary import Source

__all__ = [
    "AND",
    "FACTOR",
    "KINDS",
    "MOST",
    "Difference",
    "Found",
    "MaskPin",
    "Pin",
    "PinError",
    "TablePin",
    "View",
    "difference",
    "found",
    "labels",
    "read",
    "shared",
    "view",
]


def view(pin: Pin, source: Source) -> View:
    """Return what a pin shows of a source: a study, or masks in memory.

    Raises `NeutralError` when the source has no such masks, languages or token tables.

    >>> from neutral.masks import Mask
    >>> from neutral.masksets import MaskSet
    >>> masks = [Mask.from_tensors({"layer.0.query.weight": bits}) for bits in ([1, 1, 0], [1, 0, 0])]
    >>> view(read("pair:mine:en,fr"), MaskSet(masks, ["en", "fr"])).whole
    0.5
    """
    return tokens.view(pin, source) if isinstance(pin, TablePin) else masks.view(pin, source)
