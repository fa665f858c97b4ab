"""The studies on this machine, and tables from them, remembered between reruns and sessions.

A study's tables are remembered under its folder and the time of the folder's last change. Uploads belong to one session
and are not remembered here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property, wraps
from pathlib import Path

import pandas as pd
import streamlit as st

from neutral.errors import NeutralError
from neutral.figures.families import Families
from neutral.masksets import MaskSet
from neutral.study import Study, find_studies

BUNDLED = Path(__file__).parents[2] / "data" / "studies"
VARIABLE = "NEUTRAL_STUDIES"

Source = Study | MaskSet


def folders() -> list[Path]:
    """Return the folders to look for studies in: the bundled ones, then those that NEUTRAL_STUDIES names."""
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [BUNDLED, *(Path(folder) for folder in named if folder and Path(folder).resolve() != BUNDLED.resolve())]


def studies(about: str | None = None) -> tuple[dict[str, Study], list[str]]:
    """Return name -> study, the fullest first, and a line for each that cannot be read.

    Studies of masks have no `about`; those of token tables are about "compression". A study's name is its folder's; a
    folder that NEUTRAL_STUDIES names may itself be a study.
    """
    named: dict[str, Study] = {}
    broken: list[str] = []
    for folder in folders():
        in_folder = []
        for path in [folder] if (folder / "study.json").is_file() else find_studies(folder):
            try:
                study = _open(str(path), stamp(path))
            except NeutralError as error:
                broken.append(str(error))
                continue
            if study.info.get("about") == about:
                in_folder.append(study)
        for study in sorted(in_folder, key=_fullness, reverse=True):
            name = study.path.name if study.path.name not in named else f"{study.path.parent.name}/{study.path.name}"
            named.setdefault(name, study)
    return named, broken


def families(source: Source | None, members: Iterable[str]) -> Families:
    """Return the colours of the families of a source's languages, whichever are shown, so that they stay everywhere."""
    every = source.info.get("languages") if source is not None else None
    return Families([*every, *members] if isinstance(every, list) else list(members))


def _fullness(study: Study) -> int:
    """Return how many overlaps a study has: of every method, sparsity and seed, and of its controls."""
    return sum(1 for _ in (study.path / "counts").glob("*.safetensors"))


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


class Opened(Study):
    """A study whose folder of counts is listed once; when the folder changes, it is opened anew."""

    @cached_property
    def _index(self) -> pd.DataFrame:
        return super().counts_index()

    def counts_index(self) -> pd.DataFrame:
        """See `Study.counts_index`."""
        return self._index


@st.cache_resource(max_entries=32, show_spinner=False)
def _open(path: str, changed: tuple) -> Opened:
    return Opened(path)


def remembered(function: Callable) -> Callable:
    """Remember a table of a study; for masks in memory, which have one set of counts, make it anew."""
    keep = st.cache_data(
        function,
        max_entries=200,
        show_spinner=False,
        hash_funcs={Opened: lambda study: (str(study.path), stamp(study.path))},
    )

    @wraps(function)
    def call(source: Source, *arguments: object) -> object:
        return (keep if isinstance(source, Study) else function)(source, *arguments)

    return call


@remembered
def table(source: Source, kind: str) -> pd.DataFrame:
    """See `Study.table`."""
    return source.table(kind)
