"""Rows in coordinates of their own: a table's logits are products there, of vectors that were mapped once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from neutral.compression.kernels.cuda import products
from neutral.compression.kernels.cuda.packed import Packed


@dataclass(frozen=True)
class Mapped:
    """A table whose rows are µ + lengths · (packed rows) Bᵀ.

    `packed` holds the rows in their own coordinates; `vectors` (d, d + 8) float32 is B with µ beside it and zeros, so
    that one product maps a vector and tells what µ adds to all of its logits.
    """

    packed: Packed
    vectors: torch.Tensor

    @classmethod
    def of(cls, packed: Packed | None, basis: torch.Tensor, offset: torch.Tensor) -> Mapped | None:
        """Return the table of B (d, d) and µ (d,); None where there are no packed rows."""
        if packed is None:
            return None
        return cls(packed, F.pad(torch.cat([basis.float(), offset.float().unsqueeze(1)], dim=1), (0, 7)).contiguous())

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return hidden (…, d) times the table transposed, (…, V), in the type of `hidden`."""
        mapped, width = hidden.float() @ self.vectors, self.packed.width
        return products.logits(self.packed, mapped[..., :width], base=mapped[..., width], kind=hidden.dtype)

    def rows(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the rows `ids` (n,), float32 (n, d)."""
        width = self.packed.width
        return torch.addmm(self.vectors[:, width], products.rows(self.packed, ids), self.vectors[:, :width].T)
