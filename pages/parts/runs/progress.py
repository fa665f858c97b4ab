"""How a run goes, in words: what its record says, which is read with care, since it holds names from outside."""

from __future__ import annotations

import time
from datetime import datetime
from numbers import Real

from neutral.jobs import Job
from neutral.jobs.records import DONE, FAILED, INTERRUPTED, RUNNING, STOPPED, STOPPING, WAITING
from neutral.progress.bar import duration
from pages.parts import formats
from pages.parts.runs.words import KINDS, kind_of
from pages.parts.text import as_text, code

STATES = {
    WAITING: ("Waiting", ":material/schedule:", "gray"),
    RUNNING: ("Running", ":material/play_arrow:", "blue"),
    STOPPING: ("Stopping", ":material/hourglass_bottom:", "orange"),
    STOPPED: ("Stopped", ":material/pause:", "orange"),
    DONE: ("Finished", ":material/check:", "green"),
    FAILED: ("Failed", ":material/error:", "red"),
    INTERRUPTED: ("Interrupted", ":material/power_off:", "orange"),
}
"""State of a run -> its name, icon and colour."""

SECONDS = "seconds"
"""Of a run's request: what its check said that it takes."""

NONE_YET = "There are no runs yet. *New run* starts one."
STOP_HELP = "Ends when what it is at is in the study; press again to end at once. Go on later with what is left"
STOPPING_NOW = "It ends as soon as what it is at is in the study. *End at once* does not wait and loses that unit."
GO_ON_HELP = "The same run again: what is in the study is not done twice"
REMOVE_HELP = "Removes the run and its log from this list; the study stays"
NOT_SHOWN = "The study has nothing yet that a page could show."
_MOST = 3  # units that are shown


def title(run: Job) -> str:
    """Say what a run is."""
    kind = kind_of(run.command)
    what = KINDS[kind].label if kind else code(run.command or "unreadable")
    return f"**{as_text(run.name) or '(no name)'}** · {what}"


def share(run: Job) -> float:
    """Return how much of a run is done, from 0 to 1."""
    work, units = _pair(run, "work"), _pair(run, "units")
    done, total = work if work[1] else units
    return min(1.0, max(0.0, done / total)) if total else 0.0


def going(run: Job) -> str:
    """Say how far a run at work is, and how long it takes."""
    done, total = _pair(run, "units")
    if not run.is_its_progress or not total:
        return "Starting: loading the model and reading the text"
    parts = [f"{done:.0f} of {total:.0f} units"]
    if run.state == RUNNING and (left := _left(run)):
        parts.append(left)
    if run.began:
        parts.append(f"{duration(time.time() - run.began)} so far")
    return " · ".join(parts)


def _left(run: Job) -> str:
    """Say how long a run still takes: as it says itself, or as its check said before; "" where nobody knows."""
    left, said = _number(run.progress.get("seconds_left")), ""
    checked = _number(run.request.get(SECONDS))
    if left is None and checked and run.began and not _pair(run, "work")[0]:
        left, said = checked - (time.time() - run.began), ", as the check said"
    if left is None or left < 1:
        return "" if left is None else "longer than the check said" if said else ""
    return f"about {duration(left)} left{said}"


def current(run: Job) -> list[str]:
    """Say what a run is at."""
    units = run.progress.get("current") if run.is_its_progress else None
    units = [unit for unit in units if isinstance(unit, str)] if isinstance(units, list) else []
    shown = [as_text(unit[:200]) for unit in units[:_MOST]]
    return [*shown, f"and {len(units) - _MOST} more"] if len(units) > _MOST else shown


def failed_units(run: Job) -> list[str]:
    """Say which units of a run failed, and why."""
    failed = run.progress.get("failed")
    known = [each for each in failed if isinstance(each, dict)] if isinstance(failed, list) else []
    return [f"{as_text(each.get('unit', ''))}: {as_text(str(each.get('why', ''))[:500])}" for each in known[:50]]


def ended(run: Job) -> str:
    """Say when a run ended, and how long it took."""
    if run.ended is None:
        return STATES[run.state][0] + "."
    day = datetime.fromtimestamp(run.ended).astimezone().strftime("%d %b %Y, %H:%M")
    took = f", after {duration(run.ended - run.began)}" if run.began and run.ended >= run.began else ""
    return f"{STATES[run.state][0]} {day}{took}."


def queue(count: int) -> str:
    """Say how many runs wait."""
    return f"**The queue** · {formats.count(count, 'run')} waiting; one run at a time on each device"


def _pair(run: Job, name: str) -> tuple[float, float]:
    """Return what of something is done, and of how much; zeros where the record does not say."""
    told = run.progress.get(name) if run.is_its_progress else None
    told = told if isinstance(told, dict) else {}
    return _number(told.get("done")) or 0.0, _number(told.get("total")) or 0.0


def _number(value: object) -> float | None:
    is_number = isinstance(value, Real) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if is_number else None
