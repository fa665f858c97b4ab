"""Masks that belong to no single language, at the sparsity of a single mask, and random weights under a mask.

core, union and vote are not in the paper. They are the weights that all of several languages keep, that any of them
keeps, and that most of them keep, each brought to the sparsity of a single mask by the magnitude of the pretrained
weights, so that only the choice of weights differs.

Their parameters are the same: `masks` of one model; `origin`, name -> θ0; `sparsity`, the share of weights to drop, in
all weights together or in each group of `scope` (see `scores.cut`); `transposed`, the names of weights that are stored
as (inputs, outputs), which a cut within rows needs to know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import reduce
from operator import and_, or_

import torch
from transformers import PreTrainedModel

from neutral import scores
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.scores import Scores
from neutral.search.rewind import snapshot


def core(
    masks: Sequence[Mask],
    origin: Mapping[str, torch.Tensor],
    sparsity: float,
    scope: str = "global",
    *,
    transposed: Collection[str] = (),
) -> Mask:
    """Return the intersection of the masks, filled up to 1 - sparsity by the largest |θ0| outside it.

    When the intersection alone keeps more than that (of a group of the scope), its smallest |θ0| are dropped.
    Raises `NeutralError` for no masks.
    """
    shared = _reduced(masks, and_)
    ranking = _magnitude(shared, origin)
    above = 1 + max(float(tensor.max()) for tensor in ranking.values())
    for name, keep in shared.to_tensors().items():
        ranking[name] = ranking[name] + above * keep
    return scores.cut(ranking, sparsity, scope, transposed=transposed, language="core", method="core")


def union(
    masks: Sequence[Mask],
    origin: Mapping[str, torch.Tensor],
    sparsity: float,
    scope: str = "global",
    *,
    transposed: Collection[str] = (),
) -> Mask:
    """Return the union of the masks, cut to 1 - sparsity by removing its smallest |θ0|.

    Raises `NeutralError` for no masks.
    """
    joined = _reduced(masks, or_)
    return scores.cut(
        _magnitude(joined, origin), sparsity, scope, joined, transposed=transposed, language="union", method="union"
    )


def vote(
    masks: Sequence[Mask],
    origin: Mapping[str, torch.Tensor],
    sparsity: float,
    scope: str = "global",
    *,
    transposed: Collection[str] = (),
) -> Mask:
    """Return the weights that the most masks keep, among equals those of the largest |θ0|.

    Raises `NeutralError` for no masks.
    """
    if not masks:
        raise NeutralError("a vote takes at least one mask")
    ranking = _magnitude(masks[0], origin)
    above = 1 + max(float(tensor.max()) for tensor in ranking.values())
    for mask in masks:
        for name, keep in mask.to_tensors().items():
            ranking[name] = ranking[name] + above * keep
    return scores.cut(ranking, sparsity, scope, transposed=transposed, language="vote", method="vote")


def thinned(ticket: Mask, sparsity: float, seed: int) -> Mask:
    """Remove weights from a ticket at random, over all tensors together, up to a sparsity; return the mask.

    The paper's second random baseline: a ticket of 10 to 40 % thinned to 50 %. Raises `NeutralError` for a ticket that
    is sparser already.
    """
    if ticket.sparsity() > sparsity + 1e-9:
        raise NeutralError(f"a ticket of sparsity {ticket.sparsity():.0%} cannot be thinned to {sparsity:.0%}")
    drawn = scores.random({name: torch.empty(shape) for name, shape in ticket.shapes.items()}, seed)
    return scores.cut(drawn, sparsity, kept=ticket, language=ticket.header.get("language"), method="thinned")


def reinitialised(model: PreTrainedModel, seed: int) -> dict[str, torch.Tensor]:
    """Return random weights of a model, name -> tensor on the CPU, drawn as its architecture initialises a new network.

    All weights are drawn: prunable ones, token table, norms, biases and head. The paper's script for named entities
    does the same (`--initial_weight rand`); its others build no network for a `--weight_init` other than "pre".
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = type(model)(model.config)
    return snapshot(drawn.to(dtype=model.dtype))


def _reduced(masks: Sequence[Mask], operation) -> Mask:
    if not masks:
        raise NeutralError("a core or a union takes at least one mask")
    return reduce(operation, masks)


def _magnitude(like: Mask, origin: Mapping[str, torch.Tensor]) -> Scores:
    return scores.magnitude({name: origin[name].cpu() for name in like.names})


MAKERS: dict[str, Callable[..., Mask]] = {"core": core, "union": union, "vote": vote}
"""Source of a transfer -> the function that makes its mask from those of several languages."""
