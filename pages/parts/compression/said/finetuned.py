"""What a table costs after fine-tuning, in words."""

from __future__ import annotations

import pandas as pd

from neutral.compression.downstream import TRAINS, best_and_worst, pairs_of_ways
from neutral.metrics import metric
from neutral.study import FULL
from pages.parts import formats
from pages.parts.text import as_text

NO_TUNING = (
    "This study has no fine-tuning yet. Go on with it by the same `python -m neutral compress` command with "
    "`--finetune DATA`: GLUE's tasks, SQuAD v1.1, or any classification of texts."
)
TUNING = (
    "A dot is a mean over seeds, its bar goes from the least to the best of them; dotted: the full model. In the "
    "paper's way the decoder of the auto-encoder trains and nothing of any other compressed table. Intervals in the "
    "table resample the held-out examples, the same for both models."
)


def tuning(rows: pd.DataFrame) -> str:
    """Say what each compressed table costs in one setting, and what it matters which of its numbers train."""
    name = metric(rows["metric"].iloc[0]).label
    full = rows[rows["train"] == "table"]
    tables = rows[rows["line"] != FULL]
    seeds = formats.count(int(rows["seeds"].max()), "seed")
    if full.empty or tables.empty:
        listed = ", ".join(f"{as_text(row.line)} {row.value:.3f}" for row in rows.itertuples())
        return f"**{name}** after fine-tuning ({seeds}): {listed}."
    best, worst = best_and_worst(tables)
    sentence = f"**{name}: {full['value'].iloc[0]:.3f} with the full table, {_tuned(best)}"
    sentence += "**" if best.name == worst.name else f" and {_tuned(worst)}**"
    parts = [
        f"{as_text(row.line)} {row.value:.3f} with {TRAINS[row.train]} trained, {row.all:.3f} with all its factors"
        for row in pairs_of_ways(rows).itertuples()
    ]
    more = f" What trains: {'; '.join(parts)}." if parts else ""
    return f"{sentence} ({seeds}, {full['examples'].iloc[0]:,} examples).{more}"


def _tuned(row: pd.Series) -> str:
    """Write a table's score, with its distance from the full model's."""
    interval = ""
    if row["gain_low"] == row["gain_low"]:
        interval = f"; 95% interval {row['gain_low']:+.3f} to {row['gain_high']:+.3f}"
    return (
        f"{row['value']:.3f} with {as_text(row['line'])}, {TRAINS[row['train']]} trained ({row['gain']:+.3f}{interval})"
    )
