"""Change: a weight matters as much as training moved it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from neutral.errors import MismatchError
from neutral.scores.base import Scores, Weights


@torch.no_grad()
def change(weights: Weights, origin: Mapping[str, torch.Tensor]) -> Scores:
    """Return |θ - θ0|, how far training moved each weight.

    Parameters
    ----------
    weights : name -> parameter
        θ, after training.
    origin : name -> tensor
        θ0, under the same names and on any device; it may hold more weights.

    Raises
    ------
    MismatchError
        Naming the weight that `origin` lacks or has in another shape.

    References
    ----------
    Ansell et al. (2022), arXiv 2110.07560.
    """
    scores = Scores()
    for name, weight in weights.items():
        if name not in origin or origin[name].shape != weight.shape:
            raise MismatchError(f"{name}: the origin has no weight of this name and shape {tuple(weight.shape)}")
        scores[name] = weight.detach().float().sub(origin[name].to(weight.device).float()).abs_()
    return scores
