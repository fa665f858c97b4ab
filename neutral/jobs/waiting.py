"""The queue of each device, and what can be asked of a run."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from neutral import home
from neutral.errors import FileError, NeutralError, one_line
from neutral.jobs import folders, job, limits, permission, records, sources, supervision
from neutral.jobs.job import Job
from neutral.jobs.limits import Limits
from neutral.jobs.records import AT_WORK, DONE, RUNNING, STOPPED, STOPPING, WAITING, State


def all_jobs() -> list[Job]:
    """Return the runs, newest first; one whose record cannot be read has failed, and its line says why.

    Raises `FileError` if the folder of runs cannot be read.
    """
    watched = supervision.is_alive()
    shown = [_shown(folder, watched) for folder in reversed(records.every())]
    return [each for each in shown if each.command or each.folder.is_symlink() or each.folder.exists()]


def problems() -> list[str]:
    """Return a line for each thing among the runs that is none."""
    return [str(FileError(path, "is no run of the app; remove it")) for path in records.foreign()]


def get(id: str) -> Job:
    """Return a run. Raises `NeutralError` if there is none of that name."""
    return _shown(_folder(id))


def queue(device: str) -> list[Job]:
    """Return the runs that wait for a device, the next first."""
    return [each for each in in_order() if each.device == device]


def in_order() -> list[Job]:
    """Return the runs that wait, for whatever device, the next first."""
    waiting = [each for each in all_jobs() if each.state == WAITING]
    return sorted(waiting, key=lambda each: (each.recorded.place, each.id))


def add(
    command: str,
    arguments: Sequence[str],
    *,
    study: Path,
    name: str,
    device: str,
    limits: Limits,
    request: dict,
    local: bool = False,
) -> Job:
    """Put a run in the queue of a device and return it; it is started when the device is free.

    Parameters
    ----------
    command : str
        One of `runs.plans.COMMANDS`.
    arguments : sequence of str
        What makes the plan (`options.arguments`); its paths become absolute ones.
    study : Path
        Where it writes: a folder in `home.studies()`, of `pretrain` one in `home.models()`.
    name : str
        What it is called on the page.
    device : str
        As for `--device`; one run a device at a time.
    limits : Limits
        No more than the server's (`limits.allowed`).
    request : dict
        The values of the form, to fill it in again.
    local : bool
        Whether who asks sits at this machine (`permission.is_local`), whose home folder is allowed then.

    Raises
    ------
    NeutralError
        For a command, a path, a hub id, a limit or a value that is not allowed.
    """
    _require_not_off()
    roots = folders.roots(local)
    asked = {
        "name": one_line(name)[:200],
        "command": command,
        "arguments": sources.checked(command, arguments, roots),
        "study": str(home.require_own(study)),
        "device": sources.device(device),
        "limits": asdict(limits.within(_most())),
        "request": request,
        "folders": [str(root) for root in roots],
    }
    _require_json(request)
    home.made(study.parent)
    with records.locked():
        id = records.new_id()
        draft = home.runs() / f".{id}"  # so that nobody sees half of it
        draft.mkdir(mode=0o700)
        records.write(draft, records.REQUEST, asked)
        records.write_state(draft, State(place=_last()))
        draft.rename(home.runs() / id)
    wake()
    return get(id)


def stop(id: str) -> Job:
    """Ask a run to end cleanly, when what it does at the moment is in the study; when asked again, end it at once.

    One that waits leaves the queue. Raises `NeutralError` if there is none of that name.
    """
    with records.locked():
        asked = get(id)
        if asked.state in AT_WORK and not asked.recorded.process.is_known_here:
            raise NeutralError(f"{asked.name}: runs on another machine, or in another container; stop it there")
        if asked.state == WAITING:
            records.write_state(asked.folder, replace(asked.recorded, state=STOPPED, ended=time.time(), asked=True))
        elif asked.state == RUNNING:
            records.write_state(asked.folder, replace(asked.recorded, state=STOPPING, asked=True))
            asked.recorded.process.signal(signal.SIGUSR1)
        elif asked.state == STOPPING:
            asked.recorded.process.kill()
    return get(id)


def go_on(id: str, *, local: bool = False) -> Job:
    """Put a run that ended before it was done in the queue again: the same command, which goes on.

    Raises `NeutralError` for one that is at work, waits or is done, and the errors of `add`.
    """
    _require_not_off()
    with records.locked():
        asked = get(id)
        if asked.state in (WAITING, *AT_WORK, DONE) or not asked.command:
            raise NeutralError(f"{asked.name}: is {asked.state}, so it cannot go on")
        roots = folders.roots(local)
        entries = records.read(asked.folder, records.REQUEST)
        entries["arguments"] = sources.checked(asked.command, asked.arguments, roots)
        entries["limits"] = asdict(asked.limits.within(_most()))
        entries["folders"] = [str(root) for root in roots]
        home.require_own(asked.study)
        records.write(asked.folder, records.REQUEST, entries)
        records.write_state(asked.folder, State(place=_last()))
    wake()
    return get(id)


def remove(id: str) -> None:
    """Remove a run's record and log; never its study. Raises `NeutralError` for one that is at work."""
    with records.locked():
        folder = _folder(id)
        if _shown(folder).state in AT_WORK:
            raise NeutralError(f"{_shown(folder).name}: is at work; stop it first")
        gone = folder.with_name(f".{folder.name}")
        try:
            folder.rename(gone)  # so that nobody sees half of it
            shutil.rmtree(gone) if gone.is_dir() and not gone.is_symlink() else gone.unlink()
        except OSError as error:
            raise FileError(folder, f"cannot be removed: {error.strerror}") from error


def move(id: str, place: int) -> None:
    """Put a run that waits at a place of its device's queue: 0 is the next. Others keep their order.

    Raises `NeutralError` for one that does not wait.
    """
    with records.locked():
        moved = get(id)
        if moved.state != WAITING:
            raise NeutralError(f"{moved.name}: is {moved.state}, and only what waits has a place in the queue")
        waiting = queue(moved.device)
        places = [each.recorded.place for each in waiting]
        others = [each for each in waiting if each.id != id]
        others.insert(max(0, place), moved)
        for each, number in zip(others, _ascending(places), strict=True):
            records.write_state(each.folder, replace(each.recorded, place=number))


def clear() -> list[Job]:
    """Empty the queue and return what was in it: these runs are stopped, and can go on."""
    with records.locked():
        emptied = in_order()
        for each in emptied:
            records.write_state(each.folder, replace(each.recorded, state=STOPPED, ended=time.time(), asked=True))
    return emptied


def wake() -> None:
    """Start a supervisor if there is something to do, none lives, and runs are not off everywhere."""
    if permission.are_off():
        return
    if not supervision.is_alive() and any(each.recorded.state in (WAITING, *AT_WORK) for each in all_jobs()):
        supervision.start()


def _folder(id: str) -> Path:
    folder = home.runs() / str(id)
    if not records.is_id(str(id)) or not (folder.exists() or folder.is_symlink()):
        raise NeutralError(f"{str(id)[:80]!r}: there is no such run; it may have been removed")
    return folder


def _shown(folder: Path, watched: bool | None = None) -> Job:
    try:
        return job.read(folder, watched=watched)
    except NeutralError as error:
        return job.broken(folder, error)


def _last() -> int:
    """Return the place behind all that wait."""
    return 1 + max((each.recorded.place for each in in_order()), default=0)


def _ascending(places: Sequence[int]) -> list[int]:
    """Return the same places, no two alike: two that are can't be told apart in a queue."""
    if len(set(places)) == len(places):
        return sorted(places)
    return list(range(min(places), min(places) + len(places)))


def _most() -> Limits:
    return limits.allowed()


def _require_not_off() -> None:
    if permission.are_off():
        raise NeutralError(f"runs are off here ({permission.VARIABLE}=off)")


def clash(one: str, other: str) -> bool:
    """Whether two devices may be the same: auto may be any, and cuda is the first.

    >>> clash("cuda", "cuda:0"), clash("auto", "cpu"), clash("cpu", "cuda:1")
    (True, True, False)
    """
    first = {"cuda": "cuda:0", "mps": "mps:0"}
    return "auto" in (one, other) or first.get(one, one) == first.get(other, other)


def _require_json(request: dict) -> None:
    try:
        json.dumps(request)
    except (TypeError, ValueError) as error:
        raise NeutralError(f"the form's values cannot be stored: {error}") from error
