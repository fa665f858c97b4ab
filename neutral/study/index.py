"""What the names of a study's files say: task, method, sparsity, seed, and whose masks or which kind of counts."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd

from neutral.errors import FileError, is_one_line, reading
from neutral.study.own import require_inside

_COUNTS = re.compile(
    r"^(?P<task>[^_]+)_(?P<method>[^_]+)_(?P<sparsity>\d\.\d+)_s(?P<seed>\d+)_(?P<kind>[a-z]+)\.safetensors$"
)
_MASKS = re.compile(
    r"^(?P<task>[^_]+)_(?P<method>[^_]+)_(?P<sparsity>\d\.\d+)_s(?P<seed>\d+)_(?P<language>.+?)"
    r"(?:_(?P<variant>[ab]))?\.safetensors$"  # the rest is the label's own: srp_Cyrl, ko_KR
)
_LARGEST_SEED = 2**32 - 1
_SAME = 1e-6  # sparsities that differ by less are one
_COUNTS_COLUMNS = ["task", "method", "sparsity", "seed", "kind", "path"]
_MASKS_COLUMNS = ["task", "method", "sparsity", "seed", "language", "variant", "path"]


def mask_stem(task: str, method: str, sparsity: float, seed: int, language: str, variant: str = "") -> str:
    """Return the name of a mask's file, without its ending.

    >>> mask_stem("mlm", "wanda", 0.5, 0, "sr_Cyrl", "a")
    'mlm_wanda_0.50_s0_sr_Cyrl_a'
    """
    tail = f"_{variant}" if variant else ""
    return f"{task}_{method}_{sparsity:.2f}_s{seed}_{language}{tail}"


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


def check_names(folder: Path) -> None:
    """Raise `FileError` if a name of counts or masks says what cannot be, or if they lie outside of the study."""
    for name, pattern in (("counts", _COUNTS), ("masks", _MASKS)):
        if not os.path.lexists(folder / name):
            continue
        require_inside(folder, folder / name)
        with reading(folder / name, "a folder of a study"):
            for file in os.listdir(folder / name):
                _fields(folder / name / file, pattern)


def _fields(path: Path, pattern: re.Pattern[str]) -> dict | None:
    """Return what a file's name says, or None for a file of another name. Raises `FileError` for what cannot be."""
    match = pattern.match(path.name)
    if match is None:
        return None
    fields = {key: value or "" for key, value in match.groupdict().items()}
    fields |= {"sparsity": float(match["sparsity"]), "seed": int(match["seed"])}
    if not is_one_line(path.name):
        raise FileError(path, "has a name of more than one line, or with control characters")
    if fields["sparsity"] > 1:
        raise FileError(path, f"its name says a sparsity of {match['sparsity']}; one from 0 to 1 belongs there")
    if fields["seed"] > _LARGEST_SEED:
        raise FileError(path, f"its name says seed {match['seed']}; one of at most {_LARGEST_SEED} belongs there")
    return fields


def _index(folder: Path, pattern: re.Pattern[str], columns: list[str]) -> pd.DataFrame:
    named = ((path, _fields(path, pattern)) for path in sorted(folder.glob("*.safetensors")))
    return pd.DataFrame([fields | {"path": path} for path, fields in named if fields is not None], columns=columns)
