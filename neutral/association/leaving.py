"""Does an association hang on one family, or on one script? The test again, with each left out in turn."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import pandas as pd

from neutral.association import LEAST

WHOLE = ""
"""In the column `without`: nobody is left out."""


def without(
    test: Callable[..., pd.DataFrame],
    similarity: pd.DataFrame,
    distances: pd.DataFrame,
    blocks: Mapping[str, Hashable],
    **options: object,
) -> pd.DataFrame:
    """Return a test of all languages, and of all but each block's: the columns of the test, and `without` first.

    Parameters
    ----------
    test : callable
        `associations`, `regression` or the like: test(similarity, distances, **options).
    similarity, distances : DataFrame
        As in `associations`.
    blocks : language -> block
        A family or a script, say. Languages that it lacks are always there.
    **options
        Of the test.

    Returns
    -------
    DataFrame
        Column `without` is the block's name, `WHOLE` for none. Blocks come as their first languages do; one without
        which fewer than `LEAST` languages are left is not there.
    """
    every = list(dict.fromkeys(similarity[["source", "target"]].to_numpy().ravel()))
    tables = [test(similarity, distances, **options).assign(without=WHOLE)]
    for block in dict.fromkeys(blocks[code] for code in every if code in blocks):
        kept = {code for code in every if blocks.get(code) != block}
        if len(kept) >= LEAST:
            rest = similarity[similarity["source"].isin(kept) & similarity["target"].isin(kept)]
            tables.append(test(rest, distances, **options).assign(without=str(block)))
    table = pd.concat(tables, ignore_index=True)
    return table[["without", *(column for column in table if column != "without")]]
