"""Fisher information: a weight matters as much as the loss feels it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from neutral.errors import NeutralError
from neutral.models import experts
from neutral.scores.base import Scores, Weights


def fisher(
    model: nn.Module,
    weights: Weights,
    batches: Iterable[Any],
    loss: Callable[[nn.Module, Any], torch.Tensor],
) -> Scores:
    """Return the diagonal of the empirical Fisher information.

    That is the mean over examples of the squared gradient, (1/N) Σ_i (∂ℓ_i/∂θ)², with the observed labels. Weights
    that the loss does not reach score 0.

    Parameters
    ----------
    model : nn.Module
        Runs in evaluation mode (no dropout), and is left as it was.
    weights : name -> parameter
        The weights to score.
    batches : iterable
        The gradient is squared for one example at a time, so each batch should hold one; a mapping of tensors with
        more along the first dimension is split.
    loss : callable
        `loss(model, batch)` returns the example's loss, a scalar tensor.

    Raises
    ------
    NeutralError
        If there is no example.

    References
    ----------
    Sung et al. (2021), arXiv 2111.09839.
    """
    total = Scores({name: torch.zeros_like(weight, dtype=torch.float32) for name, weight in weights.items()})
    owners = {name: experts.owner(weight) for name, weight in weights.items()}
    parameters = {id(parameter): parameter for parameter, _ in owners.values()}
    count = 0
    with _prepared(model, parameters.values()), torch.enable_grad():
        for batch in batches:
            for example in _examples(batch):
                of_example = torch.autograd.grad(loss(model, example), list(parameters.values()), allow_unused=True)
                gradients = dict(zip(parameters, of_example, strict=True))
                for name, (parameter, place) in owners.items():
                    if (gradient := gradients[id(parameter)]) is not None:
                        part = (gradient if place is None else gradient[place]).float()
                        total[name].addcmul_(part, part)
                count += 1
    if not count:
        raise NeutralError("Fisher information needs at least one example; the text has none")
    for sums in total.values():
        sums.div_(count)
    return total


def _examples(batch: Any) -> Iterator[Any]:
    """Yield the batch's examples, each as a batch of one."""
    tensors = isinstance(batch, Mapping) and all(isinstance(value, torch.Tensor) for value in batch.values())
    sizes = {len(value) for value in batch.values() if value.ndim} if tensors else set()
    if len(sizes) != 1 or sizes == {1}:
        yield batch
        return
    for i in range(sizes.pop()):
        yield {key: value[i : i + 1] if value.ndim else value for key, value in batch.items()}


@contextmanager
def _prepared(model: nn.Module, parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Within, the model is in evaluation mode and the parameters take gradients."""
    was_training, frozen = model.training, [p for p in parameters if not p.requires_grad]
    model.eval()
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        model.train(was_training)
        for parameter in frozen:
            parameter.requires_grad_(False)
