"""Where models and text of the app's runs may be, and what of them is there to choose from."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neutral import home
from neutral.errors import FileError, NeutralError

VARIABLE = "NEUTRAL_FOLDERS"
"""Environment variable: folders in which models and text may be, with `:` between them."""

BUNDLED = tuple(home.CHECKOUT / "data" / name for name in ("models", "sentences", "tasks"))

NOWHERE = (
    "is in no folder that this server allows: choose from the list, put it into one of them, or start the app with "
    f"`neutral app --folders DIR` ({VARIABLE})"
)

_MOST = 50_000  # files and folders in one that is chosen
_LOOKED = 3000  # folders that are looked into for a list
_SECONDS = 3.0  # that a list may take
_DEPTH = 3  # below the one whose list is made


def roots(local: bool) -> list[Path]:
    """Return the folders in which models and text may be; those of them that are there.

    They are those that NEUTRAL_FOLDERS names; else the user's home folder, if who asks sits at this machine (`local`).
    To these come the app's own `models` and `text`, and the bundled ones.
    """
    named = [name for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name.strip()]
    own = [Path(name).expanduser() for name in named] or ([Path.home()] if local else [])
    every = [Path(os.path.abspath(path)) for path in (*own, home.models(), home.text(), *BUNDLED)]
    return [path for path in dict.fromkeys(every) if path.is_dir()]


def allowed(path: str | Path, among: Sequence[Path]) -> Path:
    """Return the real path of a file or folder that lies in one of the folders `among`, with all that is in it.

    Every link on the way and inside must lead to a place in these folders, and nothing in it may be a pipe, a socket or
    a device.

    Raises
    ------
    FileError
        As `within`; and for a folder that has something that leaves them, or more files than a model or a text has.
    """
    real = within(path, among)
    _require_plain(real, real.lstat().st_mode)
    if real.is_dir():
        _require_inside(real, [root.resolve() for root in among])
    return real


def within(path: str | Path, among: Sequence[Path]) -> Path:
    """Return the real path of what lies in one of the folders `among`; what is in it is not looked at.

    `~/` is the home folder of the server's user. Raises `FileError` for a path that leaves the folders, or has `..` in
    it, and for one that is not there.
    """
    written = str(path)
    if written == "~" or written.startswith("~/"):
        written = str(Path.home()) + written[1:]
    if not written.strip() or "\0" in written or written.startswith("~") or ".." in Path(written).parts:
        raise FileError(_shown(path), "is no path that may be chosen; give it in full, without ~NAME and without ..")
    place, real_roots = Path(os.path.abspath(written)), [root.resolve() for root in among]
    if not _is_in(place, [*among, *real_roots]):  # said before anything is looked at: what is elsewhere is not told
        raise FileError(_shown(path), NOWHERE)
    real = _real(place)
    if not _is_in(real, real_roots):
        raise FileError(_shown(path), f"is a link that leads out of the folders that this server allows ({VARIABLE})")
    return real


@dataclass(frozen=True)
class Listing:
    """What there is to choose from in a folder: the folders of models and of text, sorted, and whether that is all."""

    models: list[Path] = field(default_factory=list)
    texts: list[Path] = field(default_factory=list)
    whole: bool = True


def listing(folder: str | Path, among: Sequence[Path]) -> Listing:
    """Return the models and texts in a folder and in those below it, three deep; hidden ones are passed over.

    A model's folder has a `config.json` or a GGUF file. A folder of text has files that are named after languages, or
    labelled data with a part to train on. Raises `FileError` for a folder that is not `among` those allowed, or cannot
    be read.
    """
    top, real_roots = _top(folder, among), [root.resolve() for root in among]
    models, texts, border, looked = [], [], [(top, 0)], 0
    latest = time.monotonic() + _SECONDS
    while border and looked < _LOOKED and time.monotonic() < latest:
        current, depth = border.pop(0)
        looked += 1
        entries = _entries(current)
        names = {entry.name for entry in entries}
        if "config.json" in names or any(name.endswith(".gguf") for name in names):
            models.append(current)
            continue
        inner = [Path(e.path) for e in entries if _is_open(e) and _is_in(_real(e.path), real_roots)]
        is_text, parts = _texts(current, inner)
        if is_text:
            texts.append(current)
        if depth < _DEPTH:
            border += [(path, depth + 1) for path in inner if path not in parts]
    return Listing(sorted(models), sorted(texts), not border)


def _top(folder: str | Path, among: Sequence[Path]) -> Path:
    """Return a folder that is one of those allowed, or lies in one; what is inside is not looked at yet."""
    place = Path(os.path.abspath(folder))
    is_inside = _is_in(place, among) and ".." not in Path(folder).parts and place.is_dir()
    if not is_inside or not _is_in(_real(place), [root.resolve() for root in among]):
        raise FileError(_shown(folder), f"is no folder that this server allows ({VARIABLE})")
    return place


def _texts(folder: Path, inner: Sequence[Path]) -> tuple[bool, set[Path]]:
    """Return whether a folder has text or labelled data, and which of the folders in it are a part of that."""
    from neutral import corpora
    from neutral.corpora import datafiles
    from neutral.languages import in_name
    from neutral.tasks import examples, sentences

    endings = [*examples.READERS, *sentences.readers("ner")]

    def is_plain(place: Path) -> bool:
        try:
            files = corpora.text_files(place, ()).files
        except (NeutralError, OSError):
            return False
        # A program called `as` is no Assamese.
        return any(split or ".txt" in path.name for named in files.values() for split, path in named.items())

    def splits(place: Path) -> set[str]:
        read = (datafiles.read(entry.name, endings) for entry in _entries(place))
        return {name.split for name in read if name is not None and name.split}

    parts = {path for path in inner if datafiles.split_of(path.name) and is_plain(path)}
    parts |= {path for path in inner if in_name(path.name) and datafiles.TRAIN in splits(path)}
    is_labelled = datafiles.TRAIN in splits(folder) and len(splits(folder)) > 1
    return bool(parts) or is_plain(folder) or is_labelled, parts


def _is_open(entry: os.DirEntry) -> bool:
    """Whether an entry of a folder is a folder to look into."""
    try:
        return not entry.name.startswith(".") and entry.is_dir()
    except OSError:
        return False


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:  # one that may not be read
        return []


def _require_inside(folder: Path, among: Sequence[Path]) -> None:
    """Raise `FileError` for a folder with something in it that leads out of others, at whatever depth, or too much."""
    border, seen, count = [folder], {folder}, 0
    while border:
        current = border.pop()
        try:
            with os.scandir(current) as entries:
                paths = [Path(entry.path) for entry in entries]
        except OSError as error:
            raise FileError(current, f"cannot be read: {error.strerror}") from error
        count += len(paths)
        if count > _MOST:
            raise FileError(folder, f"has more than {_MOST:,} files; choose the folder of one model or of one text")
        for path in paths:
            real = _real(path) if path.is_symlink() else path
            if not _is_in(real, among):
                raise FileError(_shown(path), "is a link that leads out of the folders that this server allows")
            _require_plain(path, real.lstat().st_mode)
            if real.is_dir() and real not in seen:
                border.append(real)
                seen.add(real)


def _require_plain(path: Path, mode: int) -> None:
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FileError(_shown(path), "is neither a file nor a folder, but a pipe, a socket or a device")


def _real(path: str | Path) -> Path:
    """Return where a path leads. Raises `FileError` if nothing is there."""
    try:
        return Path(path).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # the latter: links in a circle
        raise FileError(_shown(path), "leads to nothing; no such file or folder") from error


def _is_in(path: Path, among: Iterable[Path]) -> bool:
    return any(path.is_relative_to(root) for root in among)


def _shown(path: object) -> str:
    return str(path)[:300]
