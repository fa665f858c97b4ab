"""The studies on this machine, and tables from them, remembered between reruns and sessions.

A study's tables are remembered under its folder and the time of the folder's last change. Uploads belong to one session
and are not remembered here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import TypeVar

import pandas as pd
import streamlit as st

from neutral import home
from neutral.errors import FileError, NeutralError, described
from neutral.figures.families import Families
from neutral.masksets import MaskSet
from neutral.overlap import Counts
from neutral.study import Study, find_studies
from pages.parts import memory

BUNDLED = Path(__file__).parents[2] / "data" / "studies"
VARIABLE = home.STUDIES

Source = Study | MaskSet
T, K, V = TypeVar("T"), TypeVar("K"), TypeVar("V")

_log = logging.getLogger("neutral.pages")


def folders() -> list[Path]:
    """Return the folders to look for studies in: the bundled ones, the app's own, those that NEUTRAL_STUDIES names."""
    own = []
    with suppress(NeutralError):  # a user without a home folder
        own = [home.studies()] if home.studies().is_dir() else []
    found: dict[Path, Path] = {}
    for folder in (BUNDLED, *own, *home.further_studies()):
        found.setdefault(folder.resolve(), folder)
    return list(found.values())


def studies(about: str | None = None) -> tuple[dict[str, Study], list[str]]:
    """Return name -> study, the fullest first, and a line for each that cannot be read.

    Studies of masks have no `about`; those of token tables are about "compression". A study's name is its folder's; a
    folder that NEUTRAL_STUDIES names may itself be a study. One that is found in two ways is there once.
    """
    named: dict[str, Study] = {}
    broken: list[str] = []
    seen: set[Path] = set()
    for folder in folders():
        paths, lines = _guarded({folder: folder}, _in_folder)
        fresh = {path: path for path in paths.get(folder, []) if path.resolve() not in seen}
        seen |= {path.resolve() for path in fresh}
        opened, more = _guarded(fresh, _opened)
        broken += lines + more
        in_folder = [(fullness, study) for fullness, study in opened.values() if study.info.get("about") == about]
        for _, study in sorted(in_folder, key=lambda each: each[0], reverse=True):
            name = _printable(study.path.name)
            named.setdefault(name if name not in named else f"{_printable(study.path.parent.name)}/{name}", study)
    return named, broken


def first(studies: Mapping[str, Study]) -> str | None:
    """Return the name of the first study that NEUTRAL_STUDIES names itself; None if it names none."""
    places = {study.path.resolve(): name for name, study in reversed(studies.items())}
    named = (places[folder.resolve()] for folder in home.further_studies() if folder.resolve() in places)
    return next(named, None)


def of_each(studies: Mapping[str, Study], function: Callable[[Study], T]) -> tuple[dict[str, T], list[str]]:
    """Return name -> what a function makes of that study, and a line for each of which it cannot."""
    return _guarded(studies, function)


def is_bundled(source: Source) -> bool:
    """Whether a study is one of those that come with the project, and not a copy elsewhere under such a name."""
    return isinstance(source, Study) and source.path.resolve().parent == BUNDLED.resolve()


def _guarded(things: Mapping[K, V], function: Callable[[V], T]) -> tuple[dict[K, T], list[str]]:
    """Return key -> what a function makes of a thing from outside, and a line for each that it fails on, however."""
    made: dict[K, T] = {}
    lines: list[str] = []
    for key, thing in things.items():
        try:
            made[key] = function(thing)
        except NeutralError as error:
            lines.append(str(error))
        except Exception as error:  # whatever it is, it is of this one, and the others are to be seen
            lines.append(str(_unreadable(getattr(thing, "path", thing), error)))
    return made, lines


def _in_folder(folder: Path) -> list[Path]:
    return [folder] if (folder / "study.json").is_file() else find_studies(folder)


def _opened(path: Path) -> tuple[int, Study]:
    study = _open(str(path), stamp(path))
    return study.fullness, study


def _unreadable(path: Path, error: Exception) -> FileError:
    """Return an error that nobody foresaw as a line about the file that it is of; all of it goes to the log."""
    _log.warning("%s cannot be shown", path, exc_info=error)
    return FileError(path, f"cannot be shown: {described(error)}")


def _printable(name: str) -> str:
    """Return a folder's name with its bytes that are no text written out."""
    return name.encode(errors="backslashreplace").decode()


def families(source: Source | None, members: Iterable[str]) -> Families:
    """Return the colours of the families of a source's languages, whichever are shown, so that they stay everywhere."""
    every = source.info.get("languages") if source is not None else None
    return Families([*every, *members] if isinstance(every, list) else list(members))


def stamp(path: Path) -> tuple:
    """Return a value that changes when a study does: times of change and sizes of its files."""
    parts = ("study.json", "results.jsonl", "README.md", "counts", "masks")
    return tuple(_changed(path / part) for part in parts)


def _changed(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _bytes(counts: Counts) -> int:
    return counts.shared.nbytes + counts.kept.nbytes


_COUNTS = memory.Shelf(64_000_000, _bytes)
"""What was read of late from studies' folders of counts; nobody changes it."""


class Opened(Study):
    """A study for pages: its folder of counts is listed once, counts are kept, and its tables hold whole rows alone.

    When the folder changes, it is opened anew.
    """

    changed: tuple = ()
    """Its stamp as it was opened; () where a page did not open it."""

    @cached_property
    def fullness(self) -> int:
        """How many overlaps it has: of every method, sparsity and seed, and of its controls."""
        return sum(1 for _ in (self.path / "counts").glob("*.safetensors"))

    @cached_property
    def _index(self) -> pd.DataFrame:
        return super().counts_index()

    def counts_index(self) -> pd.DataFrame:
        """See `Study.counts_index`."""
        return self._index

    def counts(self, task: str, method: str, sparsity: float, seed: int = 0, kind: str = "languages") -> Counts:
        """See `Study.counts`. A page asks for a file several times, and one of many languages takes 0.05 s to read."""
        path = self.counts_path(task, method, sparsity, seed, kind)
        return _COUNTS.get((str(path), _changed(path)), partial(super().counts, task, method, sparsity, seed, kind))

    def table(self, kind: str) -> pd.DataFrame:
        """See `Study.whole_table`."""
        return self.whole_table(kind)


@st.cache_resource(max_entries=32, show_spinner=False)
def _open(path: str, changed: tuple) -> Opened:
    study = Opened(path)
    study.changed = changed
    return study


def _stamp_of(study: Study) -> tuple:
    """Return the stamp under which a study was opened in this run of the page."""
    return study.changed if isinstance(study, Opened) and study.changed else stamp(study.path)


SHELVES: list[memory.Shelf] = []
"""What is remembered, a shelf a function."""


def remembered(function: Callable) -> Callable:
    """Remember a table of a study; for masks in memory, which have one set of counts, make it anew.

    Arguments are told apart by `hash`: Streamlit's own caches look at each for a millisecond, and a page asks for sixty
    tables. Sessions share what is remembered. Frames come as copies that pandas makes when one of them is written to;
    nothing else may be changed. What goes wrong with a study that does not come with the project is raised as a
    `FileError` that names it.
    """
    shelf: memory.Shelf = memory.Shelf(200)
    SHELVES.append(shelf)

    @wraps(function)
    def call(source: Source, *arguments: object) -> object:
        try:
            if not isinstance(source, Study):
                return function(source, *arguments)
            key = str(source.path), _stamp_of(source), arguments
            return memory.apart(shelf.get(key, lambda: function(source, *arguments)))
        except NeutralError:
            raise
        except Exception as error:
            if not isinstance(source, Study) or is_bundled(source):
                raise
            raise _unreadable(source.path, error) from error

    return call


@remembered
def table(source: Source, kind: str) -> pd.DataFrame:
    """See `Study.table`."""
    return source.table(kind)
