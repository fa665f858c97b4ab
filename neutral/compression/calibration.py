"""What a model multiplies its token table with, measured on a little text."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from transformers import PreTrainedModel

from neutral.errors import NeutralError
from neutral.tasks import LanguageModelling, autocast, stacked

_SEED = 1962  # places that are masked while measuring


@torch.inference_mode()
def output_metric(
    model: PreTrainedModel, task: LanguageModelling, blocks: Mapping[str, np.ndarray], *, batch_size: int = 4
) -> torch.Tensor:
    """Return the second moment of the vectors that enter the output layer, (d, d), float64, trace d.

    It is averaged over the languages of `blocks` (language -> (blocks, length) ids) after each is scaled to the same
    trace, so that long vectors count no more than short ones. Raises `NeutralError` when the model has no output layer.
    """
    head = model.get_output_embeddings()
    if head is None:
        raise NeutralError(f"{type(model).__name__} has no output layer to measure")
    place, was_training = next(model.parameters()).device, model.training
    model.eval()
    total: torch.Tensor | int = 0
    for rows in blocks.values():
        moment: torch.Tensor | int = 0

        def add(_module: torch.nn.Module, inputs: tuple) -> None:
            nonlocal moment
            seen = inputs[0].flatten(0, -2).double()
            moment = moment + seen.T @ seen

        handle = head.register_forward_pre_hook(add)
        try:
            for start in range(0, len(rows), batch_size):
                picked = enumerate(rows[start : start + batch_size])
                batch = stacked(task.example(row, (_SEED, start + i)) for i, row in picked)
                with autocast(place):
                    task.losses(model, {key: value.to(place) for key, value in batch.items()})
        finally:
            handle.remove()
        total = total + moment / moment.trace() * len(moment)
    model.train(was_training)
    return (total / len(blocks)).cpu()
