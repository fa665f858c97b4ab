"""The compressed tables that a study keeps (`compress --keep`): found, sized, measured. Nothing is fitted again."""

from __future__ import annotations

from pathlib import Path

from neutral.compression import live
from neutral.compression.live import TokenTable
from neutral.errors import FileError
from neutral.study.own import require_own

FOLDER = "tables"
LARGEST = 2**28
"""Bytes of a file that is read to be looked at: a table of 50 million numbers in float32 has fewer."""


def paths(study: str | Path) -> dict[str, Path]:
    """Return name -> file of the tables in a study's folder. Raises `FileError` for a link to outside of it."""
    files = sorted((Path(study) / FOLDER).glob("*.safetensors"))
    for file in files:
        require_own(Path(study), file)
    return {file.stem: file for file in files}


def measure(path: str | Path, source: TokenTable | None = None) -> dict[str, float]:
    """Return a saved table's sizes, and its errors where `source` is as large as the table that it was made of.

    Sizes and errors are those of `live.measure`; a table of a trimmed vocabulary has sizes alone. Raises `FileError`
    for a file that holds no table, and for one that is too large.
    """
    from neutral import compression

    path = Path(path)
    if path.stat().st_size > LARGEST:
        raise FileError(path, f"is larger than {LARGEST >> 20} MiB: too large to be looked at here")
    table = compression.load(path)
    is_of_it = source is not None and tuple(source.matrix.shape) == table.shape
    return live.measure(source, table) if is_of_it else live.sizes(table)
