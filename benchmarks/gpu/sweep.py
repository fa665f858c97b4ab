"""Which sizes of blocks are the fastest for the kernels of `compression.kernels.cuda`?

    python -m benchmarks.gpu.sweep --out FILE [--methods mixed,transform] [--seconds 60]

A row a table, a number of vectors and a choice of sizes: seconds on the GPU alone, as `benchmarks.gpu.serving` tells
them. Processes beside each other compile first.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch

from benchmarks.gpu import drawn
from benchmarks.gpu.serving import both
from benchmarks.gpu.timing import wait, write
from neutral.compression.kernels.cuda import products
from neutral.compression.table import Table

ONE = [(64, 16, 4), (32, 16, 4), (32, 16, 2), (64, 16, 8), (16, 32, 4), (32, 32, 4), (128, 16, 8)]
MANY = [(64, 16, 4, 1, 128), (64, 32, 4, 1, 128), (128, 16, 8, 1, 128), (64, 16, 4, 1, 64), (64, 16, 8, 1, 128)]
MANY += [(64, 16, 4, 3, 128), (128, 16, 4, 1, 64)]
CHOICES = [(1, sizes) for sizes in ONE] + [(count, sizes) for count in (16, 256) for sizes in MANY]


def choose(count: int, sizes: tuple[int, ...]) -> None:
    """Set the sizes: rows, groups and warps, for several vectors also stages, and the most vectors a program."""
    if count == 1:
        products._ONE = dict(zip(("ROWS", "GROUPS", "num_warps"), sizes, strict=True))
    else:
        products._MANY = dict(zip(("ROWS", "GROUPS", "num_warps", "num_stages"), sizes, strict=False))
        products._VECTORS = tuple(size for size in (16, 32, 64, 128) if size <= sizes[4])


def call(table: Table, count: int, place: torch.device):
    """Return a call for so many vectors."""
    hidden = torch.randn(count, table.shape[1], device=place)
    return lambda: table.logits(table.tensors, hidden)


def main() -> None:
    """Try every choice."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("/dev/null"))
    parser.add_argument("--methods", default="mixed,transform")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=drawn.SHAPE[0])
    parser.add_argument("--compile", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    torch.set_grad_enabled(False)
    began, place = time.monotonic(), torch.device("cuda")
    tables = {name: drawn.table(name, chosen.rows, 10, place) for name in chosen.methods.split(",")}
    if chosen.compile is not None:
        count, sizes = CHOICES[chosen.compile]
        choose(count, sizes)
        for table in tables.values():
            call(table, count, place)()
        wait(place)
        return
    command = [sys.executable, "-m", "benchmarks.gpu.sweep", "--methods", chosen.methods, "--rows", str(chosen.rows)]
    running = [subprocess.Popen([*command, "--compile", str(number)]) for number in range(len(CHOICES))]
    failed = [CHOICES[number] for number, process in enumerate(running) if process.wait()]
    write(chosen.out, step="sweep, compile", seconds=round(time.monotonic() - began, 1), failed=failed)
    for count, sizes in CHOICES:
        for name, table in tables.items():
            if time.monotonic() - began > chosen.seconds or (count, sizes) in failed:
                continue
            choose(count, sizes)
            called, on_gpu = both(call(table, count, place), place)
            row = {"step": "sweep", "table": name, "vectors": count, "sizes": sizes}
            write(chosen.out, **row, called=round(called, 7), on_gpu=round(on_gpu, 7))


if __name__ == "__main__":
    main()
