"""How much an error of the token table costs a model, by direction, measured on a little text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from transformers import PreTrainedModel

from neutral.compression.placement import embedding, tied
from neutral.errors import NeutralError
from neutral.models import adapters
from neutral.models.output import multiplier
from neutral.tasks import IGNORED, LanguageModelling, stacked

_SEED = 1962  # draws the places that are masked, and the answers


def sensitivity(
    model: PreTrainedModel, task: LanguageModelling, blocks: Mapping[str, np.ndarray], *, batch_size: int = 2
) -> torch.Tensor:
    """Return the second moment M that errors of a table's rows meet, (d, d), float64, in nats a scored token.

    To second order an error e of every use of a token costs ½ eᵀMe, M = S + G (the Fisher information of the row).

    S, at the output (of a tied table): the mean of u · h hᵀ over scored tokens; h enters the output layer, and
    u = Σ p(1 - p) over the vocabulary tells how unsure the model is: where it is sure an error changes nothing.
    G, at the input: the mean over scored tokens of g gᵀ summed over positions; g is the gradient of the loss at the
    position's row, with answers drawn from the model's own predictions.

    Parameters
    ----------
    model : PreTrainedModel
        Measured where it is, in evaluation mode and full precision.
    task : LanguageModelling
        Makes the examples of the blocks.
    blocks : language -> array (blocks, length)
        Token ids. Languages count alike.
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
    if model.get_output_embeddings() is None:
        raise NeutralError(f"{type(model).__name__} has no output layer to measure")
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    both = tied(model)
    width = embedding(model).weight.shape[1]
    total = torch.zeros(width, width, dtype=torch.float64, device=device)
    for code, rows in blocks.items():
        adapters.speak(model, code)
        moment, scored = torch.zeros_like(total), 0
        for start in range(0, len(rows), batch_size):
            numbered = enumerate(rows[start : start + batch_size])
            batch = stacked(task.example(row, (_SEED, start + i)) for i, row in numbered)
            found, count = _moments(model, task, {key: value.to(device) for key, value in batch.items()}, start, both)
            moment, scored = moment + found, scored + count
        total += moment / max(scored, 1)
    model.train(was_training)
    return (total / len(blocks)).cpu()


def _moments(
    model: PreTrainedModel, task: LanguageModelling, batch: Mapping[str, torch.Tensor], seed: int, both: bool
) -> tuple[torch.Tensor, int]:
    """Return a batch's sum of both moments (d, d), without S where the output is not the table's, and its tokens."""
    with _frozen(model), _noted(model) as noted:
        logits = task.predictions(model, batch)[0].float()
        odds = logits.log_softmax(dim=-1)
        likely = odds.detach().exp()
        answers = _drawn(likely, torch.Generator().manual_seed(_SEED + seed))
        (gradient,) = torch.autograd.grad(-odds.gather(1, answers).sum(), noted["rows"])
    gradient = (gradient * noted["scale"]).flatten(0, -2).double()
    moment = gradient.T @ gradient
    if both:
        hidden = noted["hidden"].flatten(0, -2).double()
        if len(hidden) != len(likely):  # the head saw every position
            hidden = hidden[(task.answers(batch) != IGNORED).flatten()]
        unsure = (1 - likely.square().sum(dim=1)).double()
        moment += (hidden * unsure.unsqueeze(1)).T @ hidden
    return moment, len(likely)


def _drawn(likely: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Return one answer a row (n, 1), as likely as it says; the same ones on any device, but for rounding."""
    shares = likely.cumsum(dim=1)
    chosen = torch.rand(len(likely), 1, generator=draw).to(likely) * shares[:, -1:]
    return torch.searchsorted(shares, chosen, right=True).clamp(max=likely.shape[1] - 1)


@contextmanager
def _frozen(model: PreTrainedModel) -> Iterator[None]:
    """Let no weight of the model ask for a gradient within."""
    asked = [each for each in model.parameters() if each.requires_grad]
    for each in asked:
        each.requires_grad_(False)
    try:
        with torch.enable_grad():
            yield
    finally:
        for each in asked:
            each.requires_grad_(True)


@contextmanager
def _noted(model: PreTrainedModel) -> Iterator[dict]:
    """Note what the embedding gives ("rows", by what number it "scale"s the table's) and what the output layer gets."""
    noted: dict = {}
    layer, head, last = embedding(model), model.get_output_embeddings(), multiplier(model)

    def rows(module: torch.nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        own = module.weight[inputs[0]].float()
        noted["scale"] = float((own * output.detach().float()).sum() / own.square().sum().clamp(min=1e-30))
        noted["rows"] = output.detach().requires_grad_(True)
        return noted["rows"]

    def hidden(vectors: torch.Tensor) -> None:
        noted["hidden"] = vectors.detach().float()

    handles = [layer.register_forward_hook(rows)]
    if last is None:
        handles.append(head.register_forward_pre_hook(lambda _module, inputs: hidden(inputs[0])))
    else:  # such a head multiplies what its last layer gives
        handles.append(last.LayerNorm.register_forward_hook(lambda _module, _inputs, output: hidden(output)))
    try:
        yield noted
    finally:
        for handle in handles:
            handle.remove()
