"""Anything beside anything: what is pinned, the tables of a pinned view, and how two of them differ.

A pin (`pins`) is one value of an address that says what is shown: all languages, a pair, one language, what overlap
goes with (typology), what masks cost (transfer), winning tickets, or a token table. `view` makes tables of it, by
layer, component, language, pair, distance or size. `difference` sets two views side by side
by what they share, whatever they are of: two pairs, two studies, two models, two methods, before and after.
"""

from neutral.compare import masks, search, tokens, transfer, typology
from neutral.compare.differences import Difference, Found, difference, found, shared
from neutral.compare.pins import KINDS, MOST, PAPER, MaskPin, Pin, PinError, TablePin, read
from neutral.compare.views import AND, COST, FACTOR, REMOVED, RHO, TO, View, labels, place_of, title_of_gap
from neutral.summary import Source

__all__ = [
    "AND",
    "COST",
    "FACTOR",
    "KINDS",
    "MOST",
    "PAPER",
    "REMOVED",
    "RHO",
    "TO",
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
    "place_of",
    "read",
    "shared",
    "title_of_gap",
    "view",
]


_VIEWS = {"transfer": transfer.view, "typology": typology.view, "tickets": search.view, "table": tokens.view}


def view(pin: Pin, source: Source | None) -> View:
    """Return what a pin shows of a source: a study, masks in memory, or None for the paper's tables (`PAPER`).

    Raises `NeutralError` when the source has no such masks, languages, results or token tables.

    >>> from neutral.masks import Mask
    >>> from neutral.masksets import MaskSet
    >>> masks = [Mask.from_tensors({"layer.0.query.weight": bits}) for bits in ([1, 1, 0], [1, 0, 0])]
    >>> view(read("pair:mine:en,fr"), MaskSet(masks, ["en", "fr"])).whole
    0.5
    """
    return _VIEWS.get(pin.kind, masks.view)(pin, source)
