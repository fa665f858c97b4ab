"""Time the cut of half of mBERT's 84.9 M prunable weights beside torch's `global_unstructured`.

    python -m benchmarks.selection [--quick]

Both get the same random float32 weights in the same run; each time is the best of three (torch's takes a minute
in all; `--quick` takes a sixth of the weights). Further lines time what the search for tickets does: the cut of
what an earlier round kept, and cuts within rows.
"""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils import prune

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timed import asked, best
from neutral import scores

BLOCK = {  # one layer of mBERT
    "attention.self.query": (768, 768),
    "attention.self.key": (768, 768),
    "attention.self.value": (768, 768),
    "attention.output.dense": (768, 768),
    "intermediate.dense": (3072, 768),
    "output.dense": (768, 3072),
}


def weights(layers: int) -> dict[str, torch.Tensor]:
    """Return random weights with the spread of a trained model's, name -> tensor."""
    generator = torch.Generator().manual_seed(0)
    return {
        f"bert.encoder.layer.{layer}.{name}.weight": torch.randn(shape, generator=generator) * 0.04
        for layer in range(layers)
        for name, shape in BLOCK.items()
    }


def modules(tensors: dict[str, torch.Tensor]) -> list[nn.Module]:
    """Wrap the weights in fresh linear layers, which share their memory."""
    layers = []
    for tensor in tensors.values():
        layer = nn.Linear(1, 1, bias=False)
        layer.weight = nn.Parameter(tensor, requires_grad=False)
        layers.append(layer)
    return layers


def by_torch(tensors: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Return the masks of torch's global magnitude pruning."""
    layers = modules(tensors)
    prune.global_unstructured([(layer, "weight") for layer in layers], prune.L1Unstructured, amount=0.5)
    return [layer.weight_mask for layer in layers]


def main() -> None:
    """Print the times, their ratio and the memory taken beyond the scores."""
    options = asked(__doc__)
    tensors, times = weights(2 if options.quick else 12), options.times
    size = sum(tensor.numel() for tensor in tensors.values())
    magnitudes = {name: tensor.abs() for name, tensor in tensors.items()}
    print(f"{size / 1e6:.1f} M float32 weights, 50 % dropped, {torch.get_num_threads()} threads")

    cut_time, _, mask = best(lambda: scores.cut(magnitudes, 0.5), times)
    print(f"scores.cut, global          {cut_time:7.2f} s")
    further_time, _, _ = best(lambda: scores.cut(magnitudes, 0.6, kept=mask), times)
    print(f"scores.cut, going on to 60 % {further_time:6.2f} s")
    row_time, _, _ = best(lambda: scores.cut(magnitudes, 0.5, "row"), times)
    print(f"scores.cut, within rows     {row_time:7.2f} s")
    tracemalloc.start()
    scores.cut(magnitudes, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"memory beyond the scores    {peak / 1e6:7.1f} MB, of which the mask {size / 8e6:.1f}")

    torch_time, _, torch_masks = best(lambda: by_torch(tensors), times)
    print(f"torch global_unstructured   {torch_time:7.2f} s")
    print(f"ratio                       {torch_time / cut_time:7.0f} times")
    kept = sum(int(other.sum()) for other in torch_masks)
    differing = sum(
        int((one != other.bool()).sum()) for one, other in zip(mask.to_tensors().values(), torch_masks, strict=True)
    )
    print(f"kept: ours {mask.kept:,}, torch's {kept:,}; weights that differ (ties at the threshold): {differing}")


if __name__ == "__main__":
    main()
