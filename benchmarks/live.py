"""How long a new ratio takes on the Compression page's live part, beside what it took before tables kept their axes.

    python -m benchmarks.live [--busy 8] [--ratios 6,8,10]

Each method compresses mini-mbert's table at each ratio and measures its errors, as the page does when the slider
moves. `before` is what the page did until rows kept their axes: all of it anew, on all threads, errors over every
token, and methods of one size too. `--busy` keeps so many processes at work beside it, to see a loaded machine. The
median over the ratios is printed, in seconds, and the first column over the second.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from neutral import compression
from neutral.compression import distortion, live, tokens
from neutral.compression.live import METHODS, ONE_SIZE, SAMPLE, Request, TokenTable
from neutral.compression.table import Rebuilt

ROOT = Path(__file__).parent.parent
MODEL, TEXT = ROOT / "data" / "models" / "mini-mbert", ROOT / "data" / "sentences"
_WORK = "while True: pass"


def before(source: TokenTable, request: Request) -> None:
    """Compress and measure as the page once did."""
    weights = tokens.weights("frequency" if request.method == "mixed" else request.weights, source.frequency)
    ratio = 1.0 if request.method in ONE_SIZE else request.ratio
    table = compression.fit(source.matrix, request.method, ratio, by="bytes", weights=weights)
    distortion.measure(source.matrix, Rebuilt.of(table), neighbours=SAMPLE, seed=0)


def now(source: TokenTable, request: Request, known: set[Request]) -> None:
    """Compress and measure as the page does: not at all what is known."""
    if request.deciding not in known:
        live.measure(source, live.fit(source, request)[0])
        known.add(request.deciding)


def timed(source: TokenTable, method: str, ratios: list[float]) -> tuple[float, float]:
    """Return the median seconds of a new ratio, before and now, in turns; the first ratio is for warming up."""
    taken: tuple[list[float], list[float]] = [], []
    known: set[Request] = set()
    for ratio in ratios:
        request = Request("", (), method, ratio, "bytes", "uniform")
        begun = time.perf_counter()
        before(source, request)
        between = time.perf_counter()
        now(source, request, known)
        taken[0].append(between - begun)
        taken[1].append(time.perf_counter() - between)
    return statistics.median(taken[0][1:]), statistics.median(taken[1][1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busy", type=int, default=0, help="processes at work beside it (default: none)")
    parser.add_argument("--ratios", default="5,6,8,10", help="the first one warms up")
    parser.add_argument("--methods", default=",".join(METHODS))
    chosen = parser.parse_args()
    source = live.read(MODEL, TEXT)
    beside = [subprocess.Popen([sys.executable, "-c", _WORK]) for _ in range(chosen.busy)]
    try:
        print(
            f"method     before      now   before ÷ now   (median of a new ratio, s; {chosen.busy} processes beside it)"
        )
        for method in chosen.methods.split(","):
            old, new = timed(source, method, [float(ratio) for ratio in chosen.ratios.split(",")])
            print(f"{method:10}{old:7.2f}{new:9.3f}{old / max(new, 1e-9):15,.1f}", flush=True)
    finally:
        for process in beside:
            process.kill()


if __name__ == "__main__":
    main()
