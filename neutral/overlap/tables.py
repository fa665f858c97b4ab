"""Tidy tables of numbers of groups: a row for every group and pair, or every group and member."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from neutral.overlap.counts import Counts


def of_pairs(counts: Counts, by: str, values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return a table with a row for every group and counted pair; values are (groups, P)."""
    groups, (i, j) = counts.groups(by), counts.counted.T
    members = pd.array(list(counts.members), dtype="str")  # texts are taken from it many times as fast as made anew
    columns = {
        "group": pd.array(groups, dtype="str").take(np.repeat(np.arange(len(groups)), len(i))),
        "source": members.take(np.tile(i, len(groups))),
        "target": members.take(np.tile(j, len(groups))),
    }
    return pd.DataFrame({**columns, **{name: array.ravel() for name, array in values.items()}})


def of_each(groups: list[str], inner: tuple[str, Iterable], values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return a table with a row for every group and every item of `inner`; values are (groups, items)."""
    name, items = inner[0], list(inner[1])
    columns = {"group": [group for group in groups for _ in items], name: items * len(groups)}
    return pd.DataFrame({**columns, **{key: value.ravel() for key, value in values.items()}})
