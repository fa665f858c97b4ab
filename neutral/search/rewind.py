"""Rewinding: set a network back to the weights that it started from."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from neutral.models import experts


def snapshot(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return a copy of every parameter and buffer, on the model's device, and views of it by the experts' names."""
    copies = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    return copies | experts.split(model, copies)


@torch.no_grad()
def rewind(model: PreTrainedModel, origin: dict[str, torch.Tensor]) -> None:
    """Set the model back to a snapshot."""
    for name, tensor in model.state_dict().items():
        tensor.copy_(origin[name])


def head_names(model: PreTrainedModel) -> tuple[str, ...]:
    """Return the names of the parameters of a task's head: those outside the base network, tied ones left out.

    A model that is its own base (T5) has none: the paper's scripts rewind all of it.
    """
    inside = {id(parameter) for parameter in model.base_model.parameters()}
    return tuple(name for name, parameter in model.named_parameters() if id(parameter) not in inside)
