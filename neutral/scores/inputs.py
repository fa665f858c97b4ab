"""What goes into each weight matrix: squared inputs, summed over the tokens of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from neutral import labels
from neutral.errors import NeutralError
from neutral.scores import padding, products
from neutral.scores.base import Weights
from neutral.scores.routed import Routed, zeros


class Watch:
    """Hooks that sum the squared inputs of linear layers over all tokens that they are called with.

    Attributes
    ----------
    sums : weight name -> (inputs,)
        Sum of squares, for the weights of linear layers used so far.
    tokens : weight name -> int
        How many tokens each matrix of an expert that is a layer of its own was called with.
    routed : Routed
        Sums and tokens of experts whose matrices lie in one parameter.
    """

    def __init__(self, model: nn.Module, weights: Weights) -> None:
        self.sums: dict[str, torch.Tensor] = {}
        self.forget()
        name_of = {id(weight): name for name, weight in weights.items()}
        layers = {
            module: name_of[id(module.weight)]
            for module in model.modules()
            if isinstance(module, nn.Linear | Conv1D) and id(module.weight) in name_of
        }
        self.model, self.layers = model, layers
        in_experts = (name for name in layers.values() if labels.label(name).part.startswith("expert "))
        self.tokens = dict.fromkeys(in_experts, 0)
        self.routed = Routed(model, weights)
        known = {*layers.values(), *self.routed.sums}
        if unknown := next((name for name in weights if name not in known), None):
            raise NeutralError(f"{unknown}: is not the weight of a linear layer of this model")
        callers = {model, getattr(model, "base_model", model)}
        self.hooks = [c.register_forward_pre_hook(self.see_padding, with_kwargs=True) for c in callers]
        self.hooks += [m.register_forward_pre_hook(partial(self.add, name)) for m, name in layers.items()]
        self.only: set[str] = set()  # if any, nothing else is added to
        self.restore: list[Callable[[], None]] = []

    def forget(self) -> None:
        """Forget the last call's inputs."""
        self.is_called, self.last, self.last_squares = False, None, None

    def close(self) -> None:
        """Remove the hooks."""
        self.routed.close()
        while self.restore:
            self.restore.pop()()
        for hook in self.hooks:
            hook.remove()

    def unseen(self) -> set[str]:
        """Return the names of the weights that no forward call has used yet, those of experts apart."""
        return set(self.layers.values()) - set(self.sums) - set(self.tokens)

    def finished(self) -> tuple[dict[str, torch.Tensor], dict[str, int]]:
        """Return the sums of all weights that are known, and the tokens of experts; 0 for one that got none."""
        none = {
            name: zeros(layer.weight.shape[isinstance(layer, nn.Linear)], layer.weight.device)
            for layer, name in self.layers.items()
            if self.tokens.get(name) == 0
        }
        return {**none, **self.sums, **self.routed.sums}, {**self.tokens, **self.routed.tokens}

    @contextmanager
    def closer(self, names: set[str]) -> Iterator[None]:
        """From now on see products that a block makes with its layers' weights without calling them (Mamba's time).

        Within, only the inputs of these weights are added: a batch that was run goes through once more.
        """
        self._look_closer(names)
        self.only, self.routed.is_paused = names, True
        try:
            yield
        finally:
            self.forget()
            self.only, self.routed.is_paused = set(), False

    def _look_closer(self, names: set[str]) -> None:
        layer_of = {name: layer for layer, name in self.layers.items() if name in names}
        name_of = {id(layer.weight): name for name, layer in layer_of.items()}

        def see(left: torch.Tensor, right: torch.Tensor, is_matrix: bool) -> None:
            if is_matrix and id(left) in name_of and right.ndim >= 2:  # weight @ (…, inputs, tokens)
                layer = layer_of[name_of[id(left)]]
                self.add(name_of[id(left)], layer, (right.transpose(-1, -2),))
            elif not is_matrix and id(right) in name_of:
                self.add(name_of[id(right)], layer_of[name_of[id(right)]], (left,))

        blocks = {name.removesuffix(".weight").rpartition(".")[0] for name in names}
        self.restore += [products.watch(self.model.get_submodule(block), see) for block in blocks]

    def see_padding(self, model: nn.Module, args: tuple, named: dict[str, Any]) -> None:
        """Refuse padding in the first call of a batch: the model's own, or its base model's."""
        if not self.is_called:
            padding.require_none({**dict(zip(signature(model.forward).parameters, args, strict=False)), **named})
        self.is_called = True

    def add(self, name: str, _layer: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        """Add the squares of one layer's inputs, (…, inputs)."""
        if self.only and name not in self.only:
            return
        if name in self.tokens:
            self.tokens[name] += args[0].shape[:-1].numel()
        # Query, key and value, or gate and up, read the same tensor: it is summed once.
        current = args[0], None if args[0].is_inference() else args[0]._version
        if self.last is None or current[0] is not self.last[0] or current[1] != self.last[1]:
            tokens = args[0].detach().reshape(-1, args[0].shape[-1])  # (N, inputs)
            squares = tokens.float().square().sum(0)
            self.last, self.last_squares = current, squares if squares.device.type == "mps" else squares.double()
        if name in self.sums:
            self.sums[name] += self.last_squares
        else:
            self.sums[name] = self.last_squares.clone()
