"""How far languages are from each other, without a model: by typology, family, place and script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from neutral.errors import NeutralError
from neutral.languages import NO_SCRIPT, UNKNOWN, Language, branches, tree_distance
from neutral.typology import uriel
from neutral.typology.lineage import is_code, known

COLUMNS = ["distance", "source", "target", "value", "features"]
_NUMBERS = ("value", "features")


@dataclass(frozen=True)
class Kind:
    """A kind of distance: its name for people, what it compares, and its source."""

    label: str
    meaning: str
    origin: str


KINDS = {
    "syntactic": Kind("Syntax", "order of words, marking of case, negation and the like", "URIEL"),
    "phonological": Kind("Phonology", "which classes of sounds and syllables there are", "URIEL"),
    "inventory": Kind("Sound inventory", "which sounds there are", "URIEL"),
    "featural": Kind("All features", "syntax, phonology and inventory together", "URIEL"),
    "genetic": Kind("Genealogy", "branches of the family tree that are not shared", "URIEL"),
    "tree": Kind("Family tree", "levels of the family tree that are not shared, 1 in other families", "Glottolog"),
    "geographic": Kind("Geography", "where on the globe they are spoken", "URIEL"),
    "family": Kind("Family", "0 in one branch, ½ in one family, 1 otherwise", "Glottolog"),
    "script": Kind("Script", "0 written in the same script, 1 otherwise", "tags and CLDR"),
    "types": Kind("Vocabulary", "1 - Jaccard overlap of the tokens that their texts use", "tokenizer and text"),
    "occurrences": Kind("Token use", "1 - share of token occurrences that have a counterpart", "tokenizer and text"),
    "size": Kind("Text size", "|log₁₀ of how many times more tokens one's text has|", "tokenizer and text"),
    "scarcity": Kind("Scarce text", "-log₁₀ of the tokens of the one that has less", "text"),
}
"""The distances, in the order of display. The last four need a model's tokenizer and the text (`tokens`)."""
STEPS = {
    "family": {0.0: "one branch", 0.5: "one family", 1.0: "other families"},
    "script": {0.0: "same script", 1.0: "another script"},
}
"""Names of the values of distances that have a few values only."""
MODEL_FREE = tuple(name for name, kind in KINDS.items() if "text" not in kind.origin)


def distances(codes: Sequence[str], kinds: Sequence[str] | None = None) -> pd.DataFrame:
    """Return distances that need no model: columns distance, source, target, value, features.

    value is NaN if too little is known of the pair; features, how many features of both it rests on, is NaN for
    distances that count none (`uriel.LEAST`). Every unordered pair comes once, in the order of `codes` (ISO 639-1 or
    639-3). `kinds` are some or (by default) all of `MODEL_FREE`. Raises `NeutralError` for a code that is no
    language's, and for a kind that is unknown or needs a model.
    """
    kinds = MODEL_FREE if kinds is None else kinds
    if wrong := [kind for kind in kinds if kind not in MODEL_FREE]:
        raise NeutralError(f"no distance {wrong[0]!r} between languages alone; there are {', '.join(MODEL_FREE)}")
    spoken = [known(code) for code in codes]
    pairs = list(combinations(range(len(codes)), 2))
    tables = []
    for kind in kinds:
        names = {"source": [codes[i] for i, _ in pairs], "target": [codes[j] for _, j in pairs]}
        squares = {"value": _square(kind, spoken), "features": _shared(kind, spoken)}
        numbers = {name: np.array([square[pair] for pair in pairs], dtype=float) for name, square in squares.items()}
        tables.append(pd.DataFrame({"distance": kind, **names, **numbers}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def filled(stored: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """Return all known distances between languages: the stored ones, and `distances` for the kinds that are not stored.

    A kind of which `stored` (columns `COLUMNS`, features if need be, or empty) has any pair of `codes` is not computed,
    but for `family`: its branches depend on which languages there are. Kinds come in the order of `KINDS`, others last;
    kinds without any value are left out.
    """
    stored = _counted(stored)
    stored = stored[stored["distance"] != "family"]
    stored = stored[stored["source"].isin(codes) & stored["target"].isin(codes)]
    missing = [kind for kind in MODEL_FREE if kind not in set(stored["distance"])]
    table = pd.concat([stored, distances(codes, missing)], ignore_index=True)
    table = table[table.groupby("distance")["value"].transform("count") > 0]
    places = {kind: place for place, kind in enumerate(KINDS)}
    order = table["distance"].map(lambda kind: places.get(kind, len(places)))
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def _counted(stored: pd.DataFrame) -> pd.DataFrame:
    """Return stored distances with all `COLUMNS`, without a value where they rest on fewer features than `uriel.LEAST`.

    Rows that were stored before features were counted get the number that URIEL+ has now.
    """
    if stored.empty:
        return pd.DataFrame({name: pd.Series(dtype=float if name in _NUMBERS else str) for name in COLUMNS})
    table = stored.reindex(columns=COLUMNS).astype(dict.fromkeys(_NUMBERS, float))
    for kind in uriel.COUNTED:
        rows = table[(table["distance"] == kind) & table["features"].isna()]
        codes = [code for code in dict.fromkeys(rows[["source", "target"]].to_numpy().ravel()) if is_code(code)]
        one, other = (pd.Index(codes).get_indexer(rows[side]) for side in ("source", "target"))
        both = (one >= 0) & (other >= 0)
        table.loc[rows.index[both], "features"] = _shared(kind, [known(code) for code in codes])[one[both], other[both]]
    return table.assign(value=table["value"].mask(table["features"] < uriel.LEAST))


def kinds_in(table: pd.DataFrame) -> list[str]:
    """Return the kinds in a table of distances, in its order."""
    return table["distance"].unique().tolist()


def label(kind: str) -> str:
    """Return the name of a kind of distance for people.

    >>> label("genetic"), label("other")
    ('Genealogy', 'Other')
    """
    return KINDS[kind].label if kind in KINDS else kind.capitalize()


def square(table: pd.DataFrame, kind: str, codes: Sequence[str], column: str = "value") -> pd.DataFrame:
    """Return one distance of a tidy table as a square, codes × codes: 0 on the diagonal, NaN if missing.

    `column` may be features instead of value.
    """
    rows = table[table["distance"] == kind]
    by_pair = {frozenset(pair): value for *pair, value in rows[["source", "target", column]].itertuples(index=False)}
    values = [[0.0 if a == b else by_pair.get(frozenset((a, b)), np.nan) for b in codes] for a in codes]
    return pd.DataFrame(values, index=list(codes), columns=list(codes), dtype=float)


def complete(distance: pd.DataFrame) -> pd.DataFrame:
    """Drop languages from a square of distances until no distance is missing.

    The language that lacks most distances is dropped first; of several, the first.
    """
    while distance.isna().to_numpy().any():
        worst = distance.isna().sum().idxmax()
        distance = distance.drop(index=worst, columns=worst)
    return distance


def nearness(distance: pd.DataFrame) -> pd.DataFrame:
    """Turn a square of distances into similarities, from 0 (the furthest two) to 1 (the nearest)."""
    values = distance.to_numpy(dtype=float)
    apart = values[~np.eye(len(values), dtype=bool)]
    low, high = np.nanmin(apart), np.nanmax(apart)
    near = (high - values) / (high - low) if high > low else np.where(np.isnan(values), np.nan, 1.0)
    return pd.DataFrame(near, index=distance.index, columns=distance.columns)


def _shared(kind: str, spoken: Sequence[Language]) -> np.ndarray:
    return uriel.shared(kind, [language.iso3 for language in spoken])


def _square(kind: str, spoken: Sequence[Language]) -> np.ndarray:
    if kind in uriel.KINDS:
        return uriel.distance(kind, [language.iso3 for language in spoken])
    branch = branches([each.code for each in spoken])
    apart = {"family": partial(_apart, branch), "tree": tree_distance, "script": _written_otherwise}[kind]
    return np.array([[apart(a, b) for b in spoken] for a in spoken], dtype=float).reshape(len(spoken), len(spoken))


def _apart(branch: Mapping[str, str], one: Language, other: Language) -> float:
    """Return 0 in one branch, 0.5 in one family, 1 otherwise; NaN if a family is unknown."""
    if UNKNOWN in (one.family, other.family):
        return 0.0 if one.glottocode == other.glottocode else float("nan")
    if one.family != other.family:
        return 1.0
    return 0.0 if branch[one.code] == branch[other.code] else 0.5


def _written_otherwise(one: Language, other: Language) -> float:
    if NO_SCRIPT in (one.script, other.script):
        return float("nan")
    return float(one.script != other.script)
