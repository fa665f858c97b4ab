"""Where each language's labelled data lies in a folder, as data sets are distributed.

A folder a language (`en/train.conll`, `data/hau/dev.txt`, `UD_German-GSD/de_gsd-ud-train.conllu`), files a language in
one folder (`en.train.conll`, `train-en.tsv`), or files of all languages with a column that tells them apart
(`xnli.dev.tsv`). What else lies there is passed over, and said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pandas as pd

from neutral.corpora import datafiles
from neutral.corpora.datafiles import SPLITS, TRAIN
from neutral.corpora.readings import grouped, listed, several
from neutral.errors import FileError, NeutralError, reading
from neutral.languages import in_name, language, matching
from neutral.tasks import records, splits

_COLUMNS = ("language", "lang")  # that tell the languages of a file apart
_DEPTH = 4  # folders below the one that is given
_NO_LANGUAGE = {"data", "all", "all_languages"}  # names of folders; XNLI has its languages in one there

Read = tuple[str, pd.DataFrame]


@dataclass
class Place:
    """Where one language's data is: a data set of the hub or a folder like one, or files by split.

    Attributes
    ----------
    hub : str
        What `splits.tables` takes; nothing for files.
    files : split -> list of Path
        A file, or its pieces.
    rows : split -> (name, rows)
        What a file of all languages has of this one.
    problem : FileError or None
        Why none of it can be read.
    """

    hub: str = ""
    files: dict[str, list[Path]] = field(default_factory=dict)
    rows: dict[str, Read] = field(default_factory=dict)
    problem: FileError | None = None

    def splits(self) -> list[str]:
        """Return the splits that are there, the one to train on first."""
        return [split for split in SPLITS if split in self.files or split in self.rows]

    def is_whole(self) -> bool:
        """Whether there is data to train on, or was meant to be."""
        return bool(self.hub or self.problem or TRAIN in self.splits())

    def tables(self, readers: splits.Readers) -> list[Read]:
        """Return (name, rows) of the split to train on and of the one to score, if there is one.

        Raises its problem, and the errors of `splits.tables` and `splits.read`.
        """
        if self.problem:
            raise self.problem
        if self.hub:
            return [(f"{self.hub}: {name}", rows) for name, rows in splits.tables(self.hub, readers)]
        return [self.rows[split] if split in self.rows else self._table(split, readers) for split in self.splits()[:2]]

    def _table(self, split: str, readers: splits.Readers) -> Read:
        paths = self.files[split]
        ending = datafiles.read(paths[0].name, readers).ending
        return str(paths[0]), splits.read(splits.whole(paths) if len(paths) > 1 else paths, readers[ending])


@dataclass(frozen=True)
class _File:
    path: Path
    name: datafiles.Name
    split: str
    language: str | None  # None: nothing says which
    sure: bool  # whether it is the code of a known language


def places(
    source: str | Path, languages: Sequence[str] | None, readers: splits.Readers, *, mixed: bool = False
) -> tuple[dict[str, Place], list[str]]:
    """Return language -> where its data is, and notes on what was assumed and passed over.

    `mixed` says that one file may hold several languages, with a column that tells them apart.

    Two data sets of one language are its place's problem. Raises `FileError`, naming them, if there is no data, and for
    languages that are missing.
    """
    folder = Path(source).expanduser()
    files, passed_over = _files(folder, readers) if folder.is_dir() else ([], [])
    found, unused, lost = _found(files, readers, mixed=mixed)
    complete = {code: place for code, place in found.items() if place.is_whole()}
    usable = complete or found
    if not usable:
        raise FileError(folder, "has no labelled data: no folder a language with a train file, such as en/train.tsv")
    asked = list(languages or usable)
    spelled = {code: matching(code, [own for own in usable if own == code or own not in asked]) for code in asked}
    if missing := [code for code, own in spelled.items() if own is None]:
        raise FileError(folder, f"no data for {', '.join(missing)}; it has {', '.join(usable)}")
    notes = _notes(folder, found, usable, passed_over + unused)
    return {code: usable[own] for code, own in spelled.items()}, notes + lost


def _found(
    files: Sequence[_File], readers: splits.Readers, *, mixed: bool
) -> tuple[dict[str, Place], list[Path], list[str]]:
    """Return language -> where its data is, sorted, the files that are not used, and notes on rows of no language."""
    found: dict[str, Place] = defaultdict(Place)
    own, shared, unused = defaultdict(list), [], []
    for file in files:
        rows = None if file.sure or not mixed else splits.read_all([file.path], readers[file.name.ending])
        if rows is not None and _column(rows):
            shared.append((file, rows))
        elif file.language:
            own[file.language, file.split].append(file)
        else:
            unused.append(file.path)
    for (code, split), rivals in own.items():
        try:
            found[code].files[split], others = _chosen(code, rivals, readers)
        except FileError as problem:
            found[code].problem, others = problem, []
        unused += others
    for code, place in found.items():
        pieces = [] if place.problem else place.files.get(TRAIN, [])
        if pieces and pieces[0].suffix == ".parquet" and datafiles.read(pieces[0].name, readers).piece:
            found[code] = Place(hub=str(pieces[0].parent))  # the package `datasets` knows the names of its labels
    notes = [note for file, rows in shared if (note := _share(found, file, rows))]
    return dict(sorted(found.items())), unused, notes


def _files(folder: Path, readers: splits.Readers) -> tuple[list[_File], list[Path]]:
    """Return the files of splits below a folder, and what else is there."""
    files, passed_over = [], []
    named: dict[Path, datafiles.Name | None] = {}
    for _, group in groupby(sorted(_walk(folder, _DEPTH), key=lambda path: (path.parent, path)), attrgetter("parent")):
        paths = list(group)
        names = [datafiles.read(path.name, readers) if _is_file(path) else None for path in paths]
        named |= dict(zip(paths, datafiles.by_neighbours(names), strict=True))
    inside = defaultdict(set)  # folder -> the languages that the names in it give
    for path, name in named.items():
        inside[path.parent].add(name and name.language)
    for path, name in named.items():
        above = path.relative_to(folder).parts[-2::-1]
        split = name and (name.split or next(filter(None, map(datafiles.split_of, above)), None) or _whole(name))
        if not split:
            passed_over.append(path)
            continue
        above = [part for part in above if part.lower() not in _NO_LANGUAGE and not datafiles.split_of(part)]
        several_languages = len(inside[path.parent] - {None}) > 1
        code, sure = _language(name, above, folder, first=several_languages)
        files.append(_File(path, name, split, code, sure))
    return files, passed_over


def _whole(name: datafiles.Name) -> str | None:
    """Return the split of a file that is called by a language alone: all there is, so it is trained on."""
    return TRAIN if name.language and name.language == name.rest and name.ending not in ("", ".txt") else None


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Yield what is in a folder, and in folders instead of them. Raises `FileError` for one that cannot be read."""
    with reading(folder, "a folder of labelled data"):
        paths = sorted(folder.iterdir())
    for path in paths:
        if path.name.startswith((".", "__")):
            continue
        is_loop = path.is_symlink() and path.resolve() in (folder.resolve(), *folder.resolve().parents)
        if path.is_dir() and depth and not is_loop:
            yield from _walk(path, depth - 1)
        else:
            yield path


def _is_file(path: Path) -> bool:
    """Whether a path is a file, or a link to one that is not there, and its name is text (UTF-8)."""
    is_named = str(path).encode(errors="ignore").decode() == str(path)
    return is_named and (path.is_file() or (path.is_symlink() and not path.exists()))


def _language(name: datafiles.Name, above: Sequence[str], folder: Path, *, first: bool) -> tuple[str | None, bool]:
    """Return the language of a file, and whether its code is known.

    A folder that is called by a language says it, then the file's name (which goes `first` in a folder of several
    languages, or of one that is called by capitals), then what else the folders' names hold; at last the nearest
    folder's name is taken, whatever it is.
    """
    whole = next((part for part in above if in_name(part) == part), None)
    if name.language and (first or (whole and whole.isupper())):
        return name.language, True
    told = whole or name.language or next(filter(None, map(in_name, above)), None)
    if told:
        return told, True
    return (above[0], False) if above else (in_name(folder.resolve().name), False)


def _chosen(code: str, files: Sequence[_File], readers: splits.Readers) -> tuple[list[Path], list[Path]]:
    """Return the file of a split, or its pieces, and the files that are passed over for it.

    Of several the one with the plainest name is taken, then by the usual order of splits' names and of forms.
    """
    order = list(readers)

    def rank(file: _File) -> tuple:
        extra = file.name.rest not in ("", code)
        return extra, SPLITS[file.split].index(file.name.word or file.split), order.index(file.name.ending)

    first = min(files, key=rank)
    alike = [file for file in files if rank(file) == rank(first)]
    pieces = [f for f in alike if f.name.piece and (f.path.parent, f.name.rest) == (first.path.parent, first.name.rest)]
    chosen = pieces or [first]
    if twin := next((file for file in alike if file not in chosen), None):
        raise FileError(first.path, f"is one of two data sets for {code}, the other is {twin.path}; keep one of them")
    return [file.path for file in chosen], [file.path for file in files if file not in chosen]


def _column(rows: pd.DataFrame) -> str | None:
    """Return the column that tells the languages of a file apart."""
    return next((column for column in rows.columns if str(column).strip().lower() in _COLUMNS), None)


def _share(found: dict[str, Place], file: _File, rows: pd.DataFrame) -> str:
    """Give each language its rows of a file of all languages; return a note on those that are of none, else ""."""
    codes = rows[_column(rows)].fillna("").astype(str).str.strip()
    lost = records.told(rows) | ({"no language": int((codes == "").sum())} if (codes == "").any() else {})
    rows.attrs.pop(records.LEFT_OUT, None)
    for code, own in rows[codes != ""].groupby(codes, sort=False):
        twin = next((each for each in found if _is_same(str(code), each)), str(code))
        if file.split not in found[twin].splits():
            found[twin].rows[file.split] = f"{file.path} ({code})", splits.unhidden(own)
    return f"{file.path.name}: left out {listed(lost)}" if lost else ""


def of_language(code: str, name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a language's own file; if a column names several languages, those of this one.

    Raises `NeutralError` if the column names languages, and none is this one.
    """
    column = _column(rows)
    if column is None:
        return rows
    given = list(rows[column].dropna().unique())
    same = [each for each in given if str(each) == code or _is_same(str(each), code)]
    are_codes = all(language(str(each)).glottocode for each in (code, *given))
    if not given or (len(given) == 1 and (same or not are_codes)):  # German in de/, de in set1/
        return rows
    if not same:
        raise NeutralError(f"{name} has rows of {several(sorted(map(str, given)))}, and none of {code}")
    return rows[rows[column].isin(same)].reset_index(drop=True)


def _is_same(one: str, other: str) -> bool:
    return language(one).name != one and language(one).iso3 == language(other).iso3


def _notes(
    folder: Path, found: Mapping[str, Place], usable: Mapping[str, Place], passed_over: Sequence[Path]
) -> list[str]:
    notes = {code: _assumed(place) for code, place in usable.items() if not place.hub}
    notes |= {code: ["no training data, so passed over"] for code in sorted(set(found) - set(usable))}
    unused = [path for place in usable.values() for split in place.splits()[2:] for path in place.files.get(split, [])]
    names: dict[str, int] = defaultdict(int)
    for path in [*passed_over, *unused]:
        names[path.name] += 1
    listed = [f"{name} ({count} times)" if count > 1 else name for name, count in sorted(names.items())]
    return grouped(notes) + ([f"passed over in {folder.name}: {several(listed)}"] if listed else [])


def _assumed(place: Place) -> list[str]:
    """Return which splits stand in for others."""
    if place.problem:
        return []
    first, *rest = place.splits()
    notes = [] if first == "train" else [f"no train file, so {first} is trained on"]
    if not rest:
        return [*notes, f"{first} alone, so a tenth of it is held out"]
    return [*notes, f"{rest[0]} is held out"] if notes else []
