"""How alike languages are by their masks: overlap between masks, folded to the languages that they stand for.

Several masks of one language count by their mean; a mask whose name is no language's is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neutral import typology
from neutral.languages import RELATIONS
from neutral.members import relations, speaker

UNRELATED = RELATIONS[-1]


@dataclass(frozen=True)
class Languages:
    """The languages that masks stand for.

    Attributes
    ----------
    codes : tuple of str
        The languages, in the order of the masks.
    others : tuple of str
        Members that are no language.
    about : DataFrame
        That of `typology.about`.
    repeated : bool
        Whether a language has several masks.
    """

    codes: tuple[str, ...]
    others: tuple[str, ...]
    about: pd.DataFrame
    repeated: bool

    @property
    def families(self) -> dict[str, str]:
        """Code -> family, or Unknown."""
        return dict(zip(self.about["code"], self.about["family"], strict=True))

    @property
    def branches(self) -> dict[str, str]:
        """Code -> branch."""
        return dict(zip(self.about["code"], self.about["branch"], strict=True))

    @property
    def outside_uriel(self) -> list[str]:
        """The languages that URIEL+ does not list."""
        return [row.code for row in self.about.itertuples() if not row.in_uriel]

    @property
    def blocks(self) -> dict[str, str]:
        """Code -> block of languages that it may be exchanged with: a language of unknown family has its own."""
        return typology.families(self.codes)


def languages(members: Sequence[str]) -> Languages:
    """Return the languages behind members, in their order."""
    speakers = [speaker(member) for member in members]
    labels = list(dict.fromkeys(speakers))
    codes = tuple(filter(typology.is_code, labels))
    others = tuple(label for label in labels if label not in codes)
    return Languages(codes, others, typology.about(codes), len(labels) < len(speakers))


def similarity(pairs: pd.DataFrame, spoken: Languages) -> pd.DataFrame:
    """Return the overlap between languages: group, source, target, value, a row a group and pair.

    `pairs` is the overlap between members, with the same columns at least.
    """
    table = pairs[["group", "source", "target", "value"]]
    spoken_by = {member: speaker(member) for member in {*table["source"].unique(), *table["target"].unique()}}
    table = table.assign(source=table["source"].map(spoken_by), target=table["target"].map(spoken_by))
    known = table["source"].isin(spoken.codes) & table["target"].isin(spoken.codes)
    table = table[known & (table["source"] != table["target"])]
    if not spoken.repeated:
        return table.reset_index(drop=True)
    place = {code: i for i, code in enumerate(spoken.codes)}
    turned = table["source"].map(place) > table["target"].map(place)
    table = table.assign(
        source=table["source"].where(~turned, table["target"]), target=table["target"].where(~turned, table["source"])
    )
    return table.groupby(["group", "source", "target"], sort=False, as_index=False)["value"].mean()


def square(overlap: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """Return the overlap of one group as a symmetric square, codes × codes: 1 on the diagonal, NaN if missing.

    `overlap` has pairs of these languages only, each once, in either order.
    """
    values = np.full((len(codes), len(codes)), np.nan)
    np.fill_diagonal(values, 1)
    one, other = _places(overlap, codes)
    values[one, other] = values[other, one] = overlap["value"]
    return pd.DataFrame(values, index=list(codes), columns=list(codes))


def points(overlap: pd.DataFrame, distances: pd.DataFrame, kind: str, spoken: Languages) -> pd.DataFrame:
    """Return the overlap of one group against one distance, a row a pair of languages.

    Columns source, target, value (overlap), distance (NaN if unknown), features (how many it rests on; only for
    distances that count them), relation (`languages.RELATIONS`). `distances` is that of `typology.filled`.
    """
    squares = (typology.square(distances, kind, spoken.codes, column).to_numpy() for column in ("value", "features"))
    far, features = (square[_places(overlap, spoken.codes)] for square in squares)
    table = overlap[["source", "target", "value"]].reset_index(drop=True)
    pairs = zip(table["source"], table["target"], strict=True)
    table = table.assign(
        distance=far, features=pd.array(features, dtype="Int64"), relation=relations(pairs, spoken.codes)
    )
    return table if table["features"].notna().any() else table.drop(columns="features")


def related(overlap: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """Return the pairs of one group with how they relate: source, target, value, relation (`languages.RELATIONS`)."""
    table = overlap[["source", "target", "value"]].dropna(subset="value").reset_index(drop=True)
    pairs = zip(table["source"], table["target"], strict=True)
    return table.assign(relation=relations(pairs, codes))


def among(pairs: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """Return the pairs of two of these languages."""
    return pairs[pairs["source"].isin(codes) & pairs["target"].isin(codes)].reset_index(drop=True)


def joined(pairs: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs that are among the edges of a graph: source, target, in either order."""
    drawn = set(map(frozenset, zip(edges["source"], edges["target"], strict=True)))
    among = [frozenset(pair) in drawn for pair in zip(pairs["source"], pairs["target"], strict=True)]
    return pairs[pd.Series(among, index=pairs.index, dtype=bool)].reset_index(drop=True)


def strongest(pairs: pd.DataFrame, count: int, to: str | None = None) -> pd.DataFrame:
    """Return the pairs of the highest values, the highest first; with `to`, of the pairs of that language.

    Of equal pairs the first come first.
    """
    if to is not None:
        pairs = pairs[(pairs["source"] == to) | (pairs["target"] == to)]
    return pairs.sort_values("value", ascending=False, kind="stable", ignore_index=True).head(count)


def shares(pairs: pd.DataFrame) -> dict[str, float]:
    """Return relation -> its share of the pairs, of all relations that make two languages alike."""
    return {relation: float((pairs["relation"] == relation).mean()) for relation in RELATIONS if relation != UNRELATED}


def with_one(pairs: pd.DataFrame, code: str) -> dict[str, float]:
    """Return the value of every language that is paired with one, the highest first."""
    table = strongest(pairs, len(pairs), code)
    others = table["target"].where(table["source"] == code, table["source"])
    return dict(zip(others, table["value"], strict=True))


def nearest(pairs: pd.DataFrame, count: int) -> dict[str, list[tuple[str, float]]]:
    """Return language -> the languages that it has the highest values with, and these; the highest first."""
    near: dict[str, list[tuple[str, float]]] = {}
    for row in strongest(pairs, len(pairs)).itertuples():
        for one, other in ((row.source, row.target), (row.target, row.source)):
            if len(some := near.setdefault(one, [])) < count:
                some.append((other, row.value))
    return near


def neighbours(distance: pd.DataFrame) -> dict[str, str]:
    """Return language -> the one that is least far from it, of a square of distances without gaps."""
    values = distance.to_numpy(dtype=float).copy()
    np.fill_diagonal(values, np.inf)
    return dict(zip(distance.index, distance.columns[values.argmin(axis=1)], strict=True))


def _places(overlap: pd.DataFrame, codes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of both languages of every pair in a square of `codes`: two arrays (pairs,)."""
    return tuple(pd.Index(list(codes)).get_indexer(overlap[side]) for side in ("source", "target"))
