"""Does the direction loss beat the Euclidean one? The auto-encoder under several losses, at equal size.

The argument of Bałazy et al. (2021): trained on the cosine distance, the table gives better perplexity at equal size
than one trained on the Euclidean error, although its Euclidean error is larger. Compared are tables of the auto-encoder
that differ in the loss alone. First weights and the order of the rows are drawn by the seed, so a difference counts as
one beyond the seeds only where every seed of one loss is better than every seed of the other.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neutral.compression import variants
from neutral.compression.results import keyed
from neutral.search.evaluations import FULL

PAPER = "paper"
"""The paper's own loss: the cosine distance and a little of the power of the error."""

ORDER = ("cosine", PAPER, "cosine+rmse", "power", "rmse")
"""Losses from direction to distance; others come last."""

SIZE = ["by", "ratio", "where", "words", "scoring"]
"""What tables that are compared share: the size, and how text was scored (in "blocks", where a study does not say)."""

ERRORS = ["cosine", "rmse", "norm_ratio"]
RUN_COLUMNS = ["loss", *SIZE, "seed", "language", "nats", *ERRORS]
ABLATION_COLUMNS = ["loss", *SIZE, "factor", "low", "high", "seeds", *ERRORS]
VERSUS_COLUMNS = [
    *(*SIZE, "one", "other", "gain", "least", "most", "beyond", "languages", "n"),
    *("cosine", "rmse", "length", "other_length", "seeds"),
]


def runs(
    table: pd.DataFrame, perplexity: pd.DataFrame, *, weights: str = "uniform", trimmed: bool = False
) -> pd.DataFrame:
    """Return a row a loss, size, seed and language.

    Parameters
    ----------
    table, perplexity : DataFrame
        `Study.table("table")` and `Study.table("perplexity")`.
    weights : str
        Token weights of the tables.
    trimmed : bool
        Whether their vocabulary is trimmed.

    Returns
    -------
    DataFrame
        `RUN_COLUMNS`. loss: as `variants.loss_of` names it. nats: the loss a token over the full model's. cosine, rmse,
        norm_ratio: of the whole table. Sizes at which only one loss was tried have no row.
    """
    if table.empty or perplexity.empty:
        return pd.DataFrame(columns=RUN_COLUMNS)
    text = ["language", "words", "scoring"]
    scoring = perplexity["scoring"].fillna("blocks") if "scoring" in perplexity else "blocks"
    perplexity = perplexity.assign(scoring=scoring)
    is_full = perplexity["method"] == FULL
    full = perplexity[is_full].groupby(text)["loss"].mean().rename("full").reset_index()
    tables, scores = (_losses(rows, weights, trimmed) for rows in (table, perplexity[~is_full]))
    if tables.empty or scores.empty:
        return pd.DataFrame(columns=RUN_COLUMNS)
    keys = ["name", "by", "ratio", "seed"]
    rows = scores.merge(tables[[*keys, *ERRORS]], on=keys).merge(full, on=text)
    rows["nats"] = rows["loss"] - rows["full"]
    rows = rows.drop(columns="loss").rename(columns={"name": "loss"})[RUN_COLUMNS]
    rows = rows.drop_duplicates(["loss", *SIZE, "seed", "language"])
    several = rows.groupby(SIZE)["loss"].transform("nunique") > 1
    place = rows["loss"].map(lambda loss: ORDER.index(loss) if loss in ORDER else len(ORDER))
    ordered = rows.assign(place=place).sort_values([*SIZE, "place", "loss", "seed"], kind="stable")
    return ordered.loc[several, RUN_COLUMNS].reset_index(drop=True)


def ablation(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a loss and size of `runs`: `ABLATION_COLUMNS`.

    factor: perplexity over the full model's, the geometric mean over languages and seeds. low, high: that of the best
    and of the worst seed. seeds: how many there are. The errors are means over the seeds.
    """
    if table.empty:
        return pd.DataFrame(columns=ABLATION_COLUMNS)
    keys = ["loss", *SIZE]
    grouped = _by_seed(table).groupby(keys, sort=False)
    rows = grouped.agg(
        factor=("nats", "mean"),
        low=("nats", "min"),
        high=("nats", "max"),
        seeds=("nats", "size"),
        **{error: (error, "mean") for error in ERRORS},
    ).reset_index()
    rows[["factor", "low", "high"]] = np.exp(rows[["factor", "low", "high"]].clip(upper=700.0))
    return rows[ABLATION_COLUMNS]


def versus(table: pd.DataFrame, one: str = "cosine", other: str = "rmse") -> pd.DataFrame:
    """Compare two losses at each size of `runs`: `VERSUS_COLUMNS`.

    one, other: their perplexities over the full model's, geometric means over languages and seeds. gain: one ÷ other,
    below 1 where `one` is better; least, most: the same between the seeds that are nearest and farthest in favour of
    `one`. beyond: whether there are several seeds, and every one of the better loss beats every one of the worse.
    languages: in how many of n `one` is better in the mean over seeds. cosine, rmse: the table's error with `one` over
    that with `other`. length, other_length: mean length of a rebuilt row over the full one's. seeds: the fewer that
    either has.
    """
    rows = []
    for size, at_size in table.groupby(SIZE, sort=False):
        sides = [at_size[at_size["loss"] == loss] for loss in (one, other)]
        if any(side.empty for side in sides):
            continue
        seeds = [_by_seed(side) for side in sides]
        first, second = (side["nats"].to_numpy() for side in seeds)
        by_language = [side.groupby("language")["nats"].mean() for side in sides]
        ahead = (by_language[0] - by_language[1]).dropna()
        errors = [float(seeds[0][error].mean() / seeds[1][error].mean()) for error in ("cosine", "rmse")]
        several = min(len(first), len(second)) > 1
        lengths = [float(of["norm_ratio"].mean()) for of in seeds]
        beyond = several and bool(first.max() < second.min() or second.max() < first.min())
        gains = np.exp([first.mean() - second.mean(), first.max() - second.min(), first.min() - second.max()])
        means = np.exp(np.minimum([first.mean(), second.mean()], 700.0))
        counts = int((ahead < 0).sum()), len(ahead)
        rows.append([*size, *means, *gains, beyond, *counts, *errors, *lengths, min(len(first), len(second))])
    return pd.DataFrame(rows, columns=VERSUS_COLUMNS)


def _losses(rows: pd.DataFrame, weights: str, trimmed: bool) -> pd.DataFrame:
    """Return the auto-encoder's rows that differ in the loss alone, its name in the column `name`."""
    rows = keyed(rows)
    rows = rows[(rows["method"] == "autoencoder") & (rows["weights"] == weights) & (rows["trimmed"] == trimmed)]
    names = {variant: variants.loss_of(variant) for variant in rows["variant"].unique()}
    return rows.assign(name=rows["variant"].map(names)).dropna(subset="name")


def _by_seed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over languages, a row a loss, size and seed."""
    return table.groupby(["loss", *SIZE, "seed"], sort=False)[["nats", *ERRORS]].mean().reset_index()
