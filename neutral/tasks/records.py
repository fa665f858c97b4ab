"""Tables of labelled examples in files: CSV, TSV, JSON (lines, a list, or lists by column) and Parquet."""

from __future__ import annotations

import csv
import gzip
import json
import lzma
from pathlib import Path

import pandas as pd

from neutral.tasks import splits

_OPEN = {".gz": gzip.open, ".xz": lzma.open}


def read_json(path: Path) -> pd.DataFrame:
    """Return the records of a JSON file: one a line, a list of them, or lists by column.

    Raises `ValueError`, naming the line, for what is none of these.
    """
    with _OPEN.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
        text = file.read()
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        content = _lines(text)
    if isinstance(content, dict) and all(isinstance(column, list) for column in content.values()):
        return pd.DataFrame(content)
    records = content if isinstance(content, list) else [content]
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise ValueError(f"record {number} is no object with named fields")
    return pd.DataFrame(records, dtype=object)


def _lines(text: str) -> list[object]:
    """Return the records of JSON lines."""
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number} is no JSON: {error.msg}") from error
    return records


READERS: splits.Readers = {
    ".parquet": pd.read_parquet,
    ".csv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False),
    ".tsv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False, sep="\t", quoting=csv.QUOTE_NONE),
    ".jsonl": read_json,
    ".json": read_json,
}
"""End of a file's name -> its reader."""
