"""Where labelled data comes from: the split files of a folder, or a data set of the hub (package `datasets`).

A folder holds `train` and `validation` files that a task's readers know (packed as `.gz` or `.xz`, too), whole or in
the pieces that snapshots of the hub have (`train-00000-of-00002.parquet`); so may its folder `data`, or the one folder
in it. A data set of the hub is named by its id, with its configuration after a colon: `nyu-mll/glue:sst2`,
`facebook/xnli:sw`.
"""

from __future__ import annotations

import json
import lzma
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from neutral.errors import FileError, NeutralError

HELD_OUT = ("validation", "dev", "validation_matched", "test")
"""Names of the split to score on; the first that exists is taken."""

USUAL = (("train",), HELD_OUT)
"""The splits that a task takes, each with the names that it may have."""

HIDDEN = "hidden"
"""Attribute of a split's rows: how many were left out because their label is kept secret (-1)."""

_PACKED = ("", ".gz", ".xz")
_PIECE = r"-\d{5}-of-\d{5}"

Readers = Mapping[str, Callable[[Path], pd.DataFrame]]
Tables = list[tuple[str, pd.DataFrame]]


def tables(source: str | Path, readers: Readers, wanted: Sequence[Sequence[str]] = USUAL) -> Tables:
    """Return (name, rows) of each wanted split of a folder or else of the hub.

    `readers` maps the end of a file's name to its reader; `wanted` has the names that each split may have. In a data
    set that has numbers and names of classes, names replace the numbers, and rows whose `label` is -1 (undecided, or
    kept secret) are left out; the rows' attribute `HIDDEN` says how many.

    Raises `FileError` / `NeutralError` naming the folder, file or split that is missing, cannot be read, or whose
    labels are all -1.
    """
    path = Path(source).expanduser()
    split_tables = _folder(path, readers, wanted) if is_local(source) else _hub(str(source), wanted)
    for name, rows in split_tables:
        if rows.empty and rows.attrs.get(HIDDEN):
            raise NeutralError(f"{source}: {name}: every label is -1, so kept secret: there is nothing to score")
    return split_tables


def is_local(source: str | Path) -> bool:
    """Whether a source is a path and not the id of a data set of the hub."""
    return Path(source).expanduser().exists() or str(source).startswith((".", "/", "~"))


def _files(folder: Path, name: str, readers: Readers) -> list[tuple[list[Path], str]]:
    """Return the files of a split that readers know, pieces together, each with its reader's suffix."""
    files = []
    for suffix in readers:
        for packed in _PACKED:
            end = f"{suffix}{packed}"
            if (folder / f"{name}{end}").is_file():
                files.append(([folder / f"{name}{end}"], suffix))
            pattern = re.compile(re.escape(name) + _PIECE + re.escape(end))
            if pieces := sorted(path for path in folder.glob(f"{name}-*{end}") if pattern.fullmatch(path.name)):
                files.append((_whole(pieces, name, end), suffix))
    return files


def _whole(pieces: list[Path], name: str, end: str) -> list[Path]:
    """Return the pieces of a split. Raises `FileError`, naming it, if one is missing."""
    count = re.findall(r"-of-(\d{5})", pieces[-1].name)[-1]
    for i in range(int(count)):
        piece = pieces[0].with_name(f"{name}-{i:05}-of-{count}{end}")
        if piece not in pieces:
            raise FileError(piece, "this piece of the split is missing")
    return pieces


def _place(folder: Path, readers: Readers, names: Sequence[str]) -> Path:
    """Return where the files of a split are: the folder itself, its `data`, or the one folder in it that has them.

    Raises `NeutralError`, naming them, if several have.
    """
    if any(_files(folder, name, readers) for name in names):
        return folder
    within = [path for path in sorted(folder.glob("*/")) if any(_files(path, name, readers) for name in names)]
    if folder / "data" in within:
        return folder / "data"
    if len(within) > 1:
        raise NeutralError(f"{folder} has several data sets; give one of them: {', '.join(p.name for p in within)}")
    return within[0] if within else folder


def _folder(folder: Path, readers: Readers, wanted: Sequence[Sequence[str]]) -> Tables:
    if not folder.is_dir():
        expected = "train{0} and validation{0} or like".format(next(iter(readers)))
        raise FileError(folder, f"no such folder of labelled texts; it should hold {expected}")
    folder = _place(folder, readers, wanted[0])
    split_tables = []
    for names in wanted:
        files = [file for name in names for file in _files(folder, name, readers)]
        if not files:
            raise FileError(folder, f"has no {names[0]} file ({names[0]}{f', {names[0]}'.join(readers)})")
        paths, suffix = files[0]
        rows = [_read(path, readers[suffix]) for path in paths]
        split_tables.append((paths[0].name, _unhidden(pd.concat(rows, ignore_index=True))))
    return split_tables


def _read(path: Path, reader: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """Read a file, with the names of classes for their numbers if it has both. Raises `FileError` if it can't."""
    try:
        rows = reader(path)
        return _named(rows, _features(path)) if path.suffix == ".parquet" else rows
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        raise FileError(path, f"cannot be read as a table of texts: {reason}") from error


def _features(path: Path) -> dict[str, tuple[list[str] | None, list[str] | None]]:
    """Return column -> names of its classes, and names of the classes in its lists, as the hub's Parquet files say."""
    from pyarrow import parquet

    entry = (parquet.read_schema(path).metadata or {}).get(b"huggingface")
    columns = json.loads(entry).get("info", {}).get("features", {}) if entry else {}
    return {
        name: (feature.get("names"), (feature.get("feature") or {}).get("names"))
        for name, feature in columns.items()
        if isinstance(feature, dict) and isinstance(feature.get("feature") or {}, dict)
    }


def _hub(source: str, wanted: Sequence[Sequence[str]]) -> Tables:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise NeutralError(
            f"{source}: no such folder; a data set of the hub needs the package `datasets`: pip install datasets"
        ) from error
    name, _, configuration = source.partition(":")
    try:
        splits = load_dataset(name, configuration or None)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise NeutralError(f"{source}: no such folder, and no data set of the hub: {reason}") from error
    split_tables = []
    for names in wanted:
        split = next((name for name in names if name in splits), None)
        if split is None:
            raise NeutralError(f"{source}: has no {names[0]} split, only {', '.join(splits)}")
        features = getattr(splits[split], "features", None) or {}
        classes = {
            column: (getattr(feature, "names", None), getattr(getattr(feature, "feature", None), "names", None))
            for column, feature in features.items()
        }
        split_tables.append((split, _unhidden(_named(splits[split].to_pandas(), classes), always=True)))
    return split_tables


def _named(rows: pd.DataFrame, classes: Mapping[str, tuple[list[str] | None, list[str] | None]]) -> pd.DataFrame:
    """Return rows with the names of classes for their numbers, also in lists; -1 stays."""
    for column, (names, several) in classes.items():
        if column not in rows:
            continue
        if names:
            rows[column] = [names[number] if number >= 0 else -1 for number in rows[column]]
        elif several:
            rows[column] = [[several[number] for number in numbers] for numbers in rows[column]]
    return rows


def _unhidden(rows: pd.DataFrame, *, always: bool = False) -> pd.DataFrame:
    """Return the rows whose `label` is known.

    Labels -1 beside other numbers are a class of their own, unless the rows come from the hub (`always`).
    """
    rows = rows.reset_index(drop=True)
    if "label" not in rows:
        return rows
    hidden = rows["label"].map(lambda label: not isinstance(label, str) and label == -1)
    named = rows["label"].map(lambda label: isinstance(label, str)).any()
    if hidden.any() and (always or named or hidden.all()):
        left = int(hidden.sum())
        rows = rows[~hidden].reset_index(drop=True)
        rows.attrs[HIDDEN] = left
    return rows
