"""Where labelled data comes from: the split files of a folder, or a data set of the hub (package `datasets`).

A folder holds `train` and `validation` files that a task's readers know (packed as `.gz` or `.xz`, too), or is laid
out as data sets of the hub are (`train-00000-of-00001.parquet`). A data set of the hub is named by its id, with its
configuration after a colon: `nyu-mll/glue:sst2`, `facebook/xnli:sw`.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from neutral.errors import FileError, NeutralError

HELD_OUT = ("validation", "dev", "validation_matched", "test")
"""Names of the split to score on; the first that exists is taken."""

_PACKED = ("", ".gz", ".xz")

Readers = Mapping[str, Callable[[Path], pd.DataFrame]]
Tables = list[tuple[str, pd.DataFrame]]


def tables(source: str | Path, readers: Readers) -> Tables:
    """Return (name, rows) of the training and of the held-out split of a folder or else of the hub.

    `readers` maps the end of a file's name to its reader. In a data set that has numbers and names of classes, names
    replace the numbers, and rows whose `label` is -1 (undecided, or kept secret) are left out.

    Raises `FileError` / `NeutralError` naming the folder, file or split that is missing or cannot be read.
    """
    path = Path(source).expanduser()
    if not is_local(source):
        return _hub(str(source))
    if path.is_dir() and not _files(path, "train", readers) and list(path.glob("train-*.parquet")):
        return _hub(str(path))
    return _folder(path, readers)


def is_local(source: str | Path) -> bool:
    """Whether a source is a path and not the id of a data set of the hub."""
    return Path(source).expanduser().exists() or str(source).startswith((".", "/", "~"))


def _files(folder: Path, name: str, readers: Readers) -> list[tuple[Path, str]]:
    """Return the files of a split that readers know, each with its reader's suffix."""
    candidates = [(folder / f"{name}{suffix}{packed}", suffix) for suffix in readers for packed in _PACKED]
    return [(path, suffix) for path, suffix in candidates if path.is_file()]


def _folder(folder: Path, readers: Readers) -> Tables:
    if not folder.is_dir():
        expected = "train{0} and validation{0} or like".format(next(iter(readers)))
        raise FileError(folder, f"no such folder of labelled texts; it should hold {expected}")
    split_tables = []
    for names in (("train",), HELD_OUT):
        paths = [path for name in names for path in _files(folder, name, readers)]
        if not paths:
            raise FileError(folder, f"has no {names[0]} file ({names[0]}{f', {names[0]}'.join(readers)})")
        path, suffix = paths[0]
        try:
            split_tables.append((path.name, readers[suffix](path)))
        except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError, ImportError) as error:
            reason = str(error).strip().split("\n")[0]
            raise FileError(path, f"cannot be read as a table of texts: {reason}") from error
    return split_tables


def _hub(source: str) -> Tables:
    try:
        from datasets import load_dataset
    except ImportError as error:
        what = "no such folder; a data set of the hub" if not is_local(source) else "a folder laid out as the hub's"
        raise NeutralError(f"{source}: {what} needs the package `datasets`: pip install datasets") from error
    name, _, configuration = (source, "", "") if is_local(source) else source.partition(":")
    try:
        splits = load_dataset(name, configuration or None)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        what = "cannot be read as a data set" if is_local(source) else "no such folder, and no data set of the hub"
        raise NeutralError(f"{source}: {what}: {reason}") from error
    split_tables = []
    for names in (("train",), HELD_OUT):
        split = next((name for name in names if name in splits), None)
        if split is None:
            raise NeutralError(f"{source}: has no {names[0]} split, only {', '.join(splits)}")
        split_tables.append((split, _named(splits[split])))
    return split_tables


def _named(split: object) -> pd.DataFrame:
    """Return the rows of a split, with the names of classes for their numbers."""
    rows = split.to_pandas()
    if "label" in rows:
        rows = rows[rows["label"] != -1].reset_index(drop=True)
    for column, feature in (getattr(split, "features", None) or {}).items():
        names = getattr(feature, "names", None)
        several = getattr(getattr(feature, "feature", None), "names", None)  # of a list of classes
        if names:
            rows[column] = [names[number] for number in rows[column]]
        elif several:
            rows[column] = [[several[number] for number in numbers] for numbers in rows[column]]
    return rows
