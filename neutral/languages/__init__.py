"""Languages: what a label means, by any code, and how languages relate on Glottolog's tree."""

from neutral.languages.codes import alike, language, matching, script_name
from neutral.languages.eleven import PAPER_ORDER, the_eleven
from neutral.languages.filenames import in_name, is_sure, is_word, words
from neutral.languages.kinship import RELATIONS, branches, in_tree_order, relation, relations, tree_distance
from neutral.languages.spoken import NO_SCRIPT, UNKNOWN, Language

__all__ = [
    "NO_SCRIPT",
    "PAPER_ORDER",
    "RELATIONS",
    "UNKNOWN",
    "Language",
    "alike",
    "branches",
    "in_name",
    "in_tree_order",
    "is_sure",
    "is_word",
    "language",
    "matching",
    "relation",
    "relations",
    "script_name",
    "the_eleven",
    "tree_distance",
    "words",
]
