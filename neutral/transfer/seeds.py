"""The seed of the training under which a transfer matrix is looked at.

An own mask that iterative search found under seed s has met the examples of seed s in their order: trained on them once
more it is fitted to them, and other languages' masks are not. Under another seed all masks meet new examples, so
another seed is better if it has as many runs.
"""

from __future__ import annotations

import pandas as pd

from neutral.search import ITERATIVE
from neutral.transfer.sources import is_language


def cells(rows: pd.DataFrame) -> pd.Series:
    """Return seed -> number of runs of languages' masks; `rows` are those of `results.select`."""
    return rows[rows["source"].map(is_language)].groupby("seed").size()


def fitted(runs: pd.Series, mask_seed: int | None, method: str, seed: int | None = None) -> int | None:
    """Return the seed under which own masks are trained on the examples that they were found on; None without one.

    Methods that score the weights once find no mask by this training.

    Parameters
    ----------
    runs : Series
        That of `cells`.
    mask_seed : int or None
        The seed that the masks were found under; None if it is not known.
    method : str
        How the masks were found.
    seed : int or None
        The seed that is looked at; None for all.
    """
    if mask_seed is None or method not in ITERATIVE:
        return None
    return mask_seed if mask_seed in (runs.index if seed is None else [seed]) else None


def usual(runs: pd.Series, mask_seed: int | None, method: str) -> int | None:
    """Return the seed to look at first: None (all of them) if each has as many runs, else one that has most.

    A seed to whose examples own masks are `fitted` comes only when no other has as many runs.
    """
    largest = list(runs.index[runs == runs.max()])
    own = fitted(runs, mask_seed, method)
    if own not in largest and runs.nunique() <= 1:
        return None
    return int(next((seed for seed in largest if seed != own), largest[0]))


def alike(runs: pd.Series, seed: int | None, mask_seed: int | None, method: str) -> int | None:
    """Return `seed` if no other has more runs, else the `usual` one."""
    return seed if runs.get(seed) == runs.max() else usual(runs, mask_seed, method)


def preferred(chosen: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    """Return `across.cross_task` of the chosen seed; of every seed for target tasks that the chosen one lacks."""
    return pd.concat([chosen, every[~every["target_task"].isin(chosen["target_task"])]])
