"""Counts of many masks: how long they take, their files beside those with squares of pairs, and opening them.

    python -m benchmarks.counts [--members 128] [--layers 18]

Masks are drawn: three of four bits are common to all, the others each mask's own. Their shapes are those of Gemma 3
270M (100 M weights in 18 layers). All pairs of them are counted; and two of each language, within a language and, as
was done before, all pairs. Files with squares are what older versions wrote. Opening is what a page does first: the
study, its choices, the counts of one and its levels by layer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from neutral import overlap, summary
from neutral.masks import Mask
from neutral.overlap import Counts
from neutral.study import Study

T = TypeVar("T")

BLOCK = {
    "self_attn.q_proj": (1024, 640),
    "self_attn.k_proj": (256, 640),
    "self_attn.v_proj": (256, 640),
    "self_attn.o_proj": (640, 1024),
    "mlp.gate_proj": (2048, 640),
    "mlp.up_proj": (2048, 640),
    "mlp.down_proj": (640, 2048),
}


def drawn(n: int, layers: int) -> list[Mask]:
    """Return n masks that share three of four bits."""
    shapes = {f"model.layers.{i}.{part}.weight": shape for i in range(layers) for part, shape in BLOCK.items()}
    common = {name: _bytes(np.random.default_rng(0), shape) for name, shape in shapes.items()}
    masks = []
    for seed in range(1, n + 1):
        rng, bits = np.random.default_rng(seed), {}
        for name, shape in shapes.items():
            own = _bytes(rng, shape) & _bytes(rng, shape)
            bits[name] = (common[name] & ~own) | (_bytes(rng, shape) & own)
        masks.append(Mask(bits, shapes))
    return masks


def squares(counts: Counts) -> bytes:
    """Return the file of counts that older versions wrote."""
    from safetensors.numpy import save

    about = {"members": counts.members, "tensors": counts.tensors, "header": counts.header}
    arrays = {"sizes": counts.sizes, "both": counts.both}
    if counts.exactly is not None:
        arrays["exactly"] = counts.exactly
    return save(arrays, metadata={"neutral_counts": json.dumps(about)})


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--members", type=int, default=128)
    parser.add_argument("--layers", type=int, default=18)
    chosen = parser.parse_args()
    codes = [f"l{i}" for i in range(chosen.members)]
    masks = drawn(2 * len(codes), chosen.layers)
    with tempfile.TemporaryDirectory() as folder:
        study = Study.create(folder, {"title": "Drawn", "languages": codes})
        _counted(study, "languages", masks[: len(codes)], codes)
        _counted(study, "halves", masks, [f"{code}/{half}" for code in codes for half in "ab"])
        _opened(folder)


def _counted(study: Study, kind: str, masks: list[Mask], names: list[str]) -> None:
    """Count as the library does and all pairs, and print times and bytes."""
    counts, seconds = _timed(lambda: overlap.count(masks, names, pairs=overlap.meant(kind, names)))
    path = study.counts_path("clm", "wanda", 0.5, 0, kind)
    counts.save(path)
    every, before = (counts, seconds) if counts.is_whole else _timed(lambda: overlap.count(masks, names))
    new, old, pairs = path.stat().st_size, len(squares(every)), len(counts.counted)
    weights = masks[0].size
    print(f"{kind}: {len(names)} masks of {weights:,} weights, {pairs:,} pairs of {len(every.counted):,}")
    print(f"  counted in {seconds:.2f} s; all pairs {before:.2f} s, {before / seconds:.0f} times")
    print(f"  {new / 1e6:.2f} MB; with squares {old / 1e6:.2f} MB, {old / new:.0f} times")


def _opened(folder: str) -> None:
    def opened() -> None:
        study = Study(folder)
        choice = summary.choices(study)[0]
        summary.counts_of(study, choice)
        summary.levels(study, choice, by="layer")

    print(f"opened in {min(_timed(opened)[1] for _ in range(5)):.3f} s")


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    made = call()
    return made, time.perf_counter() - start


def _bytes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.integers(0, 256, shape[0] * shape[1] // 8, dtype=np.uint8)


if __name__ == "__main__":
    main()
