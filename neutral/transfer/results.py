"""Finished runs as the tables of a transfer experiment.

a(s, t) is the score on t of the model with the mask of s, trained on t. Gains are in the metric's unit, and above 0
where a run is better than the target's own mask, whatever the metric; relative changes follow the paper's formula.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral.metrics import METRICS, better, metric
from neutral.transfer.sources import FULL, JOINED, is_language, reseeded_from

COLUMNS = ["source", "target", "metric", "value", "std", "seeds", "untrained", "paired", "own"]
_ASIDE = (*JOINED, "random", "pretrained", FULL)
LEFT_OUT = ["target", "metric", "own", *_ASIDE, "best", "mean"]
REPEATS = 2000  # bootstrap samples
LEVEL = 0.95


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

    `table` is `Study.table("transfer")`. Sources may be no language: `plan.BASELINES`. With `languages`, targets and
    language sources are only these.
    """
    if table.empty:
        return table
    full = table["method"] == FULL
    masked = (table["source_task"] == (source_task or task)) & (table["method"] == method)
    masked &= (table["sparsity"] - sparsity).abs() < 1e-6
    rows = table[(table["task"] == task) & (full | masked)]
    rows = rows.drop_duplicates(["source", "target", "seed"], keep="last")
    if languages:
        aside = ~rows["source"].map(is_language)
        rows = rows[rows["target"].isin(languages) & (rows["source"].isin(languages) | aside)]
    return rows


def reseeded(rows: pd.DataFrame, mask_seed: int) -> pd.DataFrame:
    """Return rows in which a target's own mask is the one found under `mask_seed`, in the place of the usual one.

    `rows` are those of `select`; their sources "reseeded `mask_seed`" become the targets' own. Both own masks come from
    the target's text, so what another language's mask costs against the one as against the other is the language's.
    """
    again = rows["source"].map(reseeded_from) == mask_seed
    others = rows[(rows["source"] != rows["target"]) & ~again]
    return pd.concat([rows[again].assign(source=lambda own: own["target"]), others], ignore_index=True)


def matrix(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a(s, t): columns `COLUMNS`, a row a source and target, mean and standard deviation over seeds.

    `rows` are those of `select`. std is NaN for one seed; untrained is the score of the masked model before its
    training, NaN where the task needs a new head. paired and own are a(s, t) and a(t, t) over the seeds that both have,
    NaN where there is none: a seed is also an order of the training data, so only these compare.
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
    found = grouped.agg(**means, std=("value", "std"), seeds=("seed", "nunique"))
    return found.reset_index()[COLUMNS]


def against_own(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return a matrix with every run read against the target's own mask: adds own_std, gain, relative, successful.

    gain: by how much a(s, t) is better than a(t, t). relative: (a(s, t) - a(t, t)) / a(t, t), as in the paper. Both
    are over the seeds that the two have. successful: the paper's rule, within one standard deviation of a(t, t) over
    seeds, or better; NA for one seed. NaN for a target without a run of its own mask; relative also where that has 0.
    """
    std = matrix[matrix["source"] == matrix["target"]].set_index("target")["std"]
    found = matrix.assign(own_std=matrix["target"].map(std))
    found["gain"] = [
        better(name, value, other)
        for name, value, other in found[["metric", "paired", "own"]].itertuples(index=False, name=None)
    ]
    found["relative"] = (found["paired"] - found["own"]) / found["own"].where(found["own"] != 0)
    within = (found["gain"] >= -found["own_std"]).astype("boolean")
    return found.assign(successful=within.mask(found["own_std"].isna() | found["gain"].isna()))


def relative_drop(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return, for every source, 1/(|L| - 1) Σ_{t ≠ s} (a(s, t) - a(t, t)) / a(t, t): source, value, targets (how many).

    Of a source that is no language the mean is over all targets. Raises nothing: a source without targets is left out.
    """
    table = against_own(matrix)
    others = table[(table["source"] != table["target"]) & table["relative"].notna()]
    grouped = others.groupby("source", sort=False)["relative"]
    return grouped.agg(value="mean", targets="count").reset_index()


def bootstrap(rows: pd.DataFrame, *, repeats: int = REPEATS, seed: int = 0) -> pd.DataFrame:
    """Compare every run with the target's own mask by a paired bootstrap over the held-out examples.

    `rows` are those of `select`. The same examples are drawn for both; a source with several seeds has the mean of the
    gains against the own mask under the same seeds. Returns source, target, gain, low, high (percentile interval of
    `LEVEL`), p (two-sided: twice the smaller tail, at least 2 / (repeats + 1)). A target whose own mask was not
    run, and runs without parts, are left out.
    """
    columns = ["source", "target", "gain", "low", "high", "p"]
    if rows.empty or "parts" not in rows:
        return pd.DataFrame(columns=columns)
    found = []
    for target, runs in rows[rows["parts"].notna()].groupby("target", sort=False):
        parts = {(r.source, r.seed): np.array(r.parts, dtype=float).T for r in runs.itertuples()}
        name = runs["metric"].iloc[0]
        own = {s: p for (source, s), p in parts.items() if source == target}
        for source in dict.fromkeys(runs["source"]):
            pairs = [(parts[source, s], own[s]) for s in own if (source, s) in parts]
            if pairs and source != target:
                found.append((source, target, *gain_interval(name, pairs, repeats=repeats, seed=seed)))
    return pd.DataFrame(found, columns=columns)


def gain_interval(
    name: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], *, repeats: int = REPEATS, seed: int = 0
) -> tuple[float, float, float, float]:
    """Return gain, low, high and p of one model over another, from the parts (examples, k) of both under each seed.

    The examples are resampled (Efron & Tibshirani 1993), the same for both models and for all seeds. low, high and p
    are NaN where a score is not finite.
    """
    measured = metric(name)
    sign = 1 if measured.higher_is_better else -1
    count = len(pairs[0][0])
    draws = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=repeats
    )  # (repeats, examples)

    def gains(weights: np.ndarray) -> np.ndarray:
        each = [measured.value(weights @ one) - measured.value(weights @ other) for one, other in pairs]
        return sign * np.mean(each, axis=0)

    with np.errstate(invalid="ignore"):  # infinite less infinite
        sampled, observed = gains(draws), float(gains(np.ones((1, count)))[0])
    low, high = np.quantile(sampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if not np.isfinite(sampled).all() or not np.isfinite(observed):  # a model that diverged
        return observed, np.nan, np.nan, np.nan
    tail = min((sampled <= 0).sum(), (sampled >= 0).sum())
    return observed, float(low), float(high), float(min(1.0, 2 * (tail + 1) / (repeats + 1)))


def foretold(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return how far the untrained check predicts the trained transfer, over pairs of languages.

    Columns target, rho, n: Spearman's rank correlation, over sources other than the target, of the score before and
    after training; the row "all" correlates the changes against the target's own mask over all pairs. Pairs are not
    independent, so no p is given here.
    """
    table = against_own(matrix)
    before = matrix[matrix["source"] == matrix["target"]].set_index("target")["untrained"]
    table = table[table["source"].map(is_language) & (table["source"] != table["target"])]
    table = table.assign(check=np.log(table["untrained"] / table["target"].map(before))).dropna(
        subset=["check", "relative"]
    )
    rows = [(t, _spearman(r["untrained"], r["value"]), len(r)) for t, r in table.groupby("target", sort=False)]
    return pd.DataFrame(
        [*rows, ("all", _spearman(table["check"], table["relative"]), len(table))], columns=["target", "rho", "n"]
    )


def _spearman(one: pd.Series, other: pd.Series) -> float:
    if len(one) < 3 or one.nunique() < 2 or other.nunique() < 2:
        return float("nan")
    return float(one.corr(other, method="spearman"))


def left_out(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare, for each target, the core of all *other* languages with their single masks.

    `rows` are those of `select`. Columns `LEFT_OUT`: target, metric, own, core, union, vote, random, pretrained, full,
    best (other language's mask), mean (of the other languages' masks), in the metric's unit, under the seeds that all
    of them were trained with. A source that was not run is NaN; a target without a core, or such a seed, is left out.
    """
    found = []
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
        row |= {source: values.get(source, np.nan) for source in _ASIDE}
        found.append(row | {"best": best, "mean": others.mean()})
    return pd.DataFrame(found, columns=LEFT_OUT)
