"""What tables cost on the way to them: by epoch of the auto-encoder, by iterations of svd, by rounds of `direction`.

Training text decides which of the tables that a fit tries is kept, and held-out text is reported. The scripts of Bałazy
et al. (2021) use the reported text for both, so their perplexity is the least of all steps: `choices` lays that beside
the honest choice.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neutral.compression.results import ALL, KEYS, factor, keyed, name_of
from neutral.search.evaluations import FULL

STEP = [*KEYS, "line", "seed", "unit"]
CURVE_COLUMNS = [*STEP, "step", "chosen", "training", "held_out", "cosine", "rmse", "mae", "power", "norm_ratio"]
CHOICE_COLUMNS = [*STEP, "step", "held_out", "least_step", "least", "gain"]


def curves(table: pd.DataFrame, language: str = ALL) -> pd.DataFrame:
    """Return a row a step of every fit: perplexity over the full model's, and errors.

    Parameters
    ----------
    table : DataFrame
        `Study.table("step")`.
    language : str
        Whose held-out text; `all` is the geometric mean over languages.

    Returns
    -------
    DataFrame
        `CURVE_COLUMNS`. training, held_out: the table's perplexity as a multiple of the full model's, on the little
        training text that chooses a step and on held-out text. chosen: whether the step's table was kept.
    """
    if table.empty or not (table["method"] == FULL).any():
        return pd.DataFrame(columns=CURVE_COLUMNS)
    full = table[table["method"] == FULL].iloc[0]
    rows = keyed(table[table["method"] != FULL])
    nats = [
        np.mean([losses[code] - full["losses"][code] for code in losses if language in (ALL, code)])
        for losses in rows["losses"]
    ]
    keys = zip(rows["method"], rows["variant"], rows["weights"], rows["trimmed"], strict=True)
    rows = rows.assign(
        held_out=factor(pd.Series(nats, index=rows.index, dtype=float)),
        training=factor(rows["training"] - full["training"]),
        line=[name_of(*key) for key in keys],
        step=rows["step"].astype(int),
        chosen=rows["chosen"].astype(bool),
    )
    return rows.reset_index(drop=True)[CURVE_COLUMNS]


def choices(table: pd.DataFrame) -> pd.DataFrame:
    """Return, a row a fit, the step that training text chose beside the one of least held-out perplexity.

    `table` is as `curves` returns it. The rows have `CHOICE_COLUMNS`. step, held_out: the chosen step and its factor.
    least_step, least: those of the step that the paper's scripts would report, the first of equals. gain: 1 - least /
    held_out, how much lower a perplexity is reported that way.
    """
    chosen = table[table["chosen"]][[*STEP, "step", "held_out"]]
    order = table.sort_values("held_out", kind="stable").drop_duplicates([*KEYS, "seed"])
    least = order[[*KEYS, "seed", "step", "held_out"]].rename(columns={"step": "least_step", "held_out": "least"})
    both = chosen.merge(least, on=[*KEYS, "seed"])
    return both.assign(gain=1 - both["least"] / both["held_out"])[CHOICE_COLUMNS]
