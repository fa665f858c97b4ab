"""Properties of languages that may explain where they stand in an overlap, as `process.components` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral.languages import NO_SCRIPT, language


class Property(NamedTuple):
    """What a property of a language is called, and what it means."""

    label: str
    meaning: str


PROPERTIES = {
    "script": Property("Script", "which it is written in"),
    "bits": Property("Bits a character", "what the whole model needs for held-out text"),
    "tokens": Property("Tokens", "log₁₀ of how many its text has; of parallel text, how finely the tokenizer cuts it"),
    "fallback": Property("Fallback", "share of tokens that are unknown, or bytes in place of characters"),
}
"""The properties, in the order of display."""


def distinct(codes: Sequence[str]) -> list[str]:
    """Return the first of the labels of each language; variants (regions, scripts) of one are no two languages.

    >>> distinct(["eng", "eng-GB", "srp-Cyrl", "srp-Latn", "my run"])
    ['eng', 'srp-Cyrl', 'my run']
    """
    first: dict[str, str] = {}
    for code in codes:
        first.setdefault(language(code).glottocode or code, code)
    return list(first.values())


def properties(
    codes: Sequence[str], bits: pd.DataFrame | None = None, texts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return what is known of languages: a row each, in the order of `codes`, and some columns of `PROPERTIES`.

    Parameters
    ----------
    codes : sequence of str
        The languages, by the names that the tables have.
    bits : DataFrame or None
        What the model spends on a character, as `search.evaluations.bits` says it; the rows of the full model count.
    texts : DataFrame or None
        A study's rows of kind "text" (`Study.table`); may be empty.

    Returns
    -------
    DataFrame
        Index `codes`. A column without any value is left out; a value that is not known is NaN or None.
    """
    scripts = [language(code).script for code in codes]
    table = pd.DataFrame({"script": [None if each == NO_SCRIPT else each for each in scripts]}, index=list(codes))
    if bits is not None and len(bits):
        full = bits[bits["method"] == "full"]
        table["bits"] = full["value"].astype(float).groupby(full["language"]).mean()
    if texts is not None and len(texts):
        of = texts.drop_duplicates("language", keep="last").set_index("language")
        table["tokens"] = np.log10(of["tokens"].astype(float))
        table["fallback"] = of["unknown"].astype(float) + of["fallback"].astype(float)
    return table.dropna(axis="columns", how="all")
