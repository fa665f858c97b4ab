"""Wanda: weights scored by their size times that of their inputs (Sun et al. 2023, arXiv 2306.11695).

The score of W_ij is |W_ij| · ‖X_j‖₂, with X_j the values of input j over all tokens of a little text. The
text enters through one vector of norms per weight matrix, so one pass over it serves every sparsity, and the
norms of two texts give those of both together (`join`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from neutral import labels
from neutral.errors import MismatchError, NeutralError
from neutral.scores.base import Scores, Weights, transposed

Forward = Callable[[nn.Module, Any], Any]


def wanda(model: nn.Module, weights: Weights, batches: Iterable[Any], forward: Forward | None = None) -> Scores:
    """Return |W_ij| · ‖X_j‖₂ over the tokens of `batches`; Wanda's authors cut it with scope `row`.

    Arguments and errors are those of `input_norms`.
    """
    return from_norms(weights, input_norms(model, weights, batches, forward))


def input_norms(model: nn.Module, weights: Weights, batches: Iterable[Any], forward: Forward | None = None) -> Scores:
    """Return the norm ‖X_j‖₂ of each input of each weight matrix over `batches`, in one pass.

    Padding does not count: a token counts where the `attention_mask` (B, T) with which `forward` calls the model (or
    its base model) is not 0; without a mask all tokens count. In the decoder of an encoder-decoder the mask is the
    `decoder_attention_mask`.

    Parameters
    ----------
    model : nn.Module
        Runs in evaluation mode without gradients, and is left as it was.
    weights : name -> parameter
        Weights of `nn.Linear` or `Conv1D` modules of the model.
    batches : iterable
        Arguments of `forward`, on the model's device.
    forward : callable, optional
        `forward(model, batch)` runs the model on a batch; its return value is not used. By default the base model is
        called with the batch's tensors by name, without labels, which saves the head.

    Returns
    -------
    name -> (inputs,) tensor
        Squares are summed in float32 within a batch and in float64 over batches, and the norms are float64 (float32
        on a device that has no float64).

    Raises
    ------
    NeutralError
        For no batch, for a weight that no linear layer holds or that the forward pass does not reach, and if it is
        unknown which inputs are padding.
    """
    forward, batch_count = forward or _forward, 0
    watch = _Watch(model, weights)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                forward(model, batch)
                watch.forget()
                batch_count += 1
    finally:
        watch.close()
        model.train(was_training)
    if not batch_count:
        raise NeutralError("Wanda needs a text to look at; there is none")
    if unused := next((name for name in weights if name not in watch.sums), None):
        raise NeutralError(f"{unused}: the forward pass does not use this weight, so it has no inputs")
    norms = {name: watch.sums[name].sqrt() for name in weights}
    return Scores(norms, transposed=transposed(model) & set(weights))


def join(*norms: Scores) -> Scores:
    """Return the norms over several disjoint texts together: sqrt(Σ ‖X_j‖²).

    Raises `MismatchError` naming a weight that one of them lacks.
    """
    first = norms[0]
    for other in norms[1:]:
        if differing := first.keys() ^ other.keys():
            raise MismatchError(f"{min(differing)}: input norms of different models cannot be joined")
    joined = {name: torch.stack([each[name] for each in norms]).square().sum(0).sqrt() for name in first}
    return Scores(joined, transposed=first.transposed)


@torch.no_grad()
def from_norms(weights: Weights, norms: Scores) -> Scores:
    """Return the Wanda scores |W_ij| · ‖X_j‖₂ of weights whose input norms are known."""
    scores = Scores(transposed=norms.transposed)
    for name, weight in weights.items():
        norm = norms[name].to(weight.device, torch.float32)
        scores[name] = weight.detach().float().abs().mul_(norm[:, None] if name in norms.transposed else norm)
    return scores


def _forward(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> None:
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        model(**batch)
        return
    base = getattr(model, "base_model", model)
    base(**{key: value for key, value in batch.items() if key != "labels"})


class _Watch:
    """Hooks that sum the squared inputs of linear layers over the tokens that are not padding.

    `sums` holds weight name -> (inputs,) sum of squares, for the weights used so far.
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
        if unknown := next((name for name in weights if name not in layers.values()), None):
            raise NeutralError(f"{unknown}: is not the weight of a linear layer of this model")
        callers = {model, getattr(model, "base_model", model)}
        self.hooks = [c.register_forward_pre_hook(self.see_padding, with_kwargs=True) for c in callers]
        self.hooks += [m.register_forward_pre_hook(partial(self.add, name)) for m, name in layers.items()]

    def forget(self) -> None:
        """Forget the last batch's padding and inputs."""
        self.padding: dict[str, _Padding] = {}
        self.last, self.last_squares = None, None

    def close(self) -> None:
        """Remove the hooks."""
        for hook in self.hooks:
            hook.remove()

    def see_padding(self, model: nn.Module, args: tuple, named: dict[str, Any]) -> None:
        """Keep the attention masks that the model is called with."""
        arguments = {**dict(zip(signature(model.forward).parameters, args, strict=False)), **named}
        for key in ("attention_mask", "decoder_attention_mask"):
            mask = arguments.get(key)
            if mask is None:
                self.padding.pop(key, None)
            elif isinstance(mask, torch.Tensor) and mask.ndim == 2:
                self.padding[key] = _Padding(mask)
            elif key not in self.padding:  # otherwise the model's own call, before that of its base model, had the mask
                raise NeutralError(f"Wanda needs to know the padding: {key} must be a (batch, tokens) tensor")

    def add(self, name: str, _layer: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        """Add the squares of one layer's inputs, (…, inputs)."""
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
        stack, _, component = labels.label(name)
        of_decoder = stack == "decoder" and component not in ("cross_key", "cross_value")
        return "decoder_attention_mask" if self.is_encoder_decoder and of_decoder else "attention_mask"


class _Padding:
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
