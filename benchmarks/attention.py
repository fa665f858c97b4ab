"""Time a training step on a processor with written-out attention, beside one with torch's fused kernel.

    python -m benchmarks.attention [MODEL]

Steps of both kinds alternate in one process, so that a noisy machine hurts both alike. The table has medians and their
ratio, for blocks of several lengths. `training.train` takes the faster one.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch

from neutral import models
from neutral.tasks import LanguageModelling, autocast, gains_from_bfloat16, stacked

STEPS = 6
TOKENS = 512  # a step, whatever the length
LENGTHS = (32, 128, 512)
KINDS = ("sdpa", "eager")


def main() -> None:
    """Time alternating steps and print a table."""
    source = sys.argv[1] if len(sys.argv) > 1 else "data/models/mini-mbert"
    device = torch.device("cpu")
    tokenizer, model = models.load_tokenizer(source), models.load_model(source).train()
    lines = ["The weather will be warm tomorrow, and the markets open early in the morning."] * 400
    kind = "bfloat16" if gains_from_bfloat16(device) else "float32"
    print(f"{source} on {torch.get_num_threads()} threads, {kind}, {TOKENS} tokens a step, {STEPS} steps each")
    for length in LENGTHS:
        task = LanguageModelling("mlm", tokenizer, length=length)
        blocks = task.blocks(lines)
        batch = stacked(task.example(blocks[i], (0, i)) for i in range(TOKENS // length))
        times: dict[str, list[float]] = {name: [] for name in KINDS}
        for number in range(STEPS + 1):
            for name in KINDS:
                model.set_attn_implementation(name)
                began = time.perf_counter()
                with autocast(device):
                    loss = task.mean_loss(model, batch)
                loss.backward()
                model.zero_grad()
                if number:  # the first is for warming up
                    times[name].append(time.perf_counter() - began)
        fused, written = (statistics.median(times[name]) for name in KINDS)
        print(f"{length:4} tokens a block: fused {fused * 1e3:7.1f} ms, written out {written * 1e3:7.1f} ms,", end=" ")
        print(f"{written / fused:.2f} of it")


if __name__ == "__main__":
    main()
