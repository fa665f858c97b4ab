"""Many sessions at once: how long pages take then, and whether anything of one session is seen in another.

    python -m benchmarks.sessions [--sessions 20] [--seconds 600]

It starts a server of its own on this machine, lets so many visitors walk over its pages for so long, and stops by
itself. A visitor opens a page, changes widgets, waits ten seconds or so as a reader does, and goes on; every fourth
uploads masks whose names nobody else has, and every fifth loses its connection and comes back, or closes the tab and
opens a new one. It fails if a page shows an exception or an error, if the log has a traceback, or if a name of one
visitor's masks reaches another.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.server import Server, started
from benchmarks.visitors import Page, Visitor

PAGES = ("", "overlap", "pair", "layers", "typology", "inside", "transfer", "tickets", "masks", "compression")
THINK = (5.0, 15.0)
"""Seconds between two requests of a visitor, at least and at most."""
KEPT = 20
"""Seconds that the server keeps a session whose connection is gone (120 if nothing is said)."""
BAD_LOG = re.compile(r"Traceback|Something went wrong|[Ii]notify|ERROR|Exception")


@dataclass
class Report:
    """What happened: times by kind, faults, and the server's memory over time."""

    pages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    widgets: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds since the start, MB
    returns: int = 0
    uploads: int = 0

    @property
    def settled(self) -> tuple[float, float, float]:
        """MB at the start, at most, and at the end."""
        values = [size for _, size in self.memory]
        return values[0], max(values), values[-1]


def megabytes(process: int) -> float:
    """Return how much memory a process and its children have, in MB."""
    total = 0.0
    for one in (process, *children(process)):
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue  # it ended meanwhile
        total += sum(int(size) / 1000 for size in re.findall(r"VmRSS:\s+(\d+)", status))
    return total


def children(process: int) -> list[int]:
    """Return the processes that a process started and that still run."""
    try:
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


class Walk(threading.Thread):
    """A visitor's way through the pages."""

    def __init__(self, number: int, sessions: int, address: str, until: float, report: Report, lock: threading.Lock):
        super().__init__(daemon=True)
        self.number, self.address, self.until, self.report, self.lock = number, address, until, report, lock
        self.chance = random.Random(number)
        self.own = names(number) if number % 4 == 0 else []
        self.foreign = [name for other in range(sessions) if other != number for name in names(other)]

    def run(self) -> None:
        """Walk until the time is over; a fault ends the way."""
        try:
            time.sleep(self.chance.uniform(0, THINK[1]))
            self._walk()
        except Exception as error:
            self._fault("its way", f"{type(error).__name__}: {error}")

    def _walk(self) -> None:
        visitor = self._arrive()
        steps = 0
        while time.monotonic() < self.until:
            self._page(visitor)
            steps += 1
            if self.number % 5 == 1 and steps % 4 == 0:
                visitor = self._return(visitor)
        visitor.leave()

    def _arrive(self) -> Visitor:
        visitor = Visitor(self.address)
        self._seen("first page", visitor.first, self.report.pages)
        if self.own:
            page = visitor.open("masks")
            files = {f"{name}.npz": mask(self.chance) for name in self.own}
            done = visitor.upload(page, files)
            self._seen("an upload", done, self.report.pages)
            with self.lock:
                self.report.uploads += len(files)
            if not all(done.holds(name) for name in self.own):
                self._fault("masks", "its own uploads are not on the page")
        return visitor

    def _return(self, visitor: Visitor) -> Visitor:
        visitor.leave()
        with self.lock:
            self.report.returns += 1
        self._think()
        if self.chance.random() < 0.5:
            return self._arrive()
        self._seen("a return", visitor.come_back(), self.report.pages)
        return visitor

    def _page(self, visitor: Visitor) -> None:
        name = self.chance.choice(PAGES)
        query = "show=Both" if self.own and self.chance.random() < 0.3 else ""
        page = visitor.open(name, query)
        self._seen(name or "overview", page, self.report.pages)
        self._think()
        for _ in range(self.chance.randint(1, 3)):
            boxes = [box for box in page.of("selectbox") if len(box.options) > 1]
            if not boxes or time.monotonic() > self.until:
                return
            box = self.chance.choice(boxes)
            page = visitor.change(id=box.id, string_value=self.chance.choice(box.options))
            self._seen(name or "overview", page, self.report.widgets)
            self._think()

    def _think(self) -> None:
        time.sleep(self.chance.uniform(*THINK))

    def _seen(self, what: str, page: Page, times: dict[str, list[float]]) -> None:
        """Note a page's time, and what is wrong with it."""
        with self.lock:
            times[what].append(page.seconds)
        for exception in page.of("exception"):
            self._fault(what, f"exception: {exception.type} {exception.message}")
        for alert in page.of("alert"):
            if "Something went wrong" in alert.body:
                self._fault(what, alert.body)
        if seen := [name for name in self.foreign if page.holds(name)]:
            self._fault(what, f"it holds what another visitor uploaded: {', '.join(seen)}")

    def _fault(self, where: str, what: str) -> None:
        with self.lock:
            self.report.faults.append(f"visitor {self.number}, {where}: {what}")


def names(number: int) -> list[str]:
    """Return the names of a visitor's masks."""
    return [f"zz{number:03}{letter}qx" for letter in "abc"[: 2 + number % 2]]


def mask(chance: random.Random) -> bytes:
    """Return a mask file that nobody else has."""
    generator, file = np.random.default_rng(chance.randrange(2**32)), io.BytesIO()
    weights = {f"encoder.layer.{i}.output.dense.weight": generator.integers(0, 2, (64, 64)) for i in range(4)}
    np.savez(file, **weights)
    return file.getvalue()


def walk(server: Server, sessions: int, seconds: float) -> Report:
    """Let visitors walk, and watch the server's memory until it has had time to come back."""
    report, lock, began = Report(), threading.Lock(), time.monotonic()
    report.memory.append((0.0, megabytes(server.process.pid)))
    walks = [Walk(i, sessions, server.address, began + seconds, report, lock) for i in range(sessions)]
    for one in walks:
        one.start()
    latest = began + seconds + 120  # the last page of each
    while any(one.is_alive() for one in walks) and time.monotonic() < latest:
        time.sleep(1)
        report.memory.append((time.monotonic() - began, megabytes(server.process.pid)))
    report.faults += [f"visitor {one.number} did not come to an end" for one in walks if one.is_alive()]
    time.sleep(KEPT + 6)
    report.memory.append((time.monotonic() - began, megabytes(server.process.pid)))
    return report


def measure(sessions: int, seconds: float, log: Path | None = None) -> Report:
    """Start a server, let visitors walk over it, and return what happened, the log's bad lines among the faults."""
    with tempfile.TemporaryDirectory(prefix="neutral-") as folder:
        log = log or Path(folder) / "log"
        with started("--server.disconnectedSessionTTL", str(KEPT), log=log) as server:
            report = walk(server, sessions, seconds)
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()
    report.faults += [f"log: {line}" for line in said if BAD_LOG.search(line)]
    return report


def table(title: str, times: dict[str, list[float]]) -> None:
    """Print the median, the 95th percentile and the slowest of each kind and of all together."""
    print(f"{title:14} {'number':>7} {'p50':>7} {'p95':>7} {'slowest':>8}   (s)")
    for name, values in (("all", [one for each in times.values() for one in each]), *sorted(times.items())):
        if values:
            p95 = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
            print(f"{name:14} {len(values):7} {statistics.median(values):7.2f} {p95:7.2f} {max(values):8.2f}")
    print()


def main() -> None:
    """Measure and print; the exit code is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20, choices=range(1, 101), metavar="N", help="at most 100")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--log", type=Path, help="keep the server's log in this file")
    chosen = parser.parse_args()
    report = measure(chosen.sessions, min(chosen.seconds, 3600), chosen.log)
    table("a page", report.pages)
    table("a widget", report.widgets)
    first, most, last = report.settled
    print(f"memory: {first:.0f} MB at the start, {most:.0f} at most, {last:.0f} after the end")
    for share in (0.1, 0.25, 0.5, 0.75, 1):
        at, size = report.memory[min(int(share * (len(report.memory) - 2)), len(report.memory) - 2)]
        print(f"  {at:5.0f} s {size:6.0f} MB")
    print(f"{report.returns} returns, {report.uploads} uploads, {len(report.faults)} faults")
    print("\n".join(report.faults[:50]))
    sys.exit(bool(report.faults))


if __name__ == "__main__":
    main()
