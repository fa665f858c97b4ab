"""Time Wanda's masks of a language at three sparsities, of its whole text and of two halves, beside a plain loop.

    python -m benchmarks.wanda [--quick]

The weights are random ones of Gemma 3 270M's shape (100.3 M), the input norms too: the pass over the text is the same
for both. The plain loop is the formula, one text and one sparsity after the other: |W| · ‖X‖, each row sorted, its
lowest set to False by their places. Both get the same numbers in the same run; each time is the best of three (the
loop's takes a minute in all; `--quick` takes a sixth of the weights).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timed import asked, best
from neutral import scores
from neutral.scores import Scores

BLOCK = {  # one layer of Gemma 3 270M: outputs, inputs
    "self_attn.q_proj": (1024, 640),
    "self_attn.k_proj": (256, 640),
    "self_attn.v_proj": (256, 640),
    "self_attn.o_proj": (640, 1024),
    "mlp.gate_proj": (2048, 640),
    "mlp.up_proj": (2048, 640),
    "mlp.down_proj": (640, 2048),
}
TEXTS = ("", "a", "b")
SHARES = (0.3, 0.5, 0.7)


def drawn(layers: int) -> tuple[dict[str, torch.Tensor], dict[str, Scores]]:
    """Return random weights, name -> (outputs, inputs), and random input norms of each text."""
    generator = torch.Generator().manual_seed(0)
    weights = {
        f"model.layers.{layer}.{name}.weight": torch.randn(shape, generator=generator) * 0.04
        for layer in range(layers)
        for name, shape in BLOCK.items()
    }
    norms = {
        text: Scores({name: torch.rand(w.shape[1], generator=generator).double() * 9 for name, w in weights.items()})
        for text in TEXTS
    }
    return weights, norms


def by_loop(weights: dict[str, torch.Tensor], norms: dict[str, Scores]) -> dict[tuple[str, float], list[torch.Tensor]]:
    """Return the masks of the plain loop, (text, share) -> a bool tensor for each weight."""
    masks = {}
    for text in TEXTS:
        for share in SHARES:
            masks[text, share] = []
            for name, weight in weights.items():
                metric = weight.abs() * norms[text][name].float()
                places = torch.sort(metric, dim=1, stable=True).indices[:, : round(share * weight.shape[1])]
                kept = torch.ones_like(metric, dtype=torch.bool)
                masks[text, share].append(kept.scatter_(1, places, False))
    return masks


def main() -> None:
    """Print the times, their ratio, and how many weights differ."""
    options = asked(__doc__)
    weights, norms = drawn(3 if options.quick else 18)
    size = sum(weight.numel() for weight in weights.values())
    print(
        f"{size / 1e6:.1f} M weights, {len(TEXTS)} texts, {len(SHARES)} sparsities, {torch.get_num_threads()} threads"
    )

    ours, ours_worked, found = best(lambda: scores.masks_of_texts(weights, norms, SHARES), options.times)
    print(f"scores.masks_of_texts {ours:7.2f} s, {ours_worked:6.2f} s of the processors'")
    plain, plain_worked, expected = best(lambda: by_loop(weights, norms), options.times)
    print(f"plain loop            {plain:7.2f} s, {plain_worked:6.2f} s of the processors'")
    print(f"ratio                 {plain / ours:7.1f} times, {plain_worked / ours_worked:6.1f}")
    differing = sum(
        int((one != other).sum())
        for (text, share), masks in expected.items()
        for one, other in zip(found[text][share].to_tensors().values(), masks, strict=True)
    )
    print(f"weights that differ: {differing}")


if __name__ == "__main__":
    main()
