"""A run of the app as its pages see it."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from neutral.errors import FileError, NeutralError, one_line
from neutral.jobs import records, supervision
from neutral.jobs.limits import Limits
from neutral.jobs.records import State

_TAIL = 200_000  # bytes of a log that are looked at, at its end
_LONGEST = 500  # letters of a line
_SAID = "neutral: "  # how the shell's messages begin


@dataclass(frozen=True)
class Job:
    """A run: what was asked, where it stands, what it says.

    Attributes
    ----------
    id : str
        The name of its folder.
    name, command, arguments, study, device, limits, request
        As given to `jobs.add`.
    state : str
        waiting | running | stopping | stopped | failed | done | interrupted.
    began, ended : float or None
        Seconds since 1970, of its last start.
    folders : tuple of str
        In which models and text had to be when it was added.
    folder : Path
        Its own.
    """

    id: str
    name: str
    command: str
    arguments: tuple[str, ...]
    study: Path
    device: str
    limits: Limits
    request: dict = field(repr=False)
    folders: tuple[str, ...]
    folder: Path
    state: str
    recorded: State = field(repr=False)

    @property
    def began(self) -> float | None:
        """When it was started last, in seconds since 1970."""
        return self.recorded.began

    @property
    def ended(self) -> float | None:
        """When it ended, in seconds since 1970; None while it has not, or where nobody saw it."""
        return self.recorded.ended if self.state not in (records.WAITING, *records.AT_WORK) else None

    @cached_property
    def progress(self) -> dict:
        """What the run says of itself (`--json-progress`); nothing before it does."""
        try:
            return records.read(self.folder, records.PROGRESS)
        except NeutralError:
            return {}

    @property
    def line(self) -> str:
        """Why it failed, or was ended, in one line; "" for one of which there is nothing to say."""
        if self.recorded.line:
            return _short(self.recorded.line)
        if self.state not in (records.FAILED, records.INTERRUPTED):
            return ""
        message = self.progress.get("message") if self.is_its_progress else ""
        if isinstance(message, str) and message.strip():
            return _short(message)
        said = self.log(200)
        if own := [line for line in said if line.startswith(_SAID)]:
            return _short(own[-1].removeprefix(_SAID))
        return _short(next((line for line in reversed(said) if line.strip()), "it ended without a word"))

    @property
    def is_its_progress(self) -> bool:
        """Whether `progress` is of the last start, and not of one before."""
        process = self.recorded.process
        return process is not None and self.progress.get("pid") == process.pid

    @property
    def shell(self) -> str:
        """The same thing as a command to copy."""
        return shlex.join(["neutral", *self.words])

    @property
    def words(self) -> list[str]:
        """The command's words, behind `neutral`."""
        return words(self.command, self.arguments, self.study, self.device)

    def log(self, lines: int = 20) -> list[str]:
        """Return the last lines that it printed, of a bar the last that was shown; none if there is no log."""
        try:
            file = os.open(self.folder / records.LOG, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return []
        with open(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return []
            opened.seek(max(0, os.fstat(file).st_size - _TAIL))
            text = opened.read(_TAIL).decode("utf-8", "replace")
        shown = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n"))
        return [one_line(line) for line in shown if line][-lines:]


def words(command: str, arguments: Sequence[str], study: Path, device: str) -> list[str]:
    """Return the words of a run's command, behind `neutral`; a command that knows no device is told none.

    >>> words("find", ["--model", "m"], Path("s"), "cpu"), words("pretrain", [], Path("m"), "auto")
    (['find', '--model', 'm', '--device', 'cpu', '--study', 's'], ['pretrain', '--out', 'm'])
    """
    from neutral.runs.plans import COMMANDS

    plan = COMMANDS.get(command)
    has_device = plan is not None and "device" not in plan.WITHOUT and device not in ("", "auto")
    target = plan.FLAGS.get("study", "--study") if plan is not None else "--study"
    return [command, *arguments, *(["--device", device] if has_device else []), target, str(study)]


def read(folder: Path, *, watched: bool | None = None) -> Job:
    """Return the run of a folder. `watched` says whether a supervisor lives, if that is known.

    Raises `FileError` for a record that cannot be read.
    """
    asked, state = records.read(folder, records.REQUEST), records.read_state(folder)
    limits = asked.get("limits")
    kinds = {
        "name": str,
        "command": str,
        "arguments": list,
        "study": str,
        "device": str,
        "request": dict,
        "folders": list,
    }
    wrong = [name for name, kind in kinds.items() if not isinstance(asked.get(name), kind)]
    listed = [name for name, kind in kinds.items() if kind is list and name not in wrong]
    wrong += [name for name in listed if not all(isinstance(each, str) for each in asked[name])]
    if wrong or not isinstance(limits, dict) or set(limits) != {"time", "memory", "threads"}:
        raise FileError(folder / records.REQUEST, f"is no request of a run ({', '.join(wrong) or 'limits'})")
    return Job(
        id=folder.name,
        name=one_line(asked["name"]),
        command=asked["command"],
        arguments=tuple(asked["arguments"]),
        study=Path(asked["study"]),
        device=asked["device"],
        limits=Limits(**limits).within(Limits()),
        request=asked["request"],
        folders=tuple(asked["folders"]),
        folder=folder,
        state=_seen(state, watched),
        recorded=state,
    )


def broken(folder: Path, error: Exception) -> Job:
    """Return what to show of a run whose record cannot be read."""
    state = State(records.FAILED, line=str(error))
    return Job(folder.name, folder.name, "", (), Path(), "", Limits(), {}, (), folder, records.FAILED, state)


def _seen(recorded: State, watched: bool | None) -> str:
    """Return where a run stands; one whose process is gone was interrupted, if nobody is there to say how it ended."""
    if recorded.state not in records.AT_WORK or (recorded.process is not None and recorded.process.lives):
        return recorded.state
    watched = supervision.is_alive() if watched is None else watched
    return recorded.state if watched else records.INTERRUPTED


def _short(line: str) -> str:
    line = one_line(line).strip()
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
