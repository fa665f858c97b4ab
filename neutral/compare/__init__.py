"""Anything beside anything: what is pinned, the tables of a pinned view, and how two of them differ.

A pin (`pins`) is one value of an address that says what is shown: all languages, a pair, one language, or a token
table. `view` makes tables of it, by layer, component, language, pair or size. `difference` sets two views side by side
by what they share, whatever they are of: two pairs, two studies, two models, two methods, before and after.
"""

from neutral.compare.differences import Difference, Found, difference, found, shared
from neutral.compare.pins import KINDS, MOST, MaskPin, Pin, TablePin, read
from neutral.compare.views import View, view

__all__ = [
    "KINDS",
    "MOST",
    "Difference",
    "Found",
    "MaskPin",
    "Pin",
    "TablePin",
    "View",
    "difference",
    "found",
    "read",
    "shared",
    "view",
]
