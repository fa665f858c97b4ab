"""Time and memory of all pairwise overlaps of eleven masks of mBERT's shape, beside the naive way.

    python benchmarks/overlap.py [--pairs 3 | --pairs 55]

The naive way is the one that the first analysis scripts take: for every tensor, stack the two float32
0/1 tensors, sum, compare with 2 and with 1, sum, divide; then average over each layer's tensors. It is timed
on a few pairs and scaled up to all 55, or on all of them with `--pairs 55`. Ours counts all 55 pairs and makes
the table by layer; the second time is with the neutral core (weights kept by exactly k masks) counted too. All have
their masks in memory, take as many threads as there are processors, and must agree in every tensor's Jaccard.
They take turns, and times are the best of their runs, because other work on the machine can only add to them.
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
RUNS = 3


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
    found = {
        f"bert.encoder.layer.{layer}.{part}.weight": shape for layer in range(LAYERS) for part, shape in block.items()
    }
    return {**found, "bert.pooler.dense.weight": (WIDTH, WIDTH)}


def random_masks() -> dict[str, Mask]:
    """Return language -> a mask of fair coins (every tensor's size is a multiple of 8, so bytes will do)."""
    masks = {}
    for seed, code in enumerate(LANGUAGES):
        generator = np.random.default_rng(seed)
        bits = {n: generator.integers(0, 256, h * w // 8, dtype=np.uint8) for n, (h, w) in shapes().items()}
        masks[code] = Mask(bits, shapes(), {"language": code})
    return masks


def ours(masks: dict[str, Mask], *, exactly: bool = False) -> overlap.Counts:
    """Count every pair, and make the table by layer; with `exactly`, count the neutral core too."""
    counts = overlap.count(list(masks.values()), exactly=exactly)
    counts.jaccard(by="layer")
    return counts


def naive(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> tuple[dict[str, float], dict[str, float]]:
    """Return one pair's Jaccard by tensor, and its mean over the tensors of each layer."""
    by_tensor, by_layer = {}, {}
    for name in a:
        total = torch.stack([a[name], b[name]]).sum(dim=0)
        by_tensor[name] = ((total == 2).sum() / (total >= 1).sum()).item()
        by_layer.setdefault(labels.group(name, "layer"), []).append(by_tensor[name])
    return by_tensor, {layer: sum(values) / len(values) for layer, values in by_layer.items()}


def timed(call: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def extra_memory(sender: multiprocessing.connection.Connection) -> None:
    """Send how many bytes counting needs beyond the masks: the peak after, less what was resident before."""
    masks = random_masks()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    ours(masks, exactly=True)
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


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=3, help="pairs to time the naive way on (1 to 55)")
    pairs = PAIRS[:: max(1, len(PAIRS) // parser.parse_args().pairs)][: parser.parse_args().pairs]

    memory = measured_memory()
    masks = random_masks()
    table = ours(masks).jaccard(by="tensor").set_index(["source", "target", "group"])["value"]
    fast, whole, slow = [], [], []
    for source, target in pairs:
        a, b = ({n: t.float() for n, t in masks[code].to_tensors().items()} for code in (source, target))
        slow.append(min(timed(lambda a=a, b=b: naive(a, b)) for _ in range(RUNS)))
        for name, value in naive(a, b)[0].items():
            assert np.isclose(value, table[source, target, name], atol=1e-6), (source, target, name)
        del a, b
        until = time.perf_counter() + RUNS * slow[-1]
        while time.perf_counter() < until:
            fast.append(timed(lambda: ours(masks)))
            whole.append(timed(lambda: ours(masks, exactly=True)))
    report(masks, fast, whole, slow, memory)


def report(masks: dict[str, Mask], fast: list[float], whole: list[float], slow: list[float], memory: int) -> None:
    """Print the table: seconds of our runs without and with the core, seconds of each naive pair, bytes."""
    first = next(iter(masks.values()))
    packed = sum(bits.nbytes for mask in masks.values() for bits in mask.bits.values())
    quick, naive_time = min(fast), sum(slow) / len(slow) * len(PAIRS)
    scaled = "all measured" if len(slow) == len(PAIRS) else f"scaled up from {len(slow)} pairs"
    print(f"{len(masks)} masks of {first.size:,} weights in {len(first.names)} tensors, {len(PAIRS)} pairs")
    print(f"  processors                        {os.cpu_count():9}")
    print(f"  the masks, packed                 {packed / 1e6:9.1f} MB")
    print(f"  peak memory beyond the masks      {memory / 1e6:9.1f} MB")
    print(f"  all pairs, layer by layer         {quick:9.3f} s  (best of {len(fast)} runs)")
    print(f"  the neutral core as well          {min(whole):9.3f} s  (best of {len(whole)} runs)")
    print(f"  the naive way                     {naive_time:9.1f} s  ({scaled}, each the best of {RUNS})")
    print(f"  naive / ours                      {naive_time / quick:9.0f} times")
    print(f"  naive / ours with the core        {naive_time / min(whole):9.0f} times")


if __name__ == "__main__":
    main()
