"""Median times on a processor or a GPU, and rows of results that survive whatever ends the process."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch


def wait(place: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def median(call: Callable[[], object], place: torch.device, *, times: int = 7, warm: int = 2) -> float:
    """Return the median seconds of a call, the device's work included, after calls that are not timed."""
    seconds = []
    for turn in range(warm + times):
        wait(place)
        began = time.perf_counter()
        call()
        wait(place)
        if turn >= warm:
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def write(file: Path, **row: object) -> None:
    """Append a row to a file of JSON lines, and show it."""
    with open(file, "a", encoding="utf-8") as out:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(json.dumps(row, ensure_ascii=False), flush=True)


class Comparison:
    """Times of one subject, each written as it is measured, with its ratio to the first, the baseline."""

    def __init__(self, file: Path, subject: str, **facts: object) -> None:
        self.file, self.subject, self.facts = file, subject, facts
        self.baseline: tuple[str, float] | None = None

    def add(self, name: str, call: Callable[[], object], place: torch.device, **options: int) -> None:
        """Time a call and write it; one that fails is written with its error, and the rest goes on."""
        row = {"step": "times", "subject": self.subject, "name": name, "place": place.type, **self.facts}
        try:
            seconds = median(call, place, **options)
        except Exception as error:
            write(self.file, **row, error=f"{type(error).__name__}: {error}"[:300])
            return
        self.baseline = self.baseline or (name, seconds)
        compared = {"baseline": self.baseline[0], "times_as_fast": round(self.baseline[1] / seconds, 3)}
        write(self.file, **row, seconds=round(seconds, 6), **compared)
