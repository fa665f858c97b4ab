"""What benchmarks of a function share: how often it is called, and the options that all of them have."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple


class Best(NamedTuple):
    """The shortest of a few calls: seconds, and the processors' in it; and what the last one returned."""

    seconds: float
    worked: float
    result: object


def best(call: Callable[[], object], times: int = 3) -> Best:
    """Return the shortest of `times` calls."""
    shortest = float("inf"), float("inf")
    for _ in range(times):
        start, worked = time.perf_counter(), time.process_time()
        result = call()
        shortest = min(shortest, (time.perf_counter() - start, time.process_time() - worked))
    return Best(*shortest, result)


def asked(doc: str) -> argparse.Namespace:
    """Return the options of a benchmark whose docstring is `doc`: quick, and times."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a sixth of the weights")
    parser.add_argument("--times", type=int, default=3, help="how often each is timed (default: 3)")
    return parser.parse_args()
