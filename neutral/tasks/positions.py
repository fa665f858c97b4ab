"""The output layer on chosen positions only: with 15 % of the tokens scored, most of its cost is saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel


def logits_at(model: PreTrainedModel, wanted: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
    """Return the logits (N, V) of a model at the positions where `wanted` (B, T) is true, row by row.

    `inputs` are those of the model's forward pass.
    """
    with only_positions(model, wanted) as seen:
        logits = model(**inputs).logits
    # A model that hands its states to its head in a way of its own has computed the logits of all positions.
    return logits.view(-1, logits.shape[-1]) if seen else logits[wanted]


@contextmanager
def only_positions(model: PreTrainedModel, wanted: torch.Tensor) -> Iterator[list[nn.Module]]:
    """Within, the head of `model` sees only the hidden states where `wanted` (B, T) is true, as (1, N, d).

    What the head reads is filtered by a hook, so any head works unchanged. Most heads call the base model; some (OPT's)
    call a stack within it, so the outermost of these that runs is filtered. Gives the modules that were filtered: none
    if the head took its states from elsewhere.
    """
    base = model.base_model
    within = (module for module in base.modules() if module is base or isinstance(module, PreTrainedModel))
    candidates = [module for module in within if module is not model]  # Llama 4's is its own base model
    running: list[nn.Module] = []
    seen: list[nn.Module] = []

    def begin(module: nn.Module, _inputs: tuple) -> None:
        running.append(module)

    def end(module: nn.Module, _inputs: tuple, output: object) -> object:
        running.pop()
        if running:  # a stack within the base model, which reads all positions
            return output
        seen.append(module)
        if isinstance(output, tuple):
            return (output[0][wanted].unsqueeze(0), *output[1:])
        output.last_hidden_state = output.last_hidden_state[wanted].unsqueeze(0)
        return output

    handles = [module.register_forward_pre_hook(begin) for module in candidates]
    handles += [module.register_forward_hook(end) for module in candidates]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
