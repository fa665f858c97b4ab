"""Under which seed of the training a transfer matrix is looked at.

An own mask that iterative search found under seed s has met the examples of seed s in their order: trained on them once
more it is fitted to them, and others' masks are not. Under another seed all masks meet new examples, so another seed is
better if it has as many runs.
"""

from __future__ import annotations

import pandas as pd

from neutral.search import ITERATIVE
from neutral.transfer.sources import is_language


def cells(rows: pd.DataFrame) -> pd.Series:
    """Return seed -> how many runs of languages' masks there are; `rows` are those of `results.select`."""
    return rows[rows["source"].map(is_language)].groupby("seed").size()


def fitted(runs: pd.Series, mask_seed: int | None, method: str, seed: int | None = None) -> int | None:
    """Return the seed under which own masks are trained on the examples that they were found on; None for none such.

    `runs` is that of `cells`, `mask_seed` the seed that the masks were found under (None: not known) and `seed` the one
    that is looked at (None: all). Methods that score the weights once find no mask by this training.
    """
    if mask_seed is None or method not in ITERATIVE:
        return None
    return mask_seed if mask_seed in (runs.index if seed is None else [seed]) else None


def usual(runs: pd.Series, mask_seed: int | None, method: str) -> int | None:
    """Return the seed to look at first: None (all of them) if each has as many runs, else one that has most.

    Where own masks are `fitted` to the examples of one of these, it is another of them.
    """
    most = list(runs.index[runs == runs.max()])
    own = fitted(runs, mask_seed, method)
    if own not in most and runs.nunique() <= 1:
        return None
    return int(next((seed for seed in most if seed != own), most[0]))


def alike(runs: pd.Series, seed: int | None, mask_seed: int | None, method: str) -> int | None:
    """Return the same seed if there are as many runs under it as under any, else the `usual` one."""
    return seed if runs.get(seed) == runs.max() else usual(runs, mask_seed, method)


def preferred(chosen: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    """Return `across.cross_task` of the chosen seed's runs, and of every seed's for target tasks that it has not."""
    return pd.concat([chosen, every[~every["target_task"].isin(chosen["target_task"])]])
