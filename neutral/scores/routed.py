"""What each expert sees: the squared inputs of its matrices, over the tokens that are routed to it.

An expert layer multiplies inside one forward call, so a hook on the layer sees neither which tokens an expert gets nor
the inputs of its second matrix. While a `Routed` is open, expert layers run one expert after the other, as
transformers' plain implementation does, and every product with an expert's matrix is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from neutral.errors import NeutralError
from neutral.models import experts
from neutral.scores import products
from neutral.scores.base import Weights


class Routed:
    """Sums over the tokens that each expert gets; `close` gives the layers their own ways back.

    Attributes
    ----------
    sums : weight name -> (inputs,) float64
        Sum of the squares of each input of an expert's matrix; 0 for an expert that got no token.
    counts : weight name -> () int64
        How many tokens the matrix was multiplied with.
    """

    def __init__(self, model: nn.Module, weights: Weights) -> None:
        parts = {name: part for name, part in experts.slices(model).items() if name in weights}
        self.transposed = {name for name, part in parts.items() if part.transposed}
        self.counts = {name: torch.zeros((), dtype=torch.int64, device=weights[name].device) for name in parts}
        self.sums = {
            name: zeros(weights[name].shape[0 if part.transposed else 1], weights[name].device)
            for name, part in parts.items()
        }
        owners = {name: experts.owner(weights[name]) for name in parts}
        self.name_of = {(id(parameter), place): name for name, (parameter, place) in owners.items()}
        self.stacks = {id(parameter) for parameter, _ in owners.values()}
        self.is_paused = False
        self.restore: list[Callable[[], None]] = []
        for module in model.modules():
            if any(id(parameter) in self.stacks for _, parameter in experts.stacked(module)):
                self._watch(module)

    @property
    def tokens(self) -> dict[str, int]:
        """Weight name -> how many tokens the matrix was multiplied with."""
        return {name: int(count) for name, count in self.counts.items()}

    def close(self) -> None:
        """Give the layers their own ways back."""
        while self.restore:
            self.restore.pop()()

    def see(self, inputs: torch.Tensor, weight: torch.Tensor, transposed: bool) -> None:
        """Add a product's inputs, (…, inputs), if its matrix is an expert's, or (experts, tokens, inputs) of all."""
        parameter, place = experts.owner(weight)
        if self.is_paused or id(parameter) not in self.stacks:
            return
        several = [(place, inputs)] if place is not None else enumerate(inputs)
        for expert, rows in several:
            name = self.name_of.get((id(parameter), expert))
            if name is None:
                continue
            if transposed != (name in self.transposed):
                raise NeutralError(f"{name}: is multiplied the other way round than it is stored, so Wanda cannot tell")
            rows = rows.detach().reshape(-1, rows.shape[-1]).float()
            squares = rows.square()
            self.sums[name] += squares.sum(0).to(self.sums[name])
            self.counts[name] += squares.any(dim=1).sum()  # layers that give every expert all tokens send zeros

    def _watch(self, module: nn.Module) -> None:
        """Make a layer run expert by expert, and see its products."""
        self.restore.append(products.watch(module, self.see))
        config = getattr(module, "config", None)
        if hasattr(config, "_experts_implementation"):
            self.restore.append(partial(setattr, config, "_experts_implementation", config._experts_implementation))
            config._experts_implementation = "eager"


def zeros(size: int, device: torch.device) -> torch.Tensor:
    """Return sums that nothing was added to: (size,) float64, float32 on a device that has no float64."""
    return torch.zeros(size, dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
