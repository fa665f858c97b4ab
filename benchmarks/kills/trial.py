"""A command killed again and again, and what it leaves in the end against what it leaves without a kill."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.kills.cases import Case
from benchmarks.kills.runs import Run

PATIENCE = 120.0  # seconds that a run may take

_SAID = ("created", "notes")  # in study.json
_CARD = re.compile(r"[\d.]+ hours")  # in a model's card


@dataclass
class Tally:
    """What came of one command's kills."""

    case: Case
    seconds: float = 0.0  # without a kill
    kills: int = 0
    ends: int = 0  # runs that came to their end after kills
    lost: int = 0  # rows
    double: int = 0
    wrong: set[str] = field(default_factory=set)  # files that differ, and runs that failed
    left: set[str] = field(default_factory=set)  # drafts, locks and temporary files
    orphans: int = 0  # processes
    said: set[str] = field(default_factory=set)  # which rows, and how files differ

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, double, wrong or left behind."""
        return not (self.lost or self.double or self.wrong or self.left or self.orphans)


class Trial:
    """One command's folders, and what it leaves without a kill."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.folder, self.tally = folder, Tally(case)
        self.temporary = folder / "temporary"
        self.temporary.mkdir(parents=True)
        out, run = self.begun("whole")
        if run.ended(PATIENCE) != 0:
            raise RuntimeError(f"{case.name} does not run: {(folder / 'log').read_text()[-2000:]}")
        self.tally.seconds = time.monotonic() - run.began
        self.rows, self.files = rows(out), files(out)

    def begun(self, name: str) -> tuple[Path, Run]:
        """Start the command in a folder, which begins as the case says if it is new."""
        out, case = self.folder / name, self.tally.case
        if not out.exists() and case.begins_with is not None:
            shutil.copytree(case.begins_with, out)
        return out, Run(case, out, self.temporary, self.folder / "log")

    def killed(self, kills: int, draw: random.Random, until: float) -> Tally:
        """Kill the command so many times, or until the time is over, and let it end each time that it can."""
        tally, number = self.tally, 0
        while tally.kills < kills and time.monotonic() < until:
            number += 1
            while True:
                out, run = self.begun(str(number))
                more = tally.kills < kills and time.monotonic() < until
                wait = draw.uniform(0, tally.seconds) if more else PATIENCE
                code = self._lose_worker(run, wait, draw) if tally.case.loses_a_worker else self._kill(run, wait)
                tally.orphans += run.orphans()
                if code is not None:
                    break
            self._judge(out, code)
            shutil.rmtree(out, ignore_errors=True)
        return tally

    def _kill(self, run: Run, wait: float) -> int | None:
        """Return the exit code of a run that ended before it could be killed, None of one that was killed."""
        code = run.ended(wait)
        if code is None:
            run.kill()
            self.tally.kills += 1
        return code

    def _lose_worker(self, run: Run, wait: float, draw: random.Random) -> int | None:
        """The same, of a run one of whose workers is killed: it has to end by itself then."""
        code = run.ended(wait)
        if code is not None:
            return code
        workers = run.workers()
        if workers:
            os.kill(draw.choice(workers), signal.SIGKILL)
            self.tally.kills += 1
        code = run.ended(PATIENCE)
        if code is None:
            run.kill()
            self.tally.wrong.add("did not end")
        return code

    def _judge(self, out: Path, code: int) -> None:
        """Compare what a run left that ended."""
        tally = self.tally
        tally.ends += 1
        if code:
            tally.wrong.add(f"exit code {code}")
        if "Traceback" in (self.folder / "log").read_text(errors="replace"):
            tally.wrong.add("a traceback")
        these, own = rows(out), files(out)
        for what, some in (("lost", self.rows - these), ("double", these - self.rows)):
            tally.said |= {f"{what}: {row[:300]}" for row in some}
        tally.lost += (self.rows - these).total()
        tally.double += (these - self.rows).total()
        names = {name for name in own.keys() | self.files.keys() if own.get(name) != self.files.get(name)}
        left = {name for name in names if name not in self.files}
        tally.left |= left | {f"temporary/{path.name}" for path in self.temporary.iterdir()}
        tally.wrong |= names - left
        tally.said |= {f"{name} {_first_difference(self.files[name], own.get(name, b''))}" for name in names - left}
        for path in self.temporary.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _first_difference(one: bytes, other: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"from byte {at}: {one[at : at + 60]!r}, now {other[at : at + 60]!r}"


def rows(out: Path) -> Counter[str]:
    """Return the results of a study."""
    path = out / "results.jsonl"
    return Counter(path.read_text(encoding="utf-8").splitlines() if path.exists() else [])


def files(out: Path) -> dict[str, bytes]:
    """Return the content of every other file, without what a clock says, or a run said of what was left to do."""
    contents = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != "results.jsonl":
            data = path.read_bytes()
            if path.name == "study.json":
                info = json.loads(data)
                data = json.dumps({name: value for name, value in info.items() if name not in _SAID}, indent=1).encode()
            if path.name == "README.md":
                data = _CARD.sub("", data.decode()).encode()
            contents[str(path.relative_to(out))] = data
    return contents
