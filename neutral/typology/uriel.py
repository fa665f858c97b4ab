"""URIEL+: what is known about the features of some 8,000 languages, and angular distances between them.

Khan, Shipton, Anugraha, Duan, Hoang, Khiu, Doğruöz, Lee: URIEL+: Enhancing Linguistic Inclusion and Usability in a
Typological and Multilingual Knowledge Base. COLING 2025. The data are those of the package `urielplus` (CC BY-SA 4.0),
after Littell et al. (EACL 2017).

The values are those of a fresh `URIELPlus()`: URIEL's own sources (Ethnologue, WALS, SSWL, PHOIBLE), before
`integrate_databases` adds Grambank, APiCS, eWAVE, BDPROTO, a newer SAPHON and Glottolog's lineages. Over the pairs of
the project's eleven languages the distances before and after rank alike (Spearman: inventory 1, genetic 0.99,
geographic 0.96, syntactic 0.93, phonological 0.88, featural 0.86), and the same pairs are missing.

This module reads only the arrays that the package ships. It does not import the package, which configures the root
logger and copies its data into its own folder; a read-only install cannot do that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from neutral.errors import NeutralError, reading
from neutral.ties import ROUNDING

UNKNOWN = -1

_DESCRIBED_AS = {
    "azj": "aze", "bcc": "bal", "bos": "hbs", "bxr": "bua", "cnr": "hbs", "cwd": "cre", "dgo": "doi", "dhd": "mwr",
    "dik": "din", "ekk": "est", "esk": "ipk", "fil": "tgl", "gaz": "orm", "gno": "gon", "lvs": "lav", "mup": "raj",
    "mww": "hmn", "nno": "nor", "nob": "nor", "npi": "nep", "ory": "ori", "pbt": "pus", "pbu": "pus", "pnb": "lah",
    "rmy": "rom", "src": "srd", "srp": "hbs", "twi": "aka", "ydd": "yid", "zsm": "msa", "zyb": "zha",
}  # fmt: skip
"""ISO 639-3 code -> the one under which URIEL+ describes the language: a macrolanguage's, mostly.

Of these languages URIEL+ knows little or nothing under their own codes.
"""

KINDS = {
    "syntactic": ("features", "S_"),
    "phonological": ("features", "P_"),
    "inventory": ("features", "INV_"),
    "featural": ("features", ""),
    "genetic": ("family_features", ""),
    "geographic": ("geocoord_features", ""),
}
"""Kind of distance -> the array it is computed from, and how the names of its features begin."""

COUNTED = ("syntactic", "phonological", "inventory", "featural")
"""The kinds whose features are known of some languages only. Lineages and places are known as a whole or not at all."""

LEAST = 20
"""The fewest features that two languages must share to have a distance of one of `COUNTED`.

Fewer say little: two languages that share one known feature are at distance 0, or at none. Of 600 pairs of languages
that URIEL+ describes well, a distance by 20 features, drawn from those that both have, is 0.11 off the one by all of
them for syntax and 0.05 for phonology (root mean square), less than such pairs differ among themselves (a standard
deviation of 0.13 for both), and 1 % of them are at 0 by accident. By 10 features it is 0.18 and 0.16 off, by 5 0.28.
An inventory's sounds are known all 158 or not at all. For all features together 20 are 0.15 off, twice what pairs
differ by: how many a distance rests on stands beside it.
"""


@dataclass(frozen=True)
class Features:
    """The features of one array: (languages, features) values in [0, 1], NaN if unknown."""

    languages: tuple[str, ...]
    names: np.ndarray
    values: np.ndarray


def distance(kind: str, codes: Sequence[str]) -> np.ndarray:
    """Return angular distances (n, n) between languages given as ISO 639-3 codes; NaN if too little is known of a pair.

    Too little is fewer than `LEAST` shared features for a kind of `COUNTED`, and none for the others.

    As in URIEL+'s `new_distance`: 2/π times the angle between two languages' vectors of those features that both have;
    a language has a feature if any source says so (the union of the sources), which is URIEL+'s default. Features lie
    in [0, 1], so distances do too.

    Besides the least number one thing is different: a vector of zeros has no angle, so it gives NaN; `new_distance`
    replaces it by ones, so that two languages without a recorded lineage (Basque, or Bokmål, which is recorded under
    Norwegian) would be relatives at distance 0. Raises `NeutralError` for an unknown kind.
    """
    if kind not in KINDS:
        raise NeutralError(f"no such distance in URIEL+: {kind}; there are {', '.join(KINDS)}")
    vectors = features(kind, codes).values
    known = ~np.isnan(vectors)
    vectors = np.where(known, vectors, 0)
    lengths = vectors**2 @ known.T  # squared, over the features that the other has as well
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = vectors @ vectors.T / np.sqrt(lengths * lengths.T)
    # Equal vectors are at 0 and not at what rounding makes of it, of which arccos would make much.
    cosine = np.where(np.abs(cosine) > 1 - ROUNDING, np.sign(cosine), cosine)
    square = 2 / np.pi * np.arccos(cosine)
    return np.where(known.astype(float) @ known.T >= (LEAST if kind in COUNTED else 1), square, np.nan)


def shared(kind: str, codes: Sequence[str]) -> np.ndarray:
    """Return how many features of a kind are known of both languages, float (n, n); NaN for kinds not in `COUNTED`."""
    if kind not in COUNTED:
        return np.full((len(codes), len(codes)), np.nan)
    known = ~np.isnan(features(kind, codes).values)
    return known.astype(float) @ known.T


def features(kind: str, codes: Sequence[str]) -> Features:
    """Return the features that one kind of distance compares; a language that URIEL+ lacks is all NaN."""
    array, prefix = KINDS[kind]
    names = _names(array)
    chosen = np.char.startswith(names, prefix)
    values = np.stack([_vector(array, code)[chosen] for code in codes]) if len(codes) else np.empty((0, chosen.sum()))
    return Features(tuple(codes), names[chosen], values)


def has(code: str) -> bool:
    """Whether URIEL+ lists a language, given as ISO 639-3 code."""
    return _DESCRIBED_AS.get(code, code) in _places("family_features")


@cache
def _folder() -> Path:
    package = find_spec("urielplus")
    if package is None or not package.submodule_search_locations:
        raise NeutralError("language distances need the package `urielplus`: pip install urielplus")
    return Path(next(iter(package.submodule_search_locations))) / "database" / "original_uriel"


def _load(array: str, part: str) -> np.ndarray:
    path = _folder() / f"{array}.npz"
    with reading(path, "URIEL+'s data (install urielplus again)"), np.load(path, allow_pickle=False) as file:
        return file[part]


@cache
def _names(array: str) -> np.ndarray:
    return _load(array, "feats")


@cache
def _places(array: str) -> dict[str, int]:
    return {str(code): i for i, code in enumerate(_load(array, "langs"))}


@cache
def _table(array: str) -> np.ndarray:
    """Return (languages, features), `UNKNOWN` if no source knows; 0 and 1 as int8, a quarter of the size on file."""
    values = _load(array, "data").max(axis=2)  # the union of the sources: 1 beats 0 beats unknown
    return values.astype(np.float32 if array == "geocoord_features" else np.int8)


def _vector(array: str, code: str) -> np.ndarray:
    """Return a language's values, float64 (features,), NaN if unknown."""
    place = _places(array).get(_DESCRIBED_AS.get(code, code))
    if place is None:
        return np.full(len(_names(array)), np.nan)
    row = _table(array)[place].astype(float)
    return np.where(row == UNKNOWN, np.nan, row)
