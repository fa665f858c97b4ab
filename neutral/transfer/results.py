"""Finished runs as the tables of a transfer experiment.

a(s, t) is the score on t of the model with the mask of s, trained on t. A gain is in the metric's unit, and above 0
when a run is better than the target's own mask, whatever the metric; relative changes follow the paper's formula.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral.bootstrap import REPEATS, gain_interval
from neutral.metrics import METRICS, better, costs, rank_correlation
from neutral.study import FULL, at_sparsity
from neutral.ties import ROUNDING
from neutral.transfer.sources import JOINED, is_language, reseeded_from

COLUMNS = ["source", "target", "metric", "value", "std", "seeds", "untrained", "paired", "own"]
_BASELINES = (*JOINED, "random", "pretrained", FULL)
LEFT_OUT = ["target", "metric", "own", *_BASELINES, "best", "mean"]


def select(
    table: pd.DataFrame,
    task: str,
    sparsity: float,
    *,
    method: str = "magnitude",
    source_task: str = "",
    languages: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the rows of one experiment: one task, sparsity and method of masks, and the full model's rows.

    Parameters
    ----------
    table : DataFrame
        `Study.table("transfer")`. Its sources may be no language: `sources.BASELINES`.
    task : str
        The task that masks are trained on.
    sparsity : float
        Share of weights that the masks drop.
    method : str
        How the masks were found.
    source_task : str
        The task that the masks were found on; `task` if empty.
    languages : sequence of str
        The targets and the languages among the sources to keep; all if empty.
    """
    if table.empty:
        return table
    full = table["method"] == FULL
    masked = (table["source_task"] == (source_task or task)) & (table["method"] == method)
    masked &= at_sparsity(table["sparsity"], sparsity)
    rows = table[(table["task"] == task) & (full | masked)]
    rows = rows.drop_duplicates(["source", "target", "seed"], keep="last")
    if languages:
        baseline = ~rows["source"].map(is_language)
        rows = rows[rows["target"].isin(languages) & (rows["source"].isin(languages) | baseline)]
    return rows


def reseeded(rows: pd.DataFrame, mask_seed: int) -> pd.DataFrame:
    """Return rows in which the mask found under `mask_seed` takes the place of a target's usual own mask.

    `rows` are those of `select`; their sources "reseeded `mask_seed`" become the targets' own. Both own masks come from
    the target's text, so a cost of another language's mask that shows against both is due to the language.
    """
    own = rows["source"].map(reseeded_from) == mask_seed
    others = rows[(rows["source"] != rows["target"]) & ~own]
    return pd.concat([rows[own].assign(source=rows[own]["target"]), others], ignore_index=True)


def matrix(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a(s, t) over seeds, a row a source and target; `rows` are those of `select`.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, in the metric's unit.

        - value, std, seeds: mean and standard deviation of a(s, t), and how many seeds; std is NaN for one seed.
        - untrained: the score of the masked model before its training, NaN when the task needs a new head.
        - paired, own: a(s, t) and a(t, t) over the seeds that both have, NaN without any. A seed is also an order of
          the training data, so only these two can be compared.
    """
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    if "untrained" not in rows:
        rows = rows.assign(untrained=np.nan)
    own = rows[rows["source"] == rows["target"]].set_index(["target", "seed"])["value"]
    rows = rows.assign(own=own.reindex(pd.MultiIndex.from_frame(rows[["target", "seed"]])).to_numpy())
    both = np.isfinite(rows["own"]) & np.isfinite(rows["value"])  # a run may have diverged
    rows = rows.assign(paired=rows["value"].where(both), own=rows["own"].where(both))
    grouped = rows.groupby(["source", "target", "metric"], sort=False)
    means = {name: (name, "mean") for name in ("value", "untrained", "paired", "own")}
    cells = grouped.agg(**means, std=("value", "std"), seeds=("seed", "nunique"))
    return cells.reset_index()[COLUMNS]


def against_own(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return a matrix in which every run is compared with the target's own mask; the table is that of `matrix`.

    Returns
    -------
    DataFrame
        The matrix, and the columns below. They are NaN for a target without a run of its own mask.

        - own_std: standard deviation of a(t, t) over seeds, NaN for one seed.
        - gain: by how much a(s, t) is better than a(t, t), over the seeds that both have.
        - relative: (a(s, t) - a(t, t)) / a(t, t) over these seeds, as in the paper; NaN also when a(t, t) is 0.
        - cost: by how much a(s, t) is worse, as a share of a(t, t): above 0 is worse, whatever the metric.
        - successful: the paper's rule, a(s, t) is within one `own_std` of a(t, t), or better; NA for one seed.
    """
    std = matrix[matrix["source"] == matrix["target"]].set_index("target")["std"]
    table = matrix.assign(own_std=matrix["target"].map(std))
    table["gain"] = [
        better(name, value, own)
        for name, value, own in table[["metric", "paired", "own"]].itertuples(index=False, name=None)
    ]
    table["relative"] = (table["paired"] - table["own"]) / table["own"].where(table["own"] != 0)
    table["cost"] = [costs(*row) for row in table[["metric", "relative"]].itertuples(index=False, name=None)]
    within = (table["gain"] >= -table["own_std"] - ROUNDING * table["own"].abs()).astype("boolean")
    return table.assign(successful=within.mask(table["own_std"].isna() | table["gain"].isna()))


def relative_drop(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return 1/(|L| - 1) Σ_{t ≠ s} (a(s, t) - a(t, t)) / a(t, t): source, value, targets (how many), cost.

    cost is the same number as in `against_own`, above 0 where the mask is worse. For a source that is no language the
    mean is over all targets. A source without targets is left out.
    """
    table = against_own(matrix)
    others = table[(table["source"] != table["target"]) & table["relative"].notna()]
    grouped = others.groupby("source", sort=False)["relative"]
    drops = grouped.agg(value="mean", targets="count").reset_index()
    return drops.assign(cost=[costs(table["metric"].iloc[0], value) for value in drops["value"]])


def bootstrap(rows: pd.DataFrame, *, repeats: int = REPEATS, seed: int = 0) -> pd.DataFrame:
    """Compare every run with the target's own mask by a paired bootstrap over the held-out examples.

    Both models get the same drawn examples; a source with several seeds gets the mean of its gains against the own mask
    under the same seeds.

    Parameters
    ----------
    rows : DataFrame
        Those of `select`. Runs without parts, and targets whose own mask was not run, are left out.
    repeats : int
        Bootstrap samples.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        source, target, gain (metric's unit), low, high (percentile interval of `bootstrap.LEVEL`), p (two-sided: twice
        the smaller tail, at least 2 / (repeats + 1)).
    """
    columns = ["source", "target", "gain", "low", "high", "p"]
    if rows.empty or "parts" not in rows:
        return pd.DataFrame(columns=columns)
    intervals = []
    for target, runs in rows[rows["parts"].notna()].groupby("target", sort=False):
        parts = {(r.source, r.seed): np.array(r.parts, dtype=float).T for r in runs.itertuples()}
        name = runs["metric"].iloc[0]
        own = {s: p for (source, s), p in parts.items() if source == target}
        for source in dict.fromkeys(runs["source"]):
            pairs = [(parts[source, s], own[s]) for s in own if (source, s) in parts]
            if pairs and source != target:
                intervals.append((source, target, *gain_interval(name, pairs, repeats=repeats, seed=seed)))
    return pd.DataFrame(intervals, columns=columns)


def foretold(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return how far the untrained check predicts the trained transfer, over pairs of languages.

    Columns target, rho, n: Spearman's rank correlation, over sources other than the target, of the score before and
    after training; the row "all" correlates the changes against the target's own mask over all pairs. There is no p,
    because pairs are not independent.
    """
    table = against_own(matrix)
    before = matrix[matrix["source"] == matrix["target"]].set_index("target")["untrained"]
    table = table[table["source"].map(is_language) & (table["source"] != table["target"])]
    own = table["target"].map(before).astype(float)  # of no rows, pandas makes text
    table = table.assign(check=np.log(table["untrained"] / own)).dropna(subset=["check", "relative"])
    rows = [(t, rank_correlation(r["untrained"], r["value"]), len(r)) for t, r in table.groupby("target", sort=False)]
    rows.append(("all", rank_correlation(table["check"], table["relative"]), len(table)))
    return pd.DataFrame(rows, columns=["target", "rho", "n"])


def left_out(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare, for each target, the core of all *other* languages with their single masks.

    `rows` are those of `select`. Columns `LEFT_OUT`: target, metric, own, core, union, vote, random, pretrained, full,
    best (other language's mask), mean (of the other languages' masks), in the metric's unit, under the seeds that all
    of them were trained with. A source that was not run is NaN. Targets without a core, or without such a seed, are
    left out.
    """
    comparisons = []
    for target, cells in rows.groupby("target", sort=False):
        seeds = set.intersection(*cells.groupby("source")["seed"].apply(set))
        cells = cells[cells["seed"].isin(seeds)]
        if "core" not in set(cells["source"]):
            continue
        values = cells.groupby("source")["value"].mean()
        others = values[[s for s in values.index if is_language(s) and s != target]]
        name = cells["metric"].iloc[0]
        best = (others.max() if METRICS[name].higher_is_better else others.min()) if len(others) else np.nan
        row = {"target": target, "metric": name, "own": values.get(target, np.nan)}
        row |= {source: values.get(source, np.nan) for source in _BASELINES}
        comparisons.append(row | {"best": best, "mean": others.mean()})
    return pd.DataFrame(comparisons, columns=LEFT_OUT)
