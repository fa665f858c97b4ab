"""What there is to choose from on this machine, and what checks answered, remembered between reruns and sessions."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import corpora, home, jobs
from neutral.errors import NeutralError
from neutral.jobs import Limits, dry, folders, permission, sources
from neutral.study import Study
from pages.parts import catalogue

_KEPT = 64  # answers
_TEXT = (".txt", ".txt.gz", ".txt.xz")
_LOOK = 0.25  # seconds between two looks at a question


def is_local() -> bool:
    """Whether only who sits at this machine reaches the server, as far as this visitor's request shows."""
    return permission.is_local(st.get_option("server.address"), st.context.headers)


def why_not() -> str:
    """Return why this visitor may start no runs, and how they are switched on; "" if they may."""
    try:
        permission.require(st.get_option("server.address"), st.context.headers)
    except NeutralError as error:
        return str(error)
    return ""


@dataclass(frozen=True)
class Places:
    """Models and texts to choose from: what a list shows -> path; and whether that is all there are."""

    models: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    whole: bool = True


def roots() -> list[Path]:
    """Return the folders whose names a visitor may see: those allowed; of who may start no run the bundled ones."""
    return folders.roots(is_local()) if is_local() or not why_not() else list(folders.BUNDLED)


def own_roots() -> list[Path]:
    """Return the folders of `roots` that are there beside the app's own and the bundled ones."""
    return [path for path in roots() if path not in (*folders.BUNDLED, home.models(), home.text())]


def places() -> Places:
    """Return the models and texts of the allowed folders, the bundled ones first."""
    return _places(tuple(map(str, roots())))


@st.cache_data(ttl=20, max_entries=8, show_spinner="Looking for models and text …")
def _places(roots: tuple[str, ...]) -> Places:
    models: dict[str, str] = {}
    texts: dict[str, str] = {}
    whole = True
    among = [Path(root) for root in roots]
    for root in sorted(among, key=lambda root: root not in folders.BUNDLED):
        listed = folders.listing(root, among)
        whole &= listed.whole
        for names, paths in ((models, listed.models), (texts, listed.texts)):
            for path in paths:
                if str(path) not in names.values():
                    names.setdefault(_name(path, root), str(path))
    return Places(models, texts, whole)


def listed_anew(path: str) -> str:
    """Return what the list calls a text that was just made."""
    _places.clear()
    return next((name for name, place in places().texts.items() if place == path), path)


def refusal(path: str) -> str:
    """Return why a model or a text that was typed may not be read, at a glance and without looking into it."""
    try:
        sources.placed(path, folders.roots(is_local()))
    except NeutralError as error:
        return str(error)
    return ""


def _name(path: Path, root: Path) -> str:
    """Return what a list calls a folder: as it lies in the folder that is allowed."""
    inner = path.relative_to(root)
    if root in folders.BUNDLED:
        return f"{path.relative_to(root.parent) if root.name == 'tasks' else path.name} (comes with the app)"
    if root == Path.home():
        return f"~/{inner}"
    return f"{root.name}/{inner}" if inner.parts else root.name


def languages(text: str) -> tuple[str, ...]:
    """Return the codes of the languages that a folder of text or of labelled data holds, by its files' names.

    Of a folder that is not allowed there are none, as of one that is not there.
    """
    try:
        folder = folders.within(text, roots())
        return _languages(str(folder), folder.stat().st_mtime_ns)
    except (OSError, NeutralError, ValueError):  # what is wrong with it is said where it is checked
        return ()


@st.cache_data(max_entries=64, show_spinner=False)
def _languages(text: str, changed: int) -> tuple[str, ...]:
    return tuple(corpora.languages_by_name(text))


def passed_over(text: str) -> list[str]:
    """Return the names of the files in a folder of text that are in no language, as far as their names tell."""
    if not languages(text):
        return []
    try:
        names = corpora.text_files(folders.within(text, folders.roots(is_local())), ()).passed_over
    except (OSError, NeutralError, ValueError):
        return []
    return [name for name in names if name.endswith(_TEXT)]


def last_used(study: Study | None) -> dict[str, str]:
    """Return what the list calls the model and the text of the newest run: of one that wrote `study`, if given."""
    last: dict[str, str] = {}
    for each in jobs.all_jobs():
        fields = each.request.get("fields")
        if isinstance(fields, dict) and (study is None or each.study == study.path.absolute()):
            for name in ("model", "text"):
                if isinstance(told := fields.get(name), str):
                    last.setdefault(name, told)
    listed = {"model": places().models, "text": places().texts}
    return {name: told for name, told in last.items() if told in listed[name]}


def gguf_files(model: str) -> list[str]:
    """Return the names of the GGUF files in a model's folder; none of one that is not allowed."""
    try:
        return sorted(path.name for path in folders.within(model, roots()).glob("*.gguf"))
    except (OSError, NeutralError, ValueError):
        return []


def studies_with(command: str) -> dict[str, Study]:
    """Return name -> study, of those that a command can start from: with masks, or for `typology` with overlaps."""
    studies, _ = catalogue.studies()
    having, _ = catalogue.of_each(studies, _has_counts if command == "typology" else _has_masks)
    return {name: study for name, study in studies.items() if having.get(name)}


def _has_masks(study: Study) -> bool:
    return any((study.path / "masks").glob("*.safetensors"))


def _has_counts(study: Study) -> bool:
    return any((study.path / "counts").glob("*.safetensors"))


def is_own(study: Study) -> bool:
    """Whether a study is one that the app's runs may write into."""
    return study.path.absolute().parent == home.studies()


def in_app(path: Path, about: str | None) -> str:
    """Return what the app's pages call the study in a folder; "" if they do not show it yet."""
    studies, _ = catalogue.studies(about)
    return next((name for name, study in studies.items() if study.path.absolute() == path), "")


class _Answers:
    """What checks answered: the last ones, and one question at a time, so that one model is in memory at most."""

    def __init__(self) -> None:
        self.known: OrderedDict[tuple, dict] = OrderedDict()
        self.turn = threading.Lock()

    def put(self, key: tuple, facts: dict) -> None:
        self.known[key] = facts
        while len(self.known) > _KEPT:
            self.known.popitem(last=False)


@st.cache_resource(max_entries=1, show_spinner=False)
def _answers() -> _Answers:
    return _Answers()


def known(words: Sequence[str], read: Sequence[str]) -> dict | None:
    """Return what a command would do, if it was asked before and nothing of what it reads has changed since."""
    return _answers().known.get(_key(words, read))


def ask(
    words: Sequence[str], read: Sequence[str], allowed: Sequence[str], limits: Limits, clock: DeltaGenerator
) -> dict:
    """Return what a command would do, which takes as long as to load its model and time a unit of its work.

    `read` are the folders that it reads, `allowed` the words with their real paths. Meanwhile `clock` says how long it
    takes, and the page ends the question when the visitor does something else. Raises `NeutralError` with the line that
    the command says.
    """
    answers, key, begun = _answers(), _key(words, read), time.monotonic()

    def tick(doing: str = "Loading the model, reading the text, timing a unit of the work") -> None:
        clock.caption(f"{doing} … {time.monotonic() - begun:.0f} s")
        time.sleep(_LOOK)

    while not answers.turn.acquire(blocking=False):
        tick("Another check runs; this one is next")
    try:
        answers.put(key, dry.ask(allowed, limits, tick))
    finally:
        answers.turn.release()
        clock.empty()
    return answers.known[key]


def _key(words: Sequence[str], read: Sequence[str]) -> tuple:
    return tuple(words), tuple(_stamp(Path(path)) for path in read)


def _stamp(folder: Path) -> tuple:
    """Return a value that changes with a folder, or with a file that lies in it."""
    try:
        return tuple(sorted((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir()))
    except (OSError, ValueError):
        return ()


def is_online() -> bool:
    """Whether models and text of the hub can be had."""
    return sources.is_online()
