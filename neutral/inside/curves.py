"""Retrieval and representations by layer, as curves beside the overlap of the masks.

A line is a kind of mask: the full model, each sentence under its own language's mask, both under the mask of one of the
two languages, both under that of another, or both under one that belongs to no language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from neutral.inside.definitions import FIELDS, Definition
from neutral.labels import sort_key
from neutral.metrics import rank_correlation
from neutral.study import at_sparsity
from neutral.summary import Choice

SPECIAL = ("full", "own", "core", "pretrained", "random")
"""Masks that are not one language's, each a line of its own; own: each sentence under its own language's."""

LINES = ("full", "own", "either", "other", "core", "pretrained", "random")
"""The lines, in the order of display. either: the mask of one of a pair's languages; other: of another language."""

CURVES = ("overlap", "retrieval", "representation")
RETRIEVAL = ("at1", "at5")

MIDDLE = (1 / 3, 2 / 3)
"""Where the middle of a network lies, as a share of its layers."""

PAIR_COLUMNS = ["line", "layer", "source", "target", "value", "chance", "sentences"]


def pairs(
    table: pd.DataFrame, choice: Choice, members: Sequence[str], what: str, definition: Definition
) -> pd.DataFrame:
    """Return values by line, layer and pair of members.

    Parameters
    ----------
    table : DataFrame
        That of `retrieval.table` (ordered pairs) or of `representations.table`.
    choice : Choice
        The masks to look at, beside the full model.
    members : sequence of str
        The languages of the pairs, and of the masks.
    what : str
        at1 or at5 for retrieval, else one of `representations.MEASURES`.
    definition : Definition
        Whose rows to take. Of representations only its pooling matters.

    Returns
    -------
    DataFrame
        Columns `PAIR_COLUMNS`. The line either is the mean under the masks of the two languages of the pair, other
        the mean under those of the rest of the members.
    """
    if table.empty:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    if what in RETRIEVAL:
        chance = int(what.removeprefix("at")) / table["sentences"].astype(float)
        table = table.assign(value=table[what], chance=chance.clip(upper=1))
    else:
        table = table[table["measure"] == what]
    table = table[_defined(table, definition) & _chosen(table, choice)]
    table = table[table["source"].isin(members) & table["target"].isin(members)]
    table = table[table["mask"].isin([*SPECIAL, *members])]
    either = (table["mask"] == table["source"]) | (table["mask"] == table["target"])
    special = table["mask"].isin(SPECIAL)
    table = table.assign(line=table["mask"].where(special, either.map({True: "either", False: "other"})))
    keys = ["line", "layer", "source", "target"]
    return table.groupby(keys, sort=False, as_index=False)[["value", "chance", "sentences"]].mean()[PAIR_COLUMNS]


def pooling_in(representation: pd.DataFrame, definition: Definition) -> Definition:
    """Return a definition whose pooling a table of representations has: this one's if it can be, else its first."""
    present = list(representation["pooling"].unique())
    return definition if definition.pooling in present or not present else replace(definition, pooling=present[0])


def _defined(table: pd.DataFrame, definition: Definition) -> pd.Series:
    """Return a boolean column: whether a row was made by a definition, as far as its table tells them apart."""
    fields = [name for name in FIELDS if name in table]
    return (table[fields] == pd.Series({name: getattr(definition, name) for name in fields})).all(axis=1)


def _chosen(table: pd.DataFrame, choice: Choice) -> pd.Series:
    """Return a boolean column: whether a row is of the full model or of the masks that were chosen."""
    masked = (
        (table["method"] == choice.method)
        & at_sparsity(table["sparsity"], choice.sparsity)
        & (table["seed"] == choice.seed)
    )
    return (table["task"] == choice.task) & ((table["mask"] == "full") | masked)


def lines(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of `pairs` by line and layer, and their middle half: line, layer, value, low, high, chance."""
    grouped = table.groupby(["line", "layer"], sort=False)
    return pd.DataFrame(
        {
            "value": grouped["value"].mean(),
            "low": grouped["value"].quantile(0.25),
            "high": grouped["value"].quantile(0.75),
            "chance": grouped["chance"].mean(),
        }
    ).reset_index()


def chance(table: pd.DataFrame) -> float:
    """Return the accuracy of retrieval by chance, the mean over `pairs`."""
    return float(table["chance"].mean())


def lines_in(*tables: pd.DataFrame) -> list[str]:
    """Return the lines that tables of `pairs` have, in the order of `LINES`."""
    present = {line for table in tables for line in table["line"]}
    return [line for line in LINES if line in present]


def layers_in(*tables: pd.DataFrame) -> list[str]:
    """Return the layers that the tables have, in order."""
    return sorted({layer: None for table in tables for layer in table["layer"]}, key=sort_key)


def beside(overlap: pd.DataFrame, retrieval: pd.DataFrame, representation: pd.DataFrame, line: str) -> pd.DataFrame:
    """Return the mean overlap of masks, retrieval and representations by layer: curve, layer, value.

    It has the layers that all of them have: embeddings have no mask, and a pooler has no states. `overlap` is that of
    `summary.pairs` by layer, the others are tables of `pairs`, of which `line` is taken.
    """
    means = overlap.groupby("group", sort=False)["value"].mean().rename("value")
    parts = {"overlap": means.rename_axis("layer").reset_index()}
    for curve, table in (("retrieval", retrieval), ("representation", representation)):
        rows = table[table["line"] == line]
        if len(rows):
            parts[curve] = rows.groupby("layer", sort=False, as_index=False)["value"].mean()
    common = set.intersection(*(set(part["layer"]) for part in parts.values()))
    tables = [part[part["layer"].isin(common)].assign(curve=curve) for curve, part in parts.items()]
    return pd.concat(tables, ignore_index=True)[["curve", "layer", "value"]]


def shapes(table: pd.DataFrame) -> pd.DataFrame:
    """Return where each curve of `beside` is highest and lowest, and how it runs along with the overlap.

    Returns
    -------
    DataFrame
        A row a curve.

        - high, low: the highest and lowest value; peak, bottom: their layers.
        - at: the peak's place from 0 (next to the input) to 1 (the end); of equal peaks the mean.
        - middle: whether the curve peaks in the middle third and falls off to both ends.
        - rho: Spearman's correlation with the overlap, over layers; NaN for fewer than three, or a constant curve.
    """
    order = layers_in(table)
    wide = table.pivot(index="layer", columns="curve", values="value").reindex(order)
    rows = []
    for curve in [name for name in CURVES if name in wide]:
        values = wide[curve].to_numpy(dtype=float)
        peaks = np.flatnonzero(np.isclose(values, np.nanmax(values), rtol=0, atol=1e-9))
        at = float(peaks.mean()) / max(1, len(values) - 1)
        high = float(np.nanmax(values))
        middle = MIDDLE[0] <= at <= MIDDLE[1] and values[0] < high and values[-1] < high
        rho = rank_correlation(wide[curve], wide["overlap"])
        rows.append(
            {
                "curve": curve,
                "high": high,
                "low": float(np.nanmin(values)),
                "peak": order[peaks[0]],
                "bottom": order[int(np.nanargmin(values))],
                "at": at,
                "middle": middle,
                "rho": rho,
            }
        )
    return pd.DataFrame(rows)
