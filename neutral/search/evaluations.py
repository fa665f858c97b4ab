"""What a study measured on text, as tidy tables: scores by sparsity, and the functional check.

Perplexities of different languages are not comparable, so they are shown as ratios: over the full model's in the
same language (scores), or over the one under the target language's own mask (functional check). Means of
perplexities and of ratios are geometric. What compares over languages is bits per character or byte of text that says
the same in all of them (`bits`): they do not depend on how many tokens a language's text is cut into.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral.metrics import costs
from neutral.study import FULL, PRETRAINED, at_sparsity

SCORE_COLUMNS = ["method", "variant", "language", "sparsity", "metric", "value", "full", "ratio"]
CURVE_COLUMNS = ["method", "variant", "sparsity", "value", "low", "high", "n"]
BITS_COLUMNS = ["method", "variant", "language", "sparsity", "value"]
FUNCTIONAL_COLUMNS = ["source", "target", "value", "ratio", "cost"]


def scores(table: pd.DataFrame, task: str, languages: Sequence[str] = ()) -> pd.DataFrame:
    """Return each mask's score beside the full model's in its language, averaged over seeds.

    Parameters
    ----------
    table : DataFrame
        `Study.table("score")`.
    task : str
        The task of the scores.
    languages : sequence of str
        The languages to keep; all if empty.

    Returns
    -------
    DataFrame
        Columns `SCORE_COLUMNS`; value and full are in the metric's unit.

        - variant: whether the masked model was trained before it was scored.
        - full: the score of the full model under the same variant and the same seeds (under all of its seeds where it
          lacks a mask's), NaN when it was not scored.
        - ratio: value / full; for perplexity a ratio above 1 is worse than the full model.
    """
    if table.empty:
        return pd.DataFrame(columns=SCORE_COLUMNS)
    table = table[table["task"] == task]
    if languages:
        table = table[table["language"].isin(languages)]
    variant = table["variant"] if "variant" in table else pd.Series("", index=table.index)
    table = table.assign(variant=variant.fillna("").astype(str))
    shared = ["language", "metric", "variant"]
    full = table[table["method"] == FULL]
    masks = table[table["method"] != FULL].merge(_full(full, [*shared, "seed"]), on=[*shared, "seed"], how="left")
    masks = masks.merge(_full(full, shared), on=shared, how="left", suffixes=("", "_of_all"))
    by = ["method", *shared, "sparsity"]
    beside = masks.assign(value=masks["full"].fillna(masks["full_of_all"])).dropna(subset="value")
    joined = _mean(masks, by).merge(_full(beside, by), on=by, how="left")
    joined["ratio"] = joined["value"] / joined["full"]
    return joined[SCORE_COLUMNS]


def bits(table: pd.DataFrame, task: str, languages: Sequence[str] = (), per: str = "characters") -> pd.DataFrame:
    """Return the bits that a model spends on a character, or byte, of each language's held-out text.

    Parameters
    ----------
    table : DataFrame
        `Study.table("score")`; rows that do not say how much text was scored (masked models', older ones) are left out.
    task : str
        The task of the scores.
    languages : sequence of str
        The languages to keep; all if empty.
    per : str
        characters | bytes.

    Returns
    -------
    DataFrame
        Columns `BITS_COLUMNS`: value is the mean over seeds of loss · tokens / (ln 2 · characters), under each mask.
        The full model has method "full" and sparsity 0.
    """
    if table.empty or per not in table:
        return pd.DataFrame(columns=BITS_COLUMNS)
    known = table[(table["task"] == task) & (table["metric"] == "perplexity") & (table[per] > 0)]
    if languages:
        known = known[known["language"].isin(languages)]
    spent = known["loss"] * known["tokens"] / (np.log(2) * known[per])
    by = BITS_COLUMNS[:-1]
    return spent.groupby([known[column] for column in by], sort=False).mean().rename("value").reset_index()


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean ratio of `scores` over languages at each sparsity: columns `CURVE_COLUMNS`.

    `low` and `high` are the ratios of the lowest and the highest language, n the number of languages.
    """
    table = table.dropna(subset="ratio")
    if table.empty:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    grouped = table.assign(log=np.log(table["ratio"])).groupby(["method", "variant", "sparsity"])["log"]
    means = grouped.agg(value="mean", low="min", high="max", n="count").reset_index()
    means[["value", "low", "high"]] = np.exp(means[["value", "low", "high"]])
    return means


def at(table: pd.DataFrame, method: str, sparsity: float, language: str) -> pd.DataFrame:
    """Return the rows of `scores` of one mask, a row a variant."""
    same = at_sparsity(table["sparsity"], sparsity)
    return table[(table["method"] == method) & same & (table["language"] == language)]


def functional(
    table: pd.DataFrame, task: str, method: str, sparsity: float, languages: Sequence[str] = ()
) -> pd.DataFrame:
    """Return how well each language is modelled under each language's mask, without training.

    Columns `FUNCTIONAL_COLUMNS`: the score, its ratio to the score under the target's own mask (1 when source and
    target are one), and the cost: by how much it is worse, as a share of that score (above 0 is worse). Empty without a
    functional check of this task, method and sparsity.

    `table` is `Study.table("functional")`. Sources may be no language: full, pretrained, random. `languages` names the
    targets, and the languages among the sources, to keep; all if empty.
    """
    if table.empty:
        return pd.DataFrame(columns=FUNCTIONAL_COLUMNS)
    same = at_sparsity(table["sparsity"], sparsity)
    table = table[(table["task"] == task) & (table["method"] == method) & same]
    targets = set(table["target"])
    if languages:
        control = ~table["source"].isin(targets)
        table = table[table["target"].isin(languages) & (table["source"].isin(languages) | control)]
    if table.empty:
        return pd.DataFrame(columns=FUNCTIONAL_COLUMNS)
    means = _mean(table, ["source", "target"])
    own = means[means["source"] == means["target"]].set_index("target")["value"]
    means["ratio"] = means["value"] / means["target"].map(own)
    means["cost"] = costs(table["metric"].iloc[0], means["ratio"] - 1)
    return means[FUNCTIONAL_COLUMNS]


def crossed(table: pd.DataFrame) -> bool:
    """Whether a table of `functional` has a language scored under another one's mask."""
    return bool(((table["source"] != table["target"]) & ~table["source"].isin((FULL, PRETRAINED, "random"))).any())


def checked(table: pd.DataFrame, task: str, method: str) -> list[float]:
    """Return the sparsities at which a method's masks had the functional check."""
    if table.empty:
        return []
    return sorted(set(table[(table["task"] == task) & (table["method"] == method)]["sparsity"]))


def _full(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return _mean(table, by).rename(columns={"value": "full"})


def _mean(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the mean of `value` in groups: geometric if all values are positive (perplexity), else arithmetic."""
    if table.empty:
        return pd.DataFrame(columns=[*by, "value"])
    values = table["value"].astype(float)
    keys = [table[key] for key in by]
    if (values > 0).all():
        means = np.exp(np.log(values).groupby(keys, sort=False).mean())
    else:
        means = values.groupby(keys, sort=False).mean()
    return means.rename("value").reset_index()
