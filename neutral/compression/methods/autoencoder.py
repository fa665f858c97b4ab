"""The auto-encoder of Bałazy et al. (2021, arXiv 2106.08181), for comparison with `direction`.

An encoder d → k and a decoder k → d, both affine; the variant "elu" has an ELU after each, "elu-encoder" and
"elu-decoder" after one. The table keeps the latents (V, k) and the decoder of the trained network. The loss of a batch
is

    c1 · mean(1 − cos(x̂, x)) / 5 + c2 · mean((|x̂ − x| + 1e-10)^α) + c3 · √mean((x̂ − x)²)

where the means run over all numbers of the batch. α falls from 1.0 to 0.1 in the first 20 epochs, so that the second
term turns from the mean error to a count of wrong numbers. Adam trains it, and its rate is halved every 4 epochs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields

import torch
from torch.nn import functional as F

from neutral.compression.budget import Budget
from neutral.compression.methods.direction import fit_direction
from neutral.compression.methods.lowrank import LowRank, stored
from neutral.compression.methods.svd import fit_svd
from neutral.compression.rows import Rows
from neutral.compression.table import Table
from neutral.compression.variants import Settings
from neutral.errors import NeutralError
from neutral.ties import SINGLE


class Training(Settings):
    """The settings, and the loss that they give."""

    def loss(
        self, rebuilt: torch.Tensor, rows: torch.Tensor, power: float, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the loss of rows (n, d) rebuilt as `rebuilt` (n, d); rows count by `weights` (n,), whose mean is 1."""
        distance = 1 - F.cosine_similarity(rebuilt, rows, dim=1)
        error = (rebuilt - rows).abs()
        powers = (error + 1e-10).pow(power)
        squares = error.square() if self.c3 else None
        if weights is not None:
            distance, powers = weights * distance, weights.unsqueeze(1) * powers
            squares = weights.unsqueeze(1) * squares if self.c3 else None
        loss = self.c1 / 5 * distance.mean() + self.c2 * powers.mean()
        return loss + self.c3 * squares.mean().sqrt() if self.c3 else loss


class Autoencoder(LowRank):
    """Latents and the trained decoder; settings["variant"] is "linear", or "elu" with an ELU after the decoder."""

    method = "autoencoder"

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Table.decode`."""
        return _activated(super().decode(tensors, ids), self.settings["variant"] == "elu")

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`; only linear decoders can be applied to the hidden vectors instead of the rows."""
        linear = self.settings["variant"] == "linear"
        return super().logits(tensors, hidden) if linear else Table.logits(self, tensors, hidden)


def fit_autoencoder(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    select: Callable[[Table], float] | None = None,
    progress: Callable[[int, int], object] | None = None,
    device: torch.device | str | None = None,
    **options: object,
) -> Autoencoder:
    """Train the auto-encoder on the rows of a token table.

    The decoder has a bias where the budget has room for it.

    Parameters
    ----------
    matrix : tensor (V, d)
        The full table. Rows of zeros and rows without weight are not trained on.
    budget : Budget
        It decides the rank.
    weights : tensor (V,), optional
        How much each row counts.
    seed : int
        Seed of the first weights and of the order of rows.
    select : Table -> float, optional
        Called with the table of every epoch; the table of the lowest value is returned (the paper: of the lowest
        perplexity), the first of those that are equal but for rounding. Without it, the last epoch's.
    progress : (int, int) -> object, optional
        Called after every epoch with the number of epochs done and the number of all.
    device : device, optional
        Where it trains; by default where the matrix is.
    **options
        Fields of `Training`.

    Returns
    -------
    Autoencoder
        Latents and decoder, on the matrix's device.

    Raises
    ------
    NeutralError
        For unknown options, a ratio that leaves no rank, where no row counts, and if the training diverges.

    References
    ----------
    Bałazy et al. (2021), arXiv 2106.08181.
    """
    unknown = sorted(set(options) - {field.name for field in fields(Training)})
    if unknown:
        known = ", ".join(field.name for field in fields(Training))
        raise NeutralError(f"{unknown[0]}: no option of the auto-encoder; there are {known}")
    training = Training(**options)
    device = torch.device(device) if device else matrix.device
    counted = Rows.of(matrix, weights, None).shares.nonzero().squeeze(1).cpu()
    network = _start(training, matrix, budget, weights, torch.Generator().manual_seed(seed), device)
    optimizer = torch.optim.Adam(network.values(), lr=training.rate, fused=device.type in ("cpu", "cuda"))
    random = torch.Generator().manual_seed(seed + 1)
    best: tuple[float, Autoencoder] | None = None
    table = None
    for epoch in range(training.epochs):
        optimizer.param_groups[0]["lr"] = training.rate_in(epoch)
        order = counted[torch.randperm(len(counted), generator=random)].to(matrix.device)
        _epoch(training, network, optimizer, matrix, weights, order, training.power(epoch), device)
        if select is not None or epoch == training.epochs - 1:
            table = _table(training, network, matrix, budget, device)
        if select is not None:
            score = select(table)
            best = (score, table) if best is None or _less(score, best[0]) else best
        if progress is not None:
            progress(epoch + 1, training.epochs)
    return best[1] if best else table


def _less(score: float, best: float) -> bool:
    """Whether a score is below the best by more than single precision loses."""
    return score < best and not math.isclose(score, best, rel_tol=SINGLE)


def _epoch(
    training: Training,
    network: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    matrix: torch.Tensor,
    weights: torch.Tensor | None,
    order: torch.Tensor,
    power: float,
    device: torch.device,
) -> None:
    """Train on every row of `order` once."""
    for ids in order.split(training.batch):
        rows = matrix[ids].to(device)
        rebuilt = _decoded(training, network, _encoded(training, network, rows))
        counts = None if weights is None else weights[ids].to(device)
        optimizer.zero_grad()
        training.loss(rebuilt, rows, power, counts).backward()
        optimizer.step()


def _start(
    training: Training,
    matrix: torch.Tensor,
    budget: Budget,
    weights: torch.Tensor | None,
    random: torch.Generator,
    device: torch.device,
) -> dict[str, torch.Tensor]:
    """Return the parameters: encoder (k, d), its bias (k,), decoder (k, d) and, where there is room, its bias (d,)."""
    rank, width = budget.rank, budget.width
    if training.start == "random":  # uniform within 1/√inputs, as torch's linear layers

        def uniform(*shape: int, inputs: int) -> torch.Tensor:
            return (2 * torch.rand(shape, generator=random) - 1) / inputs**0.5

        parameters = {
            "encoder": uniform(rank, width, inputs=width),
            "bias": uniform(rank, inputs=width),
            "decoder": uniform(rank, width, inputs=rank),
            "offset": uniform(width, inputs=rank),
        }
    else:
        if training.start == "svd":
            table = fit_svd(matrix, budget, weights=weights)
        else:
            table = fit_direction(matrix, budget, weights=weights, lengths="project")
        decoder = table.tensors["decoder"].float()
        offset = table.tensors.get("offset", torch.zeros(width)).float()
        parameters = {"encoder": decoder.clone(), "bias": torch.zeros(rank), "decoder": decoder, "offset": offset}
    if not budget.has_offset:
        del parameters["offset"]
    return {name: tensor.to(device, copy=True).requires_grad_() for name, tensor in parameters.items()}


def _encoded(training: Training, network: Mapping[str, torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
    """Return the latents (n, k) of rows (n, d)."""
    return _activated(F.linear(rows, network["encoder"], network["bias"]), training.elu_in_encoder)


def _decoded(training: Training, network: Mapping[str, torch.Tensor], latents: torch.Tensor) -> torch.Tensor:
    """Return the rows (n, d) of latents (n, k)."""
    return _activated(F.linear(latents, network["decoder"].T, network.get("offset")), training.elu_in_decoder)


def _activated(values: torch.Tensor, elu: bool) -> torch.Tensor:
    return F.elu(values) if elu else values


@torch.no_grad()
def _table(
    training: Training,
    network: Mapping[str, torch.Tensor],
    matrix: torch.Tensor,
    budget: Budget,
    device: torch.device,
) -> Autoencoder:
    """Return the table of all rows encoded. Raises `NeutralError` for a network that has diverged."""
    if not all(torch.isfinite(tensor).all() for tensor in network.values()):
        raise NeutralError("the auto-encoder diverged: a lower `rate`, or a table with smaller numbers, may help")
    latents = torch.cat([_encoded(training, network, rows.to(device)).to(matrix.device) for rows in matrix.split(8192)])
    factors = {name: network[name].detach().clone() for name in ("decoder", "offset") if name in network}
    variant = "elu" if training.elu_in_decoder else "linear"  # the latents have passed the encoder's already
    return Autoencoder(matrix.shape, stored(budget, latents=latents, **factors), {"variant": variant})
