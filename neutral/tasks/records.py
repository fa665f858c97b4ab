"""Tables of labelled examples in files: CSV, TSV, JSON (lines, a list, or lists by column) and Parquet.

A reader returns the rows; their attributes say how many lines were passed over, by reason, and what was assumed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from neutral.corpora import textfiles
from neutral.corpora.readings import MOST_BAD, added

LEFT_OUT = "left_out"
"""Attribute of rows: reason -> how many lines or rows were passed over."""

NOTES = "notes"
"""Attribute of rows: what was assumed in reading them."""

WORDS = ("tokens", "words")
"""The columns that may hold the words of a sentence, as lists."""

_LONGEST = 1 << 27  # letters in a cell of a CSV file


def read_json(path: Path) -> pd.DataFrame:
    """Return the records of a JSON file: one a line, a list of them, or lists by column.

    Raises `ValueError`, naming the line, for what is none of these.
    """
    text, bad = textfiles.read(path), 0
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        content, bad = _json_lines(textfiles.lines(path))
    if "\\ud" in text or "\\uD" in text:
        _require_characters(content)
    is_columns = isinstance(content, dict) and ".jsonl" not in path.suffixes  # one record may have lists only, too
    if is_columns and all(isinstance(column, list) for column in content.values()) and not _is_sentence(content):
        return pd.DataFrame(content)
    records = content if isinstance(content, list) else [content]
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise ValueError(f"record {number} is no object with named fields")
    return _told(pd.DataFrame(records, dtype=object), {"no JSON": bad})


def read_tsv(path: Path) -> pd.DataFrame:
    """Return the rows of a file of columns with tabs between, all text; quotes are letters like others, which is noted.

    Cells that a line lacks at its end are empty. Raises `ValueError` if more than `MOST_BAD` of the lines have too
    many.
    """
    rows = _table(line.split("\t") for line in textfiles.lines(path) if line.strip())
    if quoted := [column for column in rows if _is_quoted(rows[column])]:
        rows.attrs[NOTES] = [f"cells of {', '.join(quoted)} are in quotes, which stay: with tabs they are letters"]
    return rows


def read_csv(path: Path) -> pd.DataFrame:
    """Return the rows of a CSV file, all text; its first line tells commas from semicolons and tabs.

    Raises `ValueError`, naming the line, for a quote that is not closed or has text behind it, as rows would run into
    each other; between tabs such a quote is a letter. Raises the errors of `read_tsv`, too.
    """
    text = textfiles.read(path)
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)  # the comma if none is there
    csv.field_size_limit(_LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    rows, line = [], 1
    try:
        for row in reader:
            rows += [row] if row else []
            line = reader.line_num + 1
    except csv.Error as error:
        if mark == "\t":
            return read_tsv(path)
        raise ValueError(
            f"the row that begins in line {line} is no CSV, its quotes are not in pairs: {error}"
        ) from error
    return _table(rows)


def read_parquet(path: Path) -> pd.DataFrame:
    """Return the rows of a Parquet file, with the names of classes for their numbers where the file has them.

    The package `datasets` writes them into it. Raises `ValueError` for what is no Parquet, and as `named` does.
    """
    from pyarrow import parquet

    stored = parquet.read_schema(path).metadata or {}
    try:
        features = json.loads(stored.get(b"huggingface", b"{}"))["info"]["features"]
    except (KeyError, TypeError, ValueError):
        features = {}
    classes = {column: (_names(feature), _names(_inner(feature))) for column, feature in features.items()}
    rows = pd.read_parquet(path)
    for column in rows:
        if isinstance(rows[column].dtype, pd.StringDtype):
            rows[column] = rows[column].astype(object)  # here damaged text raises, and not where it is used
    return named(rows, classes)


def named(rows: pd.DataFrame, classes: Mapping[str, tuple[list[str] | None, list[str] | None]]) -> pd.DataFrame:
    """Return rows with the names of classes for their numbers; `classes` has those of cells, and those of lists.

    Numbers below 0 and missing ones stay. Raises `ValueError` for a number that has no name.
    """

    def name(number: object, names: list[str], column: str) -> object:
        if number is None or isinstance(number, str) or not number >= 0:
            return number
        if number >= len(names):
            raise ValueError(f"{column} has the number {number}, and names for {len(names)} only")
        return names[int(number)]

    for column, (names, several) in classes.items():
        if column in rows and names:
            rows[column] = pd.Series([name(cell, names, column) for cell in rows[column]], rows.index, dtype=object)
        elif column in rows and several:
            cells = [None if cell is None else [name(each, several, column) for each in cell] for cell in rows[column]]
            rows[column] = pd.Series(cells, rows.index, dtype=object)
    return rows


def told(rows: pd.DataFrame) -> dict[str, int]:
    """Return what was passed over on the way to rows, by reason."""
    return dict(rows.attrs.get(LEFT_OUT, {}))


def joined(pieces: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all pieces, and what was passed over and assumed in all."""
    pieces = list(pieces)
    left_out = added(*map(told, pieces))
    notes = dict.fromkeys(note for piece in pieces for note in piece.attrs.get(NOTES, ()))
    for piece in pieces:
        piece.attrs = {}
    rows = _told(pd.concat(pieces, ignore_index=True), left_out)
    rows.attrs[NOTES] = list(notes)
    return rows


def _require_characters(content: object) -> None:
    """Raise `ValueError` for half a character (a lone surrogate), which JSON can write and no tokenizer reads."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"holds half of a character, {error.object[error.start]!a}") from None


def _names(feature: object) -> list[str] | None:
    return feature.get("names") if isinstance(feature, dict) else None


def _inner(feature: object) -> object:
    """Return what a list's values are, as the package `datasets` notes it."""
    return feature.get("feature") if isinstance(feature, dict) else next(iter(feature or ()), None)


def _is_sentence(content: Mapping[str, list]) -> bool:
    """Whether an object whose values are all lists is one sentence, and not columns of several."""
    return any(isinstance(word, str) for key in WORDS for word in content.get(key, ())[:1])


def _is_quoted(column: pd.Series) -> bool:
    """Whether half of the cells that are filled begin and end with a quote."""
    filled = [cell for cell in column if cell]
    return sum(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in filled) * 2 >= max(1, len(filled))


def _told(rows: pd.DataFrame, left_out: Mapping[str, int]) -> pd.DataFrame:
    rows.attrs[LEFT_OUT] = {reason: count for reason, count in left_out.items() if count}
    return rows


def _table(lines: Iterable[list[str]]) -> pd.DataFrame:
    """Return rows under the names that the first of them has; a name that comes twice counts the first time."""
    lines = list(lines)
    head = [name.strip() for name in lines[0]] if lines else []
    rows = [row + [""] * (len(head) - len(row)) for row in lines[1:] if len(row) <= len(head)]
    bad = len(lines) - 1 - len(rows) if lines else 0
    if bad > MOST_BAD * (bad + len(rows)):
        raise ValueError(f"{bad:,} of {bad + len(rows):,} lines have more columns than the first, {len(head)}")
    table = pd.DataFrame(rows, columns=head, dtype=object)
    return _told(table.loc[:, ~table.columns.duplicated()].copy(), {"more columns": bad})


def _json_lines(lines: Iterable[str]) -> tuple[list[object], int]:
    """Return the records of JSON lines, and how many lines are none. Raises `ValueError` if too many are."""
    records, bad = [], []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                bad.append(f"line {number} is no JSON: {error.msg}")
    if len(bad) > MOST_BAD * (len(bad) + len(records)):
        raise ValueError(bad[0])
    return records, len(bad)


READERS = {
    ".parquet": read_parquet,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_json,
    ".json": read_json,
}
"""End of a file's name -> its reader."""
