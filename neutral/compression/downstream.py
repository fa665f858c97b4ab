"""What fine-tuning came to: each table's scores on a task beside the full model's, over seeds.

A *setting* is a data set, a split, a metric, and how it was trained; within it a table is compared with the full model
that trains its whole table, under the same seeds and on the same held-out examples. The interval of the gain is that of
the paired bootstrap over these examples (`bootstrap.gain_interval`); what another seed changes is in `low` and `high`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neutral.bootstrap import gain_interval
from neutral.compression.results import name_of
from neutral.search.evaluations import FULL

SETTING = ["data", "task", "split", "metric", "steps", "batch_size", "rate", "warmup", "length", "stride"]
USUAL = {"task": "classification", "split": "validation", "batch_size": 32, "rate": 5e-5, "warmup": 0.05}
"""Fields that a row leaves out when they have these values."""

COLUMNS = [*SETTING, "setting", "table", "line", "method", "train", "value", "low", "high", "seeds", "examples"]
COLUMNS += ["numbers", "full", "gain", "gain_low", "gain_high", "p"]

TRAINS = {"table": "the whole table", "factors": "all its factors", "decoder": "its decoder", "none": "nothing of it"}
"""What trained of a token table -> its name for people."""

_BY = ("parameters", "bytes")


def scores(finetune: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of each fine-tuned table in each setting, averaged over seeds.

    Parameters
    ----------
    finetune : DataFrame
        `Study.table("finetune")`.

    Returns
    -------
    DataFrame
        `COLUMNS`, in the order of the study. value, low, high: mean, least and best over `seeds`. full: the full
        model's mean over the same seeds, NaN if it was not scored. gain: value less full; gain_low, gain_high and p: of
        the paired bootstrap over the examples, NaN where the study does not keep them.
    """
    if finetune.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = filled(finetune)
    results = []
    for key, within in rows.groupby(SETTING, sort=False, dropna=False):
        full = within[(within["table"] == FULL) & (within["train"] == "table")].set_index("seed")
        for (table, train), each in within.groupby(["table", "train"], sort=False):
            each = each.set_index("seed")
            same = [seed for seed in each.index if seed in full.index]
            results.append(
                {
                    **dict(zip(SETTING, key, strict=True)),
                    "setting": _setting(key),
                    "table": table,
                    "line": line_of(table),
                    "method": table.split("_")[0],
                    "train": train,
                    "value": each["value"].mean(),
                    "low": each["value"].min(),
                    "high": each["value"].max(),
                    "seeds": len(each),
                    "examples": int(each["examples"].iloc[0]),
                    "numbers": int(each["numbers"].iloc[0]),
                    "full": full["value"].reindex(same).mean() if same else np.nan,
                    **_gain(key[SETTING.index("metric")], each.loc[same], full.loc[same]),
                }
            )
    return pd.DataFrame(results, columns=COLUMNS)


def filled(finetune: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with every field of a setting, and what trained; what a row leaves out is as `USUAL` says."""
    rows = finetune.copy()
    for name in [*SETTING, "train", "parts"]:
        if name not in rows:
            rows[name] = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    for name, value in USUAL.items():
        rows[name] = rows[name].where(rows[name].notna(), value)
    trained = np.where(rows["numbers"] > 0, "factors", "none")  # older rows do not say: all that could
    trained = np.where(rows["table"] == FULL, "table", trained)
    rows["train"] = rows["train"].where(rows["train"].notna(), pd.Series(trained, index=rows.index))
    rows[["length", "stride"]] = rows[["length", "stride"]].astype(float)
    return rows


def line_of(table: str) -> str:
    """Return a table's name for people.

    >>> line_of("svd_parameters_10_uniform"), line_of("mixed_bytes_10_frequency"), line_of("full")
    ('svd 10 × by parameters', 'mixed, frequency 10 × by bytes', 'full')
    """
    parts = table.split("_")
    by = next((i for i, part in enumerate(parts) if part in _BY), None)
    if by is None or by + 2 >= len(parts):
        return table
    trimmed = parts[-1] == "trimmed"
    name = name_of(parts[0], " ".join(parts[1:by]), parts[by + 2], trimmed)
    return f"{name} {parts[by + 1]} × by {parts[by]}"


def pairs_of_ways(table: pd.DataFrame) -> pd.DataFrame:
    """Return line, train, value and `all` of each table that was trained in part and in all its factors.

    `table` has the rows of one setting, as `scores` returns them; `all` is the score where all factors train.
    """
    whole = table[table["train"] == "factors"].set_index("table")["value"]
    part = table[table["train"].isin(["decoder", "none"]) & table["table"].isin(whole.index)]
    return part.assign(all=[whole[name] for name in part["table"]])[["line", "train", "value", "all"]]


def _gain(metric: str, one: pd.DataFrame, full: pd.DataFrame) -> dict[str, float]:
    """Return the gain over the full model under the same seeds, with its interval and p where examples are kept."""
    gain = one["value"].mean() - full["value"].mean() if len(one) else np.nan
    kept = len(one) and one["parts"].notna().all() and full["parts"].notna().all()
    if not kept or one is full or one["parts"].equals(full["parts"]):
        return {"gain": gain, "gain_low": np.nan, "gain_high": np.nan, "p": np.nan}
    pairs = [
        tuple(np.array(parts, dtype=float).T for parts in pair)
        for pair in zip(one["parts"], full["parts"], strict=True)
    ]
    _, low, high, p = gain_interval(metric, pairs)
    return {"gain": gain, "gain_low": low, "gain_high": high, "p": p}


def _setting(key: tuple) -> str:
    """Return a setting's name for people."""
    data, _, split, _, steps, batch, rate, *_ = key
    where = "" if split in ("validation", None) else f", {split.removeprefix('validation_')}"
    return f"{data}{where} ({steps:,} steps of {batch:g}, rate {rate:g})"
