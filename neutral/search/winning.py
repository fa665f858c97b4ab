"""Winning tickets: the highest sparsity at which the retrained sub-network is as good as the full model.

Two rules, side by side. The paper's: the ticket's mean score is within one standard deviation, over the full model's
seeds, of the full model's mean, or better. And a paired bootstrap over the held-out examples: the ticket is not
significantly worse than the full model trained alike. The first needs several seeds; the second asks whether a loss can
be told from the choice of held-out text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral.bootstrap import gain_interval
from neutral.metrics import better
from neutral.study import FULL
from neutral.summary import Source
from neutral.ties import ROUNDING

COLUMNS = [
    *("language", "sparsity", "metric", "value", "std", "seeds", "full", "full_std", "full_seeds", "gain"),
    *("low", "high", "within_std", "not_worse"),
]


def runs(source: Source) -> pd.DataFrame:
    """Return the scores of full models, own masks and random masks, whichever command trained them.

    These are the scores of `find` (`Study.table("score")`), and those of `transfer` that `find` lacks and that were
    trained alike: for as many steps, with the same schedule, warm-up and head.
    """
    table, transfers = source.table("score"), source.table("transfer")
    if transfers.empty:
        return table
    own = (transfers["source"] == transfers["target"]) & (transfers["source_task"] == transfers["task"])
    full, random = transfers["method"] == FULL, transfers["source"] == "random"
    method = transfers["method"].mask(random & ~full, "random")
    transfers = transfers.assign(method=method, language=transfers["target"], variant="trained")[own | full | random]
    if not table.empty:  # else no training sets the number of steps
        steps = table[table["variant"] == "trained"].groupby("task")["steps"].agg(set)
        alike = {task: _are_trained_alike(source, task) for task in set(transfers["task"])}
        transfers = transfers[
            [row.steps in steps.get(row.task, ()) and alike[row.task] for row in transfers.itertuples()]
        ]
    every = pd.concat([table, transfers], ignore_index=True)
    return every.drop_duplicates(["task", "method", "language", "sparsity", "seed", "variant"])


def _are_trained_alike(source: Source, task: str) -> bool:
    """Whether a study's transfers train as the rounds of its search do; older studies and those that do not say, do."""
    search, transfer = (source.settings(task, name).get("recipe") for name in ("magnitude", f"transfer {task}"))
    if not search or not transfer:
        return True
    return all(search.get(part) == transfer.get(part) for part in ("schedule", "warmup", "head"))


def levels(
    table: pd.DataFrame,
    task: str,
    method: str = "magnitude",
    *,
    variant: str = "trained",
    languages: Sequence[str] = (),
) -> pd.DataFrame:
    """Return every ticket beside the full model trained alike, a row a language and sparsity.

    Parameters
    ----------
    table : DataFrame
        That of `runs`.
    task, method, variant : str
        Which tickets: their task, how they were found, and whether they were trained before they were scored.
    languages : sequence of str
        The languages to keep; all if empty.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; scores and differences are in the metric's unit.

        - value, std, seeds; full, full_std, full_seeds: mean and standard deviation over seeds, and how many seeds, of
          the ticket and of the full model.
        - gain: how much better than the full model the ticket is, in the mean of all seeds of both.
        - low, high: the 95 % interval of the gain under the seeds that both have, by paired bootstrap; NaN when the
          examples' parts were not stored.
        - within_std, not_worse: the two rules, NA when they cannot be applied.
    """
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = table[(table["task"] == task) & (table["variant"].fillna("") == variant)]
    if languages:
        rows = rows[rows["language"].isin(languages)]
    tickets = []
    for language, runs in rows.groupby("language", sort=False):
        full = runs[runs["method"] == FULL].set_index("seed")
        masked = runs[runs["method"] == method]
        if full.empty or masked.empty:
            continue
        mean, std = full["value"].mean(), full["value"].std()
        for sparsity, ticket in masked.groupby("sparsity"):
            ticket = ticket.set_index("seed")
            name, value = ticket["metric"].iloc[0], ticket["value"].mean()
            gain = better(name, value, mean)
            low, high = _interval(name, ticket, full)
            tickets.append(
                {
                    "language": language,
                    "sparsity": sparsity,
                    "metric": name,
                    "value": value,
                    "std": ticket["value"].std(),
                    "seeds": len(ticket),
                    "full": mean,
                    "full_std": std,
                    "full_seeds": len(full),
                    "gain": gain,
                    "low": low,
                    "high": high,
                    "within_std": pd.NA if np.isnan(std) else bool(gain >= -std - ROUNDING * abs(mean)),
                    "not_worse": pd.NA if np.isnan(high) else bool(high >= 0),
                }
            )
    return pd.DataFrame(tickets, columns=COLUMNS).astype({"within_std": "boolean", "not_worse": "boolean"})


def winners(levels: pd.DataFrame) -> pd.DataFrame:
    """Return the winning ticket of each language by both rules: language, rule, sparsity, value, full, metric.

    rule is within_std or not_worse; sparsity is the highest at which the rule holds, NaN if it holds at none. A rule
    that could not be applied to a language has no row.
    """
    rows = []
    for language, tickets in levels.groupby("language", sort=False):
        for rule in ("within_std", "not_worse"):
            judged = tickets[tickets[rule].notna()]
            if judged.empty:
                continue
            won = judged[judged[rule].astype(bool)].sort_values("sparsity")
            best = won.iloc[-1] if len(won) else None
            rows.append(
                {
                    "language": language,
                    "rule": rule,
                    "sparsity": np.nan if best is None else best["sparsity"],
                    "value": np.nan if best is None else best["value"],
                    "full": judged["full"].iloc[0],
                    "metric": judged["metric"].iloc[0],
                }
            )
    return pd.DataFrame(rows, columns=["language", "rule", "sparsity", "value", "full", "metric"])


def _interval(name: str, ticket: pd.DataFrame, full: pd.DataFrame) -> tuple[float, float]:
    """Return the 95 % interval of the ticket's gain under the seeds that both have."""
    if "parts" not in ticket:
        return np.nan, np.nan
    pairs = [
        (np.array(ticket.at[s, "parts"], dtype=float).T, np.array(full.at[s, "parts"], dtype=float).T)
        for s in ticket.index
        if s in full.index and isinstance(ticket.at[s, "parts"], list) and isinstance(full.at[s, "parts"], list)
    ]
    pairs = [(one, other) for one, other in pairs if len(one) == len(other)]  # else of other texts
    if not pairs:
        return np.nan, np.nan
    _, low, high, _ = gain_interval(name, pairs)
    return low, high


def randoms(table: pd.DataFrame, task: str, language: str, *, variant: str = "trained") -> pd.DataFrame:
    """Return the scores of random masks: sparsity, value (the mean over seeds).

    `table` is that of `runs`; `variant` says whether the masks were trained, as the tickets were.
    """
    if table.empty:
        return pd.DataFrame(columns=["sparsity", "value"])
    rows = table[(table["task"] == task) & (table["method"] == "random")]
    rows = rows[(rows["language"] == language) & (rows["variant"] == variant)]
    return rows.groupby("sparsity")["value"].mean().reset_index()


def by_rule(winners: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return rule -> language -> sparsity of its winning ticket, NaN for none; the table is that of `winners`."""
    return {
        rule: dict(zip(rows["language"], rows["sparsity"], strict=True))
        for rule, rows in winners.groupby("rule", sort=False)
    }
