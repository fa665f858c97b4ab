"""Magnitude: a weight matters as much as it is large."""

from __future__ import annotations

import torch

from neutral.scores.base import Scores, Weights


@torch.no_grad()
def magnitude(weights: Weights) -> Scores:
    """Return |θ|."""
    return Scores({name: weight.detach().float().abs() for name, weight in weights.items()})
