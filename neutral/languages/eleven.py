"""The eleven languages of Foroutan et al. (2022), and which members of a study they are."""

from __future__ import annotations

from collections.abc import Iterable

from neutral.languages.codes import language, usual_script
from neutral.languages.tags import Tag, read

PAPER_ORDER: tuple[str, ...] = ("en", "fr", "de", "zh", "ru", "es", "fa", "ur", "ar", "hi", "sw")
"""Their codes, in the order of the paper's figures."""


def the_eleven(labels: Iterable[str]) -> list[str]:
    """Return the labels that name the paper's languages, in its order, as they are written; at most one a language.

    Of several labels of one language the first counts that is in the usual script, of the region where CLDR's likely
    subtags have the language at home, of no region, or without a remark; then the first by name.

    >>> the_eleven(["arb", "eng", "eng-GB", "eng-US", "fas", "zho-CN", "zho-TW"])
    ['eng-US', 'zho-CN', 'fas', 'arb']
    """
    by_language: dict[str, list[str]] = {}
    for label in labels:
        by_language.setdefault(language(label).iso3, []).append(label)
    each = (by_language.get(language(code).iso3, []) for code in PAPER_ORDER)
    return [min(variants, key=_unusual) for variants in each if variants]


def _unusual(label: str) -> tuple:
    """Return how far a label is from its language's usual form, as what compares."""
    from langcodes.data_dicts import LIKELY_SUBTAGS

    tag = read(label) or Tag(label)
    usual = usual_script(tag.language)
    home = LIKELY_SUBTAGS.get(tag.language, "").rpartition("-")[2]
    region = 0 if tag.region == home else 1 if not tag.region else 2
    return ((tag.script or usual) != usual, bool(tag.remark), region, label)
