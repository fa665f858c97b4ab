"""A word's pieces, and what happens to each piece's nearest neighbours when the token table is compressed."""

from __future__ import annotations

import pandas as pd
import torch
from tokenizers import Tokenizer

from neutral.errors import NeutralError

COLUMNS = ["rank", "before", "before_cosine", "kept", "after", "after_cosine", "new"]


def split(backend: Tokenizer, word: str) -> list[int]:
    """Return the ids of a word's pieces, without special tokens; [] for white space."""
    return backend.encode(word.strip(), add_special_tokens=False).ids if word.strip() else []


def unit(matrix: torch.Tensor) -> torch.Tensor:
    """Return the rows of (V, d) at length 1; rows of zeros stay."""
    return torch.nn.functional.normalize(matrix.float(), dim=1)


def nearest(units: torch.Tensor, token: int, k: int) -> tuple[list[int], list[float]]:
    """Return the ids and cosines of the k rows nearest to a row, the nearest first and without the row itself.

    `units` (V, d) comes from `unit`. Raises `NeutralError` for an id outside the table.
    """
    if not 0 <= token < len(units):
        raise NeutralError(f"token ids must be in 0 … {len(units) - 1}; got {token}")
    cosines = units @ units[token]  # (V,)
    cosines[token] = -torch.inf
    top = cosines.topk(min(k, len(units) - 1))
    return top.indices.tolist(), top.values.tolist()


def compare(before: torch.Tensor, after: torch.Tensor, token: int, k: int = 10) -> pd.DataFrame:
    """Return a token's k nearest neighbours in the full and in the compressed table, side by side.

    Parameters
    ----------
    before, after : tensor (V, d)
        Unit rows of the full and of the compressed table, as `unit` returns them.
    token : int
        Id of the token.
    k : int
        How many neighbours.

    Returns
    -------
    DataFrame
        A row a rank, with `COLUMNS`: the ids before and after and their cosines; `kept`: the neighbour before is still
        one after; `new`: the neighbour after was none before.

    Raises
    ------
    NeutralError
        For an id outside the table.
    """
    ids_before, cosines_before = nearest(before, token, k)
    ids_after, cosines_after = nearest(after, token, k)
    ranked = zip(range(1, len(ids_before) + 1), ids_before, cosines_before, ids_after, cosines_after, strict=True)
    rows = [[rank, a, ca, a in ids_after, b, cb, b not in ids_before] for rank, a, ca, b, cb in ranked]
    return pd.DataFrame(rows, columns=COLUMNS)
