"""What the names of a study's files say: task, method, sparsity, seed, and whose masks or which kind of counts."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

_COUNTS = re.compile(
    r"^(?P<task>[^_]+)_(?P<method>[^_]+)_(?P<sparsity>\d\.\d+)_s(?P<seed>\d+)_(?P<kind>[a-z]+)\.safetensors$"
)
_MASKS = re.compile(
    r"^(?P<task>[^_]+)_(?P<method>[^_]+)_(?P<sparsity>\d\.\d+)_s(?P<seed>\d+)_(?P<language>.+?)"
    r"(?:_(?P<variant>[ab]))?\.safetensors$"  # the rest is the label's own: srp_Cyrl, ko_KR
)
_SAME = 1e-6  # sparsities that differ by less are one
_COUNTS_COLUMNS = ["task", "method", "sparsity", "seed", "kind", "path"]
_MASKS_COLUMNS = ["task", "method", "sparsity", "seed", "language", "variant", "path"]


def counts(folder: Path) -> pd.DataFrame:
    """Return a study's counts: task, method, sparsity, seed, kind, path."""
    return _index(folder / "counts", _COUNTS, _COUNTS_COLUMNS)


def masks(folder: Path) -> pd.DataFrame:
    """Return a study's masks: task, method, sparsity, seed, language, variant, path."""
    return _index(folder / "masks", _MASKS, _MASKS_COLUMNS)


def at_sparsity(column: pd.Series, sparsity: float) -> pd.Series:
    """Return a boolean column: which sparsities are this one, but for the rounding of computed decimals."""
    return (column.astype(float) - sparsity).abs() < _SAME


def same_sparsity(one: float, other: float) -> bool:
    """Whether two sparsities are one, but for rounding: `at_sparsity` for single values."""
    return abs(one - other) < _SAME


def _index(folder: Path, pattern: re.Pattern[str], columns: list[str]) -> pd.DataFrame:
    rows = []
    for path in sorted(folder.glob("*.safetensors")):
        match = pattern.match(path.name)
        if match:
            fields = {key: value or "" for key, value in match.groupdict().items()}
            rows.append(fields | {"sparsity": float(match["sparsity"]), "seed": int(match["seed"]), "path": path})
    return pd.DataFrame(rows, columns=columns)
