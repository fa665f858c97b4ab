"""Scores of weights from the weights themselves, from their training, or from their gradients."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from neutral import labels
from neutral.errors import MismatchError, NeutralError

Weights = Mapping[str, nn.Parameter]


class Scores(dict[str, torch.Tensor]):
    """name -> float32 tensor, and which weights are stored as (inputs, outputs).

    Attributes:
        transposed: names of weights whose output rows are the columns of the tensor, as in the `Conv1D` of
            GPT-2; `nn.Linear` stores (outputs, inputs). Cuts within rows and input norms need to know.
    """

    def __init__(self, items: Any = (), *, transposed: Collection[str] = ()) -> None:
        super().__init__(items)
        self.transposed = frozenset(transposed)


def transposed(model: nn.Module) -> frozenset[str]:
    """Return the names of the weights that the model stores as (inputs, outputs)."""
    found = (name for name, module in model.named_modules() if isinstance(module, Conv1D))
    return frozenset(f"{name}.weight" if name else "weight" for name in found)


@torch.no_grad()
def magnitude(weights: Weights) -> Scores:
    """Return |θ|."""
    return Scores({name: weight.detach().float().abs() for name, weight in weights.items()})


@torch.no_grad()
def random(weights: Weights, seed: int) -> Scores:
    """Return uniform numbers from [0, 1).

    A tensor's numbers depend on the seed, its name and shape only: not on its neighbours or the device.
    """
    found = Scores()
    for name, weight in weights.items():
        generator = np.random.default_rng([seed, zlib.crc32(labels.canonical(name).encode())])
        drawn = generator.random(tuple(weight.shape), dtype=np.float32)
        found[name] = torch.from_numpy(drawn).to(weight.device)
    return found


@torch.no_grad()
def change(weights: Weights, origin: Mapping[str, torch.Tensor]) -> Scores:
    """Return |θ - θ0|, how far training moved each weight (Ansell et al. 2022, arXiv 2110.07560).

    `origin` holds θ0 by the same names, on any device; it may hold more.

    Raises `MismatchError` naming the weight that `origin` lacks or has in another shape.
    """
    found = Scores()
    for name, weight in weights.items():
        if name not in origin or origin[name].shape != weight.shape:
            raise MismatchError(f"{name}: the origin has no weight of this name and shape {tuple(weight.shape)}")
        found[name] = weight.detach().float().sub(origin[name].to(weight.device).float()).abs_()
    return found


def fisher(
    model: nn.Module,
    weights: Weights,
    batches: Iterable[Any],
    loss: Callable[[nn.Module, Any], torch.Tensor],
) -> Scores:
    """Return the diagonal of the empirical Fisher information.

    That is the mean over examples of the squared gradient, (1/N) Σ_i (∂ℓ_i/∂θ)², with the observed labels
    (Sung et al. 2021, arXiv 2111.09839).

    The gradient is squared for one example at a time, so the batches should hold one each; a mapping of
    tensors with more along the first dimension is taken apart. `loss(model, batch)` returns the example's
    loss, a scalar tensor. The model is run in evaluation mode (no dropout) and left as it was; weights that
    the loss does not reach score 0.

    Raises `NeutralError` if there is no example.
    """
    total = Scores({name: torch.zeros_like(weight, dtype=torch.float32) for name, weight in weights.items()})
    count = 0
    with _prepared(model, weights.values()), torch.enable_grad():
        for batch in batches:
            for example in _examples(batch):
                gradients = torch.autograd.grad(loss(model, example), list(weights.values()), allow_unused=True)
                for sums, gradient in zip(total.values(), gradients, strict=True):
                    if gradient is not None:
                        sums.addcmul_(gradient.float(), gradient.float())
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
