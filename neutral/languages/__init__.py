"""Languages: the eleven of the paper, what any code means, and how two languages relate."""

from neutral.languages.codes import language
from neutral.languages.eleven import LANGUAGES, NO_SCRIPT, PAPER_ORDER, UNKNOWN, Language, by_family
from neutral.languages.kinship import RELATIONS, relation

__all__ = [
    "LANGUAGES",
    "NO_SCRIPT",
    "PAPER_ORDER",
    "RELATIONS",
    "UNKNOWN",
    "Language",
    "by_family",
    "language",
    "relation",
]
