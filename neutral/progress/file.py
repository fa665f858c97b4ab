"""The file of a run's progress (`--json-progress`): what another program reads of a run that it does not wait for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from neutral import files, writers
from neutral.errors import NeutralError, reading

EVERY = 1.0
"""Seconds between two writings."""

SILENT = 60.0
"""Seconds without one after which a process that cannot be looked for counts as killed."""

STATES = ("starting", "running", "done", "stopped", "failed")


class Record:
    """A file that is replaced each second by what a function returns, until it is closed.

    A file that cannot be written is no error: the run is worth more than what is told of it.
    """

    def __init__(self, path: str | Path, told: Callable[[], dict]) -> None:
        self.path, self._told = Path(path).absolute(), told
        self._process = asdict(writers.Writer.here())
        self._lock, self._closed = threading.Lock(), threading.Event()
        self.refusal = self.write()
        threading.Thread(target=self._keep, name="progress", daemon=True).start()

    def write(self) -> str:
        """Write the file now. Returns why it could not be written, in a line, or ""."""
        try:
            with self._lock:  # else an older text could replace a newer one
                text = json.dumps({**self._told(), "process": self._process}, ensure_ascii=False, allow_nan=False)
                files.write_whole(self.path, text.encode() + b"\n")
        except NeutralError as error:
            return str(error)
        except Exception as error:
            return f"{self.path}: could not be written ({type(error).__name__})"
        return ""

    def close(self) -> None:
        """Write the file for the last time."""
        self._closed.set()
        self.write()

    def _keep(self) -> None:
        while not self._closed.wait(EVERY):
            self.write()


def read(path: str | Path) -> dict:
    """Return what a file of progress says. Raises `FileError` for a file that is none."""
    with reading(path, "a file of a run's progress"):
        told = json.loads(Path(path).read_bytes())
        if not isinstance(told, dict) or told.get("state") not in STATES:
            raise ValueError("no state of a run")
        return told


def is_dead(told: dict) -> bool:
    """Whether a run that says it is starting or running was killed.

    Its process is looked for; one of another machine or container cannot be, and is dead when it has written nothing
    for a minute.
    """
    if told.get("state") not in ("starting", "running"):
        return False
    try:
        writer = writers.Writer(**told["process"])
        return not writer.lives if writer.is_known_here else time.time() - told["updated"] > SILENT
    except (KeyError, TypeError):
        return True  # no file of ours
