"""Time `direction` beside the paper's auto-encoder of 30 epochs, and measure how far each turns the rows.

    python -m benchmarks.direction [--matrix FILE] [--only small,medium,large] [--ratios 2.5,10] [--epochs-timed N]

small (30,522 × 384) and medium (119,547 × 768) run both methods on the same matrix in the same run, with SVD beside
them. The auto-encoder is timed once, as it takes minutes (on medium perhaps half an hour); the times of the others are
medians of three. large (262,144 × 640) runs one fit in a process of its own and takes the peak of that process's
resident memory, which includes the matrix of 671 MB, Python and torch.

The matrices are made up: normal rows with a falling spectrum, turned at random, plus a common row; frequent tokens
are shorter. `--matrix` takes a real one in the place of small: an .npy file, or the token embedding in a .safetensors
file. `--epochs-timed N` runs only the first N epochs of the schedule and extrapolates the time of 30.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from safetensors import safe_open

from benchmarks.maskfiles import peak
from neutral import compression
from neutral.compression import distortion
from neutral.compression.methods.autoencoder import Training

SHAPES = {"small": (30_522, 384), "medium": (119_547, 768), "large": (262_144, 640)}
OTHERS: dict[str, tuple[str, dict[str, object]]] = {
    "svd": ("svd", {}),
    "direction": ("direction", {}),
    "direction, lengths kept": ("direction", {"lengths": "keep"}),
    "direction, projections": ("direction", {"lengths": "project"}),
    "direction, lengths free": ("direction", {"lengths": "free"}),
}
EPOCHS = Training().epochs
LARGE_RATIO = 2.5  # the largest rank, so the slowest fit
TIMES_FASTER, APART, SECONDS, GB = 30, 0.001, 60, 4  # the goals


def made_up(rows: int, width: int, seed: int = 0) -> torch.Tensor:
    """Return a table (V, d) with the traits of real ones, made in place, as it may be large."""
    draw = torch.Generator().manual_seed(seed)
    matrix = torch.randn(rows, width, generator=draw)
    spectrum = torch.arange(1, width + 1) ** -0.25
    turn = torch.linalg.qr(torch.randn(width, width, generator=draw))[0] * (spectrum / spectrum.norm()).unsqueeze(1)
    common = torch.nn.functional.normalize(torch.randn(width, generator=draw), dim=0)
    lengths = (torch.arange(1, rows + 1) / rows) ** 0.1
    for start in range(0, rows, 8192):
        block = matrix[start : start + 8192]
        block.copy_((block @ turn + 0.2 * common) * lengths[start : start + 8192].unsqueeze(1))
    return matrix


def read(path: str) -> torch.Tensor:
    """Return the matrix (V, d) in a file, float32."""
    if path.endswith(".npy"):
        return torch.from_numpy(np.load(path)).float()
    with safe_open(path, framework="pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 (not a mapping)
        named = [name for name in shapes if "word_embeddings" in name or "embed_tokens" in name or len(shapes) == 1]
        if not named:
            sys.exit(f"{path}: no token embedding among {', '.join(shapes)}")
        return file.get_tensor(named[0]).float()


def timed(call: Callable[[], compression.Table]) -> tuple[float, compression.Table]:
    """Return the seconds of a call, and its result."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def compare(name: str, matrix: torch.Tensor, ratio: float, epochs: int) -> None:
    """Fit one matrix by every method and print a table."""
    print(f"\n{name}, {matrix.shape[0]:,} × {matrix.shape[1]}, ratio {ratio:g} by parameters")
    print(f"{'':32}{'seconds':>9}{'cosine distance':>17}{'RMSE':>9}")
    fits = {}
    for label, (method, options) in OTHERS.items():
        runs = [timed(lambda m=method, o=options: compression.fit(matrix, m, ratio, **o)) for _ in range(3)]
        fits[label] = show(label, matrix, statistics.median(seconds for seconds, _ in runs), runs[0][1])
    table = runs[0][1]
    print(f"{'(least possible at this rank)':32}{'':9}{table.settings['bound']:17.4f}")
    print(f"{'(the same, with an offset)':32}{'':9}{table.settings['affine_bound']:17.4f}")
    seconds, table = timed(lambda: compression.fit(matrix, "autoencoder", ratio, epochs=epochs))
    trained = show(f"auto-encoder, {epochs} epochs", matrix, seconds, table)
    schedule = trained[0] * EPOCHS / epochs
    if epochs < EPOCHS:
        print(f"  {EPOCHS} epochs: {schedule:.1f} s, EXTRAPOLATED from {epochs};", end=" ")
        print(f"its cosine distance is that of {epochs}")
    fitted = fits["direction"]
    print(f"direction takes 1/{schedule / fitted[0]:.0f} of the auto-encoder's time (goal: 1/{TIMES_FASTER} or less)")
    print(f"its cosine distance is {fitted[1] - trained[1]:+.4f} from the auto-encoder's (goal: at most +{APART})")


def show(label: str, matrix: torch.Tensor, seconds: float, table: compression.Table) -> tuple[float, float]:
    """Print a line of the table, and return seconds and mean cosine distance."""
    measured = distortion.measure(matrix, table)
    print(f"{label:32}{seconds:9.2f}{measured['cosine']:17.4f}{measured['rmse']:9.4f}", flush=True)
    return seconds, measured["cosine"]


def fit_large(threads: int) -> dict[str, float]:
    """Fit the large matrix in this process and return seconds, memory in MB, rank and the table's numbers."""
    torch.set_num_threads(threads)
    matrix = made_up(*SHAPES["large"])
    before = peak()
    seconds, table = timed(lambda: compression.fit(matrix, "direction", LARGE_RATIO))
    return {"seconds": seconds, "before": before, "peak": peak(), "rank": table.rank, **_numbers(table.settings)}


def _numbers(settings: dict[str, object]) -> dict[str, float]:
    return {name: value for name, value in settings.items() if isinstance(value, float)}


def large(threads: int) -> None:
    """Fit the large matrix in a child and print its time and memory."""
    command = [sys.executable, __file__, "--threads", str(threads), "--child"]
    cost = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows, width = SHAPES["large"]
    print(f"\nlarge, {rows:,} × {width}, ratio {LARGE_RATIO:g} by parameters (rank {cost['rank']:.0f})")
    print(f"direction: {cost['seconds']:.1f} s (goal: {SECONDS} s or less), cosine distance {cost['cosine']:.4f}")
    print(f"peak memory of the process: {cost['peak'] / 1e3:.2f} GB (goal: below {GB}); before the fit", end=" ")
    print(f"{cost['before'] / 1e3:.2f}")


def main() -> None:
    """Print the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--matrix", metavar="FILE", help="a real matrix in the place of small")
    parser.add_argument("--only", default=",".join(SHAPES), help="default: %(default)s")
    parser.add_argument("--ratios", default="2.5,10", help="default: %(default)s")
    parser.add_argument("--epochs-timed", type=int, default=EPOCHS, metavar="N", help="default: all 30")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: %(default)s")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(fit_large(options.threads)))
        return
    torch.set_num_threads(options.threads)
    print(f"{options.threads} threads; torch {torch.__version__}")
    chosen = options.only.split(",")
    if "large" in chosen:  # first: nothing of this process's is in the way
        large(options.threads)
    for name in (size for size in ("small", "medium") if size in chosen):
        real = name == "small" and options.matrix
        matrix = read(options.matrix) if real else made_up(*SHAPES[name])
        for ratio in options.ratios.split(","):
            label = Path(options.matrix).name if real else f"{name} (made up)"
            compare(label, matrix, float(ratio), min(options.epochs_timed, EPOCHS))


if __name__ == "__main__":
    main()
