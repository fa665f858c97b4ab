"""Wanda: weights scored by their size times that of their inputs (Sun et al. 2023, arXiv 2306.11695).

The score of W_ij is |W_ij| · ‖X_j‖₂, with X_j the values of input j over all tokens of a little text. The
text enters through one vector of norms per weight matrix, so one pass over it serves every sparsity, and the
norms of two texts give those of both together (`join`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from neutral.errors import MismatchError, NeutralError
from neutral.scores import padding
from neutral.scores.base import Scores, Weights, transposed
from neutral.scores.inputs import Watch

Forward = Callable[[nn.Module, Any], Any]


def wanda(model: nn.Module, weights: Weights, batches: Iterable[Any], forward: Forward | None = None) -> Scores:
    """Return |W_ij| · ‖X_j‖₂ over the tokens of `batches`; Wanda's authors cut it with scope `row`.

    Arguments and errors are those of `input_norms`.
    """
    return from_norms(weights, input_norms(model, weights, batches, forward))


def input_norms(model: nn.Module, weights: Weights, batches: Iterable[Any], forward: Forward | None = None) -> Scores:
    """Return the norm ‖X_j‖₂ of each input of each weight matrix over `batches`, in one pass.

    Padding does not count: a batch with padding is read text by text, each without its own (`padding.texts`). In the
    decoder of an encoder-decoder the mask is the `decoder_attention_mask`. Without a mask all tokens count.

    Parameters
    ----------
    model : nn.Module
        Runs in evaluation mode without gradients, and is left as it was.
    weights : name -> parameter
        Weights of `nn.Linear` or `Conv1D` modules of the model, and matrices of experts.
    batches : iterable
        Arguments of `forward`, on the model's device.
    forward : callable, optional
        `forward(model, batch)` runs the model on a batch; its return value is not used. By default the base model is
        called with the batch's tensors by name, without labels, which saves the head.

    Returns
    -------
    name -> (inputs,) tensor
        Squares are summed in float32 within a batch and in float64 over batches, and the norms are float64 (float32
        on a device that has no float64). 0 for an expert that no token reaches; `tokens` says how many each got.

    Raises
    ------
    NeutralError
        For no batch, for a weight that no linear layer holds or that the forward pass does not reach, and if `forward`
        calls the model with padding.
    """
    forward, batch_count = forward or _forward, 0
    answers = bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
    watch = Watch(model, weights)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                for part in padding.texts(batch, answers=answers):
                    forward(model, part)
                    watch.forget()
                    if not batch_count and (hidden := watch.unseen()):
                        with watch.closer(hidden):
                            forward(model, part)
                batch_count += 1
    finally:
        watch.close()
        model.train(was_training)
    if not batch_count:
        raise NeutralError("Wanda needs a text to look at; there is none")
    sums, tokens = watch.finished()
    if unused := next((name for name in weights if name not in sums), None):
        raise NeutralError(
            f"{unused}: the forward pass does not use this weight, so Wanda sees no inputs; use another --method"
        )
    norms = {name: sums[name].sqrt() for name in weights}
    return Scores(norms, transposed=transposed(model) & set(weights), tokens=tokens)


def join(*norms: Scores) -> Scores:
    """Return the norms over several disjoint texts together: sqrt(Σ ‖X_j‖²).

    Raises `MismatchError` naming a weight that one of them lacks.
    """
    first = norms[0]
    for other in norms[1:]:
        if differing := first.keys() ^ other.keys():
            raise MismatchError(f"{min(differing)}: input norms of different models cannot be joined")
    joined = {name: torch.stack([each[name] for each in norms]).square().sum(0).sqrt() for name in first}
    tokens = {name: sum(each.tokens[name] for each in norms) for name in first.tokens}
    return Scores(joined, transposed=first.transposed, tokens=tokens)


@torch.no_grad()
def from_norms(weights: Weights, norms: Scores) -> Scores:
    """Return the Wanda scores |W_ij| · ‖X_j‖₂ of weights whose input norms are known."""
    scores = Scores(transposed=norms.transposed, tokens=norms.tokens)
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
