"""The vectors that a model multiplies its token table with, measured on a little text."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from transformers import PreTrainedModel

from neutral.errors import NeutralError
from neutral.models import adapters
from neutral.models.output import multiplier
from neutral.tasks import LanguageModelling, autocast, stacked

_SEED = 1962  # draws the places that are masked while measuring


@torch.inference_mode()
def output_metric(
    model: PreTrainedModel, task: LanguageModelling, blocks: Mapping[str, np.ndarray], *, batch_size: int = 4
) -> torch.Tensor:
    """Return the second moment of the vectors that enter the output layer, (d, d), float64, trace d.

    Parameters
    ----------
    model : PreTrainedModel
        Measured where it is, in evaluation mode.
    task : LanguageModelling
        Makes the examples of the blocks.
    blocks : language -> array (blocks, length)
        Token ids. The moment of each language is scaled to the same trace before the mean over languages, so that
        long vectors count no more than short ones.
    batch_size : int
        Blocks at a time.

    Returns
    -------
    tensor (d, d)
        On the CPU.

    Raises
    ------
    NeutralError
        For a model without an output layer.
    """
    head, last = model.get_output_embeddings(), multiplier(model)
    if head is None:
        raise NeutralError(f"{type(model).__name__} has no output layer to measure")
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    total: torch.Tensor | int = 0
    for code, rows in blocks.items():
        adapters.speak(model, code)
        moment: torch.Tensor | int = 0

        def add(vectors: torch.Tensor) -> None:
            nonlocal moment
            vectors = vectors.flatten(0, -2).double()
            moment = moment + vectors.T @ vectors

        if last is None:
            handle = head.register_forward_pre_hook(lambda _module, inputs, add=add: add(inputs[0]))
        else:  # such a head multiplies what its last layer gives
            handle = last.LayerNorm.register_forward_hook(lambda _module, _inputs, output, add=add: add(output))
        try:
            for start in range(0, len(rows), batch_size):
                numbered = enumerate(rows[start : start + batch_size])
                batch = stacked(task.example(row, (_SEED, start + i)) for i, row in numbered)
                with autocast(device):
                    task.losses(model, {key: value.to(device) for key, value in batch.items()})
        finally:
            handle.remove()
        total = total + moment / moment.trace() * len(moment)
    model.train(was_training)
    return (total / len(blocks)).cpu()
