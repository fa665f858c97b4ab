"""Time a masked training step beside a plain one, on the bundled model: what keeping the mask costs.

    python -m benchmarks.masking [MODEL]

Steps of both kinds alternate in one process, so that a noisy machine hurts both alike. The table has medians and their
ratio.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch

from neutral import models, scores
from neutral.tasks import LanguageModelling, autocast, stacked
from neutral.training import Masking

STEPS = 40
BATCH, LENGTH = 8, 128


def main() -> None:
    """Time alternating steps and print a table."""
    source = sys.argv[1] if len(sys.argv) > 1 else "data/models/mini-mbert"
    place = models.device()
    tokenizer = models.load_tokenizer(source)
    model = models.load_model(source).to(place).train()
    task = LanguageModelling("mlm", tokenizer, length=LENGTH)
    lines = ["The weather will be warm tomorrow, and the markets open early in the morning."] * 400
    blocks = task.blocks(lines)
    weights = models.prunable(model)
    mask = scores.cut(scores.magnitude(weights), share=0.5)
    masking = Masking(weights, mask.to_tensors())
    fused = place.type in ("cpu", "cuda")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=fused)

    def step(number: int, masked: bool) -> float:
        batch = stacked(task.example(blocks[(number + i) % len(blocks)], (number, i)) for i in range(BATCH))
        batch = {key: value.to(place) for key, value in batch.items()}
        began = time.perf_counter()
        with autocast(place):
            loss = task.mean_loss(model, batch)
        loss.backward()
        optimizer.step()
        if masked:
            masking.enforce()
        optimizer.zero_grad()
        if place.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    for warm in range(4):
        step(warm, masked=bool(warm % 2))
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * STEPS):
        times[bool(number % 2)].append(step(number, masked=bool(number % 2)))
    plain, masked = (statistics.median(times[kind]) for kind in (False, True))
    mask_times = []
    for _ in range(STEPS):
        began = time.perf_counter()
        masking.enforce()
        if place.type == "cuda":
            torch.cuda.synchronize()
        mask_times.append(time.perf_counter() - began)
    keeping = statistics.median(mask_times)
    print(f"{source} on {place}: {BATCH} × {LENGTH} tokens, {mask.size / 1e6:.1f} M masked weights, {STEPS} steps each")
    print(f"plain step    {plain * 1e3:8.1f} ms")
    print(f"masked step   {masked * 1e3:8.1f} ms   {masked / plain:.3f} of the plain step")
    print(f"masking alone {keeping * 1e3:8.1f} ms   {keeping / plain:.1%} of the plain step")


if __name__ == "__main__":
    main()
