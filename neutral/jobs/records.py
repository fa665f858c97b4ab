"""What a run's folder says: `request.json` (what was asked, never changed) and `state.json` (where it stands).

Every change of a state is made within `locked()`, so that any number of servers, tabs and processes agree.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from neutral import home
from neutral.errors import FileError, reading
from neutral.files import write_whole
from neutral.lock import only_writer
from neutral.processes import Process

REQUEST, STATE, PROGRESS, LOG = "request.json", "state.json", "progress.json", "log.txt"

WAITING, RUNNING, STOPPING, STOPPED = "waiting", "running", "stopping", "stopped"
FAILED, DONE, INTERRUPTED = "failed", "done", "interrupted"
STATES = (WAITING, RUNNING, STOPPING, STOPPED, FAILED, DONE, INTERRUPTED)
AT_WORK = (RUNNING, STOPPING)

_ID = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{16}")
_PATIENCE = 30.0  # seconds to wait for others, each of whom takes a few milliseconds
_LARGEST = 4_000_000  # bytes of a record
_LATEST = 1e11  # seconds since 1970: the year 5138


@dataclass(frozen=True)
class State:
    """Where a run stands.

    Attributes
    ----------
    state : str
        One of `STATES`.
    place : int
        In the queue: lower ones are before higher ones.
    process : Process or None
        That of its last start.
    began, ended : float or None
        Of its last start, in seconds since 1970.
    asked : bool
        Whether somebody asked it to stop.
    line : str
        Why it ended, where a limit or the system ended it.
    """

    state: str = WAITING
    place: int = 0
    process: Process | None = None
    began: float | None = None
    ended: float | None = None
    asked: bool = False
    line: str = ""


def new_id() -> str:
    """Return a name for a run's folder: later ones sort behind earlier ones, and none can be guessed."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(8)}"


def is_id(name: str) -> bool:
    """Whether a name is one of those that `new_id` makes."""
    return _ID.fullmatch(name) is not None


def locked() -> AbstractContextManager[None]:
    """Within, nobody else changes the state of a run. Raises the errors of `only_writer`."""
    return only_writer(home.made(home.runs()), patience=_PATIENCE)


def every() -> list[Path]:
    """Return the folders of all runs, sound or not, oldest first."""
    return [path for path in _entries() if is_id(path.name)]


def foreign() -> list[Path]:
    """Return what else lies among the runs; names that begin with a point are this program's own."""
    return [path for path in _entries() if not is_id(path.name) and not path.name.startswith(".")]


def _entries() -> list[Path]:
    try:
        return sorted(home.runs().iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FileError(home.runs(), f"cannot be read: {error.strerror}") from error


def write(folder: Path, name: str, entries: dict) -> None:
    """Write one of a run's records, whole. Raises `StorageError`."""
    write_whole(folder / name, json.dumps(entries, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))


def read(folder: Path, name: str) -> dict:
    """Return the object in one of a run's records. Raises `FileError` for anything else that is there."""
    path = folder / name
    with reading(path, "a record of a run"):
        if folder.is_symlink():
            raise FileError(folder, "is a link, and a run has a folder of its own")
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise FileError(path, "is no file")
            text = opened.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise FileError(path, "is too large for a record of a run")
        entries = json.loads(text)
    if not isinstance(entries, dict):
        raise FileError(path, "holds no JSON object")
    return entries


def write_state(folder: Path, state: State) -> None:
    """Put down where a run stands. Raises `StorageError`."""
    write(folder, STATE, asdict(state))


def read_state(folder: Path) -> State:
    """Return where a run stands. Raises `FileError` for a record that is none."""
    entries = read(folder, STATE)
    known = {field.name for field in fields(State)}
    process = entries.get("process")
    if isinstance(process, dict):
        entries["process"] = _process(folder, process)
    kinds = {
        "state": str, "place": int, "process": Process | None, "began": float | int | None, "ended": float | int | None,
        "asked": bool, "line": str,
    }  # fmt: skip
    wrong = [name for name in known & set(entries) if not isinstance(entries[name], kinds[name])]
    times = [name for name in ("began", "ended") if name not in wrong and entries.get(name) is not None]
    wrong += [name for name in times if not 0 <= entries[name] < _LATEST]  # no NaN either
    if not wrong and entries.get("state") in AT_WORK and entries.get("process") is None:
        wrong = ["process"]
    if wrong or entries.get("state") not in STATES:
        raise FileError(folder / STATE, f"is no state of a run ({', '.join(sorted(wrong)) or 'state'})")
    return State(**{name: entries[name] for name in known & set(entries)})


def _process(folder: Path, entries: dict) -> Process:
    kinds = {"pid": int, "started": str, "boot": str, "space": str}
    if any(type(entries.get(name)) is not kind for name, kind in kinds.items()) or entries["pid"] < 2:
        raise FileError(folder / STATE, "is no state of a run (process)")
    return Process(**{name: entries[name] for name in kinds})
