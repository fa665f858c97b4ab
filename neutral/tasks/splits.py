"""Where labelled data comes from: the split files of a folder, or a data set of the hub (package `datasets`).

A folder holds `train` and `validation` files that a task's readers know (packed as `.gz` or `.xz`, too), whole or in
the pieces that snapshots of the hub have (`train-00000-of-00002.parquet`); so may its folder `data`, or the one folder
in it. A data set of the hub is named by its id, with its configuration after a colon: `nyu-mll/glue:sst2`,
`facebook/xnli:sw`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from neutral.errors import FileError, NeutralError, described, reading
from neutral.tasks import records

HELD_OUT = ("validation", "valid", "val", "dev", "devel", "validation_matched", "dev_matched", "test")
"""Names of the split to score on; the first that exists is taken."""

USUAL = (("train",), HELD_OUT)
"""The splits that a task takes, each with the names that it may have."""

HIDDEN = "no class (-1)"
"""Why rows are left out whose label is undecided, or kept secret."""

_PACKED = ("", ".gz", ".xz")
_PIECE = r"-\d{5}-of-\d{5}"

Readers = Mapping[str, Callable[[Path], pd.DataFrame]]
Tables = list[tuple[str, pd.DataFrame]]


def tables(
    source: str | Path, readers: Readers, wanted: Sequence[Sequence[str]] = USUAL, *, named: bool = True
) -> Tables:
    """Return (name, rows) of each wanted split of a folder or else of the hub.

    `readers` maps the end of a file's name to its reader; `wanted` has the names that each split may have. In a data
    set that has numbers and names of classes, names replace the numbers; in a snapshot of the hub the package
    `datasets` knows them, and without `named` it isn't asked. Rows whose `label` is -1 (undecided, or kept secret) are
    left out; `records.told` of the rows says how many, for the reason `HIDDEN`.

    Raises `FileError` / `NeutralError` naming the folder, file or split that is missing, cannot be read, or whose
    labels are all -1.
    """
    path = Path(source).expanduser()
    snapshot = named and not _files(path, "train", readers, pieces=False) and list(path.glob("train-*.parquet"))
    if is_local(source):
        split_tables = _hub(str(path), wanted) if snapshot else _folder(path, readers, wanted)
    else:
        split_tables = _hub(str(source), wanted)
    for name, rows in split_tables:
        if rows.empty and HIDDEN in records.told(rows):
            raise NeutralError(f"{source}: {name}: every label is -1, so kept secret: there is nothing to score")
    return split_tables


def is_local(source: str | Path) -> bool:
    """Whether a source is a path and not the id of a data set of the hub."""
    return Path(source).expanduser().exists() or str(source).startswith((".", "/", "~"))


def _files(folder: Path, name: str, readers: Readers, *, pieces: bool = True) -> list[tuple[list[Path], str]]:
    """Return the files of a split that readers know, `pieces` together, each with its reader's suffix."""
    files = []
    for suffix in readers:
        for packed in _PACKED:
            end = f"{suffix}{packed}"
            if (folder / f"{name}{end}").is_file():
                files.append(([folder / f"{name}{end}"], suffix))
            pattern = re.compile(re.escape(name) + _PIECE + re.escape(end))
            parts = sorted(path for path in folder.glob(f"{name}-*{end}") if pattern.fullmatch(path.name))
            if parts and pieces:
                files.append((whole(parts), suffix))
    return files


def whole(pieces: list[Path]) -> list[Path]:
    """Return the pieces of a split. Raises `FileError`, naming it, if one is missing."""
    *_, number = re.finditer(r"-\d{5}-of-(\d{5})", pieces[-1].name)
    for i in range(int(number[1])):
        name = f"{number.string[: number.start()]}-{i:05}-of-{number[1]}{number.string[number.end() :]}"
        if (piece := pieces[0].with_name(name)) not in pieces:
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
        split_tables.append((paths[0].name, read(paths, readers[suffix])))
    return split_tables


def read(paths: Sequence[Path], reader: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of a split's file, or of its pieces, without those whose label is -1.

    Raises `FileError` for a file that cannot be read, and for a piece that is missing.
    """
    return unhidden(read_all(paths, reader))


def read_all(paths: Sequence[Path], reader: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of a split's file, or of its pieces. Raises the errors of `read`."""
    return records.joined([_read(path, reader) for path in paths])


def _read(path: Path, reader: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    with reading(path, "a table of texts"):
        return reader(path)


def _hub(source: str, wanted: Sequence[Sequence[str]]) -> Tables:
    try:
        from datasets import load_dataset
    except ImportError as error:
        what = "no such folder; a data set of the hub" if not is_local(source) else "a folder laid out as the hub's"
        raise NeutralError(f"{source}: {what} needs the package `datasets`: pip install datasets") from error
    name, _, configuration = source.partition(":")
    try:
        splits = _own_pieces(source, wanted) if is_local(source) else load_dataset(name, configuration or None)
    except Exception as error:  # of any type: files from outside are read with all of `datasets`
        what = "cannot be read as a data set" if is_local(source) else "no such folder, and no data set of the hub"
        raise NeutralError(f"{source}: {what}: {described(error)}") from error
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
        split_tables.append((split, unhidden(records.named(splits[split].to_pandas(), classes), always=True)))
    return split_tables


def _own_pieces(source: str, wanted: Sequence[Sequence[str]]) -> Mapping:
    """Return the splits of a snapshot in a folder, from its own pieces alone: its card may name any file, or address.

    The card's names of classes are taken, where it has one set of them.
    """
    from datasets import load_dataset, utils
    from datasets.info import DatasetInfosDict

    utils.logging.set_verbosity(utils.logging.CRITICAL)  # of a file that it cannot read we say it
    utils.disable_progress_bars()
    pieces = {name: sorted(map(str, Path(source).glob(f"{name}-*.parquet"))) for names in wanted for name in names}
    infos = DatasetInfosDict.from_directory(source)
    info = infos.get("default") or (next(iter(infos.values())) if len(infos) == 1 else None)
    return load_dataset(
        "parquet",
        data_files={name: files for name, files in pieces.items() if files},
        features=info.features if info else None,
    )


def unhidden(rows: pd.DataFrame, *, always: bool = False) -> pd.DataFrame:
    """Return the rows whose `label` is known.

    Labels -1 beside other numbers are a class of their own, unless the rows come from the hub (`always`).
    """
    rows = rows.reset_index(drop=True)
    if "label" not in rows:
        return rows
    hidden = rows["label"].map(lambda label: not isinstance(label, str) and label == -1)
    named = rows["label"].map(lambda label: isinstance(label, str)).any()
    if hidden.any() and (always or named or hidden.all()):
        left_out = records.told(rows) | {HIDDEN: int(hidden.sum())}
        rows = rows[~hidden].reset_index(drop=True)
        rows.attrs[records.LEFT_OUT] = left_out
    return rows
