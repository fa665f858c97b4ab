"""Distances by a model's tokenizer and text: the vocabulary that two languages share, and how much text there is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from neutral.errors import MismatchError, NeutralError

KINDS = ("types", "occurrences", "size", "scarcity")


def token_distances(counts: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return distances from token counts, language -> (V,): columns distance, source, target, value.

    With T the set of tokens that a language's text uses, p their shares of the text, and n its number of tokens:
    types        1 - |T_i ∩ T_j| / |T_i ∪ T_j|
    occurrences  1 - Σ_v min(p_i(v), p_j(v)): each occurrence of a token in one text is matched to one in the other, so
                 a token that a text has by accident (a name, a quotation) counts once, and a common one as often as
                 both texts have it; for types both count the same
    size         |log10(n_i / n_j)|
    scarcity     -log10 min(n_i, n_j): the less text one of the two has, the "further" they are

    The caller leaves out special tokens. Raises `NeutralError` for a language without tokens,
    `MismatchError` for counts over different vocabularies.
    """
    vectors = {code: np.asarray(vector) for code, vector in counts.items()}
    if len({vector.shape for vector in vectors.values()}) > 1:
        raise MismatchError("token counts over vocabularies of different sizes cannot be compared")
    if empty := [code for code, vector in vectors.items() if vector.sum() <= 0]:
        raise NeutralError(f"the text of {', '.join(empty)} holds no token that this model knows")
    table = np.stack(list(vectors.values()))  # (L, V)
    table = table[:, table.any(axis=0)]  # of a large vocabulary most tokens are in no text
    sizes = table.sum(axis=1)
    shares, has = table / sizes[:, None], (table > 0).astype(np.float64)
    shared, own = has @ has.T, has.sum(axis=1)
    rows = []
    for (i, a), (j, b) in combinations(enumerate(vectors), 2):
        values = (
            1 - shared[i, j] / (own[i] + own[j] - shared[i, j]),
            1 - np.minimum(shares[i], shares[j]).sum(),
            abs(np.log10(sizes[i] / sizes[j])),
            -np.log10(min(sizes[i], sizes[j])),
        )
        rows += [(kind, a, b, float(value)) for kind, value in zip(KINDS, values, strict=True)]
    found = pd.DataFrame(rows, columns=["distance", "source", "target", "value"])
    return found.sort_values("distance", key=lambda c: c.map(KINDS.index), kind="stable", ignore_index=True)
