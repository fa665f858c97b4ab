"""Which error of a compressed table foretells its perplexity?

Bałazy et al. (2021) claim that direction does, better than Euclidean error. This module tests it in three ways: by the
rank correlation of each error with the perplexity over all compressed tables (Spearman), with a bootstrap of the
difference; by how often perplexity sides with the cosine distance where it and another error disagree on which of two
tables is better; and by direction against svd at equal rank, with a sign test.

Tables of one method at several ratios are not independent: resampling single tables gives too narrow intervals, so
whole methods can be resampled too.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from neutral.compression.results import ALL, ERRORS, KEYS
from neutral.errors import NeutralError
from neutral.metrics import spearman
from neutral.ties import merged

UNITS = ("table", "method")
CORRELATION_COLUMNS = ["language", "error", "rho", "low", "high", "lead", "lead_low", "lead_high", "n"]
PAIRED_COLUMNS = ["measure", "wins", "losses", "ties", "p", "ratio"]
_PAIR = ["weights", "trimmed", "by", "rank"]  # what two low-rank tables must share to be compared
_NO_LANGUAGE = [*KEYS, "line", "rank", *ERRORS]
_LEAST = 4  # tables: fewer have no rank correlation worth the name


def points(scores: pd.DataFrame, where: str, words: bool, scoring: str = "blocks") -> pd.DataFrame:
    """Return a row a table: keys, line, rank, errors, and columns of nats, one a language and `all`, their mean.

    `scores` is as `results.scores` returns it; `where`, `words` and `scoring` choose among its rows. Tables that lack
    an error or a language are left out.
    """
    rows = scores[(scores["where"] == where) & (scores["words"] == words) & (scores["scoring"] == scoring)]
    if rows.empty:
        return pd.DataFrame(columns=[*_NO_LANGUAGE, ALL])
    wide = rows.pivot_table(index=KEYS, columns="language", values="nats").dropna()
    wide.insert(0, ALL, wide.mean(axis=1))
    sized = rows[_NO_LANGUAGE].drop_duplicates(KEYS).dropna(subset=list(ERRORS))
    return sized.merge(wide.reset_index(), on=KEYS)


def correlations(table: pd.DataFrame, *, unit: str = "table", draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return the Spearman rank correlation of each error with the nats of each language.

    Parameters
    ----------
    table : DataFrame
        As `points` returns it.
    unit : str
        What the bootstrap draws: a "table", or a whole "method".
    draws : int
        How often it draws. All intervals come from the same draws, so they are paired.
    seed : int
        Seed of the draws.

    Returns
    -------
    DataFrame
        A row a language and error, with `CORRELATION_COLUMNS`. low, high: the 95 % interval of rho. lead: how much
        higher the rho of the cosine distance is than that of this error, with its interval. n: how many tables. Empty
        for fewer than four tables.

    Raises
    ------
    NeutralError
        For an unknown unit.
    """
    if unit not in UNITS:
        raise NeutralError(f"unit {unit!r}: resample by {' or by '.join(UNITS)}")
    if len(table) < _LEAST:
        return pd.DataFrame(columns=CORRELATION_COLUMNS)
    languages = languages_of(table)
    errors, nats = (merged(table[columns], axis=0) for columns in (list(ERRORS), languages))
    rho = spearman(errors, nats)  # (errors, languages)
    draws_of_rho = np.stack([spearman(errors[i], nats[i]) for i in _resampled(table, unit, draws, seed)])
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile(draws_of_rho, (0.025, 0.975), axis=0)
        lead = draws_of_rho[:, :1] - draws_of_rho  # the cosine distance is the first of ERRORS
        lead_low, lead_high = np.nanquantile(lead, (0.025, 0.975), axis=0)
    rows = [
        [code, error, rho[i, j], low[i, j], high[i, j], rho[0, j] - rho[i, j], lead_low[i, j], lead_high[i, j]]
        for j, code in enumerate(languages)
        for i, error in enumerate(ERRORS)
    ]
    return pd.DataFrame(rows, columns=CORRELATION_COLUMNS[:-1]).assign(n=len(table))


def languages_of(table: pd.DataFrame) -> list[str]:
    """Return the columns of `points` that hold nats: `all`, then the languages."""
    return [c for c in table if c not in _NO_LANGUAGE]


def disagreements(table: pd.DataFrame, against: str = "rmse", language: str = ALL) -> tuple[int, float]:
    """Return (pairs of tables where cosine and another error disagree, share in which perplexity sides with cosine).

    `table` is as `points` returns it, `against` the other error. Only such pairs tell the two errors apart. The share
    is NaN where there is none.
    """
    cosine, other, nats = (merged(table[c]) for c in ("cosine", against, language))
    i, j = np.triu_indices(len(table), 1)
    by_cosine, by_other, by_nats = (np.sign(v[i] - v[j]) for v in (cosine, other, nats))
    disagree = by_cosine * by_other * np.abs(by_nats) < 0
    sides = by_cosine[disagree] == by_nats[disagree]
    return int(disagree.sum()), float(sides.mean()) if sides.size else float("nan")


def paired(table: pd.DataFrame, *, one: str = "direction", other: str = "svd") -> pd.DataFrame:
    """Compare two methods at equal rank.

    Parameters
    ----------
    table : DataFrame
        As `points` returns it.
    one, other : str
        The methods. Two of their tables are a pair if they share weights, vocabulary, way of counting and rank.

    Returns
    -------
    DataFrame
        `PAIRED_COLUMNS`, a row each for cosine, rmse and perplexity. wins: pairs in which `one` is lower (better). p:
        two-sided sign test without the ties. ratio: geometric mean of one ÷ other (perplexity: mean over languages).
        Empty without a pair.
    """
    from scipy.stats import binomtest  # takes a second to import

    rows = table.dropna(subset="rank")
    ones, others = (rows[(rows["method"] == m) & (rows["variant"] == "")] for m in (one, other))
    pairs = ones.merge(others, on=_PAIR, suffixes=("", "_other"))
    if pairs.empty:
        return pd.DataFrame(columns=PAIRED_COLUMNS)
    comparisons = []
    for measure, column in (("cosine", "cosine"), ("rmse", "rmse"), ("perplexity", ALL)):
        of_one, of_other = pairs[column].to_numpy(dtype=float), pairs[f"{column}_other"].to_numpy(dtype=float)
        one_level, other_level = np.split(merged(np.concatenate([of_one, of_other])), 2)
        wins, losses = int((one_level < other_level).sum()), int((one_level > other_level).sum())
        p = float(binomtest(wins, wins + losses).pvalue) if wins + losses else float("nan")
        logs = of_one - of_other if measure == "perplexity" else np.log(of_one) - np.log(of_other)
        comparisons.append([measure, wins, losses, len(pairs) - wins - losses, p, float(np.exp(logs.mean()))])
    return pd.DataFrame(comparisons, columns=PAIRED_COLUMNS)


def _resampled(table: pd.DataFrame, unit: str, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the places of drawn rows: as many tables as there are, or all tables of as many methods."""
    random = np.random.default_rng(seed)
    if unit == "table":
        for _ in range(draws):
            yield random.integers(0, len(table), len(table))
        return
    places = list(table.groupby("method").indices.values())
    for _ in range(draws):
        yield np.concatenate([places[i] for i in random.integers(0, len(places), len(places))])
