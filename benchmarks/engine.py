"""What an engine costs: overhead a unit, how busy slots are kept, and the memory of the process that owns the study.

    python -m benchmarks.engine

Units sleep, so that no model is needed and simulated slots can be more than this machine has processors: only what the
engine does is measured. Lengths of the grid are drawn from the spread that is printed; every order has the same ones.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from neutral.progress import Progress
from neutral.runs.engines import Engine, Local, Ray, carry_out
from neutral.runs.units import Making, Tell, Unit, Work, Worker

GRID = 11 * 3 * 3  # sources, sparsities and seeds, say
SPREAD = 4.0, 0.35
"""Seconds of the median unit, and the standard deviation of the logarithm: one in twenty is longer than 7 s."""

PARTS = [[0.5] * 400] * 3  # what 400 held-out examples add to a metric, as a result has them


class Sleeper(Worker):
    """Sleeps as long as a unit says, and yields a result of a usual size."""

    def __init__(self, model: str, device: str) -> None:
        pass

    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[dict]:
        """Yield one result."""
        seconds, folder, slots = unit.asked
        if folder:  # until all slots are there
            (folder / f"there-{os.getpid()}").touch()
            while len(list(folder.glob("there-*"))) < slots:
                time.sleep(0.05)
        time.sleep(seconds)
        yield {"value": 1.0, "parts": PARTS}


class Sleeps(Work):
    """Units of given lengths, once all slots are there; `as_listed` hides the lengths, so that their order is kept."""

    def __init__(self, seconds: list[float], folder: Path, slots: int = 0, *, as_listed: bool = False) -> None:
        self.seconds, self.folder, self.slots, self.as_listed = seconds, folder, slots, as_listed
        self.began, self.times = 0.0, []

    def units(self) -> list[Unit]:
        """Return a unit a length."""
        costs = [1.0 if self.as_listed else each for each in self.seconds]
        return [Unit((i,), f"unit {i}", cost, (self.seconds[i], None, 0)) for i, cost in enumerate(costs)]

    def is_done(self, unit: Unit) -> bool:
        """Nothing is done before."""
        return False

    def phases(self) -> Iterator[list[Unit]]:
        """Yield units that wait for each other, then all."""
        yield [Unit((-1, i), "", 1.0, (0.0, self.folder, self.slots)) for i in range(self.slots)]
        self.began, self.times = time.perf_counter(), []
        yield self.units()

    def making(self) -> Making:
        """Return how a sleeper is made."""
        return Making(Sleeper, "none")

    def write(self, unit: Unit, piece: Any) -> None:
        """Append the result, as a study does."""
        with (self.folder / "results.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(piece)}\n")
            file.flush()
            os.fsync(file.fileno())
        self.times.append(time.perf_counter() - self.began)


def times(seconds: list[float], engine: Engine, slots: int = 0, *, as_listed: bool = False) -> list[float]:
    """Return when each result was written, in seconds from the moment when all slots are there."""
    with tempfile.TemporaryDirectory() as folder:
        work = Sleeps(seconds, Path(folder), slots, as_listed=as_listed)
        carry_out(work, engine, Progress(quiet=True))
        return work.times


def ray(slots: int) -> Ray:
    """Return an engine with so many slots, whatever this machine has."""
    return Ray(starting={"num_cpus": slots, "object_store_memory": 200 * 2**20})


def overhead(units: int) -> None:
    """Print the time between two results of units that take no time, on one slot."""
    print("| engine | units | ms a unit, median | 95 % are below |")
    print("| --- | ---: | ---: | ---: |")
    for name, engine, slots in (("local", Local(), 0), ("ray", ray(1), 1)):
        written = times([0.0] * units, engine, slots)
        gaps = [1000 * (later - one) for one, later in itertools.pairwise(written)]
        print(f"| {name} | {units} | {statistics.median(gaps):.2f} | {statistics.quantiles(gaps, n=20)[-1]:.2f} |")


def efficiency(slots: int, seed: int) -> None:
    """Print which share of the slots' time the units took, in both orders."""
    draw, (middle, spread) = random.Random(seed), SPREAD
    seconds = [middle * draw.lognormvariate(0, spread) for _ in range(GRID)]
    print("| order | slots | units | shortest, median, longest, s | all, s | took, s | efficiency |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    lengths = f"{min(seconds):.1f}, {statistics.median(seconds):.1f}, {max(seconds):.1f}"
    for name, as_listed in (("longest first", False), ("as listed", True)):
        took = max(times(seconds, ray(slots), slots, as_listed=as_listed))
        share = sum(seconds) / slots / took
        print(f"| {name} | {slots} | {GRID} | {lengths} | {sum(seconds):.0f} | {took:.1f} | {share:.3f} |", flush=True)


def memory(units: int) -> None:
    """Print the most memory that this process, the owner, had before a run of many units and in it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = max(times([0.0] * units, ray(2), 2))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("| units | MB before | most MB | took, s |")
    print("| ---: | ---: | ---: | ---: |")
    print(f"| {units:,} | {before:.0f} | {most:.0f} | {took:.0f} |", flush=True)


def main() -> int:
    """Measure, and print three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--units", type=int, default=200, help="of the overhead")
    parser.add_argument("--many", type=int, default=10_000, help="units of which the owner's memory is measured")
    chosen = parser.parse_args()
    parts = (
        partial(overhead, chosen.units),
        partial(memory, chosen.many),
        partial(efficiency, chosen.slots, chosen.seed),
    )
    for part in parts:
        print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", file=sys.stderr)
        part()
        print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
