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
    """Return the ids and cosines of the k rows nearest to a row, itself left out, the nearest first.

    `units` (V, d) comes from `unit`. Raises `NeutralError` for an id outside the table.
    """
    if not 0 <= token < len(units):
        raise NeutralError(f"token ids must be in 0 … {len(units) - 1}; got {token}")
    cosines = units @ units[token]  # (V,)
    cosines[token] = -torch.inf
    found = cosines.topk(min(k, len(units) - 1))
    return found.indices.tolist(), found.values.tolist()


def compare(before: torch.Tensor, after: torch.Tensor, token: int, k: int = 10) -> pd.DataFrame:
    """Return a token's k nearest neighbours in the full and in the compressed table, side by side: `COLUMNS`.

    `before` and `after` (V, d) come from `unit`. before and after are ids; `kept` says that a neighbour before is
    still one after, `new` that a neighbour after was none before.
    """
    old, old_cosines = nearest(before, token, k)
    now, now_cosines = nearest(after, token, k)
    rows = zip(range(1, len(old) + 1), old, old_cosines, now, now_cosines, strict=True)
    found = [[rank, a, ca, a in now, b, cb, b not in old] for rank, a, ca, b, cb in rows]
    return pd.DataFrame(found, columns=COLUMNS)
