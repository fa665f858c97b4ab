"""Tables of two factors: V × k numbers, one row a token, times a k × d decoder."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from neutral.compression.budget import Budget
from neutral.compression.kernels import products
from neutral.compression.kernels.cuda import products as cuda
from neutral.compression.kernels.cuda.packed import HALVES, MOST_BITS, Class, Packed
from neutral.compression.kernels.part import LANES, Part, ids_of_all
from neutral.compression.table import Table
from neutral.errors import NeutralError


class LowRank(Table):
    """Rank-k factors: `latents` (V, k), `decoder` (k, d) and perhaps `offset` (d,), as `tensors` holds them.

    They are float32 in a table made to a ratio by parameters, float16 in one by bytes.
    """

    parts = ("latents", "decoder", "offset")
    optional = ("offset",)
    trainable = parts

    @property
    def rank(self) -> int:
        """How many numbers a token has."""
        return self.tensors["decoder"].shape[0]

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Table.decode`."""
        rows = tensors["latents"][ids].float() @ tensors["decoder"].float()
        return rows + tensors["offset"].float() if "offset" in tensors else rows

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`; k·(V + d) products a vector instead of V·d."""
        latents, decoder = tensors["latents"], tensors["decoder"].to(hidden.dtype)
        narrow = hidden @ decoder.T
        if not latents.requires_grad and (packed := self._on_gpu(tensors, narrow)):
            logits = cuda.logits(packed, narrow, kind=hidden.dtype)
        elif latents.dtype == torch.float16 and not latents.requires_grad and products.fits(narrow):
            part = Part.of("half", len(decoder), latents, ids_of_all(len(latents)))
            logits = products.logits([part], narrow, torch.ones(()).expand(len(latents))).to(hidden.dtype)
        else:
            logits = narrow @ latents.to(hidden.dtype).T
        return logits + (hidden @ tensors["offset"].to(hidden.dtype)).unsqueeze(-1) if "offset" in tensors else logits

    def packed(self, tensors: Mapping[str, torch.Tensor]) -> Packed | None:
        """See `Codec.packed`; None for factors that are no float16 numbers."""
        latents = tensors["latents"].detach().contiguous()
        if latents.dtype != torch.float16:
            return None
        count, rank = latents.shape
        rows = Class(latents, 0, latents[:1].nbytes, count, [-(-rank // LANES)] * MOST_BITS)
        return Packed.of(rank, [rows], kind=HALVES)


def stored(budget: Budget, **tensors: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the factors as a table keeps them: on the latents' device, float32 by parameters and float16 by bytes.

    Raises `NeutralError` for numbers that float16 cannot hold.
    """
    device = tensors["latents"].device
    tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
    if budget.by == "parameters":
        return tensors
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    if not all(torch.isfinite(half).all() for half in halves.values()):
        raise NeutralError("numbers in the token table are too large for float16 factors; give the ratio by parameters")
    return halves
