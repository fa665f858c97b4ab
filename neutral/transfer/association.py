"""Does the overlap of two languages' masks go with how well one serves the other?"""

from __future__ import annotations

import pandas as pd

from neutral import association, typology
from neutral.association import schemes


def with_overlap(matrix: pd.DataFrame, overlap: pd.DataFrame) -> pd.DataFrame:
    """Test whether overlap goes with transfer: the columns of `association.associations` and scheme, a row a scheme.

    `matrix` is that of `results.against_own`, `overlap` has group, source, target, value. The "distance" of a pair is
    its cost, as a mean of both directions.
    """
    if overlap.empty:
        return pd.DataFrame()
    codes = set(filter(typology.is_code, {*overlap["source"], *overlap["target"]}))
    overlap = overlap[overlap["source"].isin(codes) & overlap["target"].isin(codes)]
    others = matrix[matrix["source"] != matrix["target"]]
    cost = others[others["source"].isin(codes) & others["target"].isin(codes)]
    cost = cost.assign(distance="transfer", value=cost["cost"])[["distance", "source", "target", "value"]]
    families = typology.families(sorted(codes))
    tests = schemes.both(association.associations, overlap, cost, families=families)
    return pd.concat([table.assign(scheme=scheme) for scheme, table in tests.items()], ignore_index=True)
