"""What goes into each weight matrix: squared inputs, summed over the tokens that are not padding."""

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
from neutral.scores import products
from neutral.scores.base import Weights
from neutral.scores.routed import Routed


class Watch:
    """Hooks that sum the squared inputs of linear layers over the tokens that are not padding.

    Attributes
    ----------
    sums : weight name -> (inputs,)
        Sum of squares, for the weights of linear layers used so far.
    routed : Routed
        The same of experts.
    """

    def __init__(self, model: nn.Module, weights: Weights) -> None:
        self.sums: dict[str, torch.Tensor] = {}
        self.forget()
        config = getattr(model, "config", None)
        self.is_encoder_decoder = getattr(config, "is_encoder_decoder", False)
        name_of = {id(weight): name for name, weight in weights.items()}
        layers = {
            module: name_of[id(module.weight)]
            for module in model.modules()
            if isinstance(module, nn.Linear | Conv1D) and id(module.weight) in name_of
        }
        self.model, self.layers = model, layers
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
        """Forget the last batch's padding and inputs."""
        self.padding: dict[str, Padding] = {}
        self.last, self.last_squares = None, None

    def close(self) -> None:
        """Remove the hooks."""
        self.routed.close()
        while self.restore:
            self.restore.pop()()
        for hook in self.hooks:
            hook.remove()

    def unseen(self) -> set[str]:
        """Return the names of the weights that no forward call has used yet, those of experts apart."""
        return set(self.layers.values()) - set(self.sums)

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
        """Keep the attention masks that the model is called with."""
        arguments = {**dict(zip(signature(model.forward).parameters, args, strict=False)), **named}
        for key in ("attention_mask", "decoder_attention_mask"):
            mask = arguments.get(key)
            if mask is None:
                self.padding.pop(key, None)
            elif isinstance(mask, torch.Tensor) and mask.ndim == 2:
                self.padding[key] = Padding(mask)
            elif key not in self.padding:  # otherwise the model's own call, before that of its base model, had the mask
                raise NeutralError(f"Wanda needs to know the padding: {key} must be a (batch, tokens) tensor")

    def add(self, name: str, _layer: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        """Add the squares of one layer's inputs, (…, inputs)."""
        if self.only and name not in self.only:
            return
        inputs, key = args[0], self.padding_key(name)
        # Query, key and value, or gate and up, read the same tensor: it is summed once.
        current = (inputs, None if inputs.is_inference() else inputs._version, key)
        if self.last is None or current[0] is not self.last[0] or current[1:] != self.last[1:]:
            tokens = inputs.detach().reshape(-1, inputs.shape[-1])  # (N, inputs)
            if key in self.padding:
                tokens = self.padding[key].without(tokens, name)
            squares = tokens.float().square().sum(0)
            self.last, self.last_squares = current, squares if squares.device.type == "mps" else squares.double()
        if name in self.sums:
            self.sums[name] += self.last_squares
        else:
            self.sums[name] = self.last_squares.clone()

    def padding_key(self, name: str) -> str:
        """Return the name of the attention mask that tells which of this layer's inputs are padding."""
        label = labels.label(name)
        reads_encoder = label.component in ("cross_key", "cross_value", "cross_key_value")
        of_decoder = label.stack == "decoder" and not reads_encoder
        return "decoder_attention_mask" if self.is_encoder_decoder and of_decoder else "attention_mask"


class Padding:
    """Which tokens of a batch are padding, from an attention mask (B, T)."""

    def __init__(self, mask: torch.Tensor) -> None:
        self.texts, self.size = len(mask), mask.numel()
        self.real = mask.reshape(-1).nonzero().flatten()  # places of the tokens that count

    def without(self, tokens: torch.Tensor, name: str) -> torch.Tensor:
        """Return the rows of `tokens` (N, inputs) that are not padding."""
        if len(self.real) == self.size:
            return tokens
        if len(tokens) == self.size:
            return tokens[self.real.to(tokens.device)]
        if len(tokens) in (self.texts, len(self.real)):
            return tokens  # one vector a text (a pooler), or padding is left out already
        raise NeutralError(
            f"{name}: has {len(tokens)} inputs where the batch has {self.size} tokens: which are padding? "
            "Use batches without padding"
        )
