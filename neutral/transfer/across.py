"""Masks of another task, and masks of several languages at once, beside a language's own.

Both in the form of the paper's Figure 9 and Table 1, so that our runs and the printed numbers take the same views.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from neutral.bootstrap import gain_interval
from neutral.corpora import parts
from neutral.metrics import better
from neutral.study import FULL, at_sparsity

CROSS_TASK = ["target_task", "source_task", "language", "seeds", "metric", "own", "difference", "low", "high", "p"]
MULTILINGUAL = ["task", "mixture", "source", "target", "seeds", "metric", "value"]
OWN = "own"


def cross_task(
    table: pd.DataFrame, sparsity: float, *, method: str = "magnitude", languages: Sequence[str] = ()
) -> pd.DataFrame:
    """Return what another task's mask of the same language costs: columns `CROSS_TASK` (Figure 9).

    `table` is `Study.table("transfer")`. own: the score of the mask found on the task itself; difference: better than
    that by so much, in the metric's unit (below 0 is worse), both under `seeds`, those that both have, as text; low,
    high, p: its paired bootstrap (`bootstrap.gain_interval`), NaN where a run is without parts. The random mask is a
    source task of its own, "random".
    Tasks and languages without another's mask are left out.
    """
    if table.empty:
        return pd.DataFrame(columns=CROSS_TASK)
    rows = table[(table["method"] == method) & at_sparsity(table["sparsity"], sparsity)]
    if languages:
        rows = rows[rows["target"].isin(languages)]
    own = rows["source_task"] == rows["task"]
    same = rows["source"] == rows["target"]
    random = own & (rows["source"] == "random")
    others = rows[random | (~own & same)]
    others = others.assign(source_task=others["source_task"].where(~random, "random"))
    crossed = set(rows[~own & same][["task", "target"]].itertuples(index=False, name=None))
    found = []
    for (task, source, language), runs in others.groupby(["task", "source_task", "target"], sort=False):
        mine = rows[own & same & (rows["task"] == task) & (rows["target"] == language)]
        both = runs.merge(mine, on="seed", suffixes=("", "_own"))
        if (task, language) in crossed and len(both):
            found.append((task, source, language, _named(both["seed"]), *_compared(both)))
    return pd.DataFrame(found, columns=CROSS_TASK)


def multilingual(rows: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return masks found on mixtures of languages beside single ones: columns `MULTILINGUAL` (Table 1).

    `rows` are those of `results.select`. Sources are the full model, the target's "own", the languages of the mixture,
    and the mixture; targets are the languages outside the mixture that its mask was trained on. Values are means over
    `seeds`, as text: those that all of a target's sources were trained with. A source under none of the mixture's seeds
    is left out, as is a target without a seed that all have.
    """
    found = []
    mixtures = [source for source in dict.fromkeys(rows.get("source", ())) if len(parts(source)) > 1]
    for mixture in mixtures:
        for target in dict.fromkeys(rows[rows["source"] == mixture]["target"]):
            if target in parts(mixture):
                continue
            cells = rows[rows["target"] == target]
            under = {s: cells[cells["source"] == s].set_index("seed")["value"] for s in (FULL, target, *parts(mixture))}
            mixed = cells[cells["source"] == mixture].set_index("seed")["value"]
            under = {s: v for s, v in under.items() if len(v.index.intersection(mixed.index))} | {mixture: mixed}
            seeds = sorted(set.intersection(*(set(v.index) for v in under.values())))
            name = cells["metric"].iloc[0]
            for source, values in under.items() if seeds else ():
                called = OWN if source == target else source
                found.append((task, mixture, called, target, _named(seeds), name, values.loc[seeds].mean()))
    return pd.DataFrame(found, columns=MULTILINGUAL)


def _named(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))


def _compared(both: pd.DataFrame) -> tuple:
    """Return metric, own score, difference, low, high and p of runs beside those of the own mask, a row a seed."""
    name = both["metric"].iloc[0]
    own = both["value_own"].mean()
    difference = better(name, both["value"].mean(), own)
    if "parts" not in both or both[["parts", "parts_own"]].isna().any(axis=None):
        return name, own, difference, np.nan, np.nan, np.nan
    pairs = [(np.array(row.parts, dtype=float).T, np.array(row.parts_own, dtype=float).T) for row in both.itertuples()]
    return name, own, *gain_interval(name, pairs)
