"""Time and memory of all pairwise overlaps of eleven masks of mBERT's shape, beside the naive way.

    python -m benchmarks.overlap [--pairs 3 | --pairs 55]

The naive way is that of the paper's analysis scripts: for every tensor, stack the two float32 0/1 tensors, sum, compare
with 0 and with 2, select the weights that match, count the selected ones, and divide by layer. A kinder one sums the
comparisons instead of selecting, and is timed as well. Both are timed on a few pairs and scaled up to all 55, or on all
of them with `--pairs 55`; each with one thread and with torch's default, and the faster time counts.

The library ("ours") counts all 55 pairs and makes the table by layer; its second time includes the neutral core
(weights kept by exactly k masks). All ways have their masks in memory and must agree in every layer. They take turns,
and times are the best of their runs, because other work on the machine can only add to them.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from neutral import labels, overlap
from neutral.masks import Mask

LANGUAGES = ("en", "fr", "de", "zh", "ru", "es", "fa", "ur", "ar", "hi", "sw")
LAYERS, WIDTH, WIDE = 12, 768, 3072
PAIRS = list(itertools.combinations(LANGUAGES, 2))
RUNS = 2  # of each naive way, with each number of threads, on each pair
TURN = 3.0  # seconds for the library after each pair


def shapes() -> dict[str, tuple[int, int]]:
    """Return name -> shape of mBERT's prunable weights: 85.5 M in 73 tensors (84.9 M without the pooler)."""
    block = {
        "attention.self.query": (WIDTH, WIDTH),
        "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (WIDE, WIDTH),
        "output.dense": (WIDTH, WIDE),
    }
    blocks = {
        f"bert.encoder.layer.{layer}.{part}.weight": shape for layer in range(LAYERS) for part, shape in block.items()
    }
    return {**blocks, "bert.pooler.dense.weight": (WIDTH, WIDTH)}


def random_masks() -> dict[str, Mask]:
    """Return language -> a mask of fair coins (every tensor's size is a multiple of 8, so bytes will do)."""
    masks = {}
    for seed, code in enumerate(LANGUAGES):
        generator = np.random.default_rng(seed)
        bits = {n: generator.integers(0, 256, h * w // 8, dtype=np.uint8) for n, (h, w) in shapes().items()}
        masks[code] = Mask(bits, shapes(), {"language": code})
    return masks


def count_pairs(masks: dict[str, Mask], *, exactly: bool = False) -> overlap.Counts:
    """Count every pair, and make the table by layer; with `exactly`, count the neutral core too."""
    counts = overlap.count(list(masks.values()), exactly=exactly)
    counts.jaccard(by="layer")
    return counts


Tensors = dict[str, torch.Tensor]


def selecting(total: torch.Tensor) -> tuple[int, int]:
    """Return how many weights both masks keep and how many either keeps, counted as the scripts do."""
    return len(total[total == 2]), len(total[total != 0])


def comparing(total: torch.Tensor) -> tuple[int, int]:
    """Return how many weights both masks keep and how many either keeps, counted without selecting."""
    return int((total == 2).sum()), int((total != 0).sum())


def naive(a: Tensors, b: Tensors, counted: Callable[[torch.Tensor], tuple[int, int]]) -> dict[str, float]:
    """Return one pair's Jaccard by layer."""
    totals: dict[str, list[int]] = {}
    for name in a:
        both, either = counted(torch.stack([a[name], b[name]]).sum(dim=0))
        total = totals.setdefault(labels.group(name, "layer"), [0, 0])
        total[0] += both
        total[1] += either
    return {layer: both / either for layer, (both, either) in totals.items()}


def timed(call: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def extra_memory(sender: multiprocessing.connection.Connection) -> None:
    """Send how many bytes counting needs beyond the masks: the peak after it, less the resident memory before it."""
    masks = random_masks()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    count_pairs(masks, exactly=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sender.send(peak - pages * os.sysconf("SC_PAGE_SIZE"))


def measured_memory() -> int:
    """Run `extra_memory` in a fresh process, whose peak is its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=extra_memory, args=(sender,))
    child.start()
    extra = receiver.recv()
    child.join()
    return extra


def best_naive(a: Tensors, b: Tensors, counted: Callable[[torch.Tensor], tuple[int, int]]) -> float:
    """Return the shortest of the naive runs with one thread and with torch's default."""
    default = torch.get_num_threads()
    times = []
    for threads in (1, default):
        torch.set_num_threads(threads)
        times += [timed(lambda: naive(a, b, counted)) for _ in range(RUNS)]
    return min(times)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=3, help="pairs to time the naive way on (1 to 55)")
    timed_pairs = min(max(1, parser.parse_args().pairs), len(PAIRS))
    pairs = PAIRS[:: len(PAIRS) // timed_pairs][:timed_pairs]

    memory = measured_memory()
    masks = random_masks()
    table = count_pairs(masks).jaccard(by="layer").set_index(["source", "target", "group"])["value"]
    times: dict[str, list[float]] = {"fast": [], "whole": [], "selecting": [], "comparing": []}
    for source, target in pairs:
        a, b = ({n: t.float() for n, t in masks[code].to_tensors().items()} for code in (source, target))
        for layer, value in naive(a, b, comparing).items():
            assert np.isclose(value, table[source, target, layer], atol=1e-9), (source, target, layer)
        times["selecting"].append(best_naive(a, b, selecting))
        times["comparing"].append(best_naive(a, b, comparing))
        del a, b
        until = time.perf_counter() + TURN
        while time.perf_counter() < until:
            times["fast"].append(timed(lambda: count_pairs(masks)))
            times["whole"].append(timed(lambda: count_pairs(masks, exactly=True)))
    report(masks, times, memory)


def report(masks: dict[str, Mask], times: dict[str, list[float]], memory: int) -> None:
    """Print the table."""
    first = next(iter(masks.values()))
    packed = sum(bits.nbytes for mask in masks.values() for bits in mask.bits.values())
    fast, whole = min(times["fast"]), min(times["whole"])
    timed_pairs = len(times["selecting"])
    scaled = "all timed" if timed_pairs == len(PAIRS) else f"{timed_pairs} timed, scaled up"
    selected, compared = (sum(times[way]) / timed_pairs * len(PAIRS) for way in ("selecting", "comparing"))
    print(f"{len(masks)} masks of {first.size:,} weights in {len(first.names)} tensors, {len(PAIRS)} pairs")
    print(f"  processors                          {os.cpu_count():7}")
    print(f"  the masks, packed                   {packed / 1e6:9.1f} MB")
    print(f"  ours: peak memory beyond the masks  {memory / 1e6:9.1f} MB")
    print(f"  ours: all pairs, by layer           {fast:9.3f} s   (best of {len(times['fast'])})")
    print(f"  ours: and the neutral core          {whole:9.3f} s   (best of {len(times['whole'])})")
    print(f"  naive, as the scripts select        {selected:9.1f} s   ({scaled})")
    print(f"    times as long as ours             {selected / fast:7.0f}     (with the core: {selected / whole:.0f})")
    print(f"  naive, kinder: sums comparisons     {compared:9.1f} s   ({scaled})")
    print(f"    times as long as ours             {compared / fast:7.0f}     (with the core: {compared / whole:.0f})")


if __name__ == "__main__":
    main()
