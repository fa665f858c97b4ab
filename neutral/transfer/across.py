"""Masks of another task, and masks of several languages at once, beside a language's own.

Both have the form of the paper's Figure 9 and Table 1, so that our runs and the printed numbers share their views.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from neutral.bootstrap import gain_interval
from neutral.corpora import parts
from neutral.metrics import better
from neutral.study import FULL, at_sparsity

CROSS_TASK = [
    "target_task",
    "source_task",
    "language",
    "seeds",
    "metric",
    "own",
    "difference",
    "cost",
    "low",
    "high",
    "p",
]
MULTILINGUAL = ["task", "mixture", "source", "target", "seeds", "metric", "value"]
OWN = "own"


def cross_task(
    table: pd.DataFrame, sparsity: float, *, method: str = "magnitude", languages: Sequence[str] = ()
) -> pd.DataFrame:
    """Return what another task's mask of the same language costs (Figure 9).

    Parameters
    ----------
    table : DataFrame
        `Study.table("transfer")`.
    sparsity : float
        Share of weights that the masks drop.
    method : str
        How the masks were found.
    languages : sequence of str
        The targets to keep; all if empty.

    Returns
    -------
    DataFrame
        Columns `CROSS_TASK`. Tasks and languages without another task's mask are left out; the random mask is a source
        task of its own, "random".

        - own: the score of the mask found on the task itself.
        - difference: how much better the other mask is, in the metric's unit (below 0 is worse).
        - seeds: those that both have, as text; both scores are means over them.
        - cost: by how much it is worse, as a share of own (above 0 is worse); NaN where own is 0.
        - low, high, p: the difference's paired bootstrap (`bootstrap.gain_interval`), NaN when a run lacks parts.
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
    comparisons = []
    for (task, source, language), runs in others.groupby(["task", "source_task", "target"], sort=False):
        own_runs = rows[own & same & (rows["task"] == task) & (rows["target"] == language)]
        both = runs.merge(own_runs, on="seed", suffixes=("", "_own"))
        if (task, language) in crossed and len(both):
            comparisons.append((task, source, language, _named(both["seed"]), *_compared(both)))
    return pd.DataFrame(comparisons, columns=CROSS_TASK)


def multilingual(rows: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return masks found on mixtures of languages beside single ones (Table 1); `rows` are those of `results.select`.

    Returns
    -------
    DataFrame
        Columns `MULTILINGUAL`.

        - source: the full model, the target's "own", the languages of the mixture, and the mixture. A source under none
          of the mixture's seeds is left out.
        - target: the languages outside the mixture that its mask was trained on. A target without a seed that all
          sources have is left out.
        - seeds: those that all of a target's sources were trained with, as text.
        - value: the mean score over these seeds.
    """
    scores = []
    mixtures = [source for source in dict.fromkeys(rows.get("source", ())) if len(parts(source)) > 1]
    for mixture in mixtures:
        for target in dict.fromkeys(rows[rows["source"] == mixture]["target"]):
            if target in parts(mixture):
                continue
            cells = rows[rows["target"] == target]
            alone = {s: cells[cells["source"] == s].set_index("seed")["value"] for s in (FULL, target, *parts(mixture))}
            mixed = cells[cells["source"] == mixture].set_index("seed")["value"]
            shared = {s: v for s, v in alone.items() if len(v.index.intersection(mixed.index))} | {mixture: mixed}
            seeds = sorted(set.intersection(*(set(v.index) for v in shared.values())))
            name = cells["metric"].iloc[0]
            for source, values in shared.items() if seeds else ():
                label = OWN if source == target else source
                scores.append((task, mixture, label, target, _named(seeds), name, values.loc[seeds].mean()))
    return pd.DataFrame(scores, columns=MULTILINGUAL)


def _named(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))


def _compared(both: pd.DataFrame) -> tuple:
    """Return metric, own score, difference, cost, low, high and p of runs beside the own mask's, a row a seed."""
    name = both["metric"].iloc[0]
    own = both["value_own"].mean()
    difference = better(name, both["value"].mean(), own)
    cost = -difference / own if own else np.nan
    if "parts" not in both or both[["parts", "parts_own"]].isna().any(axis=None):
        return name, own, difference, cost, np.nan, np.nan, np.nan
    pairs = [(np.array(row.parts, dtype=float).T, np.array(row.parts_own, dtype=float).T) for row in both.itertuples()]
    gain, low, high, p = gain_interval(name, pairs)
    return name, own, gain, cost, low, high, p
