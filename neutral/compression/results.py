"""The results of a study of compressed token tables: sizes, errors and perplexities, side by side.

A configuration is a method with its variant, token weights, vocabulary, way of counting and ratio (`KEYS`); a line is
all of that but the ratio. Results under several seeds are averaged. Perplexities are compared in the logarithm, as the
nats a token that the compressed table costs over the full one; means over languages are geometric means of
perplexity ratios.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral.errors import NeutralError
from neutral.search.evaluations import FULL

LINE = ["method", "variant", "weights", "trimmed", "by"]
KEYS = [*LINE, "ratio"]
SIZES = ["parameters", "bytes", "ratio_parameters", "ratio_bytes"]
ERRORS = ("cosine", "rmse", "mae", "power")
"""Errors of a whole table: mean cosine distance, RMSE, MAE, mean |e|^0.6. All are better when lower."""

VIEW = ["where", "words", "scoring"]
"""How text was scored: where the table was, whether whole words were masked, and in blocks or line by line."""

TABLE_COLUMNS = [*KEYS, "line", *SIZES, "rank", *ERRORS, "norm_ratio", "neighbours"]
SCORE_COLUMNS = [*KEYS, "line", "language", *VIEW, "value", "nats", "factor", *SIZES, "rank", *ERRORS]
MEAN_COLUMNS = [*KEYS, "line", *VIEW, "factor", "low", "high", "n", *SIZES, "rank", *ERRORS]
BREAK_COLUMNS = [*LINE, "line", *VIEW, "language", "limit", "ratio", "bound", "sizes"]
REACH_COLUMNS = [*LINE, "line", *VIEW, "limit", "ratio", "bound", "sizes", "language"]
GROUP_COLUMNS = [*KEYS, "line", "group", "name", "tokens", "cosine", "low", "median", "high"]
ALL = "all"
"""In place of a language: the geometric mean over languages."""

TRIM = "trim"
"""The method that only trims the vocabulary."""

_WEIGHTS = {"frequency": "frequency", "sqrt": "√frequency", "expected": "expected frequency"}
_MOST = 700.0  # nats: exp of more overflows


def name_of(method: str, variant: str = "", weights: str = "uniform", trimmed: bool = False) -> str:
    """Return the name of a line.

    >>> name_of("direction", weights="sqrt"), name_of("autoencoder", "elu", trimmed=True)
    ('direction, √frequency', 'autoencoder elu, trimmed')
    """
    parts = [f"{method} {variant}".strip(), _WEIGHTS.get(weights, ""), "trimmed" if trimmed and method != TRIM else ""]
    return ", ".join(filter(None, parts))


def tables(table: pd.DataFrame) -> pd.DataFrame:
    """Return each configuration's sizes and errors, `Study.table("table")` averaged over seeds: `TABLE_COLUMNS`."""
    if table.empty:
        return pd.DataFrame(columns=TABLE_COLUMNS)
    return _over_seeds(keyed(table), KEYS, [c for c in TABLE_COLUMNS if c not in (*KEYS, "line")])[TABLE_COLUMNS]


def scores(perplexity: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """Return each configuration's perplexity in each language, beside the full model's.

    Parameters
    ----------
    perplexity : DataFrame
        `Study.table("perplexity")`.
    sizes : DataFrame
        As `tables` returns it.

    Returns
    -------
    DataFrame
        `SCORE_COLUMNS`. where: the table went in the input alone, or in the tied output layer too. words: whole words
        were masked. scoring: "blocks" of packed text, or "lines" as in the paper's scripts. nats: the loss over the
        full model's on the same language, masking and scoring. factor: exp(nats). value: the perplexity. A
        configuration whose size is not known yet, or whose full model was not scored, has no row.
    """
    if perplexity.empty or sizes.empty:
        return pd.DataFrame(columns=SCORE_COLUMNS)
    text = ["language", "words", "scoring"]
    perplexity = _filled(perplexity, {"scoring": "blocks"})
    is_full = perplexity["method"] == FULL
    full_loss = perplexity[is_full].groupby(text)["loss"].mean().rename("full").reset_index()
    rows = _over_seeds(keyed(perplexity[~is_full]), [*KEYS, "language", *VIEW], ["loss"])
    rows = rows.merge(full_loss, on=text).merge(sizes.drop(columns="line"), on=KEYS)
    rows["nats"] = rows["loss"] - rows["full"]
    rows["factor"], rows["value"] = factor(rows["nats"]), factor(rows["loss"])
    return rows[SCORE_COLUMNS]


def mean(table: pd.DataFrame) -> pd.DataFrame:
    """Return the geometric mean of `scores` over languages: `MEAN_COLUMNS`.

    `low` and `high` are the factors of the languages that suffer least and most, n is how many languages there are.
    """
    if table.empty:
        return pd.DataFrame(columns=MEAN_COLUMNS)
    by = [c for c in MEAN_COLUMNS if c not in ("factor", "low", "high", "n")]
    grouped = table.groupby(by, sort=False, dropna=False)["nats"]
    means = grouped.agg(factor="mean", low="min", high="max", n="count").reset_index()
    means[["factor", "low", "high"]] = means[["factor", "low", "high"]].apply(factor)
    return means[MEAN_COLUMNS]


def groups(error: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return cosine distances by language, script or frequency, `Study.table("error")` averaged over seeds.

    Columns `GROUP_COLUMNS`; low, median and high are quantiles over the group's tokens (10, 50, 90 %).
    """
    if error.empty:
        return pd.DataFrame(columns=GROUP_COLUMNS)
    rows = keyed(error[error["group"] == group])
    return _over_seeds(rows, [*KEYS, "group", "name"], ["tokens", "cosine", "low", "median", "high"])[GROUP_COLUMNS]


def usual(table: pd.DataFrame, weights: str | None = "uniform", trimmed: bool = False) -> pd.DataFrame:
    """Return the rows with these token weights and this vocabulary; a method without such rows keeps those it has.

    `weights` None keeps all.
    """
    for column, value in (("weights", weights), ("trimmed", trimmed)):
        if table.empty:
            break
        if value is None:
            continue
        fits = table[column] == value
        table = table[fits | ~fits.groupby([table[c] for c in ("method", "variant", "by")]).transform("any")]
    return table


def at_size(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the rows whose ratio was set by parameters, or by bytes; the column `size` is the ratio reached."""
    rows = table[table["by"] == by]
    return rows.assign(size=rows[f"ratio_{by}"]).sort_values("size", kind="stable")


def breaking(table: pd.DataFrame, limits: Sequence[float] = (1.1, 2.0)) -> pd.DataFrame:
    """Return the ratio at which each language's perplexity passes a limit.

    Between two measured ratios the logarithm of the perplexity is taken to be linear in the logarithm of the ratio.

    Parameters
    ----------
    table : DataFrame
        As `scores` returns it.
    limits : sequence of float
        Perplexities, as multiples of the full model's.

    Returns
    -------
    DataFrame
        `BREAK_COLUMNS`. language: `all` is the geometric mean over languages. ratio: by parameters or by bytes, as the
        size was set, and as reached. bound: "above" where no ratio measured passes the limit (the ratio is then the
        largest one), "below" where the smallest one passes it already, else "". sizes: how many ratios were measured.
    """
    if table.empty:
        return pd.DataFrame(columns=BREAK_COLUMNS)
    means = mean(table).assign(language=ALL)
    means["nats"] = np.log(means["factor"])
    both = pd.concat([table, means], ignore_index=True)
    keys = [*LINE, "line", *VIEW, "language"]
    crossings = []
    for by in both["by"].unique():
        for key, rows in at_size(both, by).groupby(keys, sort=False):
            for limit in limits:
                ratio, bound = crossing(rows["size"].to_numpy(), rows["nats"].to_numpy(), float(np.log(limit)))
                crossings.append([*key, limit, ratio, bound, len(rows)])
    return pd.DataFrame(crossings, columns=BREAK_COLUMNS)


def crossing(ratio: np.ndarray, nats: np.ndarray, limit: float) -> tuple[float, str]:
    """Return the ratio at which `nats` first passes `limit` along ascending `ratio` (both (n,)), and the kind of bound.

    It is linear in the logarithm of the ratio. The bound is "above" if the limit is never passed, "below" if the first
    ratio passes it, else "".
    """
    past = np.flatnonzero(nats > limit)
    if not past.size:
        return float(ratio[-1]), "above"
    i = int(past[0])
    if i == 0:
        return float(ratio[0]), "below"
    share = (limit - nats[i - 1]) / (nats[i] - nats[i - 1])
    return float(np.exp(np.log(ratio[i - 1]) + share * np.log(ratio[i] / ratio[i - 1]))), ""


def reach(breaks: pd.DataFrame) -> pd.DataFrame:
    """Return the ratio up to which a line keeps *every* language within a limit, and the language that breaks first.

    `breaks` is as `breaking` returns it. The rows have `REACH_COLUMNS`. The line that reaches furthest comes first;
    lines that pass the limit at their smallest ratio already come last.
    """
    by_language = breaks[breaks["language"] != ALL]
    if by_language.empty:
        return pd.DataFrame(columns=REACH_COLUMNS)
    # A language that breaks before the first ratio breaks before one that breaks at it.
    ordered = by_language.assign(early=by_language["bound"] != "below").sort_values(["early", "ratio"], kind="stable")
    first = ordered.groupby([*LINE, "line", *VIEW, "limit"], sort=False).head(1)
    first = first.sort_values(["early", "ratio"], ascending=False, kind="stable")
    return first[REACH_COLUMNS].reset_index(drop=True)


def never_within(breaks: pd.DataFrame) -> pd.DataFrame:
    """Return a row, of `breaking` at one limit, for each line that no language is within even at its least ratio."""
    below = (breaks["bound"] == "below").groupby([breaks[key] for key in [*LINE, "line", *VIEW]]).transform("all")
    return breaks[below].drop_duplicates("line")


def factor(nats: pd.Series) -> pd.Series:
    """Return the perplexity ratio of a loss in nats a token; losses above 700 nats count as 700, lest exp overflow."""
    return np.exp(nats.clip(upper=_MOST))


def one_line(table: pd.DataFrame, line: str) -> pd.DataFrame:
    """Return the rows of one line. Raises `NeutralError` when there are none."""
    rows = table[table["line"] == line]
    if rows.empty:
        raise NeutralError(f"no results of {line}; there are {', '.join(dict.fromkeys(table['line']))}")
    return rows


def keyed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with whole key columns, so that rows compare: what is missing is "", "uniform" or False."""
    table = _filled(table, {"variant": "", "weights": "uniform", "trimmed": False})
    table["trimmed"] = table["trimmed"].astype(bool)
    table["ratio"] = table["ratio"].astype(float)
    return table


def _filled(table: pd.DataFrame, missing: dict[str, object]) -> pd.DataFrame:
    """Return a copy whose columns have these values where older studies have none."""
    table = table.copy()
    for column, value in missing.items():
        values = table[column] if column in table else pd.Series(value, index=table.index)
        table[column] = values.where(values.notna(), value)
    return table


def _over_seeds(table: pd.DataFrame, by: list[str], numbers: list[str]) -> pd.DataFrame:
    values = table.reindex(columns=numbers).astype(float)
    means = values.groupby([table[key] for key in by], sort=False).mean().reset_index()
    lines = zip(means["method"], means["variant"], means["weights"], means["trimmed"], strict=True)
    return means.assign(line=[name_of(*row) for row in lines])
