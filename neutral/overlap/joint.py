"""The Jaccard of n masks at once: kept by all / kept by any, in total or by group, beside its chance level.

Foroutan et al. (EMNLP 2022) call it the overlap of a list of masks. For two masks it is the Jaccard of the pair.
Chance is that of independent masks with the same densities: in a tensor of N weights with densities p_1 … p_n all of
them keep N·Πp_i, and any of them N·(1 - Π(1 - p_i)); both are added up over the tensors of a group.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neutral.errors import NeutralError
from neutral.overlap.counts import Counts

COLUMNS = ["group", "masks", "kept_by_all", "kept_by_any", "value", "chance", "excess", "agreement"]


def is_told(counts: Counts) -> bool:
    """Whether counts tell what all of their masks keep: of one or two masks always, of more if `exactly` was counted.

    After `Counts.select` it is known of all members and of pairs; any other choice needs the masks themselves.
    """
    return counts.exactly is not None or len(counts.members) < 3


def joint(counts: Counts, by: str = "all") -> pd.DataFrame:
    """Return the Jaccard of all n masks at once: columns `COLUMNS`, a row a group.

    - masks: n.
    - kept_by_all, kept_by_any: numbers of weights.
    - value: their ratio; NaN where no mask keeps anything.
    - chance: the ratio expected of independent masks of the same densities; excess: value - chance.
    - agreement: the share of weights that all masks keep or none does.

    Raises `NeutralError` for an unknown grouping, and for counts that do not tell (`is_told`).

    >>> from neutral import overlap
    >>> from neutral.masks import Mask
    >>> rows = {"en": [1, 1, 1, 0], "fr": [1, 1, 0, 0], "sw": [1, 0, 1, 0]}
    >>> counts = overlap.count([Mask.from_tensors({"w": row}, language=code) for code, row in rows.items()])
    >>> round(joint(counts)["value"].item(), 4)
    0.3333
    """
    if not is_told(counts):
        raise NeutralError(
            f"only counts are stored here, and they do not tell what {', '.join(counts.members)} keep together: count "
            "their masks (`python -m neutral overlap --joint FILE FILE …`), or take all members or two"
        )
    every, some = _kept(counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.nan_to_num(counts.kept / counts.sizes[:, None])  # (T, n)
        chance = counts.sizes * density.prod(axis=1), counts.sizes * (1 - (1 - density).prod(axis=1))
        sums = [counts.summed(array, by) for array in (every, some, *chance)]  # (groups,) each
        value, expected = sums[0] / sums[1], sums[2] / sums[3]
        agreement = 1 - (sums[1] - sums[0]) / counts.summed(counts.sizes, by)
    columns = (counts.groups(by), len(counts.members), sums[0], sums[1], value, expected, value - expected, agreement)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _kept(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Return how many weights of each tensor all masks keep, and how many any keeps: (T,) int64 each."""
    if counts.exactly is not None:
        return counts.exactly[:, -1], counts.exactly[:, 1:].sum(axis=1)
    every = counts.both[:, 0, -1]  # of one mask, its own; of two, the pair's
    return every, (counts.kept.sum(axis=1) - every if len(counts.members) == 2 else every)
