"""Random scores: the baseline."""

from __future__ import annotations

import zlib

import numpy as np
import torch

from neutral import labels
from neutral.scores.base import Scores, Weights


@torch.no_grad()
def random(weights: Weights, seed: int) -> Scores:
    """Return uniform numbers from [0, 1).

    A tensor's numbers depend on the seed, its name and shape only: not on its neighbours or the device.
    """
    scores = Scores()
    for name, weight in weights.items():
        generator = np.random.default_rng([seed, zlib.crc32(labels.canonical(name).encode())])
        drawn = generator.random(tuple(weight.shape), dtype=np.float32)
        scores[name] = torch.from_numpy(drawn).to(weight.device)
    return scores
