"""Which experts a language uses: the tokens that the routers of a mixture of experts send to each, layer by layer.

Stored with a Wanda run, whose pass over the text sees what every expert gets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral import labels
from neutral.summary import Choice, Source

COLUMNS = ("language", "layer", "expert", "tokens", "share")

_EXPERT = re.compile(r"\.experts\.(?:expert_)?\d+\.")


def by_layer(tokens: Mapping[str, int], stack: str = "") -> dict[str, list[int]]:
    """Return layer -> tokens of each expert, from those of each expert's matrices (`Scores.tokens`).

    All matrices of an expert see the same tokens: the first one of a layer is read. `stack` is as for `labels.label`.
    """
    first: dict[str, str] = {}
    counts: dict[str, list[int]] = {}
    for name, count in tokens.items():
        layer, matrix = labels.group(name, "layer", stack), _EXPERT.sub(".experts.", name)
        if first.setdefault(layer, matrix) == matrix:
            counts.setdefault(layer, []).append(count)
    return counts


def unreached(names: Sequence[str], stack: str = "") -> list[str]:
    """Return the parts of layers that these weights are, each once: "decoder 3 expert 5", "encoder 0 sw_KE"."""
    of_names = (labels.label(name, stack) for name in names)
    return list(dict.fromkeys(f"{label.group('layer')} {label.part or label.component}" for label in of_names))


def usage(source: Source, choice: Choice, languages: Sequence[str] = (), *, variant: str = "") -> pd.DataFrame:
    """Return which share of a layer's routed tokens each expert gets.

    Parameters
    ----------
    source : Source
        A study or a set of masks.
    choice : Choice
        Task, method and seed; the sparsity does not matter.
    languages : sequence of str
        The languages to take, in this order; all if empty.
    variant : str
        Of all the text, or of its even or odd blocks: a | b.

    Returns
    -------
    DataFrame
        Columns language, layer, expert (from 0), tokens, share (0 to 1, summing to 1 over a layer's experts). Empty for
        a model without experts, or a study whose masks were not found by Wanda.
    """
    rows = source.table("experts")
    if not len(rows):
        return pd.DataFrame(columns=list(COLUMNS))
    own = {"task": choice.task, "method": choice.method, "seed": choice.seed, "variant": variant}
    rows = rows[(rows[list(own)] == pd.Series(own)).all(axis=1)]
    places = {code: i for i, code in enumerate(languages or dict.fromkeys(rows["language"]))}
    rows = rows[rows["language"].isin(places)].sort_values(
        "language", key=lambda column: column.map(places), kind="stable"
    )
    table = [
        (row.language, row.layer, expert, count, count / max(sum(row.tokens), 1))
        for row in rows.itertuples()
        for expert, count in enumerate(row.tokens)
    ]
    return pd.DataFrame(table, columns=list(COLUMNS))


def shared(table: pd.DataFrame) -> pd.DataFrame:
    """Return how much of their routing two languages share in each layer: Σ over experts of the smaller share, 0 to 1.

    `table` is that of `usage`. Columns group (layer), source, target, value; every pair once.
    """
    languages = list(dict.fromkeys(table["language"]))
    rows = [
        (layer, source, target, float(np.minimum(shares.loc[source], shares.loc[target]).sum()))
        for layer, shares in _by_layer(table)
        for source, target in combinations(languages, 2)
    ]
    return pd.DataFrame(rows, columns=["group", "source", "target", "value"])


def within(source: Source, choice: Choice, languages: Sequence[str] = ()) -> pd.DataFrame:
    """Return how much of its routing a language shares between the halves of its text: group (layer), language, value.

    What two languages share can hardly be more. Empty for a search without halves.
    """
    first, second = (usage(source, choice, languages, variant=variant) for variant in ("a", "b"))
    rows = [
        (layer, code, float(np.minimum(shares.loc[code], others.loc[code]).sum()))
        for (layer, shares), (_, others) in zip(_by_layer(first), _by_layer(second), strict=True)
        for code in shares.index
    ]
    return pd.DataFrame(rows, columns=["group", "language", "value"])


class Routing(NamedTuple):
    """What shared routing comes to, 0 to 1."""

    mean: float
    """Of all pairs and layers."""
    most: tuple[str, float]
    """The layer in which languages share most, and how much there."""
    least: tuple[str, float]
    """The layer in which they share least."""
    apart: tuple[str, str, float]
    """The pair that shares least."""
    pairs: int
    halves: float | None
    """What two halves of one language's text share; None without halves."""


def routing(shared: pd.DataFrame, within: pd.DataFrame) -> Routing:
    """Sum up a table of `shared`, which has rows, and one of `within`."""
    layers = shared.groupby("group", sort=False)["value"].mean()
    pairs = shared.groupby(["source", "target"], sort=False)["value"].mean()
    return Routing(
        float(layers.mean()),
        (layers.idxmax(), float(layers.max())),
        (layers.idxmin(), float(layers.min())),
        (*pairs.idxmin(), float(pairs.min())),
        len(pairs),
        float(within["value"].mean()) if len(within) else None,
    )


def _by_layer(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return (layer, shares by language and expert) of a table of `usage`."""
    return [
        (layer, part.pivot(index="language", columns="expert", values="share"))
        for layer, part in table.groupby("layer", sort=False)
    ]
